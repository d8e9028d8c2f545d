package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// count is how many matches a set has in all events, for others to compare
// theirs with.
type count struct {
	Set    string `json:"set"`
	Rules  int    `json:"rules"`
	Events int    `json:"events"` // that match at least one rule
	Hits   int    `json:"hits"`   // of an event and a rule
}

// write puts the work into a folder, in the form that README.md describes.
func (w *work) write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "events.jsonl"), append(bytes.Join(w.events, []byte("\n")), '\n'), 0o644); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	counts := []count{}
	for _, set := range w.sets {
		for _, size := range set.sizes {
			if err := writeJSON(folder, fmt.Sprintf("rules-%s-%d.json", set.name, size), set.rules[:size]); err != nil {
				return err
			}
			c := count{Set: set.name, Rules: size}
			for _, rules := range judge(set.rules[:size], w.documents) {
				c.Hits += len(rules)
				c.Events += min(1, len(rules))
			}
			counts = append(counts, c)
		}
	}
	return writeJSON(folder, "matches.json", counts)
}

// writeJSON writes a list, one element a line.
func writeJSON[T any](folder, name string, list []T) error {
	var text bytes.Buffer
	for i, element := range list {
		line, err := json.Marshal(element)
		if err != nil {
			return fmt.Errorf("encode %s: %w", name, err)
		}
		text.WriteString(map[bool]string{true: "[\n", false: ",\n"}[i == 0])
		text.Write(line)
	}
	text.WriteString("\n]\n")
	if err := os.WriteFile(filepath.Join(folder, name), text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
