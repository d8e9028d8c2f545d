package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	deadName  = "dead.jsonl"
	olderDead = "dead.older.jsonl"
	maxDead   = 8 << 20 // of each of the two: some 10,000 events, more than anyone reads
)

// deadLetter is one line of dead.jsonl.
type deadLetter struct {
	Time   time.Time       `json:"time"`
	Reason string          `json:"reason"`
	Event  json.RawMessage `json:"event"`
}

// Dead appends an event that was refused for good to dead.jsonl, for people to
// read. When that file is full it becomes dead.older.jsonl, in place of the one
// before.
func (s *Spool) Dead(at time.Time, reason string, event []byte) error {
	line, err := json.Marshal(deadLetter{at.UTC(), reason, event})
	if err != nil {
		return fmt.Errorf("write dead letter: %w", err)
	}
	line = append(line, '\n')
	s.deadMu.Lock()
	defer s.deadMu.Unlock()
	path := filepath.Join(s.folder, deadName)
	size := int64(0)
	if info, err := os.Stat(path); err == nil {
		size = info.Size()
	}
	if size > 0 && size+int64(len(line)) > maxDead {
		if err := os.Rename(path, filepath.Join(s.folder, olderDead)); err != nil {
			return fmt.Errorf("write dead letter: %w", err)
		}
		size = 0
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write dead letter: %w", err)
	}
	_, err = file.Write(line)
	if err == nil && s.options.Sync {
		err = file.Sync()
	}
	if err != nil {
		_ = file.Truncate(size) // half a line would spoil the next one
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write dead letter: %w", err)
	}
	return nil
}
