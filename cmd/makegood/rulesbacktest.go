package main

import (
	"fmt"
	"iter"
	"os"

	"github.com/makegood/makegood/remediator/rehearse"
)

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
