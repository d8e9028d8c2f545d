package ledgerdb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/store/views"
)

// line is the fold and its ledger, with the API that brakes before the fold knows.
type line struct {
	t      testing.TB
	w      *world
	fold   *decide.Fold
	n      int
	at     time.Time
	paused map[string]bool            // by the answers
	early  map[string]map[string]bool // targets of commands that are not folded, by id
}

var cords = []string{"rule", "rule/r", "product/x"}

func newLine(t testing.TB) *line {
	l := &line{t: t, w: &world{t: t, db: openAt(t, newPath(t))}, at: noon, paused: map[string]bool{}, early: map[string]map[string]bool{}}
	l.fold = decide.New(decide.Config{Memory: l.w.db})
	_, public := keys(t)
	l.folds(l.input(input.Genesis, decide.GenesisBody{LogID: logID, HashKey: make([]byte, 16), LedgerKey: public, Version: 1}))
	return l
}

func (l *line) input(kind input.Kind, body any) input.Input {
	l.n++
	l.at = l.at.Add(time.Second)
	return input.Input{ID: fmt.Sprint("in-", l.n), Kind: kind, At: l.at.UnixNano(), Body: encode(l.t, body)}
}

// folds folds inputs and commits what they came to, in one transaction.
func (l *line) folds(inputs ...input.Input) *decide.Output {
	l.t.Helper()
	out, err := l.fold.Apply(inputs)
	if err != nil {
		l.t.Fatal(err)
	}
	to := l.fold.Position()
	to.Record = l.w.at.Record + 1
	if err := l.w.db.Commit(l.t.Context(), l.w.at, to, out); err != nil {
		l.t.Fatal(err)
	}
	l.w.at = to
	for _, a := range out.Answers {
		delete(l.early, a.ID)
		if a.Refused != "" {
			continue
		}
		switch a.Command {
		case decide.CommandPause:
			l.paused[a.Target] = true
		case decide.CommandResume:
			delete(l.paused, a.Target)
		}
	}
	return out
}

// brakes is what the API does when it has appended a command.
func (l *line) brakes(in input.Input, target string) {
	l.t.Helper()
	if err := l.w.db.Brake(l.t.Context(), target, in.ID, "api", l.at); err != nil {
		l.t.Fatal(err)
	}
}

// check compares the table with what is stopped: what the fold says, and what
// people said that it has not seen.
func (l *line) check(t interface{ Fatalf(string, ...any) }) {
	got, err := l.w.db.Brakes(l.t.Context())
	if err != nil {
		t.Fatalf("%v", err)
	}
	want := maps.Clone(l.paused)
	for _, path := range cords {
		if c, ok := l.fold.Cord(path); ok && c.Level == cord.Red {
			want[decide.TargetCord(path)] = true
		}
	}
	confirmed := map[string]bool{}
	for _, b := range got {
		if b.Confirmed {
			confirmed[b.Target] = true
		} else if !l.early[b.ID][b.Target] {
			t.Fatalf("%+v was not confirmed, and waits for nothing", b)
		}
	}
	if !maps.Equal(confirmed, want) {
		t.Fatalf("confirmed brakes are %v, stopped is %v", slices.Sorted(maps.Keys(confirmed)), slices.Sorted(maps.Keys(want)))
	}
	for id, targets := range l.early {
		for target := range targets {
			if !slices.ContainsFunc(got, func(b views.Brake) bool { return b.ID == id && b.Target == target }) {
				t.Fatalf("%s stopped %s, and nothing of it is left: %+v", id, target, got)
			}
		}
	}
}

// person draws somebody who may do much or little.
func person(rt *rapid.T) decide.CommandBody {
	return decide.CommandBody{
		By:     rapid.SampledFrom([]string{"ann", "bob", "cem"}).Draw(rt, "by"),
		Roles:  []string{rapid.SampledFrom([]string{decide.RoleOperator, decide.RoleOperator, decide.RoleAgent}).Draw(rt, "role")},
		Reason: "r", Cause: "c", Fix: "f",
	}
}

// command draws a command about what can be stopped, and what it stops at once.
func command(rt *rapid.T) (c decide.CommandBody, target string) {
	c = person(rt)
	c.Command = rapid.SampledFrom([]string{decide.CommandPull, decide.CommandPull, decide.CommandRelease, decide.CommandPause, decide.CommandResume}).Draw(rt, "command")
	switch c.Command {
	case decide.CommandPause, decide.CommandResume:
		c.Target = rapid.SampledFrom([]string{decide.TargetMoney, "rule:r", "connector:stripe", "nonsense"}).Draw(rt, "target")
		if c.Command == decide.CommandPause {
			target = c.Target
		}
	default:
		c.Cord = rapid.SampledFrom(append(cords, "no//path")).Draw(rt, "cord")
		c.Level = rapid.SampledFrom([]string{cord.Yellow, cord.Red}).Draw(rt, "level")
		c.Terms.AnswerWithin = time.Duration(rapid.SampledFrom([]int{0, 3}).Draw(rt, "answer")) * time.Second
		if c.Command == decide.CommandPull && c.Level == cord.Red {
			target = decide.TargetCord(c.Cord)
		}
	}
	return c, target
}

// TestBrakesFollowTheFold draws commands in any grouping. The API brakes for each
// before its transaction, after it, or, when it died, never: in the end, and at
// every time between, stopped is what the fold stopped and what it has not seen.
func TestBrakesFollowTheFold(t *testing.T) { engines(t, testBrakesFollowTheFold) }

func testBrakesFollowTheFold(t *testing.T) {
	stopped, lifted, runs := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		if runs++; onServer(t) && runs > serverRuns {
			return
		}
		l := newLine(t)
		var pending []input.Input // appended, and not folded
		late := map[string]string{}
		for range rapid.IntRange(1, 8).Draw(rt, "transactions") {
			for range rapid.IntRange(0, 4).Draw(rt, "commands") {
				c, target := command(rt)
				in := l.input(input.Command, c)
				pending = append(pending, in)
				if target == "" {
					continue
				}
				when := rapid.SampledFrom([]string{"never", "late", "early", "early and late"}).Draw(rt, "when")
				if strings.HasPrefix(when, "early") {
					l.brakes(in, target)
					l.early[in.ID] = map[string]bool{target: true}
				}
				if strings.HasSuffix(when, "late") {
					late[in.ID] = target
				}
			}
			l.check(rt)
			group := pending[:rapid.IntRange(0, len(pending)).Draw(rt, "group")]
			pending = pending[len(group):]
			for _, b := range l.folds(group...).Brakes {
				if b.Set {
					stopped++
				} else {
					lifted++
				}
			}
			l.check(rt)
			for _, in := range group {
				if target := late[in.ID]; target != "" {
					l.brakes(in, target) // it is folded by now
				}
			}
			l.check(rt)
		}
		l.w.db.Close()
	})
	if stopped == 0 || lifted == 0 {
		t.Errorf("%d brakes were set and %d lifted: nothing was tested", stopped, lifted)
	}
}

// A lift leaves what was stopped since, and has not been folded.
func TestLiftLeavesTheNewerStop(t *testing.T) { engines(t, testLiftLeavesTheNewerStop) }

func testLiftLeavesTheNewerStop(t *testing.T) {
	l := newLine(t)
	give := func(command, by string) input.Input {
		return l.input(input.Command, decide.CommandBody{Command: command, By: by, Roles: []string{decide.RoleOperator}, Target: decide.TargetMoney})
	}
	pause, resume, again := give(decide.CommandPause, "ann"), give(decide.CommandResume, "bob"), give(decide.CommandPause, "cem")
	l.brakes(pause, decide.TargetMoney)
	l.brakes(again, decide.TargetMoney)
	l.folds(pause, resume)
	want := []views.Brake{{Target: decide.TargetMoney, ID: again.ID, By: "api", At: l.at}}
	if got, err := l.w.db.Brakes(t.Context()); err != nil || !slices.EqualFunc(got, want, func(a, b views.Brake) bool { return a.ID == b.ID && a.Confirmed == b.Confirmed && a.At.Equal(b.At) }) {
		t.Errorf("the brakes are %+v (%v)", got, err)
	}
	l.folds(again)
	l.check(t)
	l.brakes(pause, decide.TargetMoney) // the call was slow
	l.check(t)
}

// TestClaimUnderBrakes has the outbox hand out nothing that is stopped, from the
// call on, and all of it again when it is not.
func TestClaimUnderBrakes(t *testing.T) { engines(t, testClaimUnderBrakes) }

func testClaimUnderBrakes(t *testing.T) {
	for target, stops := range map[string]bool{
		decide.TargetMoney: true, "rule:late": true, "connector:stripe": true, "cord:rule/late": true, "cord:rule": true,
		"rule:other": false, "connector:credit": false, "cord:rule/late/x": false, "cord:product/x": false, "money:x": false,
	} {
		w := newWorld(t)
		out := w.refund("a")
		out.Outbox[0].Rule = "late"
		w.commit(out)
		if err := w.db.Brake(t.Context(), target, "cmd", "ann", noon); err != nil {
			t.Fatal(err)
		}
		if jobs := claim(t, w.db, noon); len(jobs) == 0 != stops {
			t.Errorf("under %s %d jobs are handed out", target, len(jobs))
		}
		to := w.next()
		w.commit(&decide.Output{Brakes: []decide.BrakeChange{{Target: target, ID: "cmd", Ordinal: to.Ordinal}}})
		endClaims(t, w.db)
		if jobs := claim(t, w.db, noon.Add(lease)); len(jobs) != 1 {
			t.Errorf("after %s was lifted %d jobs are handed out", target, len(jobs))
		}
	}
}

// TestRetryLeavesTheOutboxWhole retries what nobody knows the end of, and settles
// it, in any grouping: what is settled is handed out no more, what is not is due.
func TestRetryLeavesTheOutboxWhole(t *testing.T) { engines(t, testRetryLeavesTheOutboxWhole) }

func testRetryLeavesTheOutboxWhole(t *testing.T) {
	amount := usd(500)
	ask := decide.CommandBody{Command: decide.CommandRequest, By: "ann", Roles: []string{decide.RoleAdmin}, Payment: "pi", Amount: &amount, Customer: "c"}
	first := newLine(t)
	remedy := first.folds(first.input(input.Command, ask)).Answers[0].Remedy // the same in each line
	action := decide.ActionID(remedy, "refund")
	stride := 1
	if onServer(t) {
		stride = 1<<5/serverRuns + 1
	}
	for cut := 0; cut < 1<<5; cut += stride {
		for _, last := range []string{decide.Succeeded, decide.Unknown} {
			l := newLine(t)
			request := l.input(input.Command, ask)
			person := func(command string) input.Input {
				return l.input(input.Command, decide.CommandBody{Command: command, By: "bob", Roles: []string{decide.RoleAdmin}, Remedy: remedy})
			}
			outcome := func(status string) input.Input {
				return l.input(input.Outcome, decide.OutcomeBody{Action: action, Remedy: remedy, ActionFact: decide.ActionFact{Status: status, Attempt: 1}})
			}
			inputs := []input.Input{request, person(decide.CommandApprove), outcome(decide.Unknown), person(decide.CommandRetry), person(decide.CommandRetry), outcome(last)}
			var group []input.Input
			for i, in := range inputs {
				if group = append(group, in); i == len(inputs)-1 || cut>>i&1 == 1 {
					for _, a := range l.folds(group...).Answers {
						if a.Refused != "" {
							t.Fatalf("%s was refused: %s", a.Command, a.Refused)
						}
					}
					group = nil
				}
			}
			jobs := claim(t, l.w.db, noon)
			if _, due := jobs[action]; due != (last == decide.Unknown) || len(jobs) > 1 {
				t.Errorf("cut %05b, %s: %d jobs are due", cut, last, len(jobs))
			}
			l.w.db.Close()
		}
	}
}

func TestTokensAreKept(t *testing.T) { engines(t, testTokensAreKept) }

func testTokensAreKept(t *testing.T) {
	w := newWorld(t)
	ann := decide.Token{ID: uuid.UUID{1}, Name: "ann", Roles: []string{"agent", "author"}, SHA256: "aa", Expires: 7}
	bob := decide.Token{ID: uuid.UUID{2}, Name: "bob", Roles: []string{"admin"}, SHA256: "bb"}
	thief := decide.Token{ID: uuid.UUID{3}, Name: "cem", Roles: []string{"admin"}, SHA256: "aa"} // a secret that is ann's
	want := func(tokens ...decide.Token) {
		t.Helper()
		got, err := w.db.Tokens(t.Context())
		if err != nil || fmt.Sprint(got) != fmt.Sprint(tokens) {
			t.Errorf("the tokens are %v (%v), want %v", got, err, tokens)
		}
	}
	w.commit(&decide.Output{Tokens: []decide.Token{bob, ann, thief}})
	want(ann, bob)
	w.commit(&decide.Output{Tokens: []decide.Token{{ID: ann.ID, Revoked: true}, {ID: uuid.UUID{9}, Revoked: true}}})
	revoked := ann
	revoked.Revoked = true
	want(revoked, bob)
	w.commit(&decide.Output{Tokens: []decide.Token{ann}}) // what is revoked stays so
	want(revoked, bob)
}
