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

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// history is two days of flights and the rules about them.
type history struct {
	lines []byte
	set   *rule.Set
}

// firings is how many remedies there are by each rule of the flights.
type firings struct{ refunds, credits, stops int }

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
	return &history{lines: lines, set: set}, nil
}

// backtest is ours: the whole fold, with keys, limits, windows and money.
func (h *history) backtest() (firings, error) {
	report, err := rehearse.Backtest(h.set, rehearse.Lines(bytes.NewReader(h.lines), nil), nil)
	if err != nil {
		return firings{}, err
	}
	var f firings
	for _, r := range report.Rules {
		switch r.Rule {
		case "refund-very-late-flight":
			f.refunds = r.Remedies
		case "credit-late-flight":
			f.credits = r.Remedies
		case "stop-late-airport":
			f.stops = r.Remedies
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

func (l *loop) backtest(lines []byte) (firings, error) {
	var f firings
	refunded, credited := map[any]bool{}, map[any]bool{}
	late := map[any][]time.Time{}
	for scan := bufio.NewScanner(bytes.NewReader(lines)); scan.Scan(); {
		var event map[string]any
		if err := json.Unmarshal(scan.Bytes(), &event); err != nil {
			return f, fmt.Errorf("decode flight: %w", err)
		}
		data := event["data"].(map[string]any)
		values := map[string]any{"data": data}
		veryLate, err := holds(l.refund, values)
		if err != nil {
			return f, err
		}
		if veryLate {
			if !refunded[data["booking"]] {
				refunded[data["booking"]] = true
				f.refunds++
			}
			at, err := time.Parse(time.RFC3339, event["time"].(string))
			if err != nil {
				return f, fmt.Errorf("read time: %w", err)
			}
			f.stops += stop(late, data["origin"], at)
		}
		quarter, err := holds(l.credit, values)
		if err != nil {
			return f, err
		}
		if quarter && !credited[data["booking"]] {
			credited[data["booking"]] = true
			f.credits++
		}
	}
	return f, nil
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
func stop(late map[any][]time.Time, origin any, at time.Time) int {
	var within []time.Time
	for _, before := range late[origin] {
		if at.Sub(before) < 6*time.Hour {
			within = append(within, before)
		}
	}
	if within = append(within, at); len(within) >= 3 {
		late[origin] = nil
		return 1
	}
	late[origin] = within
	return 0
}

// compareBacktests gives both their turns. What is measured is the time that
// passes, since ours runs on every core.
func compareBacktests(h *history, rounds int) (target, error) {
	l, err := newLoop()
	if err != nil {
		return target{}, err
	}
	var ours, theirs time.Duration
	for range rounds {
		began := time.Now()
		got, err := h.backtest()
		if err != nil {
			return target{}, err
		}
		middle := time.Now()
		want, err := l.backtest(h.lines)
		if err != nil {
			return target{}, err
		}
		if got != want {
			return target{}, fmt.Errorf("the backtest finds %+v, the loop over maps %+v", got, want)
		}
		if took := middle.Sub(began); ours == 0 || took < ours {
			ours = took
		}
		if took := time.Since(middle); theirs == 0 || took < theirs {
			theirs = took
		}
	}
	what := fmt.Sprintf("flights: backtest in %.1f ms, cel-go over maps in %.1f ms", milliseconds(ours), milliseconds(theirs))
	return target{what, float64(theirs) / float64(ours), true, 10, "x"}, nil
}
