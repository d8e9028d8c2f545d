package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"cel.dev/cel-go/cel"

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

// firings is how often each rule of the flights matched, or made a remedy.
type firings struct{ refunds, credits, stops int }

// add counts n of a rule.
func (f *firings) add(rule string, n int) {
	switch rule {
	case "refund-very-late-flight":
		f.refunds += n
	case "credit-late-flight":
		f.credits += n
	case "stop-late-airport":
		f.stops += n
	}
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
	report, err := rehearse.Backtest(h.set, rehearse.Lines(bytes.NewReader(h.lines), nil), nil)
	if err != nil {
		return firings{}, err
	}
	var f firings
	for _, r := range report.Rules {
		f.add(r.Rule, r.Remedies)
	}
	return f, nil
}

// match is the matcher alone, without the fold behind it.
func (h *history) match() (firings, error) {
	var f firings
	for raw, err := range rehearse.Lines(bytes.NewReader(h.lines), nil) {
		if err != nil {
			return f, err
		}
		result, err := h.matcher.Match(raw, 0)
		if err != nil {
			return f, err
		}
		for i := range result.Hits {
			f.add(result.Hits[i].Rule.Name, 1)
		}
	}
	return f, nil
}

// loop is what one would write in an hour with cel-go: each event decoded into
// maps, each condition asked, bookings remembered, and a list of times for each
// airport. It knows no limits and no money, and it counts the same remedies.
type loop struct {
	refund, credit cel.Program
}

func newLoop() (*loop, error) {
	env, err := cel.NewEnv(cel.Variable("data", cel.DynType))
	if err != nil {
		return nil, fmt.Errorf("build environment: %w", err)
	}
	l := &loop{}
	if l.refund, err = celProgram(env, "data.delay_min >= 180"); err != nil {
		return nil, err
	}
	l.credit, err = celProgram(env, "data.delay_min >= 60 && data.delay_min < 180")
	return l, err
}

// each decodes the flights and asks both conditions of each.
func (l *loop) each(lines []byte, do func(event, data map[string]any, veryLate, late bool) error) error {
	for scan := bufio.NewScanner(bytes.NewReader(lines)); scan.Scan(); {
		var event map[string]any
		if err := json.Unmarshal(scan.Bytes(), &event); err != nil {
			return fmt.Errorf("decode flight: %w", err)
		}
		data := event["data"].(map[string]any)
		values := map[string]any{"data": data}
		veryLate, err := holds(l.refund, values)
		if err != nil {
			return err
		}
		late, err := holds(l.credit, values)
		if err != nil {
			return err
		}
		if err := do(event, data, veryLate, late); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) match(lines []byte) (firings, error) {
	var f firings
	err := l.each(lines, func(_, _ map[string]any, veryLate, late bool) error {
		if veryLate {
			f.refunds++
			f.stops++
		}
		if late {
			f.credits++
		}
		return nil
	})
	return f, err
}

func (l *loop) backtest(lines []byte) (firings, error) {
	var f firings
	refunded, credited := map[any]bool{}, map[any]bool{}
	windows := map[any][]time.Time{}
	err := l.each(lines, func(event, data map[string]any, veryLate, late bool) error {
		if veryLate {
			if !refunded[data["booking"]] {
				refunded[data["booking"]] = true
				f.refunds++
			}
			at, err := time.Parse(time.RFC3339, event["time"].(string))
			if err != nil {
				return fmt.Errorf("read time: %w", err)
			}
			f.stops += stop(windows, data["origin"], at)
		}
		if late && !credited[data["booking"]] {
			credited[data["booking"]] = true
			f.credits++
		}
		return nil
	})
	return f, err
}

func holds(program cel.Program, values map[string]any) (bool, error) {
	result, _, err := program.Eval(values)
	if err != nil {
		return false, err
	}
	return result.Value() == true, nil
}

// stop adds a departure to the window of its airport and returns 1 when it is
// the third within six hours; the window then starts anew.
func stop(windows map[any][]time.Time, origin any, at time.Time) int {
	var within []time.Time
	for _, before := range windows[origin] {
		if at.Sub(before) < 6*time.Hour {
			within = append(within, before)
		}
	}
	if within = append(within, at); len(within) >= 3 {
		windows[origin] = nil
		return 1
	}
	windows[origin] = within
	return 0
}

// compareFlights gives ours and the loop their turns, matching alone and with
// what follows.
func compareFlights(h *history, rounds int) ([]target, error) {
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	matching, err := compare("matched", rounds, h.match, func() (firings, error) { return l.match(h.lines) })
	if err != nil {
		return nil, err
	}
	backtest, err := compare("backtest", rounds, h.backtest, func() (firings, error) { return l.backtest(h.lines) })
	return []target{matching, backtest}, err
}

// compare measures the time that passes, since the fold runs on every core.
func compare(what string, rounds int, ours, loop func() (firings, error)) (target, error) {
	var our, their time.Duration
	for range rounds {
		began := time.Now()
		got, err := ours()
		if err != nil {
			return target{}, err
		}
		middle := time.Now()
		want, err := loop()
		if err != nil {
			return target{}, err
		}
		took := time.Since(middle)
		if got != want {
			return target{}, fmt.Errorf("flights %s: ours finds %+v, the loop over maps %+v", what, got, want)
		}
		if middle := middle.Sub(began); our == 0 || middle < our {
			our = middle
		}
		if their == 0 || took < their {
			their = took
		}
	}
	text := fmt.Sprintf("flights %s in %.1f ms, by cel-go over maps in %.1f ms", what, milliseconds(our), milliseconds(their))
	return target{text, float64(their) / float64(our), true, 10, "x"}, nil
}
