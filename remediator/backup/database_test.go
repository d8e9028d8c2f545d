package backup_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/backup"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logpg"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// activate puts the rules of these tests in force.
func (r *running) activate(dsn string) {
	r.t.Helper()
	body, err := json.Marshal(decide.ActivateBody{Files: []rule.File{{Path: "late.yaml", Text: refunds}}, Author: "ann"})
	if err != nil {
		r.t.Fatal(err)
	}
	blob, err := input.EncodeRecord([]input.Input{{ID: "rules", Kind: input.Activate, At: input.StampPrevious, Body: body}})
	if err != nil {
		r.t.Fatal(err)
	}
	lg, err := logpg.Open(r.t.Context(), dsn, logpg.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := lg.Append(r.t.Context(), blob); err != nil {
		r.t.Fatal(err)
	}
	if err := lg.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// A backup of a database that was made while a node ran becomes a database whose nodes
// pay nothing by themselves, and, when they are let, nothing that was paid after it.
func TestRestoreToDatabase(t *testing.T) {
	t.Parallel()
	paying := pays(t)
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	first, again := postgrestest.New(t), postgrestest.New(t)
	node := func(dsn, provider string) *running {
		return startOf(t, remediator.Config{DataDir: at("node"), Database: dsn, Provider: provider})
	}
	r := node(first, "") // without a provider refunds wait
	r.activate(first)
	for n := range 20 {
		r.late(n)
		if n == 12 {
			r.until("decided", func() bool { return r.remedies("acting") >= 5 })
			if m, err := backup.MakeOfDatabase(t.Context(), first, at("backup"), noon); err != nil || !m.Database || len(m.Files) != 2 {
				t.Fatalf("%+v, %v", m, err)
			}
		}
	}
	r.stop()
	r = node(first, paying.URL)
	r.until("paid", func() bool { return r.remedies("done") == 20 })
	kept := r.ask(http.MethodGet, "/checkpoint", "").Body.Bytes()
	r.stop()

	refuseToRestore(t, at("backup"), again, kept)
	if _, err := backup.RestoreToDatabase(t.Context(), at("backup"), again, ledger.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, dsn := range []string{first, again} {
		if _, err := backup.RestoreToDatabase(t.Context(), at("backup"), dsn, ledger.Options{}); !errors.Is(err, ledgerdb.ErrNotEmpty) {
			t.Errorf("restored over a ledger: %v", err)
		}
	}

	r = node(again, paying.URL)
	r.until("decided", func() bool { return r.remedies("acting") >= 5 })
	if brakes := r.ask(http.MethodGet, "/v1/brakes", "").Body.String(); !strings.Contains(brakes, `"target":"money"`) || !strings.Contains(brakes, `"by":"restore"`) {
		t.Errorf("the brakes are %s", brakes)
	}
	r.until("confirmed", func() bool {
		return strings.Contains(r.ask(http.MethodGet, "/v1/brakes", "").Body.String(), `"confirmed":true`)
	})
	waiting := r.remedies("acting")
	if before := paid(t, paying.URL); before != 20 || r.remedies("done") != 0 {
		t.Errorf("under the brake %d refunds were made and %d remedies done", before, r.remedies("done"))
	}
	if w := r.ask(http.MethodPost, "/v1/resume", `{"target":"money"}`); w.Code != http.StatusOK {
		t.Fatalf("resume is answered %d %s", w.Code, w.Body)
	}
	r.until("done", func() bool { return r.remedies("done") == waiting })
	if after := paid(t, paying.URL); after != 20 {
		t.Errorf("after the restore %d refunds were made, want those 20 of before", after)
	}
	r.late(99) // sequences and numbers of rows go on
	r.until("paid", func() bool { return r.remedies("done") == waiting+1 })
	if report, err := r.service.Verify(t.Context(), ledger.Options{}); err != nil || !report.Verified {
		t.Errorf("the restored ledger: %+v, %v", report.Findings, err)
	}
}

// refuseToRestore holds that a backup whose end is known to be lost is not restored,
// and that of a database never to files.
func refuseToRestore(t *testing.T, dir, dsn string, kept []byte) {
	t.Helper()
	lost, err := backup.RestoreToDatabase(t.Context(), dir, dsn, ledger.Options{Checkpoints: [][]byte{kept}})
	if !errors.Is(err, backup.ErrNotGood) || lost.Ledger == nil || lost.Ledger.Verified ||
		!slices.ContainsFunc(lost.Ledger.Findings, func(f ledger.Finding) bool { return strings.Contains(f.Problem, "its end was cut off") }) {
		t.Errorf("restored although its end was lost: %v", err)
	}
	if _, err := backup.Restore(t.Context(), dir, filepath.Join(t.TempDir(), "files"), ledger.Options{}); err == nil || !strings.Contains(err.Error(), "--database") {
		t.Errorf("a folder was made of a database: %v", err)
	}
}
