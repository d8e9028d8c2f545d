package main

import (
	"fmt"
	"io"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

type rulesCommands struct {
	Check    checkCommand        `cmd:"" help:"Check rule files, and that live rules which move money are tested."`
	Test     testCommand         `cmd:"" help:"Run the tests beside rules."`
	Fmt      fmtCommand          `cmd:"" help:"Tidy rule files and their tests: spaces for tabs, one blank line between rules, expressions without quotes, as blocks where YAML misreads them."`
	Explain  explainCommand      `cmd:"" help:"Say for one event why each rule fires or does not."`
	Backtest backtestCommand     `cmd:"" help:"Say what rules would have done over events of the past."`
	Apply    applyCommand        `cmd:"" help:"Make good afterwards what a rule in force would have made good; two others approve it."`
	Schema   schemaCommand       `cmd:"" help:"Print the JSON Schema of rule files, or of their tests, for editors."`
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

type schemaCommand struct {
	Tests bool `help:"That of the tests beside rules."`
}

// Run prints the schema.
func (c *schemaCommand) Run(p *program) error {
	schema := rule.Schema()
	if c.Tests {
		schema = rehearse.Schema()
	}
	_, err := p.stdout.Write(schema)
	return err
}
