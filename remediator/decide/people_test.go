package decide_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// by is a command of a person with roles, to be filled in.
func by(name string, roles ...string) decide.CommandBody {
	return decide.CommandBody{By: name, Roles: roles}
}

func operator(name string) decide.CommandBody { return by(name, decide.RoleOperator) }
func agent(name string) decide.CommandBody    { return by(name, decide.RoleAgent) }

func pulls(c decide.CommandBody, path, level string) decide.CommandBody {
	c.Command, c.Cord, c.Level, c.Reason = decide.CommandPull, path, level, "it smells of smoke"
	return c
}

func acknowledges(c decide.CommandBody, path string) decide.CommandBody {
	c.Command, c.Cord = decide.CommandAcknowledge, path
	return c
}

func releases(c decide.CommandBody, path string) decide.CommandBody {
	c.Command, c.Cord, c.Cause, c.Fix = decide.CommandRelease, path, "a loose wire", "fastened it"
	return c
}

func pauses(c decide.CommandBody, target string) decide.CommandBody {
	c.Command, c.Target, c.Reason = decide.CommandPause, target, "the figures look odd"
	return c
}

func resumes(c decide.CommandBody, target string) decide.CommandBody {
	c.Command, c.Target = decide.CommandResume, target
	return c
}

// give folds a command after a while. It holds what is true of all: one answer
// under the command's id, and one fact of a refusal with the same words, or none.
func (s *scene) give(after time.Duration, c decide.CommandBody) (decide.Answer, []decide.Fact) {
	s.t.Helper()
	s.n++
	s.at += int64(after)
	id := fmt.Sprintf("cmd-%d", s.n)
	facts := s.apply(input.Input{ID: id, Kind: input.Command, At: s.at, Body: encode(s.t, c)})
	if len(s.last.Answers) != 1 {
		s.t.Fatalf("%s has %d answers", c.Command, len(s.last.Answers))
	}
	a := s.last.Answers[0]
	if a.ID != id || a.At != s.at || a.By != c.By || a.Command != c.Command || a.Ordinal != s.fold.Position().Ordinal {
		s.t.Errorf("the answer to %s %+v is %+v", id, c, a)
	}
	refusals := 0
	for _, f := range facts {
		if f.Kind != decide.KindRefusal {
			continue
		}
		refusals++
		var r decide.RefusalFact
		if err := json.Unmarshal(f.Body, &r); err != nil || r.Reason != a.Refused || r.Command != c.Command || r.By != c.By {
			s.t.Errorf("the refusal is %s (%v), the answer %+v", f.Body, err, a)
		}
	}
	if want := min(len(a.Refused), 1); refusals != want {
		s.t.Errorf("%d facts of a refusal, want %d: %s", refusals, want, kinds(facts))
	}
	return a, facts
}

// done gives a command that must be carried out.
func (s *scene) done(after time.Duration, c decide.CommandBody) (decide.Answer, []decide.Fact) {
	s.t.Helper()
	a, facts := s.give(after, c)
	if a.Refused != "" {
		s.t.Fatalf("%s by %s was refused: %s", c.Command, c.By, a.Refused)
	}
	return a, facts
}

// refused gives a command that must be refused for a reason that has the words.
func (s *scene) refused(words string, c decide.CommandBody) decide.Answer {
	s.t.Helper()
	before, level := len(s.jobs), s.level(c.Cord)
	a, facts := s.give(0, c)
	if a.Refused == "" || !strings.Contains(a.Refused, words) {
		s.t.Errorf("%s by %s %v was refused for %q, want %q", c.Command, c.By, c.Roles, a.Refused, words)
	}
	for _, f := range facts {
		if f.Kind != decide.KindRefusal && f.Kind != decide.KindProgress && f.Kind != decide.KindSnapshot {
			s.t.Errorf("a refused %s left a fact %s %s", c.Command, f.Kind, f.Body)
		}
	}
	if len(s.jobs) != before || s.level(c.Cord) != level || len(s.last.Keys)+len(s.last.Cords) > 0 {
		s.t.Errorf("a refused %s changed something", c.Command)
	}
	return a
}

// tick folds nothing but a time.
func (s *scene) tick(after time.Duration) []decide.Fact {
	s.t.Helper()
	s.at += int64(after)
	return s.apply(input.Input{Kind: input.Tick, At: s.at})
}

func (s *scene) level(path string) string {
	c, ok := s.fold.Cord(path)
	if !ok {
		return cord.Open
	}
	return c.Level
}

func (s *scene) wantLevel(path, level string) {
	s.t.Helper()
	if got := s.level(path); got != level {
		s.t.Fatalf("%s is %s, want %s", path, got, level)
	}
}

func count(facts []decide.Fact, kind string) int {
	n := 0
	for _, f := range facts {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

// said returns what was said with the newest input, by kind.
func (s *scene) said(kind string) []string {
	var texts []string
	for _, item := range s.last.Items {
		if item.Evidence != nil && item.Evidence.Kind == kind {
			texts = append(texts, string(item.Evidence.Plain))
		}
	}
	return texts
}

// TestWhoMayDoWhat gives every command in every role.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	allowed := map[string][]string{
		decide.CommandApprove: {decide.RoleApprover}, decide.CommandDeny: {decide.RoleApprover},
		decide.CommandRetry:   {decide.RoleOperator, decide.RoleApprover},
		decide.CommandReverse: {decide.RoleAgent, decide.RoleOperator, decide.RoleApprover},
		decide.CommandRequest: {decide.RoleAgent, decide.RoleOperator, decide.RoleApprover},
		decide.CommandPull:    {decide.RoleAgent, decide.RoleAuthor, decide.RoleApprover, decide.RoleAuditor, decide.RoleOperator},
		decide.CommandPause:   {decide.RoleOperator, decide.RoleApprover}, decide.CommandResume: {decide.RoleOperator, decide.RoleApprover},
		decide.CommandToken: {}, decide.CommandRevoke: {},
		decide.CommandErase: {decide.RoleOperator}, decide.CommandHold: {decide.RoleOperator}, decide.CommandUnhold: {decide.RoleOperator},
	}
	allowed[decide.CommandAcknowledge] = allowed[decide.CommandPull]
	allowed[decide.CommandRelease] = allowed[decide.CommandPull]
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	for command, roles := range allowed {
		for _, role := range append(decide.Roles(), "", "root", "Approver") {
			c := by("eve", role)
			c.Command = command
			a, _ := s.give(0, c)
			if got, want := !strings.HasPrefix(a.Refused, "only "), role == decide.RoleAdmin || slices.Contains(roles, role); got != want {
				t.Errorf("%s as %q: allowed %t (%s)", command, role, got, a.Refused)
			}
		}
		c := by("", decide.RoleAdmin)
		c.Command = command
		s.refused("nobody is named", c)
		c = by("eve")
		c.Command = command
		s.refused("only ", c)
	}
	for _, command := range []string{"", "APPROVE", "approve ", "activate"} {
		c := by("eve", decide.RoleAdmin)
		c.Command = command
		s.refused("not known", c)
	}
}

// A command that comes twice is carried out once, and answered once.
func TestRepeatedCommandHasOneAnswer(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	in := input.Input{ID: "same", Kind: input.Command, At: s.at, Body: encode(t, pulls(operator("ann"), "product/x", cord.Red))}
	s.apply(in)
	if len(s.last.Answers) != 1 {
		t.Fatal("no answer")
	}
	if facts := s.apply(in); len(facts) != 0 || len(s.last.Answers)+len(s.last.Brakes)+len(s.last.Cords) != 0 {
		t.Errorf("a repeat left %s and %+v", kinds(facts), s.last)
	}
}

// Who emits events chooses their ids, and with none of them keeps a command out.
func TestEventsTakeNoCommandsID(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.apply(input.Input{ID: "stop", Kind: input.Event, At: s.at, Body: []byte(`{"specversion":"1.0","id":"1","source":"/x","type":"x"}`)})
	s.apply(input.Input{ID: "stop", Kind: input.Command, At: s.at, Body: encode(t, pulls(operator("ann"), "product/x", cord.Red))})
	s.wantLevel("product/x", cord.Red)
}

// What people write is bounded wherever it goes: what cannot be sealed would
// stop the service for ever.
func TestLongWordsOfPeopleAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é\x01", 40_000)
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	s.done(0, pulls(operator("ann"), "product/x", cord.Red))
	for command := range map[string]bool{
		decide.CommandApprove: true, decide.CommandRetry: true, decide.CommandReverse: true, decide.CommandRequest: true, decide.CommandPull: true,
		decide.CommandAcknowledge: true, decide.CommandRelease: true, decide.CommandPause: true, decide.CommandResume: true, decide.CommandToken: true,
		decide.CommandRevoke: true, long: true,
	} {
		for _, path := range []string{"product/x", long} {
			c := decide.CommandBody{Command: command, By: long, Roles: []string{decide.RoleAdmin, long}, Reason: long, Payment: long, Customer: long,
				Reference: long, Cord: path, Level: cord.Red, Cause: long, Fix: long, Target: long, Terms: cord.Terms{Quiet: time.Hour, QuietRule: long},
				Remedy: uuid.UUID{1}, Token: &decide.Token{ID: uuid.UUID{1}, Name: long, SHA256: long, Roles: slices.Repeat([]string{decide.RoleAgent}, 20_000)}}
			c.Amount = usd(1)
			c.Amount.Currency = long
			c.Of = &decide.Origin{Rule: long, Account: long, Customer: long, Subject: long, Steps: []decide.Step{
				{Name: long, Kind: "refund", Connector: long, Payment: long, Customer: long, Cord: long, Amount: usd(1)}}}
			s.n++
			for _, f := range s.apply(input.Input{ID: fmt.Sprint(long[:600], s.n), Kind: input.Command, At: s.at, Body: encode(t, c)}) {
				if len(f.Body) > 60<<10 || len(f.Rule) > 512 {
					t.Errorf("%.10s: a fact %s of rule %.20q has %d bytes", command, f.Kind, f.Rule, len(f.Body))
				}
			}
			if len(s.last.Answers) != 1 || len(encode(t, s.last.Answers)) > 16<<10 {
				t.Errorf("%.10s: the answers are %d of %d bytes", command, len(s.last.Answers), len(encode(t, s.last.Answers)))
			}
		}
	}
	a := decide.ActivateBody{Author: long, Roles: []string{decide.RoleAdmin}, Approve: long, Parent: long}
	for _, f := range s.apply(input.Input{ID: "act", Kind: input.Activate, At: s.at, Body: encode(t, a)}) {
		if len(f.Body) > 16<<10 {
			t.Errorf("a fact %s has %d bytes", f.Kind, len(f.Body))
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := newScene(t, set(refundRule("r", "because", "live", "")))
	token := func(command string, token *decide.Token) decide.CommandBody {
		c := by("root", decide.RoleAdmin)
		c.Command, c.Token = command, token
		return c
	}
	secret := strings.Repeat("0f", 32)
	good := decide.Token{ID: uuid.UUID{1}, Name: "ann", Roles: []string{decide.RoleAgent, decide.RoleAuthor}, SHA256: secret, Expires: s.at}
	_, facts := s.done(0, token(decide.CommandToken, &good))
	if f := one[decide.TokenFact](t, facts, decide.KindToken); f.Token != good.ID || f.Name != "ann" || f.By != "root" || f.Expires != "2001-01-01T00:00:00Z" || f.Revoked {
		t.Errorf("the fact is %+v", f)
	}
	if len(s.last.Tokens) != 1 || s.last.Tokens[0].SHA256 != secret {
		t.Errorf("the tokens are %+v", s.last.Tokens)
	}
	_, facts = s.done(0, token(decide.CommandRevoke, &decide.Token{ID: good.ID}))
	if f := one[decide.TokenFact](t, facts, decide.KindToken); !f.Revoked || !s.last.Tokens[0].Revoked {
		t.Errorf("revoked, the fact is %+v", f)
	}
	for words, bad := range map[string]*decide.Token{
		"no token is named":     nil,
		"no token is named ":    {Name: "x"},
		"has a name":            {ID: good.ID, Roles: good.Roles, SHA256: secret},
		"has a name, roles":     {ID: good.ID, Name: "x", SHA256: secret},
		"digest of its secret":  {ID: good.ID, Name: "x", Roles: good.Roles, SHA256: "abc"},
		"there is no role root": {ID: good.ID, Name: "x", Roles: []string{"root"}, SHA256: secret},
		"each role once":        {ID: good.ID, Name: "x", Roles: slices.Repeat(good.Roles, 4), SHA256: secret},
	} {
		s.refused(strings.TrimSpace(words), token(decide.CommandToken, bad))
	}
}
