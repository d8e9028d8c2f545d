package decide

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// Rules of what people ask for. The first may be written by rule authors.
const (
	RuleRequest = rule.RequestName
	RuleRetry   = "makegood.retry"
	RuleReverse = "makegood.reverse"
)

// peopleSource is the source of what people ask for.
const peopleSource = "makegood/people"

// defaultRequest takes requests for refunds when no rule in force does. It has no
// limit that lets one pass, so each is held for another person.
const defaultRequest = `rules:
  - rule: makegood.refund-request
    owner: makegood
    why: A person asked for it.
    event: makegood.refund.requested
    once_per: data.request
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
    mode: live
`

// builtIn compiles the rule that takes requests by default, once.
var builtIn = sync.OnceValues(func() (*rule.Set, error) {
	return rule.Load([]rule.File{{Path: "makegood.yaml", Text: defaultRequest}})
})

// requestRules are the rules that judge requests: the built-in one when none in
// force takes them.
func (f *Fold) requestRules() (*rule.Set, error) {
	if f.set != nil && len(f.set.Clauses(rule.RequestType)) > 0 {
		return f.set, nil
	}
	return builtIn()
}

// judgeRequest makes an event of a request for a refund and has the rules judge it.
func (f *Fold) judgeRequest(in input.Input, c CommandBody, at int64) match.Result {
	amount := ""
	if c.Amount != nil {
		amount = c.Amount.String()
	}
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0", "type": "refund.requested", "source": peopleSource, "id": in.ID, "customer": c.Customer,
		"data": map[string]any{"request": in.ID, "payment": c.Payment, "amount": amount, "by": c.By, "reference": c.Reference},
	})
	if err != nil {
		return match.Result{}
	}
	ev, err := event.Decode(body)
	if err != nil {
		return match.Result{} // nothing takes it, and it is refused
	}
	ev.Type, ev.Attributes["type"] = rule.RequestType, rule.RequestType
	set, err := f.requestRules()
	if err != nil {
		return match.Result{}
	}
	return match.Judge(set, &ev, at)
}

// foldRequest makes a remedy of a person's request for a refund, within the
// limits of the rule that takes it.
func (f *Fold) foldRequest(c CommandBody, j *Judged) (refused string, err error) {
	switch {
	case c.Payment == "":
		return "name the payment to refund", nil
	case c.Amount == nil || !payable(*c.Amount):
		return "name an amount above zero, with its currency", nil
	case len(j.Result.Errors) > 0:
		return fmt.Sprintf("rule %s could not be judged for this request: %s", RuleRequest, j.Result.Errors[0].Reason()), nil
	case len(j.Result.Hits) == 0:
		return fmt.Sprintf("rule %s does not take this request", RuleRequest), nil
	}
	hit, ev := &j.Result.Hits[0], j.Result.Event
	cand := candidate{hit: hit, event: ev, eventAt: f.at, live: f.live(hit.Rule, ev.Customer), requester: c.By, charged: hit.Rule.Name}
	if !cand.live {
		return fmt.Sprintf("rule %s is in shadow, and refunds nothing", RuleRequest), nil
	}
	cand.remedy = unkeyedRemedyID(hit.Rule.Scope, f.state.Position.LogID, f.state.Position.Ordinal)
	if len(hit.Rule.OncePer) > 0 {
		if hit.Key == "" || len(hit.Key) > maxText {
			return fmt.Sprintf("rule %s finds no once_per key in this request", RuleRequest), nil
		}
		cand.remedy = RemedyID(hit.Rule.Scope, hit.Key)
	}
	return f.ask(&cand, c)
}

// payable reports whether an amount can be asked for: one that can be written with
// its currency and read again.
func payable(m money.Money) bool {
	if m.Minor <= 0 || m.Minor > maxAmount || len(m.Currency) > maxText {
		return false
	}
	read, err := money.Parse(m.String())
	return err == nil && read == m
}

// ask decides what a person asked for, unless it was asked before.
func (f *Fold) ask(cand *candidate, c CommandBody) (refused string, err error) {
	f.answer.Remedy = cand.remedy
	if f.taken(cand.remedy, true) {
		return "that was asked for before: see the remedy", nil
	}
	if err := f.decide(cand); err != nil {
		return "", err
	}
	f.say(cand.remedy, cand.hit.Rule.Name, cand.event.Customer, EvidenceNote, c.Reason)
	if f.answer.Status == "" && f.state.Open[cand.remedy] == nil {
		f.answer.Status = Suppress // one that has ended said how, an open one says how it stands
	}
	return "", nil
}

// foldRetry has actions tried again: those of an open remedy of which nobody
// knows what became under their own keys, those of one that has failed as a
// remedy of its own.
func (f *Fold) foldRetry(c CommandBody) (refused string, err error) {
	f.answer.Remedy = c.Remedy
	if r := f.state.Open[c.Remedy]; r != nil {
		return f.retryOpen(r, c)
	}
	steps := c.chosen()
	if len(steps) == 0 {
		return "nothing of this remedy can be tried again", nil
	}
	d := derivation{rule: RuleRetry, key: c.derivedKey(), reverses: c.Of.Reverses, steps: steps}
	if !slices.ContainsFunc(steps, pays) {
		d.key += "/" + clip(f.answer.ID) // what moves no money may be repeated as often as somebody asks
	}
	for _, s := range steps {
		d.undoes = append(d.undoes, s.Of)
	}
	return f.derive(d, c)
}

func pays(s Step) bool { return s.Amount != nil }

// retryOpen hands out again what nobody knows the end of, under the same key.
func (f *Fold) retryOpen(r *openRemedy, c CommandBody) (refused string, err error) {
	if r.Held != "" {
		return "the remedy waits for an answer: approve or deny it", nil
	}
	again := 0
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Status != stepRunning || c.Action != uuid.Nil && c.Action != s.Action || s.Last != Unknown && s.Last != Retrying {
			continue
		}
		again++
		f.out.Settled = append(f.out.Settled, s.Action) // the turn before, or the outbox counts two
		f.hand(r, s)
		if err := f.add(KindRetry, Fact{Remedy: r.Remedy, Action: s.Action, Rule: r.Rule}, RetryFact{By: c.By}); err != nil {
			return "", err
		}
	}
	if again == 0 {
		return "none of its actions has been tried and waits", nil
	}
	f.say(r.Remedy, r.Rule, r.Customer, EvidenceNote, c.Reason)
	return "", nil
}

// foldReverse asks another person whether a remedy that is done is to be undone:
// credit that was not spent is taken back, a refund that is pending is cancelled.
func (f *Fold) foldReverse(c CommandBody) (refused string, err error) {
	f.answer.Remedy = c.Remedy
	switch {
	case f.state.Open[c.Remedy] != nil:
		return "the remedy has not ended: deny it while it is held, or wait for its end", nil
	case !slices.ContainsFunc(c.chosen(), pays):
		return "nothing of this remedy can be undone: only credit and pending refunds can", nil
	case c.Reason == "":
		return "say why: the customer has been told otherwise", nil
	}
	d := derivation{rule: RuleReverse, key: c.derivedKey(), reverses: c.Remedy}
	for _, s := range c.chosen() {
		if !pays(s) {
			continue // a mail is not unsent, and a cord is released
		}
		d.undoes = append(d.undoes, s.Action)
		s.Name, s.Kind, s.After, s.ExpiresS = "reverse-"+s.Name, KindOfReverse, "", 0
		d.steps = append(d.steps, s)
	}
	return f.derive(d, c)
}

// KindOfReverse is the kind of a step that undoes another one.
const KindOfReverse = "reverse"

// chosen are the steps that a retry or a reversal is about: one, or all there are.
func (c CommandBody) chosen() []Step {
	if c.Of == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.Of.Steps), func(s Step) bool { return c.Action != uuid.Nil && c.Action != s.Action })
}

// derivedKey is the key of what is made from a remedy, or from one action of it.
func (c CommandBody) derivedKey() string {
	if c.Action != uuid.Nil {
		return actionKey(c.Remedy, c.Action)
	}
	return c.Remedy.String()
}

func actionKey(remedy, action uuid.UUID) string { return remedy.String() + "/" + action.String() }

// derived lists the ids that a command may take and that may be taken: of the
// remedy that it makes, and of each action that moves money, so that none is made
// from alone that was made from with the others.
func (c CommandBody) derived() []uuid.UUID {
	if ids := c.differences(); ids != nil {
		return ids
	}
	name := map[string]string{CommandRetry: RuleRetry, CommandReverse: RuleReverse}[c.Command]
	if name == "" {
		return nil
	}
	ids := []uuid.UUID{RemedyID(name, c.derivedKey())}
	for _, s := range c.chosen() {
		if id := RemedyID(name, actionKey(c.Remedy, s.Action)); pays(s) && id != ids[0] {
			ids = append(ids, id)
		}
	}
	return ids
}

// derivation is how a remedy is made from one that has ended.
type derivation struct {
	rule, key string
	reverses  uuid.UUID
	steps     []Step
	undoes    []uuid.UUID // what each step undoes
}

// derive makes a remedy from one that has ended. The keys keep it from being
// made twice, and the limits of the rule that it came from count it: a retry of a
// retry counts where the first one does.
func (f *Fold) derive(d derivation, c CommandBody) (refused string, err error) {
	r, charged := &rule.Rule{Name: d.rule, Scope: d.rule, Account: c.Of.Account, Mode: rule.Live}, c.Of.Rule
	if d.rule == RuleRetry {
		charged = clip(cmp.Or(c.Of.Charged, c.Of.Rule))
		if origin := f.rules[charged]; origin != nil {
			r.Digest, r.Limits = origin.Digest, origin.Limits
		}
	}
	ev := event.Event{ID: clip(f.answer.ID), Source: peopleSource, Type: rule.RequestType, Customer: clip(c.Of.Customer), Subject: clip(c.Of.Subject)}
	cand := candidate{hit: &match.Hit{Rule: r, Key: d.key}, event: &ev, eventAt: f.at, live: true, remedy: RemedyID(d.rule, d.key),
		requester: c.By, charged: charged, of: c.Remedy, reverses: d.reverses, undoes: d.undoes}
	for _, s := range d.steps {
		if !slices.ContainsFunc(d.steps, func(other Step) bool { return other.Name == s.After }) {
			s.After = ""
		}
		cand.actions = append(cand.actions, s.action())
	}
	also := c.derived()[1:]
	if !f.taken(cand.remedy, true) && slices.ContainsFunc(also, func(id uuid.UUID) bool { return f.taken(id, true) }) {
		return "that was asked for before, of one of its actions alone", nil
	}
	if refused, err := f.ask(&cand, c); refused != "" || err != nil || f.answer.Status == Suppress {
		return refused, err
	}
	for _, id := range also {
		f.take(id, d.rule, true)
	}
	return "", nil
}

// action is the step as it is before it is sealed.
func (s Step) action() rule.Action {
	a := rule.Action{Name: s.Name, Kind: s.Kind, After: s.After, Connector: s.Connector, Payment: s.Payment, Customer: s.Customer,
		Expires: time.Duration(s.ExpiresS) * time.Second, Cord: s.Cord, Level: s.Level, Template: s.Template, Via: s.Via, Endpoint: s.Endpoint}
	if s.Amount != nil {
		a.Amount = *s.Amount
	}
	return a
}

// undone settles what a step undid: the payment no longer counts as refunded. That
// the refund it undid has failed may have been seen before.
func (f *Fold) undone(s *openStep, ref string) error {
	if s.Undoes == uuid.Nil || s.Payment == "" {
		return nil
	}
	known, err := f.refund(RefundName(s.Connector, ref))
	switch {
	case err != nil:
		return err
	case known == nil:
		f.refundStep(s, -s.Amount.Minor)
	case known.Status != Failed:
		f.count(known, known.Payments, -1)
		known.Status = Failed
		f.keep(*known)
	}
	return nil
}
