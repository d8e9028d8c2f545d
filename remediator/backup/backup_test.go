package backup_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/backup"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

const refunds = `rules:
  - rule: late
    owner: shop
    why: It came late.
    event: parcel.late
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: 5.00 USD}
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: live
`

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// running is a service under way.
type running struct {
	t       *testing.T
	service *remediator.Service
	stop    func()
}

func start(t *testing.T, dir, provider string) *running {
	t.Helper()
	return startOf(t, remediator.Config{DataDir: dir, Rules: []rule.File{{Path: "late.yaml", Text: refunds}}, Provider: provider})
}

func startOf(t *testing.T, cfg remediator.Config) *running {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	service, err := remediator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- service.Run(ctx) }()
	stopped := false
	r := &running{t: t, service: service, stop: func() {
		if !stopped {
			stopped = true
			cancel()
			if err := errors.Join(<-ran, service.Close()); err != nil {
				t.Error(err)
			}
		}
	}}
	t.Cleanup(r.stop)
	r.until("ready", func() bool { return r.ask(http.MethodGet, "/readyz", "").Code == http.StatusOK })
	return r
}

func (r *running) ask(method, path, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(r.t.Context(), method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/cloudevents+json")
	w := httptest.NewRecorder()
	r.service.ServeHTTP(w, req)
	return w
}

// until waits until something holds.
func (r *running) until(what string, holds func() bool) {
	r.t.Helper()
	limit := time.After(time.Minute)
	for !holds() {
		select {
		case <-limit:
			r.t.Fatalf("it is never %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// late has a parcel be late.
func (r *running) late(order int) {
	r.t.Helper()
	body := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/shop","type":"parcel.late","customer":"c-%[1]d","data":{"order":"%[1]d","payment":"pi_%[1]d"}}`, order)
	if w := r.ask(http.MethodPost, "/v1/events", body); w.Code != http.StatusAccepted {
		r.t.Fatalf("parcel %d is answered %d %s", order, w.Code, w.Body)
	}
}

// remedies counts the remedies of a status.
func (r *running) remedies(status string) int {
	r.t.Helper()
	var page struct{ Remedies []json.RawMessage }
	if err := json.Unmarshal(r.ask(http.MethodGet, "/v1/remedies?limit=1000&status="+status, "").Body.Bytes(), &page); err != nil {
		r.t.Fatal(err)
	}
	return len(page.Remedies)
}

// pays returns the server of a provider of payments.
func pays(t *testing.T) *httptest.Server {
	t.Helper()
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(provider)
	t.Cleanup(server.Close)
	return server
}

// A backup that was made while the service ran becomes a service that pays nothing by
// itself, and, when it is let, nothing that was paid after the backup.
func TestRestore(t *testing.T) {
	t.Parallel()
	paying := pays(t)
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	r := start(t, at("data"), "") // without a provider refunds wait
	for n := range 20 {
		r.late(n)
		if n == 12 {
			r.until("decided", func() bool { return r.remedies("acting") >= 5 })
			if _, err := backup.Make(t.Context(), at("data"), at("backup"), noon); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.stop()
	r = start(t, at("data"), paying.URL)
	r.until("paid", func() bool { return r.remedies("done") == 20 })
	kept := r.ask(http.MethodGet, "/checkpoint", "").Body.Bytes()
	r.stop()

	good, err := backup.Check(t.Context(), at("backup"), ledger.Options{})
	if err != nil || !good.Good() || good.Ledger.Pinned || good.Entries != good.Ledger.Size || good.Entries < 10 {
		t.Fatalf("the backup is %+v, %v", good, err)
	}
	// A checkpoint that was kept elsewhere knows that the end was lost.
	lost, err := backup.Restore(t.Context(), at("backup"), at("lost"), ledger.Options{Checkpoints: [][]byte{kept}})
	if !errors.Is(err, backup.ErrNotGood) || lost.Ledger == nil || lost.Ledger.Verified ||
		!slices.ContainsFunc(lost.Ledger.Findings, func(f ledger.Finding) bool { return strings.Contains(f.Problem, "its end was cut off") }) {
		t.Errorf("restored although its end was lost: %v", err)
	}
	if _, err := os.Stat(at("lost")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made of it, %v", err)
	}

	if _, err := backup.Restore(t.Context(), at("backup"), at("again"), ledger.Options{}); err != nil {
		t.Fatal(err)
	}
	r = start(t, at("again"), paying.URL)
	r.until("decided", func() bool { return r.remedies("acting") >= 5 })
	if brakes := r.ask(http.MethodGet, "/v1/brakes", "").Body.String(); !strings.Contains(brakes, `"target":"money"`) || !strings.Contains(brakes, `"by":"restore"`) {
		t.Errorf("the brakes are %s", brakes)
	}
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
	if report, err := r.service.Verify(t.Context(), ledger.Options{}); err != nil || !report.Verified {
		t.Errorf("the restored ledger: %+v, %v", report.Findings, err)
	}
}

// TestAttemptBetweenTheCopies has attempts fail after a backup copied the ledger and
// before it copied the log. What is tried once the backup is restored is another attempt,
// whose outcome counts.
func TestAttemptBetweenTheCopies(t *testing.T) {
	t.Parallel()
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(failing.Close)
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	r := start(t, at("data"), "") // without a provider refunds wait
	r.late(1)
	r.until("decided", func() bool { return r.remedies("acting") == 1 })
	if _, err := backup.Make(t.Context(), at("data"), at("ledger"), noon); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r = start(t, at("data"), failing.URL)
	r.until("tried", func() bool {
		report, err := r.service.Verify(t.Context(), ledger.Options{})
		return err == nil && report.Entries[decide.KindAction] > 0
	})
	r.stop()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(at("data/ledger.db" + suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := ledgerdb.Copy(t.Context(), at("ledger/ledger.db"), at("data/ledger.db")); err != nil {
		t.Fatal(err)
	}
	if m, err := backup.Make(t.Context(), at("data"), at("backup"), noon); err != nil || m.Record < 3 {
		t.Fatalf("%+v, %v", m, err)
	}
	if _, err := backup.Restore(t.Context(), at("backup"), at("again"), ledger.Options{}); err != nil {
		t.Fatal(err)
	}
	paying := pays(t)
	r = start(t, at("again"), paying.URL)
	r.until("decided", func() bool { return r.remedies("acting") == 1 })
	if w := r.ask(http.MethodPost, "/v1/resume", `{"target":"money"}`); w.Code != http.StatusOK {
		t.Fatalf("resume is answered %d %s", w.Code, w.Body)
	}
	r.until("done", func() bool { return r.remedies("done") == 1 })
	if refunds := paid(t, paying.URL); refunds != 1 {
		t.Errorf("%d refunds were made, want 1", refunds)
	}
}

// paid counts the refunds that the provider has made.
func paid(t *testing.T, url string) int {
	t.Helper()
	res, err := http.Get(url + "/sandbox/summary")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var summary struct{ Refunds int }
	if err := json.NewDecoder(res.Body).Decode(&summary); err != nil {
		t.Fatal(err)
	}
	return summary.Refunds
}

// Whatever is changed in a backup is named, and nothing is made of it.
func TestChangedBackupsAreNamed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	r := start(t, at("data"), "")
	r.late(1)
	r.until("decided", func() bool { return r.remedies("acting") == 1 })
	m, err := backup.Make(t.Context(), at("data"), at("backup"), noon)
	if err != nil {
		t.Fatal(err)
	}
	r.stop()
	if _, err := backup.Make(t.Context(), at("data"), at("backup"), noon); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a second backup into the same folder: %v", err)
	}
	if _, err := backup.Restore(t.Context(), at("backup"), at("data"), ledger.Options{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("restored over a data folder: %v", err)
	}
	if len(m.Files) < 4 {
		t.Fatalf("the backup has the files %+v", m.Files)
	}
	for i, f := range m.Files {
		changed := at(fmt.Sprint("changed", i))
		if err := os.CopyFS(changed, os.DirFS(at("backup"))); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(changed, f.Name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)/2] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := backup.Restore(t.Context(), changed, at("never"), ledger.Options{}); !errors.Is(err, backup.ErrNotGood) || len(c.Problems) != 1 || !strings.Contains(c.Problems[0], f.Name+" was changed") {
			t.Errorf("%s: %+v, %v", f.Name, c, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if c, err := backup.Check(t.Context(), changed, ledger.Options{}); err != nil || c.Good() || len(c.Problems) != 1 || c.Problems[0] != f.Name+" is missing" {
			t.Errorf("%s is gone: %+v, %v", f.Name, c, err)
		}
	}
	manifest, err := os.ReadFile(filepath.Join(at("backup"), backup.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(string) string{
		"no manifest is":   func(string) string { return "" },
		"another format":   func(s string) string { return strings.Replace(s, "/v1", "/v9", 1) },
		"a file elsewhere": func(s string) string { return strings.Replace(s, `"ledger.key"`, `"../ledger.key"`, 1) },
		"an unknown field": func(s string) string { return strings.Replace(s, `"record"`, `"tape"`, 1) },
	} {
		if err := os.WriteFile(filepath.Join(at("backup"), backup.ManifestFile), []byte(change(string(manifest))), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := backup.Check(t.Context(), at("backup"), ledger.Options{}); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	told := strings.Replace(string(manifest), `"ordinal": `, `"ordinal": 9`, 1)
	if err := os.WriteFile(filepath.Join(at("backup"), backup.ManifestFile), []byte(told), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := backup.Check(t.Context(), at("backup"), ledger.Options{}); err != nil || c.Good() {
		t.Errorf("a manifest that tells another position: %+v, %v", c, err)
	}
}

// A backup that lacks what was sealed since goes on under a new origin, whose first
// fact names the last checkpoint of the old one. Whoever kept that is told what was
// lost; whoever kept an earlier one, or either key, finds the ledger as it was.
func TestRestoreUnderNewOrigin(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	r := start(t, at("data"), "")
	r.late(1)
	r.until("decided", func() bool { return r.remedies("acting") == 1 })
	early := r.ask(http.MethodGet, "/checkpoint", "").Body.Bytes()
	if _, err := backup.Make(t.Context(), at("data"), at("backup"), noon); err != nil {
		t.Fatal(err)
	}
	r.late(2)
	r.until("decided", func() bool { return r.remedies("acting") == 2 })
	lost := r.ask(http.MethodGet, "/checkpoint", "").Body.Bytes()
	r.stop()

	c, fact, err := backup.RestoreUnderNewOrigin(t.Context(), at("backup"), at("again"), ledger.Options{Checkpoints: [][]byte{early, lost}})
	if err != nil {
		t.Fatal(err)
	}
	head, err := ledger.ReadCheckpoint(lost)
	if err != nil || fact.Kept != c.Entries || fact.Old.Size != head.Size || fact.Old.Origin != head.Origin || head.Size <= c.Entries {
		t.Fatalf("the new origin begins with %+v after %d entries, want the checkpoint\n%s", fact, c.Entries, lost)
	}
	r = start(t, at("again"), "")
	if w := r.ask(http.MethodPost, "/v1/resume", `{"target":"money"}`); w.Code != http.StatusOK {
		t.Fatalf("resume is answered %d %s", w.Code, w.Body)
	}
	r.late(3)
	r.until("decided", func() bool { return r.remedies("acting") == 2 })
	newer := r.ask(http.MethodGet, "/checkpoint", "").Body.Bytes()
	if own, err := ledger.Open(newer, fact.LedgerKey); err != nil || own.Origin == head.Origin {
		t.Errorf("the checkpoint is of %q, %v", own.Origin, err)
	}
	for name, options := range map[string]ledger.Options{
		"nothing kept": {}, "the old key": {Key: c.Ledger.Key}, "the new key": {Key: fact.LedgerKey}, "checkpoints": {Checkpoints: [][]byte{early, newer}},
	} {
		report, err := r.service.Verify(t.Context(), options)
		if err != nil || !report.Verified || len(report.Past) != 1 || report.Past[0].Size != head.Size || report.Entries[decide.KindOrigin] != 1 {
			t.Errorf("with %s: %+v, %v", name, report, err)
		}
	}
	report, err := r.service.Verify(t.Context(), ledger.Options{Checkpoints: [][]byte{lost}})
	if err != nil || len(report.Findings) != 1 || !strings.Contains(report.Findings[0].Problem, "those after them were lost, as entry") {
		t.Errorf("the lost checkpoint: %+v, %v", report.Findings, err)
	}
	r.stop()
	r = start(t, at("again"), "") // and it opens again
	r.stop()
}
