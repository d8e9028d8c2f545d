package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// history is two days of flights and the rules about them.
type history struct {
	lines   []byte
	set     *rule.Set
	matcher match.Matcher
}

// firings is what each rule of the flights came to.
type firings struct{ refund, credit, stop outcome }

// outcome is what one rule came to. Of matching alone there are only remedies: as
// many as events match.
type outcome struct {
	remedies, held, customers, cords, days int
	cents                                  int64
}

// of returns the outcome of a rule.
func (f *firings) of(rule string) *outcome {
	return map[string]*outcome{"refund-very-late-flight": &f.refund, "credit-late-flight": &f.credit, "stop-late-airport": &f.stop}[rule]
}

// readHistory reads the flights and their rules below the folder of the example.
func readHistory(folder string) (*history, error) {
	file, err := os.Open(filepath.Join(folder, "flights.jsonl.gz"))
	if err != nil {
		return nil, fmt.Errorf("open flights: %w", err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("read flights: %w", err)
	}
	lines, err := io.ReadAll(unzipped)
	if err != nil {
		return nil, fmt.Errorf("read flights: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "rules", "flights.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	set, err := rule.Load([]rule.File{{Path: "flights.yaml", Text: string(text)}})
	if err != nil {
		return nil, err
	}
	return &history{lines: lines, set: set, matcher: match.New(set)}, nil
}

// backtest is ours: the whole fold, with keys, limits, windows and money.
func (h *history) backtest() (firings, error) {
	report, err := rehearse.Backtest(h.set, bytes.NewReader(h.lines))
	if err != nil {
		return firings{}, err
	}
	var f firings
	for _, r := range report.Rules {
		paid, err := cents(cmp.Or(r.Money["USD"], "0.00") + " USD")
		if err != nil {
			return f, err
		}
		*f.of(r.Rule) = outcome{remedies: r.Remedies, held: r.Held, customers: r.Customers, cords: r.Cords, cents: paid}
	}
	for _, d := range report.Days {
		f.of(d.Rule).days++
	}
	return f, nil
}

// match is the matcher alone, without the fold behind it.
func (h *history) match() (firings, error) {
	var f firings
	for scan := bufio.NewScanner(bytes.NewReader(h.lines)); scan.Scan(); {
		result, err := h.matcher.Match(scan.Bytes(), 0)
		if err != nil {
			return f, err
		}
		for i := range result.Hits {
			f.of(result.Hits[i].Rule.Name).remedies++
		}
	}
	return f, nil
}

// flightTurns is how many turns a round has: they are short, and take both cores, so
// that of few of them none may be undisturbed.
const flightTurns = 4

// compareFlights gives ours and the loop their turns, matching alone and with
// what follows.
func compareFlights(h *history, rounds int) ([]target, error) {
	rounds *= flightTurns
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	matching, err := compare("matched", rounds, h.match, func() (firings, error) { return l.match(h.lines) })
	if err != nil {
		return nil, err
	}
	backtest, err := compare("backtest", rounds, h.backtest, func() (firings, error) { return l.backtest(h.lines) })
	backtest.limit = 10 // what matching alone comes to, on one core, is for comparison
	return []target{matching, backtest}, err
}

// compare measures the time that passes, since the fold runs on every core, and what
// all of them have worked, which other programs disturb less.
func compare(what string, rounds int, ours, loop func() (firings, error)) (target, error) {
	var our, their spent
	for range rounds {
		got, err := our.turn(ours)
		if err != nil {
			return target{}, err
		}
		want, err := their.turn(loop)
		if err != nil {
			return target{}, err
		}
		if got != want {
			return target{}, fmt.Errorf("flights %s: ours finds %+v, the loop over maps %+v", what, got, want)
		}
	}
	text := fmt.Sprintf("flights %s in %v, by cel-go over maps in %v (of processors %.1f x)", what, our, their, float64(their.worked)/float64(our.worked))
	return target{text, float64(their.passed) / float64(our.passed), true, 0, "x"}, nil
}

// spent is the least that a turn took.
type spent struct{ passed, worked time.Duration }

// turn takes the measure of one more turn.
func (s *spent) turn(do func() (firings, error)) (firings, error) {
	runtime.GC() // of what the other one left
	began, idle := time.Now(), worked()
	found, err := do()
	passed, work := time.Since(began), worked()-idle
	if s.passed == 0 || passed < s.passed {
		s.passed = passed
	}
	if s.worked == 0 || work < s.worked {
		s.worked = work
	}
	return found, err
}

func (s spent) String() string {
	return fmt.Sprintf("%.1f ms (of processors %.1f)", milliseconds(s.passed), milliseconds(s.worked))
}
