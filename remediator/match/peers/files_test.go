package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFilesMeanTheSame reads the written work as a stranger would who has only
// README.md, and finds as many matches as the files say.
func TestFilesMeanTheSame(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := generate().write(folder); err != nil {
		t.Fatal(err)
	}
	var events []map[string]any
	for scan := bufio.NewScanner(bytes.NewReader(read(t, folder, "events.jsonl"))); scan.Scan(); {
		var event map[string]any
		if err := json.Unmarshal(scan.Bytes(), &event); err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	var counts []count
	if err := json.Unmarshal(read(t, folder, "matches.json"), &counts); err != nil {
		t.Fatal(err)
	}
	if len(events) != 10_000 || len(counts) != 17 {
		t.Fatalf("%d events and %d sets", len(events), len(counts))
	}
	for _, want := range counts {
		var rules []Rule
		if err := json.Unmarshal(read(t, folder, fmt.Sprintf("rules-%s-%d.json", want.Set, want.Rules)), &rules); err != nil {
			t.Fatal(err)
		}
		if len(rules) != want.Rules {
			t.Errorf("%s-%d has %d rules", want.Set, want.Rules, len(rules))
		}
		if want.Rules > 100 {
			continue // slow, and of the same kinds
		}
		got := count{Set: want.Set, Rules: want.Rules}
		for _, event := range events {
			hits := 0
			for i := range rules {
				if matches(&rules[i], event) {
					hits++
				}
			}
			got.Hits += hits
			got.Events += min(1, hits)
		}
		if got != want || got.Hits == 0 {
			t.Errorf("got %+v, the file says %+v", got, want)
		}
	}
}

func read(t *testing.T, folder, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func matches(r *Rule, event map[string]any) bool {
	if !r.covers(event["type"].(string)) {
		return false
	}
	for _, c := range r.Conditions {
		if !meets(c, event) {
			return false
		}
	}
	return true
}

// meets judges a condition whose value came from JSON.
func meets(c Condition, event map[string]any) bool {
	root, name, _ := strings.Cut(c.Path, ".")
	name, field, _ := strings.Cut(name, ".")
	object := event
	if root == "data" {
		object = event["data"].(map[string]any)
	}
	text, _ := object[name].(string)
	number, _ := object[name].(float64)
	list, _ := object[name].([]any)
	value, _ := c.Value.(string)
	switch c.Operator {
	case Equal:
		return text == value
	case NotEqual:
		return text != value
	case In:
		return slices.Contains(c.Value.([]any), any(text))
	case Prefix:
		return strings.HasPrefix(text, value)
	case NotPrefix:
		return !strings.HasPrefix(text, value)
	case Suffix:
		return strings.HasSuffix(text, value)
	case Contains:
		return strings.Contains(text, value)
	case AtLeast:
		return number >= c.Value.(float64)
	case Range:
		bounds := c.Value.([]any)
		return number >= bounds[0].(float64) && number < bounds[1].(float64)
	case Not:
		return object[name] == false
	case Has:
		return slices.Contains(list, any(value))
	}
	return slices.ContainsFunc(list, func(element any) bool { return element.(map[string]any)[field] == any(value) })
}
