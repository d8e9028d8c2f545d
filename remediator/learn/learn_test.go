package learn_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/learn"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/views"
)

// dearRules give so much for what came late that a COE opens by itself.
const dearRules = `rules:
  - rule: late
    owner: shop
    why: It came late.
    event: parcel.late
    once_per: data.order
    do:
      - credit: {customer: "${{ event.customer }}", amount: 30.00 USD}
    limits: {budget: {amount: 1000.00 USD, within: 1d}, coe_above: 50.00 USD}
    account: "1"
    mode: live
`

// shop is a service whose ledger is read.
type shop struct {
	t       *testing.T
	service *remediator.Running
	db      *ledgerdb.DB
}

// openShop opens a shop in which parcels were late, so that a COE opened by itself.
func openShop(t *testing.T, orders ...string) *shop {
	t.Helper()
	folder := t.TempDir()
	service, err := remediator.Start(context.Background(), remediator.Config{DataDir: folder, Rules: []rule.File{{Path: "shop.yaml", Text: dearRules}},
		Logger: slog.New(slog.DiscardHandler)}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &shop{t: t, service: service}
	s.late(orders...)
	if s.db, err = ledgerdb.OpenReadOnly(t.Context(), filepath.Join(folder, "ledger.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	return s
}

// late has orders come late, and waits until that is made good.
func (s *shop) late(orders ...string) {
	s.t.Helper()
	for _, order := range orders {
		event := `{"specversion":"1.0","id":"` + order + `","source":"/shop","type":"parcel.late","customer":"c-` + order + `","data":{"order":"` + order + `"}}`
		r := httptest.NewRequest(http.MethodPost, s.service.URL+"/v1/events", strings.NewReader(event))
		r.Header.Set("Content-Type", "application/cloudevents+json")
		w := httptest.NewRecorder()
		if s.service.ServeHTTP(w, r); w.Code != http.StatusAccepted {
			s.t.Fatalf("the event is answered %d %s", w.Code, w.Body)
		}
	}
	if err := s.service.WaitIdle(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// opened is the COE that opened by itself.
func (s *shop) opened() uuid.UUID {
	s.t.Helper()
	list, err := s.db.COEs(s.t.Context(), views.COEFilter{Limit: 10})
	if err != nil || len(list) != 1 || list[0].Rule != "late" || list[0].Revision != 0 {
		s.t.Fatalf("there are COEs %+v, %v", list, err)
	}
	return list[0].COE
}

// TestPeriod holds how the period of a draft is completed.
func TestPeriod(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.DateTime, text)
		if text != "" && err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	shelf := learn.New(learn.Config{Now: func() time.Time { return now }})
	for _, c := range []struct{ since, until, wantSince, wantUntil string }{
		{"", "", "2026-02-28 12:00:01", "2026-03-01 12:00:01"},
		{"2026-02-01 00:00:00", "", "2026-02-01 00:00:00", "2026-03-01 12:00:01"},
		{"", "2026-02-01 00:00:00", "2026-01-31 00:00:00", "2026-02-01 00:00:00"},
		{"", "2027-01-01 00:00:00", "2026-02-28 12:00:01", "2026-03-01 12:00:01"}, // what is to come is cut off
		{"2026-03-02 00:00:00", "", "", ""},
		{"2026-02-02 00:00:00", "2026-02-02 00:00:00", "", ""},
	} {
		got, err := shelf.Period(coe.Ask{Since: at(c.since), Until: at(c.until)})
		var wrong learn.AskError
		if c.wantSince == "" {
			if !errors.As(err, &wrong) {
				t.Errorf("%s to %s is %s to %s, %v", c.since, c.until, got.Since, got.Until, err)
			}
			continue
		}
		if err != nil || !got.Since.Equal(at(c.wantSince)) || !got.Until.Equal(at(c.wantUntil)) {
			t.Errorf("%q to %q is %s to %s, %v", c.since, c.until, got.Since, got.Until, err)
		}
	}
}

// TestDraftByItself holds that a COE which nobody wrote is a draft of what the ledger
// says now, that what it says is the same while the ledger is, and which revisions there
// are none of.
func TestDraftByItself(t *testing.T) {
	t.Parallel()
	s := openShop(t, "1", "2")
	shelf, id, ctx := learn.New(learn.Config{Ledger: s.db}), s.opened(), t.Context()
	first, err := shelf.Text(ctx, id, 0)
	if err != nil || first.Revision != 0 || first.By != "" || !strings.Contains(first.Text, "[2 customers]") || !strings.Contains(first.Text, "60.00 USD") {
		t.Fatalf("the draft is %+v, %v", first, err)
	}
	if again, err := shelf.Text(ctx, id, 0); err != nil || again.Text != first.Text {
		t.Errorf("a second look shows another draft (%v): %s", err, again.Text)
	}
	s.late("3")
	if later, err := shelf.Text(ctx, id, 0); err != nil || !strings.Contains(later.Text, "[3 customers]") {
		t.Errorf("of a third parcel the draft says nothing (%v): %s", err, later.Text)
	}
	if diff, err := shelf.Diff(ctx, id, 0, 0); err != nil || !strings.Contains(diff, "+# ") {
		t.Errorf("the draft differs from nothing by %q, %v", diff, err)
	}
	for _, none := range []struct {
		id       uuid.UUID
		revision int
	}{{id, 1}, {id, -1}, {uuid.New(), 0}} {
		if text, err := shelf.Text(ctx, none.id, none.revision); !errors.Is(err, learn.ErrNone) {
			t.Errorf("revision %d of %s is %+v, %v", none.revision, none.id, text, err)
		}
	}
}

// unwritten are the places that a draft leaves to people.
var unwritten = regexp.MustCompile(`To write: [^\n]*|(\*\*[a-z ]+\*\*): …|\| … \| ([a-z]+) \| \| \| \| \| \|`)

// written is a draft that people completed, with actions that are due on a day.
func written(draft, due string) string {
	return unwritten.ReplaceAllStringFunc(draft, func(place string) string {
		switch parts := unwritten.FindStringSubmatch(place); {
		case parts[1] != "":
			return parts[1] + ": the glue is old; accepted because the next one holds."
		case parts[2] != "":
			return "| Buy glue | " + parts[2] + " | oli | " + due + " | high | it holds | 1 |"
		}
		return "None, confirmed by oli."
	})
}

// overdue are the findings about actions whose day is over.
func overdue(findings []coe.Finding) int {
	return len(slices.DeleteFunc(findings, func(f coe.Finding) bool { return !f.Block || !strings.Contains(f.Problem, "was due on") }))
}

// TestDue holds that a page says of a text which may yet be published what keeps it from
// that, as the check does, also when a day went by since it was looked at, and that of a
// published one whose actions are due nothing is said.
func TestDue(t *testing.T) {
	t.Parallel()
	s := openShop(t, "1", "2")
	now := time.Now()
	shelf := learn.New(learn.Config{Ledger: s.db, Now: func() time.Time { return now }})
	draft, err := shelf.Text(t.Context(), s.opened(), 0)
	if err != nil {
		t.Fatal(err)
	}
	text := written(draft.Text, now.UTC().Format(time.DateOnly))
	for days, want := range []int{0, 3} { // a draft has three actions
		view, err := shelf.View(t.Context(), text, learn.Shown{Unpublished: true})
		if err != nil {
			t.Fatal(err)
		}
		findings, size, err := shelf.Check(t.Context(), text)
		if err != nil || size != view.TreeSize || !slices.Equal(findings, view.Findings) {
			t.Errorf("after %d days the check finds %v at %d (%v), the page %v at %d", days, findings, size, err, view.Findings, view.TreeSize)
		}
		if got := overdue(slices.Clone(view.Findings)); got != want {
			t.Errorf("after %d days %d actions are due: %v", days, got, view.Findings)
		}
		published, err := shelf.View(t.Context(), text, learn.Shown{})
		if err != nil || overdue(slices.Clone(published.Findings)) != 0 {
			t.Errorf("published, after %d days it is found to have %v, %v", days, published.Findings, err)
		}
		now = now.AddDate(0, 0, 1)
	}
}

// TestCommands holds what the commands about COEs are completed with, and that nothing is
// read for who may not give them.
func TestCommands(t *testing.T) {
	t.Parallel()
	s := openShop(t, "1", "2")
	shelf, ctx := learn.New(learn.Config{Ledger: s.db}), t.Context()
	for _, may := range []bool{false, true} {
		c, stamp := shelf.Opening(ctx, coe.Ask{Rule: "late", Title: "Late"}, may)
		asked := *c.COE
		if err := stamp(&c); err != nil {
			t.Fatal(err)
		}
		if (c.COE.Text != "") != may || (c.COE.Since != "") != may || asked.Text != "" || c.Command != decide.CommandDraft || c.COE.Rule != "late" {
			t.Errorf("who may: %v, gives %+v", may, c.COE)
		}
	}
	c, stamp := shelf.Opening(ctx, coe.Ask{Rule: "late", Since: time.Now().Add(time.Hour)}, true)
	var wrong learn.AskError
	if err := stamp(&c); !errors.As(err, &wrong) {
		t.Errorf("a period to come is %v", err)
	}
	id := s.opened()
	for what, c := range map[string]struct {
		about uuid.UUID
		may   bool
		wrong bool
	}{"a draft": {id, true, true}, "a draft, by who may not": {id, false, false}, "none": {uuid.New(), true, false}} {
		body := decide.CommandBody{Command: decide.CommandPublish, COE: &decide.COE{ID: c.about}}
		err := shelf.Publishing(ctx, c.about, 0, c.may)(&body)
		if errors.As(err, &wrong) != c.wrong || !c.wrong && err != nil || body.COE.TreeSize != 0 {
			t.Errorf("%s is published by %+v, %v", what, body.COE, err)
		}
	}
}

// gated is a ledger whose readers wait at a gate.
type gated struct {
	*ledgerdb.DB
	came, gate chan struct{}
}

// Source implements learn.Ledger.
func (g gated) Source(ctx context.Context) (ledger.Source, func(), error) {
	g.came <- struct{}{}
	<-g.gate
	return g.DB.Source(ctx)
}

// TestOneAtATime holds that one reads much of the ledger at a time: who does not wait is
// told so, and who went away waits no longer.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	s := openShop(t, "1", "2")
	g := gated{s.db, make(chan struct{}), make(chan struct{})}
	shelf := learn.New(learn.Config{Ledger: g})
	checked := make(chan error, 1)
	go func() {
		_, _, err := shelf.Check(t.Context(), "# A text")
		checked <- err
	}()
	<-g.came
	if _, _, err := shelf.CheckNow(t.Context(), "# A text"); !errors.Is(err, learn.ErrBusy) {
		t.Errorf("who does not wait is told %v", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := shelf.View(gone, "# A text", learn.Shown{}); !errors.Is(err, context.Canceled) {
		t.Errorf("who went away is told %v", err)
	}
	close(g.gate)
	if err := <-checked; err != nil {
		t.Fatal(err)
	}
	go func() { <-g.came }()
	if findings, size, err := shelf.CheckNow(t.Context(), "# A text"); err != nil || size == 0 || !coe.Blocked(findings) {
		t.Errorf("and then %v at %d, %v", findings, size, err)
	}
}

// TestBundle holds that a bundle has the text and the facts of the draft.
func TestBundle(t *testing.T) {
	t.Parallel()
	s := openShop(t, "1", "2")
	shelf, id := learn.New(learn.Config{Ledger: s.db}), s.opened()
	var packed bytes.Buffer
	if err := shelf.Bundle(t.Context(), id, &packed); err != nil {
		t.Fatal(err)
	}
	files, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]uint64{}
	for _, f := range files.File {
		found[filepath.Ext(f.Name)] += f.UncompressedSize64
	}
	for _, kind := range []string{".md", ".html", ".jsonl", ".json"} {
		if found[kind] == 0 {
			t.Errorf("no %s is in the bundle: %v", kind, found)
		}
	}
	if err := shelf.Bundle(t.Context(), uuid.New(), &packed); !errors.Is(err, learn.ErrNone) {
		t.Errorf("the bundle of none is %v", err)
	}
}
