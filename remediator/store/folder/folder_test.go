package folder_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/store/folder"
)

// holdEnv makes the test program hold the folder that it names until it is
// killed.
const holdEnv = "MAKEGOOD_TEST_HOLD_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdEnv); dir != "" {
		if _, err := folder.Acquire(dir); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString("held\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestSecondProcessIsRefusedByName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holdEnv+"="+dir)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("holder said %q, %v", line, err)
	}
	_, err = folder.Acquire(dir)
	if !errors.Is(err, folder.ErrInUse) {
		t.Fatalf("Acquire = %v, want ErrInUse", err)
	}
	if pid := strconv.Itoa(holder.Process.Pid); !strings.Contains(err.Error(), "process "+pid) {
		t.Errorf("%q does not name process %s", err, pid)
	}
	// The lock ends with its process, even when that is killed.
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := holder.Wait(); err == nil {
		t.Error("the holder ended by itself")
	}
	lock, err := folder.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

func TestFolderIsFreeAfterRelease(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		lock, err := folder.Acquire(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := folder.Acquire(dir); !errors.Is(err, folder.ErrInUse) {
			t.Errorf("second lock = %v, want ErrInUse", err)
		}
		if err := lock.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

// A process that is just being started has the files of the one that starts it open
// for a moment, the lock among them.
func TestFolderIsFreeThoughAChildHasItsFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files are not inherited there unless they are meant to be")
	}
	dir := t.TempDir()
	lock, err := folder.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("sleep", "60")
	child.ExtraFiles = []*os.File{lock.File()}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := folder.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}
