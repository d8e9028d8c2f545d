package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rehearse"
)

type explainCommand struct {
	service
	Rules  string `help:"Folder of rules. With --near, and of a running service, it defaults to the rules in force."`
	Event  string `arg:"" optional:"" help:"File with one CloudEvent in JSON; - reads standard input."`
	Remedy string `placeholder:"ID" help:"Instead of an event: why a remedy of the service was made, by the rules and windows of then."`
	Near   string `placeholder:"RULE" help:"Instead of an event: for which events of the log a rule did not fire by one condition alone."`
	Since  string `placeholder:"7d" help:"With --near: from when on, or how long before --until, else before the end of the log (7d)."`
	Until  string `help:"With --near: until when; what lies there no longer counts."`
	Limit  *int   `placeholder:"20" help:"With --near: at most so many, the nearest first (20)."`
}

// maxEventFile bounds the file of an event to explain.
const maxEventFile = 1 << 20

// Run explains an event, a remedy, or how near a rule was to firing.
func (c *explainCommand) Run(p *program) error {
	asked := 0
	for _, what := range []string{c.Event, c.Remedy, c.Near} {
		if what != "" {
			asked++
		}
	}
	switch alone := c.nearAlone(); {
	case asked != 1:
		return usageError("name one: a file with an event, --remedy ID, or --near RULE")
	case c.Near == "" && alone != "":
		return usageError(alone + " goes with --near alone, which looks for near misses in the log")
	case c.Remedy != "" && c.Rules != "":
		return usageError("--rules does not go with --remedy: it is explained by the rules of then")
	case c.Near != "" && c.URL == "" && c.DataDir == "" && !c.named():
		return usageError("--data-dir is missing, or --database or --url: it names the service whose log is read")
	case c.Near != "" && c.URL != "" && c.Rules != "":
		return usageError("--rules does not go with --url: the service judges by the rules in force; name its log with --data-dir or --database")
	case c.Event != "" && c.Rules == "" && c.URL == "" && c.DataDir == "":
		return usageError("--rules is missing, or --url: by which rules the event is judged")
	case c.Remedy != "":
		return c.explainRemedy(p)
	case c.Near != "":
		return c.explainNear(p)
	}
	return c.explainEvent(p)
}

// nearAlone is a flag that was given and means something with --near alone; else "".
func (c *explainCommand) nearAlone() string {
	switch {
	case c.Since != "":
		return "--since"
	case c.Until != "":
		return "--until"
	case c.Limit != nil:
		return "--limit"
	}
	return ""
}

// explainEvent says what rules make of one event of a file.
func (c *explainCommand) explainEvent(p *program) error {
	in, err := openEvents(p, c.Event)
	if _, no := uuid.Parse(c.Event); no == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; a remedy is named with --remedy %s", err, c.Event)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, maxEventFile+1))
	switch {
	case err != nil:
		return fmt.Errorf("read event: %w", err)
	case len(raw) > maxEventFile:
		return fmt.Errorf("%s: read event: it has more than %d bytes, and one event at most %d", c.Event, maxEventFile, event.MaxBytes)
	}
	if next := another(raw); next > 0 {
		return fmt.Errorf("%s: read event: another one begins here, and one is explained: name a file with that one alone", place(c.Event, raw, &event.Error{Offset: next}))
	}
	if c.Rules == "" {
		return c.askWhyNot(p, raw)
	}
	files, err := readPaths([]string{c.Rules})
	if err != nil {
		return err
	}
	rules, _ := rehearse.Split(files)
	set, err := loadRules(p, rules)
	if err != nil {
		return err
	}
	explanation, err := rehearse.Explain(set, raw, time.Now().UnixNano(), decide.Lateness)
	if err != nil {
		return fmt.Errorf("%s: %w", place(c.Event, raw, err), err)
	}
	return c.print(p, explanation)
}

// another returns where a second event begins, as in a file with one on each line; 0 when
// none does.
func another(raw []byte) int {
	in := json.NewDecoder(bytes.NewReader(raw))
	var first json.RawMessage
	if in.Decode(&first) != nil {
		return 0
	}
	rest := raw[in.InputOffset():]
	if begins := bytes.TrimLeft(rest, " \t\r\n"); bytes.HasPrefix(begins, []byte("{")) {
		return len(raw) - len(begins)
	}
	return 0
}

// askWhyNot has a running service say what its rules make of an event.
func (c *explainCommand) askWhyNot(p *program, raw []byte) error {
	if _, err := event.Check(raw, event.MaxBytes); err != nil {
		return fmt.Errorf("%s: read event: %w", place(c.Event, raw, err), err)
	}
	var explanation rehearse.Explanation
	if err := c.post(p.ctx, "/v1/rules/explain", json.RawMessage(raw), &explanation); err != nil {
		return err
	}
	return c.print(p, &explanation)
}

// print prints an answer, for programs or for people.
func (c *explainCommand) print(p *program, answer interface{ WriteText(io.Writer) error }) error {
	if c.Output == "json" {
		return printJSON(p.stdout, answer)
	}
	return printPlain(p.stdout, answer.WriteText)
}

// explainRemedy says why a remedy was made. While no service runs, the log of the data
// folder is read here.
func (c *explainCommand) explainRemedy(p *program) error {
	id, err := uuid.Parse(c.Remedy)
	if err != nil {
		return usageError(fmt.Sprintf("%q is no remedy id", c.Remedy))
	}
	c.patience = applyPatience
	var explanation rehearse.Explanation
	err = c.ask(p.ctx, http.MethodGet, "/v1/remedies/"+id.String()+"/explanation", nil, "", &explanation)
	if errors.Is(err, errNotRunning) {
		err = c.fromLog(p, id, &explanation)
	}
	if err != nil {
		return err
	}
	return c.print(p, &explanation)
}

func (c *explainCommand) fromLog(p *program, id uuid.UUID, explanation *rehearse.Explanation) error {
	past, err := openHistory(p.ctx, c.storage())
	if err != nil {
		return err
	}
	defer past.Close()
	found, err := past.Explain(p.ctx, id)
	if err == nil {
		*explanation = *found
	}
	return err
}

// explainNear lists the near misses of a rule.
func (c *explainCommand) explainNear(p *program) error {
	since, limit := cmp.Or(c.Since, "7d"), 20
	if c.Limit != nil {
		limit = *c.Limit
	}
	if limit < 1 || limit > maxNear {
		return usageError(fmt.Sprintf("--limit is no number from 1 to %d", maxNear))
	}
	if c.URL != "" {
		c.patience = applyPatience
		var near rehearse.NearMisses
		query := narrowed(limit, map[string]string{"since": since, "until": c.Until})
		if err := c.live(p.ctx, "/v1/rules/"+url.PathEscape(c.Near)+"/near-misses?"+query.Encode(), &near); err != nil {
			return err
		}
		return c.print(p, &near)
	}
	// A backtest opens the same log, for the same rules and period.
	b := &backtest{program: p, backtestCommand: &backtestCommand{Rules: c.Rules, DataDir: c.DataDir, Database: c.Database, DatabaseFile: c.DatabaseFile,
		Log: c.Log, LogFile: c.LogFile, Since: since, Until: c.Until}}
	defer b.close()
	if err := b.fromLog(p.ctx); err != nil {
		return err
	}
	near, err := rehearse.Near(b.set, c.Near, b.past, limit)
	b.bar.done()
	if err != nil {
		return err
	}
	return c.print(p, near)
}

// maxNear bounds the near misses that are named.
const maxNear = 10_000

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
