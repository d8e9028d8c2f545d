package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// journal keeps changes in a file, one line of JSON each, before they are
// answered. It survives that the process is killed, not that the machine stops.
type journal struct {
	file *os.File
	size int64 // of the whole lines
}

// openJournal opens or makes a file and gives its changes to apply. A last line
// that was cut off is dropped: its caller never had an answer.
func openJournal(path string, apply func(change)) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file}
	if err := j.load(apply); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), file.Close())
	}
	return j, nil
}

func (j *journal) load(apply func(change)) error {
	lines := bufio.NewReader(j.file)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		var c change
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		apply(c)
		j.size += int64(len(line))
	}
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	_, err := j.file.Seek(j.size, io.SeekStart)
	return err
}

// append writes a change in one write. After an error the file is as before.
func (j *journal) append(c change) error {
	var line bytes.Buffer
	if err := json.NewEncoder(&line).Encode(c); err != nil {
		return fmt.Errorf("encode change: %w", err)
	}
	if _, err := j.file.Write(line.Bytes()); err != nil {
		_, seek := j.file.Seek(j.size, io.SeekStart)
		return errors.Join(fmt.Errorf("write change: %w", err), j.file.Truncate(j.size), seek)
	}
	j.size += int64(line.Len())
	return nil
}

func (j *journal) close() error { return j.file.Close() }
