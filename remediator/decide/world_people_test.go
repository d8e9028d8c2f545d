package decide_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// people do something about cords, money, remedies that have ended, or rules.
func (w *world) people(id string) {
	if w.random.IntN(40) == 0 {
		w.push(input.Input{ID: id, Kind: input.Activate, At: w.now, Body: encode(w.t, w.activation())})
		return
	}
	names := []string{"ann", "bob", "cem", "dee"}
	roles := [][]string{{decide.RoleOperator}, {decide.RoleAgent}, {decide.RoleOperator, decide.RoleApprover}, {decide.RoleAdmin}, {decide.RoleAdmin}, {decide.RoleAdmin}, {decide.RoleAuditor}, {}}
	c := by(names[w.random.IntN(len(names))], roles[w.random.IntN(len(roles))]...)
	switch n := w.random.IntN(100); {
	case n < 38:
		c = w.aboutCord(c)
	case n < 48:
		c = w.aboutMoney(c)
	case n < 59:
		amount := &money.Money{Minor: 1 + w.random.Int64N(90_000), Currency: []string{"USD", "USD", "JPY", "XXY"}[w.random.IntN(4)]}
		c = asks(c, fmt.Sprintf("pi_%d", w.random.IntN(400)), amount)
		c.Reference = fmt.Sprintf("T-%d", w.random.IntN(40))
	case n < 60:
		c.Command, c.Customer, c.Reason = []string{decide.CommandErase, decide.CommandHold, decide.CommandUnhold}[w.random.IntN(3)], fmt.Sprintf("c-%d", w.random.IntN(3)), "a letter"
	case n < 61:
		c.Command = []string{decide.CommandSignIn, decide.CommandSignOut}[w.random.IntN(2)]
		c.SignIn = &decide.SignIn{Method: decide.SignInToken, Session: []string{"0123456789abcdef", "none"}[w.random.IntN(2)]}
	case n < 64:
		c.Command = []string{decide.CommandToken, decide.CommandRevoke}[w.random.IntN(2)]
		c.Token = &decide.Token{ID: uuid.UUID{15: byte(w.random.IntN(9))}, Name: "till", Roles: []string{decide.RoleEmitter}, SHA256: fmt.Sprintf("%064d", w.random.IntN(9))}
	case n < 73:
		c = w.aboutThePast(c)
	case n < 80:
		c = w.aboutCOE(c)
	default:
		c = w.aboutRemedy(c)
	}
	w.push(input.Input{ID: id, Kind: input.Command, At: w.now, Body: encode(w.t, c)})
}

func (w *world) aboutCord(c decide.CommandBody) decide.CommandBody {
	paths := []string{"airport/A0", "airport/A1", "airport/A2", "airport/A3", "airport", "rule/goodwill", "rule", "no//path"}
	path := paths[min(w.random.IntN(len(paths)), w.random.IntN(len(paths)))] // rarely the last
	if stopped, ok := w.fold.Cord("rule"); ok && stopped.Level == cord.Red {
		path = "rule" // or nothing else happens
	}
	switch n := w.random.IntN(10); {
	case n < 3:
		c = pulls(c, path, []string{cord.Yellow, cord.Red}[w.random.IntN(2)])
		c.Terms = cord.Terms{AnswerWithin: time.Duration(w.random.IntN(3)) * 10 * time.Minute, Box: time.Duration(w.random.IntN(2)) * time.Hour}
	case n < 5:
		c = acknowledges(c, path)
	default:
		if c = releases(c, path); w.random.IntN(5) == 0 {
			c.Fix = ""
		}
	}
	return c
}

func (w *world) aboutMoney(c decide.CommandBody) decide.CommandBody {
	targets := []string{decide.TargetMoney, decide.TargetRule("refund-late"), decide.TargetConnector("credit"), "nothing"}
	target := targets[w.random.IntN(len(targets))]
	if w.random.IntN(3) == 0 {
		return pauses(c, target)
	}
	return resumes(c, target)
}

// aboutThePast has refund-late make orders good that no event was about, in one part
// or two, or answers what waits for that.
func (w *world) aboutThePast(c decide.CommandBody) decide.CommandBody {
	if len(w.bulks) > 0 && w.random.IntN(6) > 0 {
		c.Command, c.Bulk = decide.CommandApprove, w.bulks[len(w.bulks)-1]
		if w.random.IntN(6) == 0 {
			c.Command = decide.CommandDeny
		}
		return c
	}
	set := w.fold.Rules()
	a := &decide.Apply{Rule: "refund-late", Since: "2000-12-01T00:00:00Z", Until: "2001-01-01T00:00:00Z", List: fmt.Sprint(len(w.inputs)), Part: 1, Parts: 1}
	if r := set.Rule(a.Rule); r != nil {
		a.Digest = r.Digest
	}
	for range 1 + w.random.IntN(4) {
		a.Remedies = append(a.Remedies, madeGood(w.random.IntN(60), money.Money{Minor: 1 + w.random.Int64N(50_000), Currency: []string{"USD", "USD", "JPY"}[w.random.IntN(3)]}))
	}
	if w.listing != nil {
		a.List, a.Part, a.Parts, c.By, c.Roles = w.listing.Apply.List, 2, 2, w.listing.By, w.listing.Roles
		w.listing = nil
	} else if w.random.IntN(3) == 0 {
		a.Parts = 2
	}
	if c.Command, c.Apply = decide.CommandApply, a; a.Part < a.Parts {
		w.listing = &c
	}
	return c
}

// aboutRemedy retries or reverses what has ended, as the API would stamp it, or
// retries what is open.
func (w *world) aboutRemedy(c decide.CommandBody) decide.CommandBody {
	if len(w.ended) == 0 || w.random.IntN(3) == 0 {
		c.Command = decide.CommandRetry
		if len(w.unknown) > 0 {
			c.Remedy = w.unknown[len(w.unknown)-1]
		}
		return c
	}
	r := w.live[w.ended[w.random.IntN(len(w.ended))]]
	var done, undone []string
	for i, s := range r.Steps {
		if s.Amount == nil {
			continue
		}
		if !w.paid[s.Action] {
			undone = append(undone, s.Name)
			continue
		}
		moved := w.decided[s.Action]
		if r.Steps[i].Amount = &moved; s.Kind != decide.KindOfReverse {
			done = append(done, s.Name)
		}
	}
	if c = retries(c, r, undone...); len(undone) == 0 || len(done) > 0 && w.random.IntN(2) == 0 {
		c = reverses(c, r, done...)
	}
	if len(r.Steps) > 1 && w.random.IntN(2) == 0 {
		c.Action = r.Steps[w.random.IntN(len(r.Steps))].Action
	}
	if c.Of.Rule == decide.RuleReverse {
		c.Of.Reverses = r.Of
	}
	return c
}

// activation proposes edited rules through the API, or answers what was proposed.
func (w *world) activation() decide.ActivateBody {
	a := decide.ActivateBody{Author: []string{"ann", "bob", "cem"}[w.random.IntN(3)], Roles: []string{decide.RoleAuthor, decide.RoleApprover}}
	if w.waits != "" && w.random.IntN(3) > 0 {
		if a.Approve = w.waits; w.random.IntN(4) == 0 {
			a.Approve, a.Deny = "", w.waits
		}
		return a
	}
	if set := w.fold.Rules(); set != nil && w.random.IntN(8) > 0 {
		a.Parent = set.Digest
	}
	file := ruleFiles(w.t)[0]
	file.Text += fmt.Sprintf("\n# edited %d\n", len(w.inputs))
	if w.random.IntN(3) > 0 {
		file.Text += requestRule("data.reference", askLimits, "live")
	}
	a.Files = []rule.File{file}
	return a
}
