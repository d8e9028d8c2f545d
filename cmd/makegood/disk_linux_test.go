package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// readOnly makes the folder one that nobody writes, whoever runs the tests.
func readOnly(t *testing.T, dir string) func() {
	if os.Getuid() != 0 {
		return withoutRight(t, dir)
	}
	for _, flags := range []uintptr{unix.MS_BIND, unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY} {
		if err := unix.Mount(dir, dir, "", flags, ""); err != nil {
			t.Skipf("this machine lets nobody mount a disk: %v", err)
		}
	}
	mended := false
	mend := func() {
		if !mended {
			mended = true
			if err := unix.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(mend)
	return mend
}

// smallDisk mounts a disk of some MiB.
func smallDisk(t *testing.T, size string) (dir string) {
	dir = filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("this machine lets nobody mount a disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// immutable is the flag of a file that nobody writes, whoever has it open.
const immutable = 0x10

// unwritable has files written no more, until it is mended.
func unwritable(t *testing.T, paths ...string) (mend func()) {
	set := func(on bool) error {
		var errs []error
		for _, path := range paths {
			errs = append(errs, setImmutable(path, on))
		}
		return errors.Join(errs...)
	}
	if err := set(true); err != nil {
		_ = set(false) // of some it may have been
		t.Skipf("this machine or its disk lets nobody make a file immutable: %v", err)
	}
	mended := false
	mend = func() {
		if !mended {
			mended = true
			if err := set(false); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(mend)
	return mend
}

func setImmutable(path string, on bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	if flags &^= immutable; on {
		flags |= immutable
	}
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
}

// disk is one that the system can be made to take for broken.
type disk struct {
	t          *testing.T
	image, dir string
}

// brittleDisk mounts a disk of its own, which becomes read-only when it fails.
func brittleDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t: t, image: filepath.Join(t.TempDir(), "image"), dir: filepath.Join(t.TempDir(), "disk")}
	const size = 64 << 20
	if err := errors.Join(os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, size), os.Mkdir(d.dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	err := d.run("mkfs.ext4", "-q", "-e", "remount-ro", d.image)
	if err == nil {
		err = d.mount()
	}
	if err != nil {
		t.Skipf("this machine lets nobody mount a disk: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

func (d *disk) mount() error { return d.run("mount", "-o", "loop", d.image, d.dir) }

func (d *disk) run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(strings.TrimSpace(string(out))))
	}
	return nil
}

// fail has the system find an error on the disk.
func (d *disk) fail() {
	d.t.Helper()
	device, err := exec.Command("findmnt", "-n", "-o", "SOURCE", d.dir).Output()
	if err == nil {
		trigger := filepath.Join("/sys/fs/ext4", filepath.Base(strings.TrimSpace(string(device))), "trigger_fs_error")
		err = os.WriteFile(trigger, []byte("1"), 0o200)
	}
	if err != nil {
		d.t.Skipf("this machine has no way to make a disk fail: %v", err)
	}
}

// mend looks at the disk as an operator does, and mounts it again.
func (d *disk) mend() {
	d.t.Helper()
	if err := unix.Unmount(d.dir, 0); err != nil {
		d.t.Fatal(err)
	}
	var exit *exec.ExitError // 1: what was wrong was mended
	if err := exec.Command("e2fsck", "-f", "-y", d.image).Run(); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		d.t.Fatal(err)
	}
	if err := d.mount(); err != nil {
		d.t.Fatal(err)
	}
}
