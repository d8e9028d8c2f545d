package views_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/postgrestest"
	"github.com/makegood/makegood/remediator/store/views"
)

// story commits facts one by one to a ledger, as the fold would find them.
type story struct {
	t  *testing.T
	db *ledgerdb.DB
	at decide.Position
	// passes is how much longer than a second it takes to the next fact.
	passes time.Duration
}

// engines runs a test on SQLite and on PostgreSQL, which newStory tells by its name.
func engines(t *testing.T, test func(*testing.T)) {
	t.Parallel()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// open opens a new ledger that its caller may commit to.
func open(t *testing.T, o ledgerdb.Options) *ledgerdb.DB {
	t.Helper()
	where, connect := filepath.Join(t.TempDir(), "ledger.db"), ledgerdb.Open
	if strings.HasSuffix(t.Name(), "/postgres") {
		where, connect = postgrestest.New(t), ledgerdb.Connect
	}
	db, err := connect(t.Context(), where, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	held, err := db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := held.Release(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newStory(t *testing.T) *story {
	t.Helper()
	private, public, err := ledger.NewKey(rand.NewChaCha8([32]byte{}), ledger.Origin("log"))
	if err != nil {
		t.Fatal(err)
	}
	s := &story{t: t, db: open(t, ledgerdb.Options{Key: private})}
	s.tell(decide.KindGenesis, decide.Fact{}, decide.GenesisFact{LogID: "log", LedgerKey: public})
	return s
}

func (s *story) tell(kind string, refs decide.Fact, body any, cords ...cord.State) {
	s.t.Helper()
	s.commit(kind, refs, body, &decide.Output{Cords: cords})
}

// tellTexts tells of revisions that people wrote.
func (s *story) tellTexts(texts ...decide.COEText) {
	s.t.Helper()
	s.commit(decide.KindProgress, decide.Fact{}, decide.ProgressFact{}, &decide.Output{COEs: texts})
}

// commit commits a fact with what else came of its input.
func (s *story) commit(kind string, refs decide.Fact, body any, out *decide.Output) {
	s.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	to := s.at
	to.LogID, to.Version, to.Ordinal, to.Record, to.At = "log", 1, to.Ordinal+1, to.Record+1, to.At+int64(time.Second+s.passes)
	to.Digest = sha256.Sum256(to.Digest[:])
	refs.Kind, refs.At, refs.Ordinal, refs.Version, refs.Body = kind, to.At, to.Ordinal, 1, encoded
	out.Items = []decide.Item{{Fact: &refs}}
	if err := s.db.Commit(s.t.Context(), s.at, to, out); err != nil {
		s.t.Fatal(err)
	}
	s.at = to
}

func id(name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)) }

// decided tells of a remedy that refunds 2.99 and credits 1.00.
func (s *story) decided(name, rule, mode, decision string) {
	s.t.Helper()
	refund, credit := money.Money{Minor: 299, Currency: "USD"}, money.Money{Minor: 100, Currency: "USD"}
	s.tell(decide.KindRemedy, decide.Fact{Remedy: id(name), Rule: rule}, decide.RemedyFact{
		Remedy: id(name), Rule: rule, Mode: mode, Decision: decision, Reason: "reason of " + decision, Customer: "c-" + name, Subject: "order/1", Account: "4711",
		Source: "/shop", Event: name, EventAt: "2026-01-01T00:00:00Z",
		Steps: []decide.Step{
			{Action: id(name + "/refund"), Name: "refund", Kind: "refund", Connector: "stripe", Payment: "pay", Amount: &refund},
			{Action: id(name + "/credit"), Name: "credit", Kind: "credit", Connector: "credit", Customer: "else", Amount: &credit},
			{Action: id(name + "/andon"), Name: "andon", Kind: "andon", Cord: "airport/" + name, Level: "red"},
		},
	})
}

func (s *story) outcome(name, step, status string, minor int64) {
	s.t.Helper()
	fact := decide.ActionFact{Name: step, Attempt: 2, Status: status, Code: "code", Ref: "ref", SeenAt: "2026-01-01T00:00:01Z"}
	if minor > 0 {
		fact.Amount = &money.Money{Minor: minor, Currency: "USD"}
	}
	s.tell(decide.KindAction, decide.Fact{Remedy: id(name), Action: id(name + "/" + step), Rule: "late"}, fact)
}

func (s *story) end(name, status string) {
	s.t.Helper()
	s.tell(decide.KindEnd, decide.Fact{Remedy: id(name), Rule: "late"}, decide.EndFact{Status: status})
}

// stands checks the status of a remedy and of its actions, in their order.
func (s *story) stands(name, status string, actions ...string) *views.Remedy {
	s.t.Helper()
	r, err := s.db.Remedy(s.t.Context(), id(name))
	if err != nil || r == nil {
		s.t.Fatalf("remedy %s: %v, %v", name, r, err)
	}
	var got []string
	for _, a := range r.Actions {
		got = append(got, a.Status)
	}
	if r.Status != status || !reflect.DeepEqual(got, actions) {
		s.t.Errorf("remedy %s stands %s %v, want %s %v", name, r.Status, got, status, actions)
	}
	return r
}

func TestRemedyFromDecisionToEnd(t *testing.T) { engines(t, testRemedyFromDecisionToEnd) }

func testRemedyFromDecisionToEnd(t *testing.T) {
	s := newStory(t)
	s.decided("a", "late", "live", decide.Act)
	r := s.stands("a", views.StatusActing, "waiting", "waiting", "waiting")
	if r.Rule != "late" || r.Customer != "c-a" || r.Account != "4711" || r.Sequence != 1 || !r.At.Equal(time.Unix(2, 0)) || r.Ended != nil {
		t.Errorf("viewed as %+v", r)
	}
	if a := r.Actions[1]; a.Customer != "else" || a.Amount.Minor != 100 || a.Kind != "credit" || a.Connector != "credit" {
		t.Errorf("credit viewed as %+v", a)
	}
	s.outcome("a", "refund", decide.Retrying, 0)
	s.stands("a", views.StatusActing, "retrying", "waiting", "waiting")
	s.outcome("a", "refund", decide.Succeeded, 298)
	s.tell(decide.KindPull, decide.Fact{Remedy: id("a"), Action: id("a/andon")}, decide.PullFact{Cord: "airport/a", Level: "red", Opened: true, Evidence: 1},
		cord.State{Cord: "airport/a", Level: "yellow", Pulls: 1, Evidence: 1}, cord.State{Cord: "airport/a", Level: "red", Pulls: 1, Evidence: 2, Rule: "late", Remedy: id("a"), Pull: id("pull"), Since: 5, Reason: "three flights"})
	r = s.stands("a", views.StatusActing, "succeeded", "waiting", "succeeded")
	if a := r.Actions[0]; a.Amount.Minor != 298 || a.Attempts != 2 || a.Code != "code" || a.Ref != "ref" || a.SeenAt == "" {
		t.Errorf("refund viewed as %+v", a)
	}
	s.outcome("a", "credit", decide.Failed, 0)
	s.end("a", decide.Failed)
	if r = s.stands("a", decide.Failed, "succeeded", "failed", "succeeded"); r.Ended == nil || !r.Ended.Equal(time.Unix(0, s.at.At)) {
		t.Errorf("ended at %v", r.Ended)
	}
	cords, err := s.db.Cords(t.Context())
	if err != nil || len(cords) != 1 || cords[0] != (cord.State{Cord: "airport/a", Level: "red", Pulls: 1, Evidence: 2, Rule: "late", Remedy: id("a"), Pull: id("pull"), Since: 5, Reason: "three flights"}) {
		t.Errorf("cords %+v, %v", cords, err)
	}
}

func TestHeldRemedies(t *testing.T) { engines(t, testHeldRemedies) }

func testHeldRemedies(t *testing.T) {
	s := newStory(t)
	for _, name := range []string{"denied", "approved", "blocked"} {
		s.decided(name, "late", "live", decide.Hold)
		s.stands(name, views.StatusHeld, "waiting", "waiting", "waiting")
	}
	answer := func(name, answer string, have, need int) {
		s.tell(decide.KindApproval, decide.Fact{Remedy: id(name)}, decide.ApprovalFact{Answer: answer, By: "ann", Have: have, Need: need})
	}
	answer("denied", "deny", 0, 1)
	s.end("denied", decide.Denied)
	s.stands("denied", decide.Denied, "skipped", "skipped", "skipped")
	answer("approved", "approve", 1, 2)
	s.stands("approved", views.StatusHeld, "waiting", "waiting", "waiting")
	answer("approved", "approve", 2, 2)
	s.stands("approved", views.StatusActing, "waiting", "waiting", "waiting")
	answer("blocked", "approve", 1, 1)
	s.outcome("blocked", "refund", decide.Blocked, 0)
	s.stands("blocked", views.StatusHeld, "held", "waiting", "waiting")
	s.end("blocked", decide.Expired)
	s.stands("blocked", decide.Expired, "skipped", "skipped", "skipped")
}

// TestShadowAndSuppressedBesideLive decides on one key in shadow, against it, and
// live: none hides another.
func TestShadowAndSuppressedBesideLive(t *testing.T) { engines(t, testShadowAndSuppressedBesideLive) }

func testShadowAndSuppressedBesideLive(t *testing.T) {
	s := newStory(t)
	s.decided("a", "late", "shadow", decide.Act)
	s.stands("a", views.StatusShadow)
	s.decided("a", "late", "live", decide.Suppress)
	s.stands("a", views.StatusSuppressed)
	s.decided("a", "late", "live", decide.Act) // a suppressed remedy took no key
	s.decided("a", "late", "shadow", decide.Act)
	if r := s.stands("a", views.StatusActing, "waiting", "waiting", "waiting"); r.Sequence != 3 {
		t.Errorf("decided by entry %d, want 3", r.Sequence)
	}
	if r, err := s.db.Remedy(t.Context(), id("nobody")); r != nil || err != nil {
		t.Errorf("a remedy that is not there: %v, %v", r, err)
	}
}

// reversal takes the credit of a remedy back.
func (s *story) reversal(name string) {
	s.t.Helper()
	credit := money.Money{Minor: 100, Currency: "USD"}
	undo := "undo " + name
	s.tell(decide.KindRemedy, decide.Fact{Remedy: id(undo), Rule: decide.RuleReverse}, decide.RemedyFact{
		Remedy: id(undo), Rule: decide.RuleReverse, Mode: "live", Decision: decide.Act, Of: id(name), RequestedBy: "bob",
		Steps: []decide.Step{{Action: id(undo + "/credit"), Name: "reverse-credit", Kind: decide.KindOfReverse, Connector: "credit", Amount: &credit, Of: id(name + "/credit")}},
	})
	s.outcome(undo, "credit", decide.Succeeded, 0)
	s.end(undo, decide.Done)
	s.end(name, decide.Reversed)
}

func TestReversedRemedy(t *testing.T) { engines(t, testReversedRemedy) }

func testReversedRemedy(t *testing.T) {
	s := newStory(t)
	s.decided("a", "late", "live", decide.Act)
	s.outcome("a", "refund", decide.Failed, 0)
	s.outcome("a", "credit", decide.Succeeded, 0)
	s.end("a", decide.Failed)
	s.reversal("a")
	if r := s.stands("a", decide.Reversed, "failed", "succeeded", "skipped"); r.Ended == nil || !r.Ended.Equal(time.Unix(0, s.at.At)) {
		t.Errorf("ended at %v", r.Ended)
	}
	s.stands("undo a", decide.Done, "succeeded")
}

func TestTotals(t *testing.T) { engines(t, testTotals) }

func testTotals(t *testing.T) {
	s := newStory(t)
	for n := range 4 {
		s.decided(fmt.Sprint(n), "late", "live", decide.Act)
	}
	s.decided("held", "lost", "live", decide.Hold)
	s.decided("shadow", "late", "shadow", decide.Act)
	s.decided("not", "late", "live", decide.Suppress)
	s.outcome("0", "refund", decide.Succeeded, 0)
	s.outcome("1", "refund", decide.Pending, 250)
	s.outcome("2", "refund", decide.Failed, 0)
	s.outcome("3", "refund", decide.Unknown, 0)
	s.outcome("0", "credit", decide.Succeeded, 0)
	s.reversal("0")
	for range 2 {
		s.tell(decide.KindProgress, decide.Fact{}, decide.ProgressFact{Through: s.at.Ordinal, Inputs: 5,
			Counts:      decide.Counts{Received: 36, Duplicates: 1, NoMatch: 2, Judged: 3, Remedies: 4, Late: 5, NoKey: 6, Errors: 7},
			WindowsLost: []decide.WindowsLost{{Rule: "late", Windows: 2}, {Rule: "lost", Windows: 1, Parts: 3}}})
	}
	s.tell(decide.KindProgress, decide.Fact{}, decide.ProgressFact{Through: 99},
		cord.State{Cord: "a", Pulls: 2}, cord.State{Cord: "b", Pulls: 1})
	got, err := s.db.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := views.Totals{
		Remedies: map[string]int{"late": 4, "lost": 1, decide.RuleReverse: 1},
		Statuses: map[string]int{views.StatusActing: 3, decide.Done: 1, decide.Reversed: 1, views.StatusHeld: 1, views.StatusSuppressed: 1},
		Refunded: map[string]int64{"USD": 549}, Arrived: map[string]int64{"USD": 299}, Credited: map[string]int64{"USD": 100}, Reversed: map[string]int64{"USD": 100}, Pulls: 3, Cords: 2,
		Counted:     views.Counted{Through: 99, Inputs: 10, Counts: decide.Counts{Received: 72, Duplicates: 2, NoMatch: 4, Judged: 6, Remedies: 8, Late: 10, NoKey: 12, Errors: 14}},
		WindowsLost: []decide.WindowsLost{{Rule: "late", Windows: 4}, {Rule: "lost", Windows: 2, Parts: 6}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("totals\n got %+v\nwant %+v", got, want)
	}
}

func TestRemediesAreListedNewestFirst(t *testing.T) { engines(t, testRemediesAreListedNewestFirst) }

func testRemediesAreListedNewestFirst(t *testing.T) {
	s := newStory(t)
	for n := range 6 {
		s.decided(fmt.Sprint(n), []string{"late", "lost"}[n%2], "live", []string{decide.Act, decide.Hold, decide.Act}[n%3])
	}
	for name, c := range map[string]struct {
		filter views.Filter
		want   []uint64
	}{
		"all":         {views.Filter{}, []uint64{6, 5, 4, 3, 2, 1}},
		"some":        {views.Filter{Limit: 2}, []uint64{6, 5}},
		"going on":    {views.Filter{Limit: 2, Before: 5}, []uint64{4, 3}},
		"by rule":     {views.Filter{Rule: "lost"}, []uint64{6, 4, 2}},
		"by status":   {views.Filter{Status: views.StatusHeld}, []uint64{5, 2}},
		"by customer": {views.Filter{Customer: "c-3"}, []uint64{4}},
		"by all":      {views.Filter{Rule: "lost", Status: views.StatusHeld, Customer: "c-1", Before: 9, Limit: 9}, []uint64{2}},
		"none":        {views.Filter{Rule: "' OR 1=1 --"}, nil},
	} {
		remedies, err := s.db.Remedies(t.Context(), c.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for _, r := range remedies {
			got = append(got, r.Sequence)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	history, err := s.db.History(t.Context(), id("3"))
	if err != nil || len(history) != 1 || history[0].Seq != 4 || history[0].Kind != decide.KindRemedy {
		t.Errorf("history %v, %v", history, err)
	}
}

// What is held under a bulk is one line, besides what is held for other reasons.
func TestHoldsShowABulkAsOneLine(t *testing.T) { engines(t, testHoldsShowABulkAsOneLine) }

func testHoldsShowABulkAsOneLine(t *testing.T) {
	s := newStory(t)
	usd := money.Money{Minor: 299, Currency: "USD"}
	bulk := decide.Bulk{Bulk: id("bulk"), Rule: "late", By: "bob", Need: 2, Approvals: []string{"cem"}, Status: decide.BulkHeld, Remedies: 3}
	for _, name := range []string{"a", "b", "c", "alone"} {
		f := decide.RemedyFact{Remedy: id(name), Rule: "late", Mode: "live", Decision: decide.Hold, Reason: decide.ReasonBulk, Bulk: bulk.Bulk, EventAt: "2026-01-01T00:00:00Z",
			Steps: []decide.Step{{Action: id(name + "/refund"), Name: "refund", Kind: "refund", Amount: &usd}}}
		if name == "alone" {
			f.Bulk, f.Reason = uuid.Nil, decide.ReasonPaused
		}
		s.tell(decide.KindRemedy, decide.Fact{Remedy: f.Remedy, Rule: f.Rule}, f)
	}
	to := s.at
	to.Ordinal, to.Record, to.Digest = to.Ordinal+1, to.Record+1, sha256.Sum256(to.Digest[:])
	if err := s.db.Commit(t.Context(), s.at, to, &decide.Output{Bulks: []decide.Bulk{bulk}}); err != nil {
		t.Fatal(err)
	}
	s.at = to
	// The payment of c was refunded while it waited.
	s.tell(decide.KindApproval, decide.Fact{Remedy: id("c"), Rule: "late"}, decide.ApprovalFact{Answer: "approve", By: "cem", Need: 2, Held: decide.ReasonRefunded})
	// A limit was used up while another waited: its approval was refused for that.
	s.tell(decide.KindRefusal, decide.Fact{Remedy: id("alone"), Rule: "late"}, decide.RefusalFact{Command: decide.CommandApprove, By: "cem", Reason: "figures", Held: decide.ReasonBudget})
	s.tell(decide.KindRefusal, decide.Fact{Remedy: id("alone"), Rule: "late"}, decide.RefusalFact{Command: decide.CommandApprove, By: "ann", Reason: "no role"})
	holds, err := s.db.Holds(t.Context())
	if err != nil || len(holds) != 3 {
		t.Fatalf("holds are %+v, %v", holds, err)
	}
	if h := holds[0]; h.Bulk == nil || !reflect.DeepEqual(*h.Bulk, bulk) || h.Remedies != 2 || h.Reason != decide.ReasonBulk || h.Money[0].Minor != 598 {
		t.Errorf("the bulk is %+v", h)
	}
	if h := holds[1]; h.Bulk != nil || h.Remedies != 1 || h.Reason != decide.ReasonRefunded {
		t.Errorf("what is held by itself is %+v", h)
	}
	if h := holds[2]; h.Bulk != nil || h.Remedies != 1 || h.Reason != decide.ReasonBudget {
		t.Errorf("what is held for another reason is %+v", h)
	}
	of, err := s.db.Remedies(t.Context(), views.Filter{Bulk: bulk.Bulk})
	if err != nil || len(of) != 2 || of[0].Bulk != bulk.Bulk {
		t.Errorf("remedies of the bulk are %+v, %v", of, err)
	}
	// Whoever lists what is answered one by one reads past a bulk of any size.
	alone, err := s.db.Remedies(t.Context(), views.Filter{Rule: "late", Status: views.StatusHeld, NoBulk: true, Limit: 2})
	if err != nil || len(alone) != 2 || slices.ContainsFunc(alone, func(r views.Remedy) bool { return r.Bulk != uuid.Nil }) {
		t.Errorf("held by themselves are %+v, %v", alone, err)
	}
	if got, err := s.db.Bulk(t.Context(), bulk.Bulk); err != nil || !reflect.DeepEqual(*got, bulk) {
		t.Errorf("the bulk is %+v, %v", got, err)
	}
	if got, err := s.db.Bulk(t.Context(), id("none")); err != nil || got != nil {
		t.Errorf("a bulk that is not there is %+v, %v", got, err)
	}
}

// TestNewestDecisionCounts has one remedy decided against several times in one
// transaction: its id comes again, because nothing took its key.
func TestNewestDecisionCounts(t *testing.T) { engines(t, testNewestDecisionCounts) }

func testNewestDecisionCounts(t *testing.T) {
	s := newStory(t)
	to := s.at
	to.Ordinal, to.Record, to.At = to.Ordinal+1, to.Record+1, to.At+1
	var out decide.Output
	for n := range 20 {
		body, err := json.Marshal(decide.RemedyFact{Remedy: id("again"), Rule: "late", Mode: "live", Decision: decide.Suppress, Reason: fmt.Sprint("reason ", n)})
		if err != nil {
			t.Fatal(err)
		}
		out.Items = append(out.Items, decide.Item{Fact: &decide.Fact{
			Kind: decide.KindRemedy, At: to.At, Ordinal: to.Ordinal, Version: 1, Remedy: id("again"), Rule: "late", Body: body,
		}})
	}
	if err := s.db.Commit(t.Context(), s.at, to, &out); err != nil {
		t.Fatal(err)
	}
	remedies, err := s.db.Remedies(t.Context(), views.Filter{})
	if err != nil || len(remedies) != 1 || remedies[0].Reason != "reason 19" {
		t.Errorf("remedies %+v, %v; want the newest decision", remedies, err)
	}
}

// TestAnyText has texts in the facts that PostgreSQL has no place for.
func TestAnyText(t *testing.T) { engines(t, testAnyText) }

func testAnyText(t *testing.T) {
	s := newStory(t)
	const odd = "a\x00b\ue000"
	amount := money.Money{Minor: 299, Currency: "USD"}
	s.tell(decide.KindRemedy, decide.Fact{Remedy: id("odd"), Rule: "late"}, decide.RemedyFact{
		Remedy: id("odd"), Rule: "late", Mode: "live", Decision: decide.Act, Reason: odd, Customer: odd, Subject: odd, Account: odd, Source: odd, Event: odd,
		Steps: []decide.Step{{Action: id("odd/refund"), Name: "refund", Kind: "refund", Connector: "stripe", Payment: odd, Amount: &amount}},
	})
	remedies, err := s.db.Remedies(t.Context(), views.Filter{Customer: odd})
	if err != nil || len(remedies) != 1 {
		t.Fatalf("remedies %+v, %v; want the one of %q", remedies, err, odd)
	}
	r, err := s.db.Remedy(t.Context(), id("odd"))
	if err != nil || r.Event != odd || r.Reason != odd || len(r.Actions) != 1 || r.Actions[0].Payment != odd {
		t.Errorf("remedy %+v, %v; want its texts as they were", r, err)
	}
}
