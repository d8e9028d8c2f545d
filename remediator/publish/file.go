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

// maxFile bounds the file of kept checkpoints that is read when a service starts:
// a year of one every ten seconds is some 800 MB, which is to be moved away before.
const maxFile = 1 << 30

// maxTorn bounds what a write that did not end can have left of a checkpoint.
const maxTorn = 4 << 10

// File is a file to which checkpoints are appended, each durable before the next.
// It belongs on other storage than the ledger.
type File struct {
	path string
	last []byte
}

// OpenFile opens a file of checkpoints and makes it when there is none. A file that
// holds anything else is an error; what a write that did not end left behind the
// last checkpoint is removed.
func OpenFile(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open checkpoints: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("read checkpoints: %s is larger than %d bytes: move it to where it is kept, and a new one is begun", path, maxFile)
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
		if err := errors.Join(f.Truncate(int64(whole)), f.Sync()); err != nil {
			return nil, fmt.Errorf("remove the torn end of the checkpoints: %w", err)
		}
	}
	return k, nil
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
