package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// disks is what may happen to the disk of the log, or to that of the ledger, while a
// service runs.
var disks = []struct {
	name  string
	spoil func(t *testing.T, path string) (begin func() (mend func()))
	says  string // of the file
}{
	{"is full", onFullDisk, `cannot grow, because the disk is full: make room on it`},
	{"is read-only", onUnwritable, `cannot be read or written: look at the disk, which may have become read-only`},
}

// TestDiskInTheWay fills a disk under a service, or has it written no more. The service
// says so, and goes on when the disk does, also after a kill in the meantime. What was
// accepted is made good once, and what was not can be sent again.
func TestDiskInTheWay(t *testing.T) {
	t.Parallel()
	for file, says := range map[string]string{"log.db": "events cannot be stored", "ledger.db": "events are stored and not decided"} {
		for _, d := range disks {
			for _, killed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s, killed %v", file, d.name, killed), func(t *testing.T) {
					t.Parallel()
					diskInTheWay(t, file, d.spoil, says+": .*"+file+" "+d.says, killed)
				})
			}
		}
	}
}

func diskInTheWay(t *testing.T, file string, spoil func(*testing.T, string) func() func(), says string, killed bool) {
	dir := filepath.Join(t.TempDir(), "data")
	s := startService(t, dir)
	s.late(t, "order 0", 0)
	s.settle(t, 1)
	s.stop(t)
	begin := spoil(t, filepath.Join(dir, file))
	s = startService(t, dir)
	mend := begin()
	accepted, refused := s.sendMany(t)
	if (file == "log.db") != (len(refused) > 0) {
		t.Errorf("%d events were accepted and %d refused", accepted, len(refused))
	}
	s.await(t, "not ready", func() bool {
		status, why := s.get(t, "/readyz")
		return status == http.StatusServiceUnavailable && regexp.MustCompile(says).MatchString(why)
	})
	if killed {
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	mend()
	if killed {
		s = startService(t, dir)
	}
	s.settle(t, 1+accepted)
	s.await(t, "ready", func() bool { status, _ := s.get(t, "/readyz"); return status == http.StatusOK })
	for _, order := range refused {
		if status := s.late(t, order, 0); status != http.StatusAccepted {
			t.Errorf("%s was refused, and sent again it is answered with %d", order, status)
		}
	}
	s.settle(t, 1+accepted+len(refused))
	s.stop(t)
	verified(t, dir)
}

// sendMany sends more than fits where there is no room, and returns how many events
// were accepted, and the orders of those that were not.
func (s *serviceProcess) sendMany(t *testing.T) (accepted int, refused []string) {
	for i := range 20 {
		order := fmt.Sprint("full ", i)
		switch status := s.late(t, order, 50_000); status {
		case http.StatusAccepted:
			accepted++
		case http.StatusServiceUnavailable:
			refused = append(refused, order)
		default:
			t.Fatalf("an event was answered with %d", status)
		}
	}
	return accepted, refused
}

// onFullDisk moves a file of a data folder to a disk of its own. fill fills that, and
// free makes room again.
func onFullDisk(t *testing.T, path string) (fill func() (free func())) {
	disk := smallDisk(t, "16m")
	moved, filler := filepath.Join(disk, filepath.Base(path)), filepath.Join(disk, "filler")
	writeFile(t, moved, readFile(t, path))
	if err := errors.Join(os.Remove(path), os.Symlink(moved, path)); err != nil {
		t.Fatal(err)
	}
	return func() func() {
		f, err := os.Create(filler)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Write(make([]byte, pageSize))
		}
		_ = f.Close()
		return func() {
			if err := os.Remove(filler); err != nil {
				t.Error(err)
			}
		}
	}
}

// onUnwritable leaves a file where it is. From begin on nobody writes it or what SQLite
// keeps beside it, whoever has it open, until it is mended.
func onUnwritable(t *testing.T, path string) (begin func() (mend func())) {
	return func() func() { return unwritable(t, path, path+"-wal") }
}

// TestDiskThatFails has the system take a disk with all of a service's files for broken,
// and make it read-only. The service says so and answers what it can. Once the disk was
// looked at, another goes on from there.
func TestDiskThatFails(t *testing.T) {
	t.Parallel()
	disk := brittleDisk(t)
	dir := filepath.Join(disk.dir, "data")
	s := startService(t, dir)
	s.late(t, "order 0", 0)
	s.settle(t, 1)
	disk.fail()
	for range 3 {
		if status := s.late(t, "order 1", 0); status != http.StatusServiceUnavailable {
			t.Errorf("an event is answered with %d", status)
		}
	}
	s.await(t, "not ready", func() bool {
		status, why := s.get(t, "/readyz")
		return status == http.StatusServiceUnavailable && regexp.MustCompile(`events cannot be stored: .*log.db cannot be read or written: look at the disk`).MatchString(why)
	})
	if status, body := s.get(t, "/v1/remedies"); status != http.StatusOK {
		t.Errorf("what was decided is answered %d %s", status, body)
	}
	if !strings.Contains(s.log(), "store events") {
		t.Errorf("it did not tell its operator; it said: %s", s.log())
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.done
	_ = s.cmd.Wait() // it may say that something could not be written
	disk.mend()
	s = startService(t, dir)
	s.settle(t, 1)
	if status := s.late(t, "order 1", 0); status != http.StatusAccepted {
		t.Errorf("sent again it is answered with %d", status)
	}
	s.settle(t, 2)
	s.stop(t)
	verified(t, dir)
}

// TestDamageMeanwhile damages a page under a service, of the ledger or of the log. It
// ends when it meets that, and says what is damaged; so does the next one. When the page
// is mended, what was accepted is made good once.
func TestDamageMeanwhile(t *testing.T) {
	t.Parallel()
	for file, table := range map[string]string{"ledger.db": "once_key", "log.db": "record"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			s := startService(t, dir)
			for n := range 12 { // the log is larger than one page, and has one that is only read
				s.late(t, fmt.Sprint("order ", n), 50_000)
			}
			s.settle(t, 12)
			s.stop(t)
			s = startService(t, dir)
			mend := damagePage(file, table)(t, dir)
			status, _ := s.tryLate("one more", 0) // it may have met the damage by itself
			says := file + " is damaged: keep it aside, look at the disk, and go on from a backup with: makegood restore"
			select {
			case <-s.done:
			case <-time.After(time.Minute):
				t.Fatalf("it goes on, and says: %s", s.log())
			}
			if err := s.cmd.Wait(); s.cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(s.log(), says) {
				t.Errorf("it ended with %v, and said: %s\nwant: %s", err, s.log(), says)
			}
			if said, code := refusedService(t, dir); code != exitFailed || !strings.Contains(said, says) {
				t.Errorf("the next one ends with %d, and says: %s", code, said)
			}
			mend()
			s = startService(t, dir)
			if status != http.StatusAccepted {
				status = s.late(t, "one more", 0)
			}
			if status != http.StatusAccepted {
				t.Errorf("one more event is answered with %d", status)
			}
			s.settle(t, 13)
			s.stop(t)
			verified(t, dir)
		})
	}
}
