package main

import (
	"fmt"
	"slices"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

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
