package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table is everything that one run measured.
type table []*subject

// find returns a subject; size 0 finds a floor.
func (t table) find(set string, size int, engine string) *subject {
	i := slices.IndexFunc(t, func(s *subject) bool { return s.set == set && s.size == size && s.engine == engine })
	if i < 0 {
		return nil
	}
	return t[i]
}

// print writes the subjects, those that do the same work below each other.
func (t table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "set\trules\tengine\tns/event\tx ours\tallocs\tload ms\tB/rule\tcompile ms\tB/rule\t\n")
	for i, s := range t {
		if i > 0 && (t[i-1].set != s.set || t[i-1].size != s.size) {
			fmt.Fprint(w, "\t\t\t\t\t\t\t\t\t\t\n")
		}
		ours := t.find(s.set, s.size, "ours")
		what := fmt.Sprint(s.size)
		if s.size == 0 {
			what = "8 paths"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.2f\t%.0f\t", s.set, what, s.engine, s.best.Nanoseconds(), ratio(s, ours), s.allocs)
		if s.size == 0 {
			fmt.Fprint(w, "\t\t\t\t\n")
			continue
		}
		if s.engine == "ours" { // the others translate and compile in one go
			fmt.Fprintf(w, "%.0f\t%d\t", milliseconds(s.loaded.time), s.loaded.heap)
		} else {
			fmt.Fprint(w, "\t\t")
		}
		fmt.Fprintf(w, "%.1f\t%d\t\n", milliseconds(s.built.time), s.built.heap)
	}
	_ = w.Flush()
}

// ratio is how many times longer s takes than t.
func ratio(s, t *subject) float64 { return float64(s.best) / float64(t.best) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// target is what the matcher is to reach.
type target struct {
	what  string
	got   float64
	least bool    // limit is the least that will do, not the most
	limit float64 // the least of 0 asks for nothing
	unit  string
}

func (t target) reached() bool {
	if t.least {
		return t.got >= t.limit
	}
	return t.got <= t.limit
}

// targets lists what this run says of each, for the sets that it measured.
func (t table) targets() []target {
	var all []target
	for _, set := range []string{"A", "B"} {
		if t.find(set, mostRules, "ours") != nil {
			all = append(all, t.targetsOf(set)...)
		}
	}
	for _, set := range []string{"wildcard", "array", "negation"} {
		if most := t.find(set, mostRules, "ours"); most != nil {
			all = append(all, target{set + ": time at 10,000 rules to that at 100", ratio(most, t.find(set, 100, "ours")), false, 1.3, "x"})
		}
	}
	return all
}

func (t table) targetsOf(set string) []target {
	thousand, most := t.find(set, 1_000, "ours"), t.find(set, mostRules, "ours")
	extraction, eachKey := t.find(set, 0, "ours"), t.find(set, 0, "jsonparser EachKey")
	return []target{
		{set + ": faster than cel-go at 1,000 rules", ratio(t.find(set, 1_000, "cel-go"), thousand), true, 15, "x"},
		{set + ": faster than cel-go at 10,000 rules", ratio(t.find(set, mostRules, "cel-go"), most), true, 300, "x"},
		{set + ": time at 10,000 rules to that at 100", ratio(most, t.find(set, 100, "ours")), false, 1.3, "x"},
		{set + ": time at 1,000 rules to reading 8 paths", ratio(thousand, extraction), false, 1.5, "x"},
		{set + ": time at 10,000 rules to reading 8 paths", ratio(most, extraction), false, 1.5, "x"},
		{set + ": jsonparser EachKey to reading 8 paths", ratio(eachKey, extraction), true, 1, "x"},
		{set + ": allocations of an event that matches nothing", max(thousand.allocs, most.allocs), false, 0, ""},
		{set + ": 10,000 rules compiled", milliseconds(most.built.time), false, 100, "ms"},
		{set + ": a compiled rule", float64(most.built.heap), false, 1024, "B"},
	}
}

// printTargets writes which targets this run reached.
func printTargets(out io.Writer, targets []target) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range targets {
		if t.least && t.limit == 0 {
			fmt.Fprintf(w, "%s\t%.2f %s\t\t\n", t.what, t.got, t.unit)
			continue
		}
		limit := strings.TrimSpace(fmt.Sprintf("%s %g %s", map[bool]string{true: "at least", false: "at most"}[t.least], t.limit, t.unit))
		fmt.Fprintf(w, "%s\t%.2f %s\t%s\t%s\n", t.what, t.got, t.unit, limit, map[bool]string{true: "reached", false: "NOT reached"}[t.reached()])
	}
	_ = w.Flush()
}
