package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// event is one line of `go test -json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// name is the test the event speaks of, or the package when it is none.
func (e event) name() string {
	if e.Test == "" {
		return e.Package
	}
	return e.Package + "." + e.Test
}

// report counts what became of tests and prints what a person must see.
type report struct {
	out    io.Writer
	shown  *regexp.Regexp
	output map[string][]string // of what has not ended, by name
	broken map[string]bool     // packages with a failed test
	passed int
	failed int
	skips  []string
}

func newReport(out io.Writer, shown *regexp.Regexp) *report {
	return &report{out: out, shown: shown, output: map[string][]string{}, broken: map[string]bool{}}
}

// read follows one run of go test to its end.
func (r *report) read(events io.Reader) error {
	scanner := bufio.NewScanner(events)
	scanner.Buffer(nil, 16<<20) // one line of output is one event
	for scanner.Scan() {
		var e event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			fmt.Fprintln(r.out, scanner.Text()) // not an event: go itself speaks
			continue
		}
		r.add(e)
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read events of go test: %w", err)
	}
	return nil
}

func (r *report) add(e event) {
	switch e.Action {
	case "build-output":
		r.output[e.ImportPath] = append(r.output[e.ImportPath], e.Output)
	case "output":
		r.output[e.name()] = append(r.output[e.name()], e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
	}
}

func (r *report) endTest(e event) {
	name := e.name()
	switch e.Action {
	case "pass":
		r.passed++
		if r.shown.MatchString(e.Test) {
			r.print(r.output[name])
		}
	case "skip":
		r.skips = append(r.skips, name+": "+reason(r.output[name]))
	case "fail":
		r.broken[e.Package] = true
		r.fail(name, r.output[name])
	}
	delete(r.output, name)
}

// endPackage closes a package. One that fails with no failing test of its own
// did not build, panicked or ran out of time: that is a failure like any other.
func (r *report) endPackage(e event) {
	if e.Action == "fail" && !r.broken[e.Package] {
		r.fail(e.Package, append(r.output[e.FailedBuild], r.unfinished(e.Package)...))
	} else if e.Action == "pass" {
		fmt.Fprintf(r.out, "ok    %s %.1fs\n", e.Package, e.Elapsed)
	}
	delete(r.output, e.Package)
}

// unfinished is the output of a package and of its tests that never ended.
func (r *report) unfinished(pkg string) []string {
	lines := r.output[pkg]
	for name, output := range r.output {
		if strings.HasPrefix(name, pkg+".") {
			lines = append(lines, output...)
		}
	}
	return lines
}

func (r *report) fail(name string, output []string) {
	r.failed++
	fmt.Fprintf(r.out, "FAIL  %s\n", name)
	r.print(output)
}

func (r *report) print(output []string) {
	for _, line := range output {
		fmt.Fprint(r.out, "      ", line)
	}
}

// finish prints the skipped tests and the counts, and is an error unless tests
// passed and none failed.
func (r *report) finish() error {
	for _, skip := range r.skips {
		fmt.Fprintln(r.out, "skip ", skip)
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skips))
	switch {
	case r.failed > 0:
		return fmt.Errorf("%d failed", r.failed)
	case r.passed == 0:
		return errors.New("no test ran")
	}
	return nil
}

// reason is what a skipped test printed besides go test's own lines.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
