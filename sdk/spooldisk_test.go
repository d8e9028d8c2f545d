//go:build linux

package makegood_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/makegood/makegood/sdk"
)

// limitedFiles tells a process of this program to limit the size of its files,
// which is for who may not mount a small disk.
const limitedFiles = "MAKEGOOD_TEST_LIMITED_FILES"

// TestADiskThatIsFull fills the disk below a spool and makes room again.
func TestADiskThatIsFull(t *testing.T) {
	if os.Getenv(limitedFiles) != "" {
		signal.Ignore(syscall.SIGXFSZ) // a write above the limit is an error instead
		var before syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
		limit := func(bytes uint64) {
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: before.Max}); err != nil {
				t.Fatal(err)
			}
		}
		fullDisk(t, t.TempDir(), func() { limit(0) }, func() { limit(before.Cur) })
		return
	}
	t.Parallel()
	t.Run("limited files", func(t *testing.T) {
		t.Parallel()
		cmd := exec.Command(os.Args[0], "-test.run=^TestADiskThatIsFull$", "-test.v")
		cmd.Env = append(os.Environ(), limitedFiles+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestADiskThatIsFull") {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("small disk", func(t *testing.T) {
		t.Parallel()
		disk := t.TempDir()
		if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk).Run(); err != nil {
			t.Logf("files are limited alone: mount a small disk: %v", err)
			return
		}
		t.Cleanup(func() {
			if err := exec.Command("umount", disk).Run(); err != nil {
				t.Errorf("umount: %v", err)
			}
		})
		ballast := filepath.Join(disk, "ballast")
		fill := func() {
			if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("the disk is not full: %v", err)
			}
		}
		fullDisk(t, filepath.Join(disk, "spool"), fill, func() { _ = os.Remove(ballast) })
	})
}

// readOnly gives a process of this program the folder that it may not write to.
const readOnly = "MAKEGOOD_TEST_READ_ONLY"

// TestAFolderThatIsReadOnly has a client work in memory until it may write. It runs
// in a process that is not root, for root may write everywhere.
func TestAFolderThatIsReadOnly(t *testing.T) {
	if folder := os.Getenv(readOnly); folder != "" {
		if os.Getuid() == 0 {
			if err := syscall.Setuid(65534); err != nil {
				t.Fatal(err)
			}
		}
		notYetWritable(t, folder)
		return
	}
	t.Parallel()
	parent, err := os.MkdirTemp("", "makegood")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(parent)
	folder := filepath.Join(parent, "spool")
	if err := errors.Join(os.Chmod(parent, 0o755), os.Mkdir(folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(folder, 65534, -1); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAFolderThatIsReadOnly$", "-test.v")
	cmd.Env = append(os.Environ(), readOnly+"="+folder)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestAFolderThatIsReadOnly") {
		t.Errorf("%v: %s", err, out)
	}
}

func notYetWritable(t *testing.T, folder string) {
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	svc, told := newOutage(t), &troubles{}
	c := newClient(t, makegood.Handler(svc), makegood.Spool(folder), makegood.SpoolSync(), told.option())
	for i := range 50 {
		err := c.TryEmit(context.Background(), "com.example.x", makegood.ID(fmt.Sprintf("e-%06d", i)))
		if !errors.Is(err, makegood.ErrUnsaved) || !strings.Contains(err.Error(), syscall.EACCES.Error()) {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	until(t, func() bool { return strings.Contains(told.all(), folder) })
	if r := c.Stats(); r.InMemory != 50 || r.Spooled != 0 {
		t.Errorf("got %+v", r)
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { // but what a sender has taken meanwhile, it keeps
		err := c.TryEmit(context.Background(), "com.example.x", makegood.ID("e-000050"))
		return err == nil
	})
	emitAll(t, c, 51, 9)
	if r := c.Stats(); r.Spooled < 10 {
		t.Errorf("got %+v", r)
	}
	svc.down.Store(false)
	flush(t, c)
	if got := slices.Compact(svc.ids()); !slices.Equal(got, numberedIDs(0, 60)) {
		t.Errorf("%d events arrived, or in another order", len(got))
	}
}

// fullDisk emits while a disk gets full and has room again, first without and then
// with SpoolSync. Nothing that was accepted is lost.
func fullDisk(t *testing.T, folder string, fill, empty func()) {
	for _, synced := range []bool{false, true} {
		svc, told := newOutage(t), &troubles{}
		opts := []makegood.Option{makegood.Handler(svc), makegood.Spool(folder), told.option()}
		if synced {
			opts = append(opts, makegood.SpoolSync())
		}
		c := newClient(t, opts...)
		n := 0
		one := func() error {
			n++
			return c.TryEmit(context.Background(), "com.example.x", makegood.ID(fmt.Sprintf("e-%06d", n-1)), makegood.String("s", strings.Repeat("x", 200)))
		}
		more := func(count int, want error) {
			t.Helper()
			for range count {
				if err := one(); !errors.Is(err, want) {
					t.Fatalf("event %d, SpoolSync %v: %v", n, synced, err)
				}
			}
		}
		more(100, nil)
		until(t, func() bool { return c.Stats().Spooled == 100 })
		fill()
		if synced {
			until(t, func() bool { return errors.Is(one(), makegood.ErrUnsaved) }) // a page may have room yet
			more(2000, makegood.ErrUnsaved)
		} else {
			more(2000, nil)
		}
		until(t, func() bool { return strings.Contains(told.all(), folder) })
		if text := told.all(); !strings.Contains(text, syscall.ENOSPC.Error()) && !strings.Contains(text, syscall.EFBIG.Error()) {
			t.Errorf("told %q", text)
		}
		if r := c.Stats(); r.InMemory < 1000 || r.Spooled < 100 || r.Full+r.Invalid != 0 {
			t.Errorf("got %+v", r)
		}
		empty()
		until(t, func() bool { return c.Stats().InMemory == 0 })
		more(100, nil)
		until(t, func() bool { return c.Stats().Spooled == int64(n) })
		svc.down.Store(false)
		flush(t, c)
		if got := svc.ids(); !slices.Equal(got, numberedIDs(0, n)) {
			t.Errorf("%d of %d events arrived, or in another order", len(got), n)
		}
		if r, err := c.Shutdown(context.Background()); err != nil || r.Delivered != int64(n) {
			t.Errorf("%+v, %v", r, err)
		}
		if left := spoolFiles(t, folder); len(left) > 0 {
			t.Errorf("left %v", left)
		}
	}
}
