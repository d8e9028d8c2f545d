package history_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the tamperer's way in

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
)

// reproduce opens a folder to read and reproduces its ledger, or a remedy of it.
func reproduce(t *testing.T, dir string, remedy uuid.UUID) (*history.Reproduction, error) {
	t.Helper()
	lg, err := logdb.OpenReadOnly(t.Context(), filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer lg.Close()
	db, err := ledgerdb.OpenReadOnly(t.Context(), filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	told := uint64(0)
	r, err := history.Reproduce(t.Context(), lg, db, remedy, func(done, all uint64) {
		if done < told || done > all {
			t.Errorf("progress is %d of %d, after %d", done, all, told)
		}
		told = done
	})
	return r, err
}

// copied returns a copy of a folder that nobody serves.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// change runs statements on a file of a folder.
func change(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		result, err := db.Exec(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			t.Fatalf("%s changed %d rows, %v", s, n, err)
		}
	}
}

// entriesOf reads the ledger of a folder.
func entriesOf(t *testing.T, dir string) (entries []ledger.Entry) {
	t.Helper()
	db, err := ledgerdb.OpenReadOnly(t.Context(), filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	src, release, err := db.Source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	rows, err := src.Entries(t.Context(), -1, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		e, err := row.Entry()
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// The whole ledger and each remedy of it come out again, byte for byte.
func TestReproduce(t *testing.T) {
	t.Parallel()
	dir := shopFolder(t)
	entries := entriesOf(t, dir)
	all, err := reproduce(t, dir, uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	if !all.Reproduced || !all.Genesis || all.Since != 1 || all.Facts+all.Evidence != uint64(len(entries)) || all.Evidence < 20 || all.Erased+all.Lost+all.Older != 0 {
		t.Errorf("of %d entries: %+v", len(entries), all)
	}
	about := map[uuid.UUID]uint64{}
	for _, e := range entries {
		about[e.Remedy]++
	}
	delete(about, uuid.Nil)
	fromState := 0
	for remedy, n := range about {
		r, err := reproduce(t, dir, remedy)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Reproduced || r.Entries != n || r.Missed != 0 || r.Genesis != (r.Began == nil) {
			t.Errorf("remedy %s of %d entries: %+v", remedy, n, r)
		}
		if r.Began != nil {
			fromState++
		}
	}
	if len(about) < 20 || fromState == 0 {
		t.Errorf("%d remedies, %d from a stored state", len(about), fromState)
	}
	if _, err := reproduce(t, dir, uuid.New()); err == nil {
		t.Error("a remedy is reproduced that there is not")
	}
}

// Where the log no longer has its beginning, the oldest stored state from which it
// goes on is where the folding begins, and what is older is said to be.
func TestReproduceWhatIsKept(t *testing.T) {
	t.Parallel()
	dir := shopFolder(t)
	entries := entriesOf(t, dir)
	db, err := ledgerdb.OpenReadOnly(t.Context(), filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	positions, err := db.Snapshots(t.Context())
	if err := errors.Join(err, db.Close()); err != nil || len(positions) < 3 {
		t.Fatalf("%d states are stored, %v", len(positions), err)
	}
	older := 0
	for i, p := range positions {
		kept := copied(t, dir)
		removeRecords(t, kept, p.Record)
		r, err := reproduce(t, kept, uuid.Nil)
		if i == len(positions)-1 && p.Ordinal >= entries[len(entries)-1].Ordinal {
			continue // nothing came after it
		}
		if err != nil {
			t.Fatal(err)
		}
		if !r.Reproduced || r.Genesis || r.Since != p.Ordinal+1 || r.Began == nil || r.Older != *r.Began+1 || r.Older+r.Facts+r.Evidence != uint64(len(entries)) {
			t.Errorf("from the state of input %d: %+v", p.Ordinal, r)
		}
		if seal := entries[*r.Began]; seal.Kind != decide.KindSnapshot {
			t.Errorf("it began with what a %s seals", seal.Kind)
		}
		// What was decided before is not reproduced, and is said not to be.
		first := firstRemedy(entries[:*r.Began])
		if first == uuid.Nil {
			continue // the first remedy is decided after this state
		}
		older++
		if _, err := reproduce(t, kept, first); err == nil || !strings.Contains(err.Error(), "older than retention") {
			t.Errorf("a remedy that is older: %v", err)
		}
	}
	if older == 0 {
		t.Error("no state came after a remedy")
	}
	none := copied(t, dir)
	removeRecords(t, none, positions[len(positions)-1].Record+2)
	if r, err := reproduce(t, none, uuid.Nil); err == nil || !strings.Contains(err.Error(), "older than retention") {
		t.Errorf("without a state from which the log goes on: %+v, %v", r, err)
	}
}

func firstRemedy(entries []ledger.Entry) uuid.UUID {
	for _, e := range entries {
		if e.Kind == decide.KindRemedy {
			return e.Remedy
		}
	}
	return uuid.Nil
}

// removeRecords removes what a log holds up to a record.
func removeRecords(t *testing.T, dir string, through uint64) {
	t.Helper()
	lg, err := logdb.Open(t.Context(), filepath.Join(dir, "log.db"), logdb.Options{Now: func() time.Time { return time.Now().AddDate(1, 0, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = lg.Forget(t.Context(), through, time.Hour)
	if err := errors.Join(err, lg.Close()); err != nil {
		t.Fatal(err)
	}
}

// What differs is named, by the entry and its first field. Whoever changed the
// ledger may have sealed it anew: only the log knows better.
func TestReproduceNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	dir := shopFolder(t)
	entries := entriesOf(t, dir)
	credits := 0
	var decision, evidence ledger.Entry
	for _, e := range entries {
		var f decide.RemedyFact
		if e.Kind == decide.KindRemedy && json.Unmarshal(e.Body, &f) == nil && f.Decision == decide.Act && f.Rule == "late" {
			if credits++; credits == 4 {
				decision = e
			}
		}
		if e.Kind == decide.KindEvidence {
			evidence = e
		}
	}
	at := func(e ledger.Entry, set string) string {
		return "UPDATE ledger SET " + set + " WHERE seq = " + fmt.Sprint(e.Seq)
	}
	for _, c := range []struct {
		name, file, statement string
		entry                 uint64
		field                 string
	}{
		{"an amount", "ledger.db", at(decision, `body = CAST(replace(CAST(body AS TEXT), '"minor":100,', '"minor":900,') AS BLOB)`), decision.Seq, "minor"},
		{"a step's amount", "ledger.db", at(decision, `body = CAST(replace(CAST(body AS TEXT), '"amount":{"minor":100,', '"amount":{"minor":900,') AS BLOB)`), decision.Seq, "body.steps[0].amount.minor"},
		{"a rule", "ledger.db", at(decision, `rule = 'early'`), decision.Seq, "rule"},
		{"a time", "ledger.db", at(decision, `at = at + 1`), decision.Seq, "at"},
		{"a ciphertext", "ledger.db", at(evidence, `body = CAST(replace(CAST(body AS TEXT), '"sealed":"', '"sealed":"AAAA') AS BLOB)`), evidence.Seq, "body.sealed"},
		{"an entry that is odd", "ledger.db", at(decision, `body = CAST('none' AS BLOB)`), decision.Seq, "entry"},
		{"the end cut off", "ledger.db", "DELETE FROM ledger WHERE seq >= " + fmt.Sprint(decision.Seq), decision.Seq, "entry"},
		{"an entry that was added", "ledger.db", `INSERT INTO ledger SELECT seq + 1, kind, at, ordinal, version, remedy, action, rule, body, leaf FROM ledger ORDER BY seq DESC LIMIT 1`,
			uint64(len(entries)), "entry"},
		{"the digest of the inputs", "ledger.db", `UPDATE applied SET digest = zeroblob(32)`, uint64(len(entries)), "digest of the inputs"},
	} {
		changed := copied(t, dir)
		change(t, filepath.Join(changed, c.file), c.statement)
		r, err := reproduce(t, changed, uuid.Nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.Reproduced || r.Difference == nil || r.Entry != c.entry || !strings.Contains(r.Difference.Field, c.field) || r.Difference.Sealed == r.Difference.Other {
			t.Errorf("%s: %+v %+v, want field %s of entry %d", c.name, r, r.Difference, c.field, c.entry)
		}
	}
}

// A key that is gone leaves evidence that nobody can compare. It is counted, and
// without a sealed erasure it is not called one.
func TestReproduceWithoutKeys(t *testing.T) {
	t.Parallel()
	dir := copied(t, shopFolder(t))
	change(t, filepath.Join(dir, "ledger.db"), `DELETE FROM customer_key WHERE customer = 'c-1'`)
	r, err := reproduce(t, dir, uuid.Nil)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Reproduced || r.Lost < 5 || r.Erased != 0 || r.Evidence < 5 || r.Facts+r.Evidence+r.Lost != uint64(len(entriesOf(t, dir))) {
		t.Errorf("%+v", r)
	}
	other := copied(t, dir)
	change(t, filepath.Join(other, "ledger.db"),
		`UPDATE ledger SET body = CAST(replace(CAST(body AS TEXT), '"sealed":"', '"sealed":"AAAA') AS BLOB) WHERE kind = 'evidence'`)
	if r, err := reproduce(t, other, uuid.Nil); err != nil || r.Difference == nil {
		t.Errorf("a ciphertext of another size: %+v, %v", r, err)
	}
}

// The ledger of another log is not this one's.
func TestReproduceFromAnotherLog(t *testing.T) {
	t.Parallel()
	dir, other := copied(t, shopFolder(t)), shopFolder(t)
	if err := os.Remove(filepath.Join(dir, "log.db")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(other, "log.db"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "log.db"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r, err := reproduce(t, dir, uuid.Nil); err != nil || r.Difference == nil || r.Entry != 0 || r.Difference.Field != "body.log_id" {
		t.Errorf("%+v, %v", r, err)
	}
}
