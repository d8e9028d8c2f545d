package coe_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
)

// facts is a ledger in memory.
type facts struct {
	t    *testing.T
	rows []ledger.Row
}

var begin = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// add seals a fact so many minutes after the begin.
func (f *facts) add(minute int, kind string, refs decide.Fact, body any) {
	f.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	row := ledger.Row{Seq: int64(len(f.rows)), Kind: kind, At: begin.Add(time.Duration(minute) * time.Minute).UnixNano(), Ordinal: int64(len(f.rows)), Version: 1, Rule: refs.Rule, Body: text}
	if refs.Remedy != uuid.Nil {
		row.Remedy = refs.Remedy.String()
	}
	if refs.Action != uuid.Nil {
		row.Action = refs.Action.String()
	}
	f.rows = append(f.rows, row)
}

func (f *facts) Entries(_ context.Context, after int64, limit int) ([]ledger.Row, error) {
	from := min(int(after+1), len(f.rows))
	return f.rows[from:min(from+limit, len(f.rows))], nil
}

func (f *facts) Tiles(context.Context, int64, int64, int) ([]ledger.TileRow, error) { return nil, nil }
func (f *facts) Checkpoints(context.Context) ([]ledger.CheckpointRow, error)        { return nil, nil }
func (f *facts) Applied(context.Context) ([]ledger.AppliedRow, error)               { return nil, nil }
func (f *facts) Cords(_ context.Context, after, before int64, limit int) (rows []ledger.Row, err error) {
	all, err := f.Entries(context.Background(), after, len(f.rows))
	for _, r := range all {
		if r.Seq < before && len(rows) < limit && slices.Contains(decide.CordKinds(), r.Kind) {
			rows = append(rows, r)
		}
	}
	return rows, err
}

func id(n int) uuid.UUID { return uuid.UUID{15: byte(n)} }

// remedy decides one of 5.00 USD.
func (f *facts) remedy(minute, n int, rule, customer string, of int) {
	r := decide.RemedyFact{Remedy: id(n), Rule: rule, Mode: "live", Decision: decide.Act, Customer: customer, EventAt: begin.Add(time.Duration(minute-1) * time.Minute).Format(time.RFC3339),
		Steps: []decide.Step{{Action: id(100 + n), Amount: &money.Money{Minor: 500, Currency: "USD"}}}}
	if of > 0 {
		r.Of = id(of)
	}
	f.add(minute, decide.KindRemedy, decide.Fact{Remedy: id(n), Rule: rule}, r)
}

func (f *facts) outcome(minute, n int, rule, status string) {
	f.add(minute, decide.KindAction, decide.Fact{Remedy: id(n), Action: id(100 + n), Rule: rule}, decide.ActionFact{Status: status})
}

func (f *facts) cord(minute int, kind, level, by string) {
	f.add(minute, kind, decide.Fact{Rule: map[bool]string{true: "late"}[by == ""]}, map[string]any{"cord": "product/T", "level": level, "by": by, "opened": kind == decide.KindPull})
}

// story is a day with five remedies of one rule, another rule, and a cord.
func story(t *testing.T) *facts {
	f := &facts{t: t}
	f.add(0, decide.KindGenesis, decide.Fact{}, decide.GenesisFact{})
	f.remedy(10, 1, "late", "c-1", 0)
	f.outcome(11, 1, "late", decide.Succeeded)
	f.remedy(12, 2, "late", "c-2", 0)
	f.outcome(13, 2, "late", decide.Pending)
	f.outcome(14, 2, "late", decide.Failed)
	f.remedy(15, 3, "late", "c-1", 0)
	f.outcome(16, 3, "late", decide.Succeeded)
	f.remedy(17, 4, "other", "c-9", 0)
	f.outcome(17, 4, "other", decide.Succeeded)
	f.add(20, decide.KindProgress, decide.Fact{}, decide.ProgressFact{Counts: decide.Counts{Received: 300}})
	f.cord(30, decide.KindPull, "red", "")
	f.cord(40, decide.KindAnswered, "", "ann")
	f.cord(90, decide.KindRelease, "red", "bob")
	f.remedy(100, 5, decide.RuleReverse, "c-1", 1) // what the first gave is taken back
	f.outcome(101, 5, decide.RuleReverse, decide.Succeeded)
	f.remedy(102, 6, "late", "c-3", 0)
	f.cord(110, decide.KindPull, "red", "cem")
	return f
}

func (f *facts) value(query string) string {
	f.t.Helper()
	q, err := coe.ParseQuery(query, false)
	if err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	if again, err := coe.ParseQuery(q.String(), false); err != nil || again != q {
		f.t.Errorf("%s is written as %s, which is %+v, %v", query, q, again, err)
	}
	var scope coe.Scope
	scope.Add(q)
	b, err := coe.ReadBook(f.t.Context(), f, scope)
	if err != nil {
		f.t.Fatal(err)
	}
	text, there := b.Value(q)
	if !there {
		return "none"
	}
	return text
}

// checked is what a check finds at a size of the ledger.
func checked(t *testing.T, d *coe.Document, b *coe.Book, size uint64) []coe.Finding {
	t.Helper()
	found, err := coe.Check(t.Context(), d, b, coe.Known{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestQueries asks for numbers at several sizes of the ledger: what came later does
// not change them.
func TestQueries(t *testing.T) {
	t.Parallel()
	f := story(t)
	const hour = "since=2026-11-01T00:00:00Z&until=2026-11-01T01:00:00Z"
	const day = "since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z"
	for query, want := range map[string]string{
		"remedies?rule=late&" + hour + "&size=19":              "3",
		"remedies?rule=late&" + day + "&size=19":               "4",
		"remedies?" + hour + "&size=19":                        "4",
		"remedies?rule=late&" + hour + "&size=4":               "2",
		"remedies?rule=late&decision=hold&" + day + "&size=19": "0",
		"customers?rule=late&" + hour + "&size=19":             "2",
		"money?rule=late&currency=USD&" + hour + "&size=19":    "5.00 USD",  // one failed, one was taken back
		"money?rule=late&currency=USD&" + hour + "&size=13":    "10.00 USD", // before it was
		"money?rule=late&currency=USD&" + hour + "&size=5":     "10.00 USD", // before it failed
		"money?rule=late&currency=JPY&" + hour + "&size=19":    "0 JPY",
		"events?" + hour + "&size=19":                          "300",
		"share?rule=late&" + hour + "&size=19":                 "1.00 %",
		"pulls?cord=product/T&" + day + "&size=19":             "2",
		"stopped?cord=product/T&" + hour + "&size=14":          "30m",
		"stopped?cord=product/T&" + day + "&size=14":           "1h",
		"time?cord=product/T&of=began&" + day + "&size=19":     "2026-11-01T00:09:00Z",
		"time?cord=product/T&of=detected&" + day + "&size=19":  "2026-11-01T00:10:00Z",
		"time?cord=product/T&of=engaged&" + day + "&size=19":   "2026-11-01T00:40:00Z",
		"time?cord=product/T&of=mitigated&" + day + "&size=19": "2026-11-01T00:30:00Z",
		"time?cord=product/T&of=released&" + day + "&size=19":  "2026-11-01T01:30:00Z",
		"time?cord=product/T&of=released&" + day + "&size=13":  "none",
		"time?rule=late&of=engaged&" + day + "&size=19":        "none",
		"pulls?cord=product/OTHER&" + day + "&size=19":         "0",
	} {
		if got := f.value(query); got != want {
			t.Errorf("%s is %s, want %s", query, got, want)
		}
	}
}

func TestQueriesThatAreNone(t *testing.T) {
	t.Parallel()
	const period = "since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&size=9"
	for query, want := range map[string]string{
		"remedis?" + period:                "did you mean remedies",
		"remedies?rul=late&" + period:      "did you mean rule",
		"remedies?rule=a&rule=b&" + period: "no single",
		"remedies?rule=a":                  "no period",
		"remedies?since=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z&size=9": "no period",
		"remedies?since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z":        "not pinned",
		"money?rule=a&" + period:        "no currency",
		"pulls?cord=//&" + period:       "names no cord",
		"time?rule=a&of=born&" + period: "no moment",
		"time?of=began&" + period:       "neither a rule nor a cord",
		"":                              "no query",
		"remedies?%zz":                  "cannot be read",
	} {
		if _, err := coe.ParseQuery(query, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
	}
	if _, err := coe.ParseQuery("events?step=1s&"+period, true); err == nil || !strings.Contains(err.Error(), "does not part") {
		t.Errorf("a graph of 86,400 bars: %v", err)
	}
}

// A draft of hostile names is still one document with its sections, and nothing in it
// becomes a link, an image or HTML.
func TestDraftOfHostileNames(t *testing.T) {
	t.Parallel()
	f := story(t)
	f.cord(120, decide.KindAnswered, "", "`</script><script>alert(1)</script> [x](javascript:y)\n## Summary")
	ask := coe.Ask{Cord: "product/T", Title: "<b>[x](javascript:y)</b> ![z](http://e.example/p.png)\n# two", Since: begin, Until: begin.Add(24 * time.Hour), Size: uint64(len(f.rows))}
	b, err := coe.ReadBook(t.Context(), f, ask.Scope())
	if err != nil {
		t.Fatal(err)
	}
	text := coe.Draft(b, ask)
	d := coe.Read(text)
	page, err := coe.HTML(d, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, none := range []string{"<script", "<b>", "href=\"javascript", "<img", "e.example/p.png\""} {
		if strings.Contains(page, none) {
			t.Errorf("the page has %s", none)
		}
	}
	for _, f := range checked(t, d, b, ask.Size) {
		if strings.Contains(f.Problem, "stands 2 times") || strings.Contains(f.Problem, "there is no section") || strings.Contains(f.Problem, "not what its query gives") {
			t.Errorf("the draft is not whole: %s", f)
		}
	}
	if !strings.Contains(page, "<svg") || len(d.Graphs) == 0 || len(d.Numbers) < 6 {
		t.Errorf("%d graphs, %d numbers:\n%s", len(d.Graphs), len(d.Numbers), text)
	}
}

func TestHostileMarkdown(t *testing.T) {
	t.Parallel()
	f := story(t)
	for _, text := range []string{
		"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](data:text/html,<script>)",
		"<javascript:alert(1)>", "![x](http://e.example/p.png)", "[x](//e.example)", "[x][y]\n\n[y]: vbscript:x", "# <svg onload=alert(1)>",
		"[x](graph:events?since=<script>)", "![<script>](graph:events?since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&step=1h&size=9)",
		"| a |\n|---|\n| <script> |", "```\"><script>\nx\n```", "[x](ledger:\"><script>)", strings.Repeat("[", 5000), strings.Repeat("> ", 2000) + "x", strings.Repeat("*a_ ", 5000),
		"a\x00b", "\u202e[gpj.exe](http://e.example)", fmt.Sprintf("[x](query:remedies?since=%s)", strings.Repeat("9", 9000)),
	} {
		d := coe.Read(text)
		b, err := coe.ReadBook(t.Context(), f, d.Scope())
		if err != nil {
			t.Fatal(err)
		}
		checked(t, d, b, 19)
		html, err := coe.Fragment(d, b, coe.Embedding{LedgerPath: "/ledger/", Lower: 1})
		if err != nil {
			t.Fatal(err)
		}
		lower := strings.ToLower(html)
		for _, none := range []string{"<script", "<img", "onerror=alert(1)>", "javascript:alert(1)\"", "href=\"data:", "href=\"//", "vbscript", "<svg onload"} {
			if strings.Contains(lower, none) {
				t.Errorf("%.60q becomes %s", text, html)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("# T\n\n## Actions\n\n| Action | Owner |\n|---|---|\n| a | b |\n")
	f.Add("## What happened\n\n- 2026-11-01T00:00:00Z: x [fact 1](ledger:1)\n")
	f.Add("[1][q]\n\n[q]: query:remedies?since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&size=9\n")
	f.Fuzz(func(t *testing.T, text string) {
		d := coe.Read(text)
		b, err := coe.ReadBook(t.Context(), &facts{t: &testing.T{}}, d.Scope().Within(0))
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range checked(t, d, b, 0) {
			if finding.Line < 1 || finding.Column < 1 || finding.Hint == "" {
				t.Errorf("%+v is nowhere, or does not help", finding)
			}
		}
		if _, err := coe.Fragment(d, b, coe.Embedding{}); err != nil {
			t.Error(err)
		}
	})
}
