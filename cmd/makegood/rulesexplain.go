package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rehearse"
)

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
