//go:build unix

package remediator

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/views"
)

// folded is what a log comes to.
type folded struct {
	cord   cord.State
	brakes []views.Brake
	facts  [][]byte
}

// refoldLog folds a stored log anew, with nothing remembered and no stop known
// before its command.
func refoldLog(t *testing.T, path string) folded {
	t.Helper()
	log, err := logdb.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	records, err := log.Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	memory := decide.NewMemory()
	fold := decide.New(decide.Config{Memory: memory})
	var f folded
	for _, r := range records {
		inputs, err := input.DecodeRecord(r.Blob, r.At)
		if err != nil {
			t.Fatal(err)
		}
		out, err := fold.Apply(inputs)
		if err != nil {
			t.Fatal(err)
		}
		memory.Commit(out)
		for _, item := range out.Items {
			if item.Fact != nil {
				f.facts = append(f.facts, item.Fact.Body)
			}
		}
		f.apply(out.Brakes)
	}
	f.cord, _ = fold.Cord(crashCord)
	return f
}

// apply changes brakes as the fold says.
func (f *folded) apply(changes []decide.BrakeChange) {
	for _, c := range changes {
		same := func(b views.Brake) bool { return b.Target == c.Target && (b.ID == c.ID || !c.Set && c.ID == "") }
		switch known := slices.ContainsFunc(f.brakes, same); {
		case !c.Set:
			f.brakes = slices.DeleteFunc(f.brakes, same)
		case !known:
			f.brakes = append(f.brakes, views.Brake{Target: c.Target, ID: c.ID, By: c.By, Confirmed: true})
		}
	}
}

// compare wants the same facts, the same cord and the same brakes in the ledger.
func (f folded) compare(t *testing.T, db *ledgerdb.DB) {
	t.Helper()
	state, err := db.Cord(t.Context(), crashCord)
	if err != nil {
		t.Fatal(err)
	}
	if state == nil && f.cord.Cord != "" || state != nil && *state != f.cord {
		t.Errorf("the cord is %+v, folding the log anew gives %+v", state, f.cord)
	}
	brakes, err := db.Brakes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range brakes {
		brakes[i].At = time.Time{} // the API's clock, or the log's
	}
	order := func(a, b views.Brake) int { return strings.Compare(a.Target+" "+a.ID, b.Target+" "+b.ID) }
	slices.SortFunc(brakes, order)
	slices.SortFunc(f.brakes, order)
	if !slices.Equal(brakes, f.brakes) {
		t.Errorf("the brakes are %+v, folding the log anew gives %+v", brakes, f.brakes)
	}
	f.compareFacts(t, db)
}

func (f folded) compareFacts(t *testing.T, db *ledgerdb.DB) {
	t.Helper()
	source, release, err := db.Source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	n := 0
	rows, err := source.Entries(t.Context(), -1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range rows {
		if e.Kind == decide.KindEvidence {
			continue
		}
		if n < len(f.facts) && string(e.Body) != string(f.facts[n]) {
			t.Fatalf("fact %d is %s, folding the log anew gives %s", n, e.Body, f.facts[n])
		}
		n++
	}
	if n != len(f.facts) {
		t.Errorf("the ledger holds %d facts, folding the log anew gives %d", n, len(f.facts))
	}
}
