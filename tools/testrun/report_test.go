package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// Lines as go test -json prints them, shortened.
const (
	passing = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: seen\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.2}
`
	skipping = `{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    a_test.go:9: needs a moon\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
`
	failing = `{"Action":"output","Package":"p","Test":"TestC","Output":"    a_test.go:9: got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p"}
`
	broken = `{"ImportPath":"q","Action":"build-output","Output":"q/a.go:1:1: syntax error\n"}
{"ImportPath":"q","Action":"build-fail"}
{"Action":"fail","Package":"q","FailedBuild":"q"}
`
	panicking = `{"Action":"output","Package":"p","Test":"TestD","Output":"panic: boom\n"}
{"Action":"fail","Package":"p"}
`
	empty = `{"Action":"skip","Package":"p"}
`
)

func TestReport(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, events string
		want         []string
		ok           bool
	}{
		{"passes", passing, []string{"ok    p 0.2s", "seen", "1 passed, 0 failed, 0 skipped"}, true},
		{"skips by name", passing + skipping, []string{"skip  p.TestB: a_test.go:9: needs a moon", "1 passed, 0 failed, 1 skipped"}, true},
		{"fails once", passing + failing, []string{"FAIL  p.TestC", "got 1, want 2", "1 passed, 1 failed, 0 skipped"}, false},
		{"does not build", passing + broken, []string{"FAIL  q", "syntax error", "1 passed, 1 failed"}, false},
		{"panics", passing + panicking, []string{"FAIL  p", "panic: boom", "1 passed, 1 failed"}, false},
		{"nothing ran", empty, []string{"0 passed, 0 failed, 0 skipped"}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			r := newReport(&out, regexp.MustCompile("^TestA$"))
			if err := r.read(strings.NewReader(c.events)); err != nil {
				t.Fatal(err)
			}
			if err := r.finish(); (err == nil) != c.ok {
				t.Errorf("got error %v, want none: %v", err, c.ok)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("got %q, want %q in it", out.String(), want)
				}
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if last := lines[len(lines)-1]; !regexp.MustCompile(`^\d+ passed, \d+ failed, \d+ skipped$`).MatchString(last) {
				t.Errorf("got last line %q, want the counts alone", last)
			}
		})
	}
}
