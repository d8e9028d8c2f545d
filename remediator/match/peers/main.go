// Peers measures the matcher against other engines on the same work: 10,000
// events and up to 10,000 rules of five kinds. It is a module of its own, so
// that the service does not depend on any of them. README.md says what is
// measured and in which form the work is written for engines that are no Go
// modules.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	rounds := flag.Int("rounds", 15, "how often each engine has its turn")
	out := flag.String("out", "", "the folder into which the work is written; none: it is not")
	flights := flag.String("flights", "../../../examples/flights", "the folder of the flights and their rules")
	only := flag.String("set", "", "the only set to measure; none: all")
	flag.Parse()
	if err := run(os.Stdout, *rounds, *out, *flights, *only); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// run writes the work, measures every set with every engine, and prints what
// each costs and which targets are reached.
func run(out io.Writer, rounds int, folder, flights, only string) error {
	h, err := readHistory(flights)
	if err != nil {
		return err
	}
	// First, before the heap is full of other engines, of which there are none where a
	// backtest runs.
	fmt.Fprintln(os.Stderr, "measuring the backtest of the flights")
	flown, err := compareFlights(h, rounds)
	if err != nil {
		return err
	}
	w := generate()
	if folder != "" {
		if err := w.write(folder); err != nil {
			return err
		}
	}
	var all table
	for _, set := range w.sets {
		if only != "" && set.name != only {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s: %s\n", set.name, set.about)
		subjects, err := measureSet(w, set, rounds)
		if err != nil {
			return err
		}
		all = append(all, subjects...)
	}
	if len(all) == 0 {
		return fmt.Errorf("measure set %s: there is none of this name", only)
	}
	all.print(out)
	fmt.Fprintln(out)
	for _, e := range engines {
		if e.lacks != "" {
			fmt.Fprintf(out, "%s is left out for %s, whose rules it cannot express.\n", e.name, e.lacks)
		}
	}
	fmt.Fprintln(out)
	printTargets(out, append(all.targets(), flown...))
	return nil
}

// measureSet measures the sizes of one set and the floors, all in the same rounds.
func measureSet(w *work, set ruleSet, rounds int) ([]*subject, error) {
	var subjects []*subject
	for _, f := range floors() {
		s, err := newFloor(set, f, w)
		if err != nil {
			return nil, fmt.Errorf("read with %s: %w", f.name, err)
		}
		subjects = append(subjects, s)
	}
	for _, size := range set.sizes {
		want := judge(set.rules[:size], w.documents)
		for _, e := range engines {
			if !e.takes(set) {
				continue
			}
			s, err := newSubject(set, size, e, w, want)
			if err != nil {
				return nil, err
			}
			subjects = append(subjects, s)
		}
	}
	return subjects, measure(subjects, w.events, rounds)
}
