package main

import (
	"fmt"

	"github.com/makegood/makegood/remediator/rehearse"
)

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
