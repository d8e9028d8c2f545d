// Package speed measures what the stores do, on SQLite and on PostgreSQL, beside
// what each engine does at best with the same bytes: plain inserts, many in a
// transaction. It is tests alone. make bench-store prints one table; in make test
// the same runs small, so that it is known to run.
//
// Figures of one machine say little of another, so that each is held against one of
// the same run: a floor, or the same work by one writer. The two take turns, and
// the middle of the turns' ratios counts, so that other work on the machine does not.
package speed

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	facts   = flag.Int("store.facts", 3000, "entries of the ledger that is verified; make bench-store has 1,000,000")
	turns   = flag.Int("store.turns", 2, "how often each subject has its turn; make bench-store has 9")
	commits = flag.Int("store.commits", 3, "of a thousand decisions in each turn; make bench-store has 8")
	prints  = flag.Bool("store.table", false, "print the table")
)

// What is wanted.
const (
	wantOfFloor  = 0.6
	wantWriters  = 1.0
	wantVerified = 10 * time.Second // a million entries
	wantProof    = time.Millisecond
	million      = 1_000_000
)

// table is what was measured, row by row.
type table struct{ rows [][]string }

// add adds a row. Reached says whether a target was, and is empty where there is none.
func (t *table) add(engine, what, figure, ratio, want, reached string) {
	t.rows = append(t.rows, []string{engine, what, figure, ratio, want, reached})
}

// addRatio adds a figure with its ratio to another of the same run.
func (t *table) addRatio(engine, what, figure string, ratio, want float64, of string) {
	t.add(engine, what, figure, fmt.Sprintf("%.2f of %s", ratio, of), fmt.Sprintf("≥ %.2f", want), verdict(ratio >= want))
}

func verdict(reached bool) string {
	if reached {
		return "yes"
	}
	return "no"
}

// print writes the table.
func (t *table) print() error {
	fmt.Printf("%s, %s/%s, %d processors, %d turns\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), *turns)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join([]string{"engine", "what", "measured", "ratio", "wanted", "reached"}, "\t"))
	for _, row := range t.rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// TestStore measures everything and holds that there is something to every row. A
// target that is missed shows in the table alone: a busy machine is no fault.
func TestStore(t *testing.T) {
	var all table
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			measureEvents(t, e, &all)
			measureLedger(t, e, &all)
		})
	}
	const rows = 8 // of each engine
	if len(all.rows) != rows*len(engines) {
		t.Errorf("%d rows were measured, want %d", len(all.rows), rows*len(engines))
	}
	if *prints {
		if err := all.print(); err != nil {
			t.Error(err)
		}
	}
}

// took returns how long something takes.
func took(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

// rate is n things a second.
func rate(n int, d time.Duration, of string) string {
	return fmt.Sprintf("%.0f %s/s", float64(n)/d.Seconds(), of)
}

// middle returns the median.
func middle(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}

// middleRatio returns the median of how often a turn's floor goes into its figure's
// speed: 1 when both take the same time.
func middleRatio(floor, figure []time.Duration) float64 {
	ratios := make([]float64, len(figure))
	for i := range figure {
		ratios[i] = floor[i].Seconds() / figure[i].Seconds()
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}
