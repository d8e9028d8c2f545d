package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// row is one line of the table.
type row struct {
	name   string
	ns     float64 // in the fastest turn
	usual  float64 // in the turn in the middle; 0: not measured
	allocs float64 // below zero: not counted
	than   string  // what it is a multiple of
	ratio  float64
	wanted wanted
	does   string
}

// wanted is a target. Without a text there is none.
type wanted struct {
	text    string
	reached bool
}

// atMost wants a ratio of at most that much.
func atMost(ratio, most float64) wanted {
	return wanted{fmt.Sprintf("≤ %g", most), ratio <= most}
}

// atLeast wants a ratio of at least that much.
func atLeast(ratio, least float64) wanted {
	return wanted{fmt.Sprintf("≥ %g", least), ratio >= least}
}

// and wants a second thing too.
func (w wanted) and(text string, reached bool) wanted {
	return wanted{w.text + ", " + text, w.reached && reached}
}

// table is what was measured, in groups.
type table []row

func (t *table) add(rows ...row) { *t = append(*t, rows...) }

// rowOf is a subject as a multiple of another.
func rowOf(s, than *subject) row {
	return row{name: s.name, ns: s.each(), usual: s.usual(), allocs: s.allocs, than: than.name, ratio: s.each() / than.each(), does: s.does}
}

// print writes the table, and how many targets are reached.
func (t *table) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nwhat\tns\tusual\tallocs\tratio\tto\twanted\treached\twhat it does")
	targets, reached := 0, 0
	for _, r := range *t {
		verdict, allocs, usual := "", "", ""
		if r.wanted.text != "" {
			targets++
			verdict = "NO"
			if r.wanted.reached {
				reached++
				verdict = "yes"
			}
		}
		if r.allocs >= 0 {
			allocs = fmt.Sprintf("%g", r.allocs)
		}
		if r.usual > 0 {
			usual = figure(r.usual)
		}
		line := []string{r.name, figure(r.ns), usual, allocs, figure(r.ratio), r.than, r.wanted.text, verdict, r.does}
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	_, err := fmt.Fprintf(out, "\n%d of %d targets reached\n", reached, targets)
	return err
}

// figure writes a number with about three digits.
func figure(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}
