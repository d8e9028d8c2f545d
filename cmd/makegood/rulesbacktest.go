package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

type backtestCommand struct {
	Rules        string `help:"Folder of rules. Without it those in force, of --data-dir or --url."`
	Events       string `type:"path" help:"CloudEvents as JSON lines, plain or gzip; - reads standard input." xor:"past"`
	DataDir      string `type:"path" help:"Data folder of a service, running or not: the events of its log." xor:"past"`
	Database     string `placeholder:"URL" help:"PostgreSQL database of a service: the events of its log." xor:"past"`
	DatabaseFile string `type:"path" help:"File with what --database would say." xor:"past"`
	URL          string `help:"Address of a running service: it reads the events of its log." xor:"past"`
	Log          string `env:"MAKEGOOD_LOG" placeholder:"URL" help:"NATS servers of the log, where it is not in the database."`
	LogFile      string `env:"MAKEGOOD_LOG_FILE" type:"path" help:"File with what --log would say."`
	Since        string `help:"From when on remedies count: 2026-11-01, 2026-11-01T12:00:00Z, or of a log 30d before --until, else before its end."`
	Until        string `help:"Until when; what lies there no longer counts. Of a log at most, and by default, as far as it has come."`
	Against      string `type:"path" help:"Folder of rules to compare with. With --rules and a log it defaults to those in force."`
	Days         bool   `help:"List what was done by day and rule, however long the list; a short one is there by itself."`
	NoColor      bool   `help:"Draw the chart in plain ASCII, as where there is no terminal, or NO_COLOR is set."`
	Output       string `enum:"table,json" default:"table" help:"table or json."`
	credentials
}

// Run folds the events in their order as if every rule were live: those of a file,
// whose own time is the clock, or those of a log.
func (c *backtestCommand) Run(p *program) error {
	if c.Events == "" && c.URL == "" && c.storage().check() != nil {
		return usageError("name one: --events, or the log of a service by --data-dir, --database, --database-file or --url")
	}
	ctx, end := context.WithCancel(p.ctx)
	defer end()
	b := &backtest{program: p, backtestCommand: c}
	if c.URL != "" {
		return b.fromService(ctx)
	}
	prepare := b.fromFile
	if c.Events == "" {
		prepare = b.fromLog
	}
	defer b.close()
	if err := prepare(ctx); err != nil {
		return err
	}
	report, err := rehearse.Compare(b.set, b.against, b.past)
	b.bar.done()
	if report != nil {
		b.printRejections(report)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", cmp.Or(c.Events, c.storage().String()), err)
	}
	return b.print(report)
}

// print prints what rules would have done.
func (b *backtest) print(report *rehearse.Report) error {
	if b.Output == "json" {
		return printJSON(b.stdout, report)
	}
	if err := printPlain(b.stdout, report.WriteTable); err != nil {
		return err
	}
	width, plain := b.canvas()
	if err := report.WriteChart(b.stdout, width, plain); err != nil {
		return err
	}
	switch n := len(report.Days); {
	case n == 0:
		return nil
	case n > fewDays && !b.Days:
		_, err := fmt.Fprintf(b.stdout, "--days lists the figures by day and rule, %d lines\n", n)
		return err
	}
	return printPlain(b.stdout, report.WriteDays)
}

// fewDays are the lines by day and rule that are printed unasked: two weeks of one
// rule, which leave the table above in sight.
const fewDays = 14

// fromService has a running service read its own log, by the rules that are here.
func (b *backtest) fromService(ctx context.Context) error {
	ask := map[string]any{"since": b.Since, "until": b.Until}
	for _, given := range []struct{ name, dir string }{{"files", b.Rules}, {"against", b.Against}} {
		if given.dir == "" {
			continue
		}
		files, err := readPaths([]string{given.dir})
		if err != nil {
			return err
		}
		rules, _ := rehearse.Split(files)
		if _, err := loadRules(b.program, rules); err != nil {
			return err
		}
		ask[given.name] = rules
	}
	asked := service{URL: b.URL, credentials: b.credentials, patience: applyPatience}
	var report rehearse.Report
	if err := asked.post(ctx, "/v1/rules/backtest", ask, &report); err != nil {
		return err
	}
	return b.print(&report)
}

// storage is where the log and the rules in force lie.
func (c *backtestCommand) storage() storage {
	return storage{c.DataDir, database{c.Database, c.DatabaseFile, c.Log, c.LogFile}}
}

// backtest is a backtest on its way.
type backtest struct {
	*program
	*backtestCommand
	set, against *rule.Set
	past         rehearse.Past
	bar          *progress
	closers      []func() error
}

func (b *backtest) close() {
	for _, c := range b.closers {
		_ = c() // it was only read
	}
}

// fromFile reads the rules, and opens the file of events.
func (b *backtest) fromFile(ctx context.Context) (err error) {
	if b.Rules == "" {
		return usageError("--rules is missing: with --events there are no rules in force")
	}
	if b.set, err = b.load(b.Rules); err != nil {
		return err
	}
	if b.Against != "" {
		if b.against, err = b.load(b.Against); err != nil {
			return err
		}
	}
	if err := b.period(time.Time{}); err != nil {
		return err
	}
	events, size := b.stdin, 0
	if b.Events != "-" {
		f, err := os.Open(b.Events)
		if err != nil {
			return fmt.Errorf("open events: %w", err)
		}
		b.closers = append(b.closers, f.Close)
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("open events: %w", err)
		}
		events, size = f, int(info.Size())
	}
	b.bar = newProgress(b.stderr, "backtest, bytes", size)
	b.bar.plain = b.plain()
	b.past.File = &measured{in: &interruptible{ctx: ctx, in: events}, bar: b.bar}
	return nil
}

// fromLog reads the rules, and those in force, and opens the log.
func (b *backtest) fromLog(ctx context.Context) error {
	past, err := openHistory(ctx, b.storage())
	if err != nil {
		return err
	}
	b.closers = append(b.closers, past.Close)
	now, err := past.Now(ctx)
	if err != nil {
		return err
	}
	b.past.End = now.Position().At + 1
	if err := b.period(time.Unix(0, b.past.End)); err != nil {
		return err
	}
	switch b.set = now.Rules(); {
	case b.Rules != "":
		b.against = now.Rules()
		if b.set, err = b.load(b.Rules); err != nil {
			return err
		}
	case b.set == nil:
		return usageError("--rules is missing: no rules are in force there")
	}
	if b.Against != "" {
		if b.against, err = b.load(b.Against); err != nil {
			return err
		}
	}
	lateness, err := past.Lateness(ctx)
	if err != nil {
		return err
	}
	b.past.Lateness = &lateness
	b.bar = newProgress(b.stderr, "backtest, records", 0)
	b.bar.plain = b.plain()
	b.past.Inputs = past.Inputs(ctx, func(read, all uint64) {
		b.bar.total = int(all)
		b.bar.set(int(read))
	})
	return nil
}

func (b *backtest) load(dir string) (*rule.Set, error) {
	files, err := readPaths([]string{dir})
	if err != nil {
		return nil, err
	}
	rules, _ := rehearse.Split(files)
	return loadRules(b.program, rules)
}

// period reads --since and --until; end is where the log ends, zero of a file.
func (b *backtest) period(end time.Time) error {
	for _, bound := range []struct {
		flag, text string
		into       *int64
	}{{"--until", b.Until, &b.past.Until}, {"--since", b.Since, &b.past.Since}} {
		if bound.text == "" {
			continue
		}
		at, err := moment(bound.flag, bound.text, end)
		if err == nil && bound.flag == "--until" {
			err = reached(bound.flag, at, end)
		}
		if err != nil {
			return err
		}
		if *bound.into = at.UnixNano(); bound.flag == "--until" {
			end = at
		}
	}
	switch {
	case b.Since == "" || end.IsZero() || b.past.Since < end.UnixNano():
		return nil
	case b.Until != "":
		return usageError("--since is not before --until")
	}
	return usageError("--since is not before the end of the log, which is at " + end.UTC().Format(time.RFC3339Nano))
}

func (b *backtest) printRejections(report *rehearse.Report) {
	for _, r := range report.Rejections {
		fmt.Fprintf(b.stderr, "%s:%d: rejected: %s\n", b.Events, r.Line, r.Reason)
	}
	if more := report.Rejected - len(report.Rejections); more > 0 {
		fmt.Fprintf(b.stderr, "and %d more were rejected\n", more)
	}
}

// canvas is how wide a chart may be, and whether it is plain.
func (b *backtest) canvas() (width int, plain bool) {
	const usual = 80
	f, ok := b.stdout.(*os.File)
	if !ok {
		return usual, true
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return usual, true
	}
	return width, b.plain()
}

func (b *backtest) plain() bool { return b.NoColor || noColor() }

// measured shows how much of a file was read.
type measured struct {
	in   io.Reader
	bar  *progress
	read int
}

func (m *measured) Read(b []byte) (int, error) {
	n, err := m.in.Read(b)
	m.read += n
	m.bar.set(m.read)
	return n, err
}
