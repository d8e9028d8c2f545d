package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/lint"
	"github.com/makegood/makegood/remediator/rule/report"
)

type checkCommand struct {
	Format string   `enum:"text,json,sarif,github" default:"text" help:"text, json, sarif for code scanning, or github for workflow commands."`
	Paths  []string `arg:"" help:"Rule files, or folders of them."`
}

// checked is what check prints as JSON.
type checked struct {
	Rules    int                 `json:"rules"`
	Problems rule.Problems       `json:"problems"`
	Coverage []rehearse.Coverage `json:"coverage"`
}

// Run checks. It exits with 1 when anything is wrong; warnings are not.
func (c *checkCommand) Run(p *program) error {
	result, err := checkPaths(c.Paths)
	if err != nil {
		return err
	}
	switch c.Format {
	case "json":
		err = printJSON(p.stdout, result)
	case "sarif":
		err = report.WriteSARIF(p.stdout, programVersion(), result.Problems)
	case "github":
		err = report.WriteGitHub(p.stdout, result.Problems)
	default:
		err = printChecked(p, result)
	}
	if err == nil && result.Problems.Failed() {
		return errChecked
	}
	return err
}

// printChecked prints the problems, and a last line with what there is to say.
func printChecked(p *program, result checked) error {
	printProblems(p.stderr, result.Problems)
	count := result.Problems.Count()
	if result.Problems.Failed() {
		_, err := fmt.Fprintf(p.stderr, "%s; each [code] is explained at %s\n", count, document.DocsURL(""))
		return err
	}
	line := fmt.Sprintf("%d rules are good", result.Rules)
	if count != "" {
		line += ", " + count + "; each [code] is explained at " + document.DocsURL("")
	}
	_, err := fmt.Fprintln(p.stdout, line)
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
	result := checked{Problems: append(rule.Problems{}, problems...), Coverage: []rehearse.Coverage{}}
	if problems.Failed() {
		return result, nil
	}
	ran, err := rehearse.Test(set, tests, nil)
	if err != nil {
		return checked{}, err
	}
	if len(set.Rules) == 0 {
		return checked{}, fmt.Errorf("check rules: %s holds no rule", strings.Join(paths, ", "))
	}
	warnings, err := lint.Check(set)
	if err != nil {
		return checked{}, err
	}
	result.Problems = slices.Concat(result.Problems, ran.Problems, rehearse.Demand(set, ran), warnings)
	result.Problems.Sort()
	result.Rules, result.Coverage = len(set.Rules), ran.Conditions
	return result, nil
}
