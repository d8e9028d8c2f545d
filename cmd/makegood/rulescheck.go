package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
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
	Paths  []string `arg:"" help:"Rule files, or folders of them; - is one on standard input."`
}

// checked is what check prints as JSON.
type checked struct {
	Rules    int                 `json:"rules"`
	Problems rule.Problems       `json:"problems"`
	Coverage []rehearse.Coverage `json:"coverage"`
	// Unindexed are the rules that are judged for every event of their types; few of
	// them cost nothing to warn of.
	Unindexed []lint.Unindexed `json:"unindexed"`

	alone bool // no tests were beside the rules, so that nothing is said of what they show
}

// Run checks. It exits with 1 when anything is wrong; warnings are not.
func (c *checkCommand) Run(p *program) error {
	files, failed := p.readGiven(c.Paths)
	result := checked{}
	if failed == nil {
		result, failed = checkFiles(p.ctx, files, c.Paths)
	}
	if failed != nil {
		if c.Format == "text" {
			return failed
		}
		result = unchecked(failed)
	}
	var err error
	switch c.Format {
	case "json":
		err = printJSON(p.stdout, result)
	case "sarif":
		err = report.WriteSARIF(p.stdout, programVersion(), c.checked(), result.Problems)
	case "github":
		err = report.WriteGitHub(p.stdout, result.Problems)
	default:
		err = printChecked(p, result)
	}
	switch {
	case err != nil || failed != nil:
		return cmp.Or(err, failed)
	case result.Problems.Failed():
		return errChecked
	}
	return nil
}

// checked names what is checked, of several paths the first.
func (c *checkCommand) checked() string {
	if fromStdin(c.Paths) {
		return stdinName
	}
	return filepath.ToSlash(c.Paths[0])
}

// unchecked says to programs why nothing was checked: what reads standard output alone
// would take silence for success.
func unchecked(failed error) checked {
	return checked{
		Problems: rule.Problems{{Severity: document.Error, Code: "files", Message: failed.Error()}},
		Coverage: []rehearse.Coverage{}, Unindexed: []lint.Unindexed{},
	}
}

// printChecked prints the problems, and what there is to say of all rules.
func printChecked(p *program, result checked) error {
	printProblems(p.stderr, result.Problems)
	count := result.Problems.Count()
	if result.Problems.Failed() {
		_, err := fmt.Fprintf(p.stderr, "%s; each [code] is explained at %s\n", count, document.DocsURL(""))
		return err
	}
	line := "1 rule is good"
	if result.Rules != 1 {
		line = fmt.Sprintf("%d rules are good", result.Rules)
	}
	if count != "" {
		line += ", " + count + "; each [code] is explained at " + document.DocsURL("")
	}
	if !result.alone {
		line += "\n" + coverageLine(result.Coverage)
	}
	_, err := fmt.Fprintln(p.stdout, line)
	if err == nil && len(result.Unindexed) > 0 {
		_, err = fmt.Fprintln(p.stdout, unindexedLine(result.Unindexed))
	}
	return err
}

// maxUnindexed bounds the rules that a line names; the JSON has all of them.
const maxUnindexed = 10

// unindexedLine names what no index finds, the most costly first.
func unindexedLine(all []lint.Unindexed) string {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b lint.Unindexed) int { return cmp.Compare(b.Conditions, a.Conditions) })
	var named []string
	for _, u := range all[:min(len(all), maxUnindexed)] {
		name := u.Rule
		if u.Part == "unless" {
			name += "'s unless"
		}
		named = append(named, name+" ("+u.Cost()+")")
	}
	if more := len(all) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("and %d more, which --format json lists", more))
	}
	return "judged for every event of their types, for no index finds them: " + strings.Join(named, ", ")
}

// checkFiles checks rules with the tests beside them: live money is to be tested. Rules on
// standard input have theirs elsewhere, if they have any.
func checkFiles(ctx context.Context, files []rule.File, paths []string) (checked, error) {
	rules, tests := rehearse.Split(files)
	part, problems := rule.CheckPart(rules)
	set, result := part.Set, checked{Problems: append(rule.Problems{}, problems...), Coverage: []rehearse.Coverage{}, Unindexed: []lint.Unindexed{}}
	if problems.Failed() {
		more, err := checkPart(ctx, part, tests)
		result.Problems = append(result.Problems, more...)
		result.Problems.Sort()
		return result, err
	}
	ran, err := rehearse.Test(ctx, set, tests, nil)
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
	result.Problems = append(append(result.Problems, ran.Problems...), warnings...)
	if result.alone = fromStdin(paths); !result.alone {
		result.Problems, result.Coverage = append(result.Problems, rehearse.Demand(set, ran)...), ran.Conditions
	}
	result.Problems.Sort()
	result.Rules, result.Unindexed = len(set.Rules), lint.AllUnindexed(set)
	return result, nil
}

// checkPart checks the rules that could be read beside others that could not, with what
// of the tests can be judged by them: what else is wrong need not wait until those are mended.
func checkPart(ctx context.Context, part *rule.Part, tests []rule.File) (rule.Problems, error) {
	wrong, err := rehearse.TestPart(ctx, part, tests)
	if err != nil {
		return nil, err
	}
	warnings, err := lint.Check(part.Set)
	return append(wrong, warnings...), err
}
