//go:build go1.25

package makegood_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/sdk"
)

// savedCords reads the paths in a file of gates, and when it was written.
func savedCords(t *testing.T, file string) (paths []string, at time.Time) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := makegood.DecodeGateFile(text); err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(text, []byte("\n"))
	var saved struct {
		At    time.Time
		Cords []struct{ Cord string }
	}
	if err := json.Unmarshal(body, &saved); err != nil {
		t.Fatal(err)
	}
	for _, c := range saved.Cords {
		paths = append(paths, c.Cord)
	}
	return paths, saved.At
}

func TestTheFileFollowsWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gates")
		svc := newAndon()
		svc.set("line/0", "yellow")
		c, _ := asking(t, svc, makegood.GateFile(file))
		first, _ := os.Stat(file)
		if paths, at := savedCords(t, file); fmt.Sprint(paths) != "[line/0]" || !at.Equal(time.Now()) {
			t.Errorf("at first: %v, %s", paths, at)
		}
		writes := 0
		for i := range 50 { // a change every 100 ms
			svc.set(fmt.Sprintf("line/%d", i%7), "red")
			pass(100 * time.Millisecond)
			now, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if !os.SameFile(first, now) {
				writes++
				first = now
			}
		}
		if writes < 4 || writes > 5 {
			t.Errorf("%d writes in 5 s, want one a second", writes)
		}
		pass(time.Second)
		if paths, _ := savedCords(t, file); len(paths) != 7 {
			t.Errorf("the last change is not there: %v", paths)
		}
		pass(10 * time.Minute) // nothing changes, but the service is there
		if _, at := savedCords(t, file); time.Since(at) > 10*time.Second {
			t.Errorf("the file is %s old", time.Since(at))
		}
		svc.set("line/8", "red")
		synctest.Wait()
		svc.set("line/9", "red") // within a second of the change before
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if paths, at := savedCords(t, file); len(paths) != 9 || !at.Equal(time.Now()) {
			t.Errorf("after Close: %v, %s", paths, at)
		}
		if all, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(all) != 1 {
			t.Errorf("files are left over: %v", all)
		}
		if all, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(all) != 0 {
			t.Errorf("files are left over: %v", all)
		}
	})
}

// TestAFileThatIsOfNoUseIsOneLogLine has each kind, and a service that is down
// at first and heard later.
func TestAFileThatIsOfNoUseIsOneLogLine(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		make  func(file string) (other string)
		says  string
		mends bool // the next word makes a good one
	}{
		"torn":      {write("makegood-gates 1 00"), "checksum", true},
		"of others": {write("hello"), "not of this version", true},
		"empty":     {write(""), "not of this version", true},
		"a folder":  {func(file string) string { _ = os.MkdirAll(filepath.Join(file, "x"), 0o700); return file }, "file of gates", false},
		"no folder": {func(file string) string { return filepath.Join(file, "no", "gates") }, "no such file or directory", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newLogLines()
				file := tc.make(filepath.Join(t.TempDir(), "gates"))
				svc := newAndon()
				svc.set("line", "red")
				c, gate := asking(t, svc, makegood.GateFile(file), makegood.Logger(slog.New(log)))
				pass(time.Hour)
				if !gate.Closed() || gate.State().Freshness != "known" {
					t.Error(gate.State())
				}
				lines := log.all()
				want := 1
				if tc.mends {
					want = 2 // and that it is kept again
					if paths, _ := savedCords(t, file); fmt.Sprint(paths) != "[line]" {
						t.Errorf("the file has %v", paths)
					}
				}
				if len(lines) != want || !strings.Contains(lines[0], tc.says) {
					t.Errorf("want %d lines, the first with %q, got %q", want, tc.says, lines)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func write(text string) func(string) string {
	return func(file string) string {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			panic(err)
		}
		return file
	}
}

// TestAFolderThatComesBackIsUsedAgain takes the file's folder away for a while.
func TestAFolderThatComesBackIsUsedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "state")
		file := filepath.Join(folder, "gates")
		svc := newAndon()
		c, _ := asking(t, svc, makegood.GateFile(file))
		defer c.Close()
		if _, err := os.Stat(file); err == nil {
			t.Fatal("there is a file")
		}
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		pass(15 * time.Second)
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
			t.Errorf("%v, %v", info, err)
		}
	})
}

// FuzzGateFile reads any file: it must not crash, and what it takes must be
// whole, with the checksum of what follows it.
func FuzzGateFile(f *testing.F) {
	good := `{"at":"2026-01-05T10:00:00Z","cords":[{"cord":"line/1","level":"red","since":"2026-01-05T10:00:00Z"}]}`
	for _, body := range []string{good, `{"at":"2026-01-05T10:00:00Z","cords":[]}`, `{"cords":[]}`, `{"at":"2026-01-05T10:00:00Z","cords":null}`, `[]`, ``, `{"at":"x"}`} {
		f.Add([]byte(body), true)
	}
	f.Add(sealed(good), false)
	f.Add(sealed(good)[:40], false)
	f.Fuzz(func(t *testing.T, text []byte, seal bool) {
		if seal {
			text = sealed(string(text))
		}
		if makegood.DecodeGateFile(text) != nil {
			return
		}
		_, body, _ := bytes.Cut(text, []byte("\n"))
		if !bytes.Equal(text, sealed(string(body))) {
			t.Errorf("took a file with another checksum: %q", text)
		}
		var saved struct {
			Cords []struct{ Cord, Level string }
		}
		if err := json.Unmarshal(body, &saved); err != nil || saved.Cords == nil {
			t.Errorf("took a file without cords: %q", text)
		}
		for _, c := range saved.Cords {
			if c.Level != "red" && c.Level != "yellow" && c.Level != "open" || strings.ContainsAny(c.Cord, " \x00") || c.Cord == "" {
				t.Errorf("took a cord %+v", c)
			}
		}
	})
}
