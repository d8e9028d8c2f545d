package decide_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
)

const week = 7 * 24 * time.Hour

// about is what a person says of a COE.
func about(c decide.CommandBody, command string, of decide.COE) decide.CommandBody {
	c.Command, c.COE = command, &of
	return c
}

// publish takes a COE from what it is to published, written by ann and read by bob.
func (s *scene) publish(id uuid.UUID, revision int) {
	s.t.Helper()
	s.done(0, about(operator("ann"), decide.CommandRevise, decide.COE{ID: id, Revision: revision, Text: "# What we learnt\n"}))
	s.done(0, about(operator("ann"), decide.CommandSubmit, decide.COE{ID: id, Revision: revision + 1}))
	s.done(0, about(operator("bob"), decide.CommandPublish, decide.COE{ID: id, Revision: revision + 1, TreeSize: 9, Weeks: 2}))
}

func TestRedCordOpensOneCOE(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("r", "", "level: red")))
	_, facts := s.done(0, pulls(operator("ann"), table, cord.Yellow))
	if count(facts, decide.KindCOE) != 0 {
		t.Error("a call opened a COE")
	}
	a, facts := s.done(0, pulls(operator("bob"), table, cord.Red))
	opened := one[decide.COEFact](t, facts, decide.KindCOE)
	if opened.Change != decide.COEOpened || opened.Status != decide.COEDraft || opened.Cord != table || opened.Cause != decide.CauseRed || opened.Pull != a.Pull {
		t.Errorf("it opened %+v", opened)
	}
	if _, facts = s.done(0, pulls(operator("cem"), table, cord.Red)); count(facts, decide.KindCOE) != 0 {
		t.Error("more evidence for a red cord is another COE")
	}
	s.done(0, releases(operator("dee"), table))
	_, facts = s.done(time.Hour, pulls(operator("ann"), table, cord.Red))
	if added := one[decide.COEFact](t, facts, decide.KindCOE); added.COE != opened.COE || added.Change != decide.COEAdded {
		t.Errorf("the second time it is %+v", added)
	}
}

// An unanswered call opens one as it turns red, with the time of the deadline.
func TestUnansweredCallOpensACOE(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("r", "", "level: red")))
	c := pulls(operator("ann"), table, cord.Yellow)
	c.Terms.AnswerWithin = 20 * time.Minute
	s.done(0, c)
	facts := s.tick(time.Hour)
	one[decide.COEFact](t, facts, decide.KindCOE)
	for _, f := range facts {
		if f.Kind == decide.KindCOE && f.At != start+int64(20*time.Minute) {
			t.Errorf("it opened at %s", time.Unix(0, f.At).UTC())
		}
	}
}

func TestMoneyAboveOpensACOEAndCrossingAgainReopensIt(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      coe_above: 100.00 USD\n")))
	if facts := s.send(0, numbered(1, "100.00 USD")); count(facts, decide.KindCOE) != 0 {
		t.Error("what is spent to the limit opens a COE")
	}
	opened := one[decide.COEFact](t, s.send(0, numbered(2, "0.01 USD")), decide.KindCOE)
	if opened.Rule != "r" || opened.Cord != "" || opened.Cause != decide.CauseSpent || opened.Change != decide.COEOpened {
		t.Errorf("it opened %+v", opened)
	}
	if facts := s.send(0, numbered(3, "50.00 USD")); count(facts, decide.KindCOE) != 0 {
		t.Error("each remedy above the limit says so again")
	}
	s.publish(opened.COE, 0)
	if facts := s.send(0, numbered(4, "50.00 USD")); count(facts, decide.KindCOE) != 0 {
		t.Error("what is above all the time is a repeat")
	}
	// A day later nothing is spent; then it crosses the limit once more.
	s.send(49*time.Hour, numbered(5, "60.00 USD"))
	again := one[decide.COEFact](t, s.send(0, numbered(6, "60.00 USD")), decide.KindCOE)
	if again.COE != opened.COE || again.Change != decide.COEReopened || again.Status != decide.COEDraft {
		t.Errorf("the repeat is %+v", again)
	}
	s.refused("write on first", about(operator("ann"), decide.CommandSubmit, decide.COE{ID: opened.COE, Revision: 1}))
}

// What an approver lets through counts when it is charged.
func TestApprovedMoneyOpensACOE(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "      coe_above: 100.00 USD\n      per_remedy: 50.00 USD\n")))
	held := wantDecision(t, s.send(0, numbered(1, "200.00 USD")), decide.Hold, decide.ReasonPerRemedy)
	if count(s.facts, decide.KindCOE) != 0 {
		t.Error("what is held opened a COE")
	}
	one[decide.COEFact](t, s.answer("approve", held.Remedy, "bob", "approver"), decide.KindCOE)
}

func TestStepAddsToTheCOEOfItsCord(t *testing.T) {
	t.Parallel()
	rules := strings.Replace(stopRule("r", "", "level: red"), "    mode: live", "      - coe: {title: \"damage of ${{ data.sku }}\"}\n    mode: live", 1)
	s := newScene(t, set(rules))
	facts := s.fires("r")
	var changes []string
	for _, f := range facts {
		if f.Kind == decide.KindCOE {
			changes = append(changes, one[decide.COEFact](t, []decide.Fact{f}, decide.KindCOE).Change)
		}
	}
	if strings.Join(changes, " ") != "opened added" || count(facts, decide.KindEnd) != 1 {
		t.Errorf("the changes are %q:\n%s", changes, kinds(facts))
	}
	if said := s.said(decide.EvidenceReason); len(said) != 2 || !strings.HasPrefix(said[1], "damage of ") {
		t.Errorf("what was said is %q", said)
	}
}

func TestLifeOfACOE(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("r", "", "level: red")))
	draft := decide.COE{Cord: table, Since: "2001-01-01T00:00:00Z", Until: "2001-01-02T00:00:00Z", Text: "# A table\n"}
	s.refused("a cord or a rule", about(operator("ann"), decide.CommandDraft, decide.COE{}))
	both := draft
	both.Rule = "r"
	s.refused("a cord or a rule", about(operator("ann"), decide.CommandDraft, both))
	backwards := draft
	backwards.Until = backwards.Since
	s.refused("a later until", about(operator("ann"), decide.CommandDraft, backwards))
	long := draft
	long.Text = strings.Repeat("x", decide.MaxCOEText+1)
	s.refused("at most", about(operator("ann"), decide.CommandDraft, long))

	a, _ := s.done(0, about(operator("ann"), decide.CommandDraft, draft))
	sum := sha256.Sum256([]byte(draft.Text))
	if a.Digest != hex.EncodeToString(sum[:]) || len(s.last.COEs) != 1 || s.last.COEs[0].Text != draft.Text || s.last.COEs[0].Revision != 1 {
		t.Errorf("the answer is %+v, the text %+v", a, s.last.COEs)
	}
	s.refused("is about that already", about(operator("bob"), decide.CommandDraft, draft))
	s.refused("has this id", about(operator("ann"), decide.CommandSubmit, decide.COE{ID: uuid.New(), Revision: 1}))
	s.refused("seen revision 0", about(operator("ann"), decide.CommandRevise, decide.COE{ID: a.COE, Text: "x"}))
	s.refused("not in review", about(operator("bob"), decide.CommandPublish, decide.COE{ID: a.COE, Revision: 1, TreeSize: 9}))
	s.done(0, about(agent("bob"), decide.CommandRevise, decide.COE{ID: a.COE, Revision: 1, Text: "# A table\n\nIt broke.\n"}))
	s.done(0, about(operator("ann"), decide.CommandSubmit, decide.COE{ID: a.COE, Revision: 2}))
	s.refused("another person must have read it", about(operator("bob"), decide.CommandPublish, decide.COE{ID: a.COE, Revision: 2, TreeSize: 9}))
	s.refused("an author, an approver", about(agent("cem"), decide.CommandPublish, decide.COE{ID: a.COE, Revision: 2, TreeSize: 9}))
	s.refused("was not checked", about(operator("cem"), decide.CommandPublish, decide.COE{ID: a.COE, Revision: 2}))
	s.refused("1 to 52 weeks", about(operator("cem"), decide.CommandPublish, decide.COE{ID: a.COE, Revision: 2, TreeSize: 9, Weeks: 53}))
	_, facts := s.done(0, about(operator("cem"), decide.CommandPublish, decide.COE{ID: a.COE, Revision: 2, TreeSize: 9}))
	if p := one[decide.COEFact](t, facts, decide.KindCOE); p.HoldUntil != "2001-01-29T00:00:00Z" || p.TreeSize != 9 || p.Digest == "" {
		t.Errorf("it was published as %+v", p)
	}
	s.refused("its text stands", about(operator("ann"), decide.CommandRevise, decide.COE{ID: a.COE, Revision: 2, Text: "x"}))
	s.refused("must hold until", about(operator("cem"), decide.CommandShelve, decide.COE{ID: a.COE, Revision: 2}))
	if facts := s.tick(4*week - 1); count(facts, decide.KindCOE) != 0 {
		t.Error("it is effective before its time")
	}
	if e := one[decide.COEFact](t, s.tick(time.Hour), decide.KindCOE); e.Change != decide.COEEffective || e.By != "" {
		t.Errorf("it is effective by %+v", e)
	}
	s.done(0, about(operator("cem"), decide.CommandShelve, decide.COE{ID: a.COE, Revision: 2}))
	s.refused("it is closed", about(operator("cem"), decide.CommandShelve, decide.COE{ID: a.COE, Revision: 2}))

	// It happens again within ninety days of its closing, and once more long after it.
	_, facts = s.done(80*24*time.Hour, pulls(operator("ann"), table, cord.Red))
	if r := one[decide.COEFact](t, facts, decide.KindCOE); r.Change != decide.COEReopened || r.COE != a.COE {
		t.Errorf("the repeat is %+v", r)
	}
	s.refused("say why", about(operator("cem"), decide.CommandShelve, decide.COE{ID: a.COE, Revision: 2}))
	why := about(operator("cem"), decide.CommandShelve, decide.COE{ID: a.COE, Revision: 2})
	why.Reason = "a drill"
	s.done(0, why)
	s.done(0, releases(operator("bob"), table))
	_, facts = s.done(91*24*time.Hour, pulls(operator("ann"), table, cord.Red))
	if o := one[decide.COEFact](t, facts, decide.KindCOE); o.Change != decide.COEOpened || o.COE == a.COE {
		t.Errorf("after ninety days it is %+v", o)
	}
}

// A repeat keeps a published COE from being effective.
func TestRepeatEndsTheTimeOfACOE(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(stopRule("r", "", "level: red")))
	_, facts := s.done(0, pulls(operator("ann"), table, cord.Red))
	id := one[decide.COEFact](t, facts, decide.KindCOE).COE
	s.publish(id, 0)
	s.done(0, releases(operator("bob"), table))
	s.done(week, pulls(operator("ann"), table, cord.Red))
	if facts := s.tick(10 * week); count(facts, decide.KindCOE) != 0 {
		t.Errorf("it is effective though it happened again: %s", kinds(facts))
	}
}
