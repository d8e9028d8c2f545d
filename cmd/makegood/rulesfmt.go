package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/makegood/makegood/remediator/rule"
)

type fmtCommand struct {
	Check bool     `help:"Only say which files are not tidy; exit with 1 if any."`
	Paths []string `arg:"" help:"Rule files and their tests, or folders of them; - formats standard input to standard output."`
}

// Run rewrites the files that are not tidy. One that cannot be read keeps
// no other from it.
func (c *fmtCommand) Run(p *program) error {
	if slices.Equal(c.Paths, []string{"-"}) {
		return c.pipe(p)
	}
	files, err := readEach(c.Paths, isYAMLFile, func(base string) func(string) bool {
		return func(name string) bool { return name == base && isYAMLFile(name) }
	})
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return noRuleFile(c.Paths)
	}
	changed, broken := 0, false
	for _, f := range files {
		text, err := rule.Format(f.Path, f.Text)
		var problems *rule.Problems
		if errors.As(err, &problems) {
			printProblems(p.stderr, *problems)
			broken = true
			continue
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
	if broken || c.Check && changed > 0 {
		return errChecked
	}
	return nil
}

// pipe writes standard input tidied to standard output; with --check it only says
// whether it is.
func (c *fmtCommand) pipe(p *program) error {
	file, err := p.readStdin()
	if err != nil {
		return err
	}
	text, err := rule.Format(file.Path, file.Text)
	var problems *rule.Problems
	switch {
	case errors.As(err, &problems):
		printProblems(p.stderr, *problems)
		return errChecked
	case err != nil:
		return err
	case !c.Check:
		if _, err = io.WriteString(p.stdout, text); err != nil {
			return fmt.Errorf("write rules: %w", err)
		}
	case text != file.Text:
		fmt.Fprintln(p.stdout, file.Path)
		return errChecked
	}
	return nil
}
