package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

type rulesCommands struct {
	Check    checkCommand        `cmd:"" help:"Check rule files, and that live rules which move money are tested."`
	Test     testCommand         `cmd:"" help:"Run the tests beside rules."`
	Fmt      fmtCommand          `cmd:"" help:"Write rule files in the one form."`
	Explain  explainCommand      `cmd:"" help:"Say for one event why each rule fires or does not."`
	Backtest backtestCommand     `cmd:"" help:"Say what rules would have done over events of the past."`
	Schema   schemaCommand       `cmd:"" help:"Print the JSON Schema of rule files, for editors."`
	Status   rulesStatusCommand  `cmd:"" help:"Say which rules are in force at a service, and which wait for another person."`
	Activate activateCommand     `cmd:"" help:"Put the rules of a folder in force at a running service."`
	Approve  approveRulesCommand `cmd:"" help:"Let proposed rules come into force."`
	Deny     denyRulesCommand    `cmd:"" help:"Refuse proposed rules."`
}

// loadRules compiles rules, or prints everything that is wrong with them.
func loadRules(p *program, files []rule.File) (*rule.Set, error) {
	set, problems := rule.Check(files)
	printProblems(p.stderr, problems)
	if problems.Failed() {
		return nil, errChecked
	}
	return set, nil
}

func printProblems(w io.Writer, problems rule.Problems) {
	for _, problem := range problems {
		fmt.Fprintln(w, problem)
	}
}

type checkCommand struct {
	Output string   `enum:"table,json" default:"table" help:"table or json."`
	Paths  []string `arg:"" help:"Rule files, or folders of them."`
}

// checked is what check prints as JSON.
type checked struct {
	Rules    int                 `json:"rules"`
	Problems rule.Problems       `json:"problems"`
	Coverage []rehearse.Coverage `json:"coverage"`
}

// Run checks. It exits with 1 when anything is wrong.
func (c *checkCommand) Run(p *program) error {
	result, err := checkPaths(c.Paths)
	if err != nil {
		return err
	}
	failed := result.Problems.Failed()
	switch {
	case c.Output == "json":
		if result.Problems == nil {
			result.Problems = rule.Problems{}
		}
		err = printJSON(p.stdout, result)
	case failed:
		printProblems(p.stderr, result.Problems)
	default:
		printProblems(p.stderr, result.Problems)
		_, err = fmt.Fprintf(p.stdout, "%d rules are good\n", result.Rules)
	}
	if err == nil && failed {
		return errChecked
	}
	return err
}

// checkPaths checks rules with the tests beside them: live money is to be tested.
func checkPaths(paths []string) (checked, error) {
	files, err := readPaths(paths)
	if err != nil {
		return checked{}, err
	}
	rules, tests := rehearse.Split(files)
	set, problems := rule.Check(rules)
	result := checked{Problems: problems, Coverage: []rehearse.Coverage{}}
	if problems.Failed() {
		return result, nil
	}
	ran, err := rehearse.Test(set, tests)
	if err != nil {
		return checked{}, err
	}
	result.Problems = slices.Concat(problems, ran.Problems, rehearse.Demand(set, ran))
	result.Problems.Sort()
	result.Rules, result.Coverage = len(set.Rules), ran.Conditions
	return result, nil
}

type testCommand struct {
	Output string   `enum:"table,json" default:"table" help:"table or json."`
	Paths  []string `arg:"" help:"Rule files, or folders of them."`
}

// Run runs the tests. It exits with 1 when one fails, or when there is none.
func (c *testCommand) Run(p *program) error {
	files, err := readPaths(c.Paths)
	if err != nil {
		return err
	}
	rules, tests := rehearse.Split(files)
	set, err := loadRules(p, rules)
	if err != nil {
		return err
	}
	ran, err := rehearse.Test(set, tests)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		err = printJSON(p.stdout, ran)
	} else {
		err = printTests(p, ran)
	}
	if err == nil && !ran.Passed() {
		return errChecked
	}
	return err
}

func printTests(p *program, ran *rehearse.Tests) error {
	printProblems(p.stderr, ran.Problems)
	passed := 0
	for _, t := range ran.Tests {
		word := "FAIL"
		if t.Passed {
			word = "ok"
			passed++
		}
		fmt.Fprintf(p.stdout, "%-4s  %s:%d: %s\n", word, t.File, t.Line, t.Name)
	}
	if len(ran.Tests) == 0 {
		fmt.Fprintln(p.stderr, "no tests were found: they stand beside the rules, in files named *_test.yaml")
	}
	_, err := fmt.Fprintf(p.stdout, "%d of %d tests passed\n", passed, len(ran.Tests))
	return err
}

type fmtCommand struct {
	Check bool     `help:"Only say which files are not in the one form; exit with 1 if any."`
	Paths []string `arg:"" help:"Rule files, or folders of them."`
}

// Run rewrites the files that are not in the one form.
func (c *fmtCommand) Run(p *program) error {
	files, err := readPaths(c.Paths)
	if err != nil {
		return err
	}
	rules, _ := rehearse.Split(files)
	changed := 0
	for _, f := range rules {
		text, err := rule.Format(f.Path, f.Text)
		var problems *rule.Problems
		if errors.As(err, &problems) {
			printProblems(p.stderr, *problems)
			return errChecked
		}
		if err != nil {
			return err
		}
		if text == f.Text {
			continue
		}
		changed++
		fmt.Fprintln(p.stdout, f.Path)
		if c.Check {
			continue
		}
		if err := replaceFile(filepath.FromSlash(f.Path), text); err != nil {
			return err
		}
	}
	if c.Check && changed > 0 {
		return errChecked
	}
	return nil
}

type explainCommand struct {
	Rules  string `required:"" help:"Folder of rules."`
	Output string `enum:"table,json" default:"table" help:"table or json."`
	Event  string `arg:"" help:"File with one CloudEvent in JSON; - reads standard input."`
}

// maxEventFile bounds the file of an event to explain.
const maxEventFile = 1 << 20

// Run explains.
func (c *explainCommand) Run(p *program) error {
	files, err := readPaths([]string{c.Rules})
	if err != nil {
		return err
	}
	rules, _ := rehearse.Split(files)
	set, err := loadRules(p, rules)
	if err != nil {
		return err
	}
	in, err := openEvents(p, c.Event)
	if err != nil {
		return err
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, maxEventFile))
	if err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	explanation, err := rehearse.Explain(set, raw, time.Now().UnixNano())
	if err != nil {
		return fmt.Errorf("%s: %w", place(c.Event, raw, err), err)
	}
	if c.Output == "json" {
		return printJSON(p.stdout, explanation)
	}
	return explanation.WriteText(p.stdout)
}

// place names the file of an event, and the line and column of what is wrong
// with it where the error says so.
func place(file string, raw []byte, err error) string {
	var why *event.Error
	if !errors.As(err, &why) || why.Offset <= 0 || why.Offset > len(raw) {
		return file
	}
	before := raw[:why.Offset]
	return fmt.Sprintf("%s:%d:%d", file, bytes.Count(before, []byte{'\n'})+1, len(before)-bytes.LastIndexByte(before, '\n'))
}

type backtestCommand struct {
	Rules  string `required:"" help:"Folder of rules."`
	Events string `required:"" type:"path" help:"CloudEvents as JSON lines, plain or gzip."`
	Output string `enum:"table,json" default:"table" help:"table or json."`
}

// Run folds the events in their order, the events' time being the clock, as if
// every rule were live.
func (c *backtestCommand) Run(p *program) error {
	files, err := readPaths([]string{c.Rules})
	if err != nil {
		return err
	}
	rules, _ := rehearse.Split(files)
	set, err := loadRules(p, rules)
	if err != nil {
		return err
	}
	f, err := os.Open(c.Events)
	if err != nil {
		return fmt.Errorf("open events: %w", err)
	}
	defer f.Close()
	bar := newProgress(p.stderr, "backtest, events", 0)
	line := 0
	report, err := rehearse.Backtest(set, counting(p, rehearse.Lines(&interruptible{ctx: p.ctx, in: f}, &line), bar), &line)
	bar.done()
	if err != nil {
		return fmt.Errorf("%s: %w", c.Events, err)
	}
	for _, r := range report.Rejections {
		fmt.Fprintf(p.stderr, "%s:%d: rejected: %s\n", c.Events, r.Line, r.Reason)
	}
	if more := report.Rejected - len(report.Rejections); more > 0 {
		fmt.Fprintf(p.stderr, "and %d more were rejected\n", more)
	}
	if c.Output == "json" {
		return printJSON(p.stdout, report)
	}
	return report.WriteTable(p.stdout)
}

// counting shows progress, and ends when the command is interrupted.
func counting(p *program, events iter.Seq2[[]byte, error], bar *progress) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		n := 0
		for raw, err := range events {
			if p.ctx.Err() != nil {
				yield(nil, p.ctx.Err())
				return
			}
			n++
			bar.set(n)
			if !yield(raw, err) {
				return
			}
		}
	}
}

type schemaCommand struct{}

// Run prints the schema.
func (schemaCommand) Run(p *program) error {
	_, err := p.stdout.Write(rule.Schema())
	return err
}
