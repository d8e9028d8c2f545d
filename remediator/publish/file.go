package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/makegood/makegood/remediator/ledger"
)

// maxEnd is how much of the end of a file of kept checkpoints is read when a service
// starts: the last one is some 300 bytes, and a file of years has GBs of them.
const maxEnd = 64 << 10

// maxTorn bounds what a write that did not end can have left of a checkpoint.
const maxTorn = 4 << 10

// File is a file to which checkpoints are appended, each durable before the next.
// It belongs on other storage than the ledger.
type File struct {
	path string
	last []byte
}

// OpenFile opens a file of checkpoints and makes it when there is none. A file that
// ends with anything else is an error; what a write that did not end left behind the
// last checkpoint is removed.
func OpenFile(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open checkpoints: %w", err)
	}
	defer f.Close()
	text, from, err := readEnd(f)
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	k := &File{path: path}
	notes, err := ledger.SplitNotes(text[:bytes.LastIndexByte(text, '\n')+1])
	whole := 0
	if len(notes) > 0 {
		k.last = notes[len(notes)-1]
		whole = bytes.LastIndex(text, k.last) + len(k.last)
	}
	torn := len(bytes.TrimSpace(text[whole:])) > 0
	switch {
	case torn && (k.last == nil || len(text)-whole > maxTorn):
		return nil, fmt.Errorf("read checkpoints: %s holds something else: %w", path, errors.Join(err, errors.New("name a file of its own")))
	case torn:
		if err := errors.Join(f.Truncate(from+int64(whole)), f.Sync()); err != nil {
			return nil, fmt.Errorf("remove the torn end of the checkpoints: %w", err)
		}
	}
	return k, nil
}

// readEnd reads the end of a file, from the beginning of a note on, and returns where
// that is.
func readEnd(f *os.File) (text []byte, from int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	from = max(0, info.Size()-maxEnd)
	text = make([]byte, info.Size()-from)
	if _, err := f.ReadAt(text, from); err != nil {
		return nil, 0, err
	}
	if from > 0 { // in the midst of a note, perhaps
		at := bytes.Index(text, []byte("\n"+ledger.Origin(""))) + len("\n")
		text, from = text[at:], from+int64(at)
	}
	return text, from, nil
}

// Last returns the checkpoint that was kept last, nil when none was.
func (k *File) Last() []byte { return k.last }

// Name implements Keeper.
func (k *File) Name() string { return "file " + k.path }

// Keep implements Keeper: an empty line and the checkpoint. The file is opened anew
// each time, so that it can be moved away while the service runs.
func (k *File) Keep(_ context.Context, checkpoint []byte) error {
	if bytes.Equal(checkpoint, k.last) {
		return nil
	}
	f, err := os.OpenFile(k.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("open checkpoints: %w", err)
	}
	before, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Write(append([]byte("\n"), checkpoint...))
	}
	if err = errors.Join(err, f.Sync()); err != nil {
		_ = f.Truncate(before) // or the next start removes it
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	k.last = checkpoint
	return nil
}
