package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
)

type testCommand struct {
	Format   string   `enum:"text,json,junit" default:"text" help:"text, json, or junit for what shows test results."`
	Only     string   `name:"run" placeholder:"REGEXP" help:"Run only the tests whose name matches."`
	Coverage bool     `help:"List all conditions with how many tests show them to hold and to fail, not only those that lack one."`
	Update   bool     `help:"Write golden files anew."`
	Watch    bool     `help:"Run again whenever a file changes, until interrupted."`
	Paths    []string `arg:"" help:"Rule files, or folders of them."`
}

// Run runs the tests. It exits with 1 when one fails, or when there is none.
func (c *testCommand) Run(p *program) error {
	wanted, err := c.wanted()
	if err != nil {
		return err
	}
	if c.Watch {
		if c.Format != "text" || c.Update {
			return usageError("--watch prints text and writes nothing: leave --format and --update out")
		}
		return c.watch(p, wanted)
	}
	ran, failed := c.ran(p, wanted)
	if failed != nil {
		if c.Format == "text" {
			return failed
		}
		ran = untested(unfound(failed.Error()))
	}
	err = c.print(p, ran)
	return cmp.Or(failed, err)
}

// ran reads the files and runs the tests among them.
func (c *testCommand) ran(p *program, wanted func(string) bool) (*rehearse.Tests, error) {
	files, err := readPaths(c.Paths)
	if err != nil {
		return nil, err
	}
	ran, err := c.once(p, files, wanted)
	if err == nil && c.Update {
		return c.update(p, ran, wanted)
	}
	return ran, err
}

// untested says why no test was run.
func untested(problems rule.Problems) *rehearse.Tests {
	return &rehearse.Tests{Tests: []rehearse.TestResult{}, Conditions: []rehearse.Coverage{}, Problems: problems}
}

// unfound says to programs why there is nothing to run: what reads standard output alone
// would take silence for success.
func unfound(why string) rule.Problems {
	return rule.Problems{{Severity: document.Error, Code: "files", Message: why}}
}

// wanted returns which tests are to run, nil for all.
func (c *testCommand) wanted() (func(name string) bool, error) {
	if c.Only == "" {
		return nil, nil
	}
	pattern, err := regexp.Compile(c.Only)
	if err != nil {
		return nil, usageError("--run: " + err.Error())
	}
	return pattern.MatchString, nil
}

// once runs the tests among files once; none by rules that have errors, which it returns
// as what is wrong.
func (c *testCommand) once(p *program, files []rule.File, wanted func(string) bool) (*rehearse.Tests, error) {
	rules, tests := rehearse.Split(files)
	set, problems := rule.Check(rules)
	if problems.Failed() {
		return untested(problems), nil
	}
	printProblems(p.stderr, problems)
	return rehearse.Test(p.ctx, set, tests, wanted)
}

// update writes the golden files that differ and runs the tests again.
func (c *testCommand) update(p *program, ran *rehearse.Tests, wanted func(string) bool) (*rehearse.Tests, error) {
	changed := false
	for _, t := range ran.Tests {
		if t.Golden == nil {
			continue
		}
		name := filepath.FromSlash(t.Golden.Path)
		if err := os.WriteFile(name, []byte(t.Golden.Text), 0o644); err != nil {
			return nil, fmt.Errorf("write golden file: %w", err)
		}
		fmt.Fprintln(p.stderr, "wrote", name)
		changed = true
	}
	if !changed {
		return ran, nil
	}
	files, err := readPaths(c.Paths)
	if err != nil {
		return nil, err
	}
	return c.once(p, files, wanted)
}

func (c *testCommand) print(p *program, ran *rehearse.Tests) (err error) {
	if c.Format != "text" && len(ran.Tests) == 0 && !ran.Problems.Failed() {
		fmt.Fprintln(p.stderr, c.noTests())
		ran.Problems = append(ran.Problems, unfound(c.noTests())...)
	}
	switch c.Format {
	case "json":
		err = printJSON(p.stdout, ran)
	case "junit":
		err = writeJUnit(p.stdout, ran)
	default:
		err = c.printTests(p, ran)
	}
	if err == nil && !ran.Passed() {
		return errChecked
	}
	return err
}

// ofFiles are the problems of files, and of no test.
func ofFiles(ran *rehearse.Tests) rule.Problems {
	ofTests := map[rule.Problem]bool{}
	for _, t := range ran.Tests {
		for _, problem := range t.Problems {
			ofTests[problem] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ran.Problems), func(problem rule.Problem) bool { return ofTests[problem] })
}

// printTests prints the tests, those that failed with why, and what no test shows.
func (c *testCommand) printTests(p *program, ran *rehearse.Tests) error {
	problems := ofFiles(ran)
	printProblems(p.stderr, problems)
	if len(ran.Tests) == 0 && problems.Failed() {
		_, err := fmt.Fprintf(p.stdout, "no test was run: the files have %s\n", problems.Count())
		return err
	}
	passed := 0
	for _, t := range ran.Tests {
		if t.Passed {
			passed++
			fmt.Fprintf(p.stdout, "ok    %s:%d: %s\n", t.File, t.Line, plain(t.Name))
			continue
		}
		fmt.Fprintf(p.stdout, "FAIL  %s:%d: %s\n", t.File, t.Line, plain(t.Name))
		fmt.Fprint(p.stdout, indented(failureOf(t)))
	}
	if err := c.printCoverage(p.stdout, ran.Conditions); err != nil {
		return err
	}
	if len(ran.Tests) == 0 {
		fmt.Fprintln(p.stderr, c.noTests())
	}
	beside := ""
	if problems.Failed() {
		beside = ", and their files have " + problems.Count()
	}
	_, err := fmt.Fprintf(p.stdout, "%d of %d tests passed%s\n", passed, len(ran.Tests), beside)
	return err
}

func (c *testCommand) noTests() string {
	if c.Only != "" {
		return fmt.Sprintf("no test has a name that matches %q", c.Only)
	}
	return "no tests were found: they stand beside the rules, in files named *_test.yaml"
}

// failureOf says why a test failed, and shows what was expected beside what came.
func failureOf(t rehearse.TestResult) string {
	var text strings.Builder
	for _, problem := range t.Problems {
		fmt.Fprintln(&text, problem)
	}
	switch {
	case len(t.Expected)+len(t.Got) > 0:
		fmt.Fprintf(&text, "\n%s\n", rehearse.SideBySide(t.Expected, t.Got))
	case len(t.Problems) == 0:
		fmt.Fprintln(&text, "not run: it has mistakes, or its file has")
	}
	return text.String()
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString("      ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// printCoverage names the conditions that no test shows from both sides, or all.
// A part of the tests says nothing about what all of them show.
func (c *testCommand) printCoverage(w io.Writer, conditions []rehearse.Coverage) error {
	if c.Only != "" || len(conditions) == 0 {
		return nil
	}
	var rows [][]string
	for _, condition := range conditions {
		lacks := condition.Lacks()
		if lacks != "" || c.Coverage {
			rows = append(rows, []string{condition.Rule, condition.Condition, strconv.Itoa(condition.Holds), strconv.Itoa(condition.Fails), lacks})
		}
	}
	fmt.Fprintln(w, coverageLine(conditions))
	if len(rows) == 0 {
		return nil
	}
	return printTable(w, []string{"rule", "condition", "holds", "alone false", "lacks"}, rows)
}

// coverageLine says how many conditions tests show from both sides.
func coverageLine(conditions []rehearse.Coverage) string {
	shown := 0
	for _, condition := range conditions {
		if condition.Lacks() == "" {
			shown++
		}
	}
	return fmt.Sprintf("%d of %d conditions are shown from both sides", shown, len(conditions))
}

// testPoll is how often files are looked at while tests are watched: somebody
// waits for the answer.
const testPoll = 250 * time.Millisecond

const waiting = "waiting for a change; Ctrl-C ends"

// watch runs the tests again whenever a file changes, until it is interrupted.
func (c *testCommand) watch(p *program, wanted func(string) bool) error {
	files := polled{read: func() ([]rule.File, error) { return readPaths(c.Paths) }}
	poll := time.NewTicker(testPoll)
	defer poll.Stop()
	told := ""
	for first := true; ; first = false {
		fresh, changed, err := files.look(first)
		switch {
		case err != nil && err.Error() != told:
			told, files.taken = err.Error(), nil // when all is as it was, that is a change too
			fmt.Fprintln(p.stderr, "makegood:", told)
			if _, err := fmt.Fprintln(p.stdout, waiting); err != nil {
				return err
			}
		case err == nil && changed:
			told = ""
			clearScreen(p.stdout)
			if err := c.again(p, fresh, wanted); err != nil && p.ctx.Err() == nil {
				return err
			}
		}
		select {
		case <-p.ctx.Done():
			return nil // this is how watching ends
		case <-poll.C:
		}
	}
}

// again runs the tests and prints what became of them. That some fail, or that
// the rules have errors, is no reason to stop watching.
func (c *testCommand) again(p *program, files []rule.File, wanted func(string) bool) error {
	ran, err := c.once(p, files, wanted)
	if err == nil {
		err = c.print(p, ran)
	}
	if err != nil && !errors.Is(err, errChecked) {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, waiting)
	return err
}

// clearScreen begins a terminal anew; what is piped elsewhere goes on.
func clearScreen(w io.Writer) {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(f, "\033[H\033[2J\033[3J")
	}
}
