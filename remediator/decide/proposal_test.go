package decide_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// submits folds an activation through the API, and holds that it has one answer.
func (s *scene) submits(a decide.ActivateBody) (decide.Answer, []decide.Fact) {
	s.t.Helper()
	s.n++
	id := fmt.Sprintf("submit-%d", s.n)
	facts := s.apply(input.Input{ID: id, Kind: input.Activate, At: s.at, Body: encode(s.t, a)})
	if len(s.last.Answers) != 1 || s.last.Answers[0].ID != id || s.last.Answers[0].Command != "activate" || s.last.Answers[0].By != a.Author {
		s.t.Fatalf("the answers are %+v", s.last.Answers)
	}
	answer := s.last.Answers[0]
	if want := min(len(answer.Refused), 1); count(facts, decide.KindRefusal) != want {
		s.t.Errorf("%d facts of a refusal, want %d: %s", count(facts, decide.KindRefusal), want, kinds(facts))
	}
	return answer, facts
}

// activates is a rule set of an author's that replaces the one in force.
func (s *scene) activates(author, text string, roles ...string) decide.ActivateBody {
	a := decide.ActivateBody{Files: []rule.File{{Path: "r.yaml", Text: text}}, Author: author, Roles: roles}
	if in := s.fold.Rules(); in != nil {
		a.Parent = in.Digest
	}
	return a
}

func (s *scene) rejects(words string, a decide.ActivateBody) {
	s.t.Helper()
	before := s.fold.Rules().Digest
	if answer, _ := s.submits(a); answer.Refused == "" || !strings.Contains(answer.Refused, words) {
		s.t.Errorf("refused for %q, want %q", answer.Refused, words)
	}
	if s.fold.Rules().Digest != before {
		s.t.Error("what was refused is in force")
	}
}

func approval(name, digest string, roles ...string) decide.ActivateBody {
	return decide.ActivateBody{Author: name, Approve: digest, Roles: append(roles, decide.RoleApprover)}
}

func denial(name, digest string) decide.ActivateBody {
	return decide.ActivateBody{Author: name, Deny: digest, Roles: []string{decide.RoleApprover}}
}

const author = decide.RoleAuthor

var (
	oldRules = set(refundRule("r", "because", "live", ""))
	newRules = set(refundRule("r", "edited", "live", "      per_remedy: 1.00 USD\n"))
)

// proposes is a scene in which bob has proposed newRules.
func proposes(t *testing.T) (*scene, string) {
	t.Helper()
	s := newScene(t, oldRules)
	a, facts := s.submits(s.activates("bob", newRules, author))
	p := one[decide.ProposalFact](t, facts, decide.KindProposal)
	if a.Status != "proposed" || a.Digest == "" || p.Digest != a.Digest || p.Parent != s.fold.Rules().Digest || p.By != "bob" || !slices.Equal(p.Rules, []string{"r"}) {
		t.Fatalf("the answer is %+v, the proposal %+v", a, p)
	}
	if out := s.last.Proposal; out == nil || out.Digest != a.Digest || out.Answered || len(out.Files) != 1 {
		t.Fatalf("the proposal is %+v", out)
	}
	return s, a.Digest
}

func TestLiveMoneyNeedsAnotherPerson(t *testing.T) {
	t.Parallel()
	s, digest := proposes(t)
	s.sends(1, decide.Act, "") // the rules in force go on
	s.rejects("who proposed", approval("bob", digest))
	s.rejects("only an approver", decide.ActivateBody{Author: "cem", Approve: digest, Roles: []string{author}})
	s.rejects("only an approver", decide.ActivateBody{Author: "cem", Deny: digest, Roles: []string{}})
	s.rejects("no rule set with this digest", approval("cem", digest[:20]))
	s.rejects("nobody is named", approval("", digest))
	a, facts := s.submits(approval("cem", digest))
	if p := one[decide.ProposalFact](t, facts, decide.KindProposal); p.Answer != "approve" || p.By != "cem" || a.Digest != digest {
		t.Errorf("the approval is %+v, the answer %+v", p, a)
	}
	if r := one[decide.RulesFact](t, facts, decide.KindRules); r.Author != "bob" || r.Digest != digest || s.fold.Rules().Digest != digest {
		t.Errorf("in force is %+v", r)
	}
	if out := s.last.Proposal; out == nil || !out.Answered {
		t.Errorf("the proposal is %+v", out)
	}
	held := s.sends(2, decide.Hold, decide.ReasonPerRemedy)
	s.rejects("no rule set", approval("cem", digest))
	s.refused("who activated", approves("bob", held.Remedy)) // bob wrote it, cem agreed
	s.done(0, approves("cem", held.Remedy))
}

// Events of one record are judged by the rules of their own position.
func TestProposalTakesEffectAtItsApproval(t *testing.T) {
	t.Parallel()
	event := func(n int) input.Input {
		return input.Input{ID: fmt.Sprint("e", n), Kind: input.Event, At: start, Body: fmt.Appendf(nil,
			`{"specversion":"1.0","id":"%d","source":"/test","type":"com.example.bad","customer":"c","data":{%s}}`, n, numbered(n, "5.00 USD"))}
	}
	s, digest := proposes(t)
	out, err := s.fold.Apply([]input.Input{event(1),
		{ID: "no", Kind: input.Activate, At: start, Body: encode(t, approval("bob", digest))}, event(2),
		{ID: "yes", Kind: input.Activate, At: start, Body: encode(t, approval("cem", digest))}, event(3)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range out.Items {
		if item.Fact != nil && item.Fact.Kind == decide.KindRemedy {
			d, reason := decision(t, []decide.Fact{*item.Fact})
			got = append(got, strings.TrimSpace(d+" "+reason))
		}
	}
	if !slices.Equal(got, []string{"act", "act", "hold per_remedy"}) || len(out.Answers) != 2 {
		t.Errorf("decided %q, %d answers", got, len(out.Answers))
	}
}

func TestProposalIsDenied(t *testing.T) {
	t.Parallel()
	s, digest := proposes(t)
	_, facts := s.submits(denial("bob", digest)) // who proposed may withdraw it, as an approver
	if p := one[decide.ProposalFact](t, facts, decide.KindProposal); p.Answer != "deny" || !s.last.Proposal.Answered {
		t.Errorf("the denial is %+v", p)
	}
	s.rejects("no rule set", approval("cem", digest))
	s.rejects("no rule set", denial("cem", digest))
	if _, again := s.submits(s.activates("bob", newRules, author)); count(again, decide.KindProposal) != 1 {
		t.Error("it cannot be proposed again")
	}
}

func TestProposalOfAnOutdatedParent(t *testing.T) {
	t.Parallel()
	s, digest := proposes(t)
	late := s.activates("cem", newRules, author)
	s.activate(set(refundRule("r", "other", "live", ""))) // files, which need nobody
	s.rejects("look at what changed", late)
	s.rejects("put in force since", approval("cem", digest))
	if out := s.last.Proposal; out == nil || !out.Answered {
		t.Errorf("the proposal is %+v", out)
	}
	s.rejects("no rule set", approval("cem", digest))
	// Turned down it may be all the same.
	s, digest = proposes(t)
	s.activate(set(refundRule("r", "other", "live", "")))
	if a, facts := s.submits(denial("cem", digest)); a.Refused != "" || one[decide.ProposalFact](t, facts, decide.KindProposal).Answer != "deny" {
		t.Errorf("the answer is %+v", a)
	}
}

// What was proposed may have errors for a later edition of the language: that is an answer,
// not the end of the service.
func TestProposalThatLoadsNoMore(t *testing.T) {
	t.Parallel()
	upgraded := false
	load := func(files []rule.File) (*rule.Set, error) {
		if upgraded {
			return nil, errors.New("refused now")
		}
		return rule.Load(files)
	}
	s := &scene{t: t, memory: decide.NewMemory(), at: start}
	s.fold = decide.New(decide.Config{Memory: s.memory, Load: load})
	s.apply(genesis(t))
	s.activate(oldRules)
	answer, _ := s.submits(s.activates("bob", newRules, author))
	upgraded = true
	s.rejects("the rules have errors", approval("cem", answer.Digest))
	s.rejects("no rule set", approval("cem", answer.Digest))
}

func TestProposalIsReplaced(t *testing.T) {
	t.Parallel()
	s, first := proposes(t)
	a, _ := s.submits(s.activates("cem", set(refundRule("r", "third", "live", "")), author))
	if a.Status != "proposed" || a.Digest == first {
		t.Errorf("the answer is %+v", a)
	}
	s.rejects("no rule set", approval("dee", first))
	s.rejects("who proposed", approval("cem", a.Digest))
	if b, _ := s.submits(approval("bob", a.Digest)); b.Refused != "" || s.fold.Rules().Digest != a.Digest {
		t.Errorf("the answer is %+v", b)
	}
}

func TestWhatNeedsNobodyElse(t *testing.T) {
	t.Parallel()
	live := refundRule("r", "because", "live", "")
	for name, text := range map[string]string{
		"no change":                   oldRules,
		"a rule in shadow":            set(live, refundRule("s", "because", "shadow", "")),
		"money put in shadow":         set(refundRule("r", "because", "shadow", "")),
		"a live rule without money":   set(live, stopRule("stop", "", "level: red")),
		"another order, another rule": set(stopRule("stop", "", "level: red"), live),
	} {
		s := newScene(t, oldRules)
		a, facts := s.submits(s.activates("bob", text, author))
		if a.Refused != "" || a.Status != "" || count(facts, decide.KindProposal) != 0 || s.fold.Rules().Digest != a.Digest || s.last.Proposal != nil {
			t.Errorf("%s: the answer is %+v, the facts %s", name, a, kinds(facts))
		}
		if text == oldRules && len(facts) != 0 {
			t.Errorf("no change left %s", kinds(facts))
		}
	}
	for name, text := range map[string]string{
		"a canary":             set(live, refundRule("s", "because", "canary 1%", "")),
		"from shadow to live":  set(live, refundRule("s", "because", "live", "")),
		"what people ask for":  set(live, requestRule("data.request", askLimits, "live")),
		"another scope":        strings.Replace(oldRules, "once_per: data.order", "once_per: {key: data.order, scope: s}", 1),
		"a budget":             strings.Replace(oldRules, "1000.00 USD", "1000.01 USD", 1),
		"a rule that was away": set(refundRule("again", "because", "live", "")),
	} {
		s := newScene(t, oldRules)
		if a, _ := s.submits(s.activates("bob", text, author)); a.Status != "proposed" || a.Refused != "" {
			t.Errorf("%s: the answer is %+v", name, a)
		}
	}
}

func TestActivationIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, oldRules)
	s.rejects("only an author", s.activates("bob", newRules, decide.RoleOperator, decide.RoleApprover))
	s.rejects("only an author", s.activates("bob", newRules, []string{""}...))
	s.rejects("nobody is named", s.activates("", newRules, author))
	s.rejects("have errors", s.activates("bob", "rules:\n  - rule: r\n", author))
	both := approval("cem", "abc", author)
	both.Deny = "def"
	s.rejects("no rule set", both)
	// Files are not answered, whatever they come to.
	for _, text := range []string{newRules, "rules: [", oldRules} {
		s.n++
		s.apply(activation(t, fmt.Sprint("files-", s.n), []rule.File{{Path: "r.yaml", Text: text}}))
		if len(s.last.Answers) != 0 {
			t.Errorf("files have the answers %+v", s.last.Answers)
		}
	}
}

// The first rules of a log that pay live money are a change too.
func TestFirstRulesAreProposed(t *testing.T) {
	t.Parallel()
	s := &scene{t: t, memory: decide.NewMemory(), at: start}
	s.fold = decide.New(decide.Config{Memory: s.memory})
	s.apply(genesis(t))
	a, _ := s.submits(s.activates("bob", oldRules, author))
	if a.Status != "proposed" {
		t.Fatalf("the answer is %+v", a)
	}
	if b, _ := s.submits(approval("cem", a.Digest)); b.Refused != "" || s.fold.Rules() == nil {
		t.Errorf("the answer is %+v", b)
	}
}

// A command and an activation are both what a person says under a key: the first
// one under it is carried out, the other one is not.
func TestCommandsAndActivationsShareKeys(t *testing.T) {
	t.Parallel()
	for _, first := range []input.Kind{input.Command, input.Activate} {
		s := newScene(t, oldRules)
		pause := by("ada", decide.RoleOperator)
		pause.Command, pause.Target = decide.CommandPause, decide.TargetMoney
		says := []input.Input{
			{ID: "command/ada/k", Kind: input.Command, At: s.at, Body: encode(t, pause)},
			{ID: "command/ada/k", Kind: input.Activate, At: s.at, Body: encode(t, s.activates("ada", newRules, author))},
		}
		if first == input.Activate {
			slices.Reverse(says)
		}
		if facts := s.apply(says[0]); len(facts) == 0 || len(s.last.Answers) != 1 {
			t.Errorf("a %s comes to %s", first, kinds(facts))
		}
		if facts := s.apply(says[1]); len(facts) != 0 || len(s.last.Answers) != 0 {
			t.Errorf("after a %s, what comes under its key comes to %s", first, kinds(facts))
		}
	}
}

// A rule that looks like another one is put in force while that has paid nothing, and not once
// it has: a proposal waits for days, and what the service looked at is behind the log.
func TestRulesThatWouldPayAgain(t *testing.T) {
	t.Parallel()
	renamed := strings.ReplaceAll(set(refundRule("r", "because", "live", "")), "rule: r\n", "rule: s\n")
	again := func(s *scene) decide.ActivateBody {
		a := s.activates("wes", renamed, decide.RoleAuthor)
		a.Renamed = []decide.Renamed{{Rule: "s", Scope: "r"}}
		return a
	}
	const words = `rule "s" would pay again what was paid in the scope "r": write once_per: {key: …, scope: r}`
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	proposed, _ := s.submits(again(s))
	wantDecision(t, s.send(0, numbered(1, "5.00 USD")), decide.Act, "")
	s.rejects(words, decide.ActivateBody{Author: "pat", Roles: []string{decide.RoleApprover}, Approve: proposed.Digest})
	s.rejects(words, again(s))

	s = newScene(t, set(refundRule("r", "because", "live", "")))
	proposed, _ = s.submits(again(s))
	if a, _ := s.submits(decide.ActivateBody{Author: "pat", Roles: []string{decide.RoleApprover}, Approve: proposed.Digest}); a.Refused != "" || s.fold.Rules().Rule("s") == nil {
		t.Errorf("before anything was paid it was refused: %s", a.Refused)
	}
}
