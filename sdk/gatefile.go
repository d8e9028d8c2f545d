package makegood

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A file of gates is one line, "makegood-gates 1 " and the SHA-256 of what
// follows in hexadecimal digits, and then JSON: when the service was last heard,
// and every cord that was not open. It is replaced as a whole.
const (
	gateFileHead    = "makegood-gates 1 "
	maxGateFile     = 32 << 20         // maxCords with their longest paths do not fit; any real number does
	saveEvery       = time.Second      // changes that come faster are written together
	renewEvery      = 5 * time.Second  // less than a heartbeat: each of them makes the file younger
	gateFileRetries = 10 * time.Second // after a write that went wrong
)

// saved is the JSON of a file of gates.
type saved struct {
	At    time.Time `json:"at"`
	Cords []cord    `json:"cords"`
}

// gateFile keeps what gates know for the next start of the program. Nobody waits
// for it: writing is left to a timer.
type gateFile struct {
	path    string
	health  *health
	content func() (cords, time.Time)

	writing sync.Mutex // held while the file is written
	failing bool       // logged: one line is enough until it works again; guarded by writing once load has ended

	mu      sync.Mutex
	timer   *time.Timer
	due     bool      // the timer runs
	written time.Time // when the file was last written; zero for never
	newer   bool      // something was heard since
	ended   bool
}

func newGateFile(path string, logger *slog.Logger, content func() (cords, time.Time)) *gateFile {
	f := &gateFile{path: path, content: content, health: &health{
		logger: logger,
		fails:  "makegood: the file of gates is of no use: after a restart they know nothing until the service is heard",
		works:  "makegood: the file of gates is kept again",
	}}
	f.timer = time.AfterFunc(time.Hour, func() { f.write(false) })
	f.timer.Stop()
	return f
}

// load reads the file. One that is not there, not whole or not of this version
// is as none; all but the first are logged.
func (f *gateFile) load() (all cords, at time.Time, ok bool) {
	all, at, err := readGateFile(f.path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			f.failing = true
			go f.health.bad(err.Error()) // the caller holds a lock that a log handler may want
		}
		return nil, time.Time{}, false
	}
	return all, at, true
}

// note has the file written: soon after a change, and with most heartbeats, so
// that its age is the age of the last word.
func (f *gateFile) note(changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newer = true
	age := renewEvery
	if !f.written.IsZero() {
		age = time.Since(f.written)
	}
	if f.due || f.ended || !changed && age < renewEvery {
		return
	}
	f.due = true
	f.timer.Reset(max(saveEvery-age, 0))
}

// write writes the file as things stand, after finish only when it is the last
// time.
func (f *gateFile) write(last bool) {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	if f.ended && !last {
		f.mu.Unlock()
		return
	}
	f.due, f.newer, f.written = false, false, time.Now()
	f.mu.Unlock()
	err := writeGateFile(f.path, f.content)
	if err == nil {
		f.failing = false
		f.health.good()
		return
	}
	if !f.failing {
		f.failing = true
		f.health.bad(err.Error())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.due && !f.ended { // a change must not wait for the next one
		f.newer, f.due = true, true
		f.timer.Reset(gateFileRetries)
	}
}

// finish writes what is newer than the file, but does not wait longer than
// patience for a disk that hangs.
func (f *gateFile) finish(patience <-chan time.Time) {
	f.mu.Lock()
	again := f.newer && !f.ended
	f.ended = true
	f.timer.Stop()
	f.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if again {
			f.write(true)
		}
		f.writing.Lock() // a write that the timer began
		defer f.writing.Unlock()
	}()
	select {
	case <-done:
	case <-patience:
	}
}

// readGateFile reads a file of gates.
func readGateFile(path string) (cords, time.Time, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read file of gates: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxGateFile+1))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read file of gates: %w", err)
	}
	all, at, err := decodeGateFile(text)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read file of gates %s: %w", path, err)
	}
	return all, at, nil
}

func decodeGateFile(text []byte) (cords, time.Time, error) {
	head, body, _ := bytes.Cut(text, []byte("\n"))
	digest, ok := bytes.CutPrefix(head, []byte(gateFileHead))
	switch {
	case len(text) > maxGateFile:
		return nil, time.Time{}, fmt.Errorf("it has more than %d bytes", maxGateFile)
	case !ok:
		return nil, time.Time{}, errors.New("it is not of this version")
	case string(digest) != checksum(body):
		return nil, time.Time{}, errors.New("its checksum does not match: it was cut off or changed")
	}
	all, err := decodeCords(body)
	if err != nil {
		return nil, time.Time{}, err
	}
	var s saved
	if err := json.Unmarshal(body, &s); err != nil || s.At.IsZero() {
		return nil, time.Time{}, errors.New("it does not say when the service was last heard")
	}
	return all, s.At, nil
}

func encodeGateFile(all cords, at time.Time) ([]byte, error) {
	s := saved{At: at.UTC(), Cords: make([]cord, 0, len(all))}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		s.Cords = append(s.Cords, all[path])
	}
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return append([]byte(gateFileHead+checksum(body)+"\n"), body...), nil
}

func checksum(body []byte) string {
	return fmt.Sprintf("%x", sha256.Sum256(body))
}

// writeGateFile replaces a file of gates: a crash leaves the old one or the new
// one.
func writeGateFile(path string, content func() (cords, time.Time)) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write file of gates: %w", err)
		}
	}()
	text, err := encodeGateFile(content())
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".makegood-gates-*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}
