package decide

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// encodeBody writes a fact's body: JSON without HTML escapes, fields in the order
// of the struct.
func encodeBody(body any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	return json.RawMessage(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// stamp writes a time as facts do: RFC 3339 in UTC.
func stamp(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339Nano) }

// maxBody bounds the body of a decision: an entry holds 63 KiB.
const maxBody = 60 << 10

// conclude seals the decision, takes the key, and starts or opens the remedy.
func (f *Fold) conclude(v *verdict) error {
	c, r := v.c, v.c.hit.Rule
	fact := v.fact()
	encoded, err := f.encodeDecision(fact)
	if err == nil && len(encoded) > maxBody {
		// What cannot be sealed is not carried out: a person looks.
		v.reason, v.actions, v.totals, v.checks, c.aggregates = ReasonError, nil, nil, nil, nil
		fact = v.fact()
		fact.Account = ""
		encoded, err = f.encodeDecision(fact)
	}
	if err != nil {
		return fmt.Errorf("encode decision: %w", err)
	}
	f.addDecision(fact, encoded)
	if fact.Decision != Suppress {
		f.take(c.remedy, r.Scope, c.live)
	}
	var charges []charge
	switch {
	case f.endsAtOnce(fact):
		f.desk.charges = f.charge(f.desk.charges[:0], v.customer, v.budget, v.cost(), limitsOf(r))
		charges = f.desk.charges
	case fact.Decision == Act, fact.Decision == Hold && v.reason == ReasonApprove:
		charges = f.charge(nil, v.customer, v.budget, v.cost(), limitsOf(r))
	}
	if c.live {
		f.state.Fired[r.Name] = f.at
	}
	if !c.live || fact.Decision == Suppress {
		return nil
	}
	f.addEvidenceOf(c)
	f.addValues(v)
	if err := f.spent(c.charged, fact.Remedy, charges); err != nil {
		return err
	}
	return f.open(v, fact, charges)
}

// addEvidenceOf seals the event that a remedy is made of.
func (f *Fold) addEvidenceOf(c *candidate) {
	if len(c.body) > 0 {
		f.addEvidence(c.event.Customer, Fact{Remedy: c.remedy, Rule: c.hit.Rule.Name}, EvidenceEvent, c.body)
	}
}

// fact is the verdict as it is sealed.
func (v *verdict) fact() *RemedyFact {
	c, r, s := v.c, v.c.hit.Rule, v.fold.state
	fact := &v.fold.desk.fact
	*fact = RemedyFact{
		Remedy: c.remedy, Rule: r.Name, Digest: r.Digest, Set: s.Digest, Scope: r.Scope, Key: c.hit.Key,
		Account: r.Account, Mode: modeName(c.live), Decision: v.decision(), Reason: v.reason,
		Customer: c.event.Customer, Subject: c.event.Subject, Source: c.event.Source, Event: c.event.ID, EventAt: stamp(c.eventAt),
		RequestedBy: c.requester, Of: c.of, Bulk: c.bulk, Opened: c.opened, Aggregates: c.seen, Checks: v.checks, Steps: v.steps(),
	}
	for i, value := range c.aggregates {
		fact.Aggregates = append(fact.Aggregates, Aggregate{Func: r.Aggregates[i].Func, Value: valueText(value)})
	}
	if r.Name == RuleRetry {
		fact.Charged = c.charged
	}
	if fact.Decision == Hold {
		fact.Approvals = v.need
		if c.live && !v.fold.cfg.Rehearsal { // else nobody is asked
			fact.Author = v.fold.editorOf(c.charged)
		}
	}
	return fact
}

func valueText(value any) string {
	switch v := value.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case money.Money:
		return v.String()
	case error:
		return "error: " + v.Error()
	}
	return ""
}

// steps are the actions as they are sealed.
func (v *verdict) steps() []Step {
	steps := slices.Grow(v.fold.desk.fact.Steps[:0], max(1, len(v.actions)))[:len(v.actions)] // never nil
	for i := range v.actions {
		a := &v.actions[i]
		steps[i] = Step{
			Action: ActionID(v.c.remedy, a.Name), Name: a.Name, Kind: a.Kind, After: a.After, Connector: a.Connector,
			Payment: a.Payment, Customer: a.Customer, ExpiresS: int64(a.Expires / time.Second), Cord: a.Cord, Level: a.Level,
			Template: a.Template, Via: a.Via, Endpoint: a.Endpoint,
		}
		if a.Amount.Currency != "" {
			steps[i].Amount = &a.Amount
		}
		if v.c.undoes != nil {
			steps[i].Of = v.c.undoes[i]
		}
	}
	return steps
}

// endsAtOnce reports whether a remedy is never open: in a rehearsal every action
// succeeds at once.
func (f *Fold) endsAtOnce(fact *RemedyFact) bool { return f.cfg.Rehearsal && fact.Decision == Act }

// open puts a live remedy among the open ones and starts it unless it is held.
func (f *Fold) open(v *verdict, fact *RemedyFact, charges []charge) error {
	atOnce := f.endsAtOnce(fact)
	r := f.desk.remedyOf(atOnce)
	*r = openRemedy{
		Remedy: fact.Remedy, Rule: fact.Rule, Customer: fact.Customer, Need: v.need, Steps: slices.Grow(r.Steps[:0], len(fact.Steps)),
		Charges: charges, Requester: v.c.requester, Reverses: v.c.reverses, Charged: v.c.charged, Bulk: v.c.bulk,
	}
	r.Author = f.editorOf(v.c.charged)
	for i := range fact.Steps {
		s := &fact.Steps[i]
		step := openStep{Action: s.Action, Name: s.Name, Kind: s.Kind, After: s.After, Connector: s.Connector,
			Cord: s.Cord, Level: s.Level, Reason: v.actions[i].Reason, Terms: v.actions[i].Terms, Undoes: s.Of, Status: stepWaiting}
		if s.Amount != nil {
			step.Amount = *s.Amount
		}
		if s.Kind == rule.Refund || s.Kind == KindOfReverse && s.Payment != "" {
			step.Payment = s.Connector + ":" + s.Payment
		}
		r.Steps = append(r.Steps, step)
	}
	if !atOnce {
		limits := limitsOf(v.c.hit.Rule)
		r.Limits, f.state.Open[r.Remedy] = &limits, r
	}
	if fact.Decision == Hold {
		r.Held = fact.Reason
		r.Deadline = max(f.at, v.c.known) + holdExpires
		f.schedule(r)
		return nil
	}
	f.reservePayments(r)
	return f.advance(r)
}

// reservePayments counts the refunds of a remedy that acts as refunded, before
// any other remedy is decided.
func (f *Fold) reservePayments(r *openRemedy) {
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Status == stepWaiting {
			f.reserve(s, 1)
		}
	}
}

// reserve counts the refund of a step as made (1) or as not made after all (-1).
// What undoes a refund reserves nothing.
func (f *Fold) reserve(s *openStep, sign int64) {
	if s.Undoes == uuid.Nil {
		f.refundStep(s, sign*s.Amount.Minor)
	}
}

func (f *Fold) refundStep(s *openStep, minor int64) {
	if s.Payment != "" {
		f.payment(PaymentEntry{Payment: s.Payment, Action: s.Action, Amount: money.Money{Minor: minor, Currency: s.Amount.Currency}})
	}
}

// payment adds to what was refunded on a payment.
func (f *Fold) payment(entry PaymentEntry) {
	if entry.Amount.Minor == 0 {
		return
	}
	entry.Ordinal = f.state.Position.Ordinal
	f.overlay.payments[entry.Payment] = append(f.overlay.payments[entry.Payment], entry)
	if f.cfg.Rehearsal {
		return // nobody stores it
	}
	f.out.Payments = append(f.out.Payments, entry)
}

// advance starts every step whose turn it is and ends the remedy when nothing
// is left to do. A held remedy starts nothing.
func (f *Fold) advance(r *openRemedy) error {
	if r.Held != "" {
		return nil
	}
	// A step that is done at once may be what one above it waits for.
	for started := true; started; {
		started = false
		for i := range r.Steps {
			s := &r.Steps[i]
			if s.Status != stepWaiting || r.before(s) != stepDone {
				continue
			}
			if err := f.start(r, s); err != nil {
				return err
			}
			started = true
		}
	}
	return f.endIfFinished(r)
}

// before is the status of the step that s waits for. It is done when there is none.
func (r *openRemedy) before(s *openStep) string {
	for i := range r.Steps {
		if s.After != "" && r.Steps[i].Name == s.After {
			return r.Steps[i].Status
		}
	}
	return stepDone
}

// approved reports whether the people needed have approved the remedy: refunds
// made by others no longer block it.
func (r *openRemedy) approved() bool { return len(r.By) >= r.Need }

// start carries a step out in the fold, or hands it to its connector.
func (f *Fold) start(r *openRemedy, s *openStep) error {
	switch {
	case s.Kind == "andon":
		s.Status = stepDone
		return f.pull(pullRequest{cord: s.Cord, level: s.Level, rule: r.Rule, remedy: r.Remedy, action: s.Action, reason: s.Reason, terms: s.Terms})
	case s.Kind == rule.COE:
		return f.askedByStep(r, s)
	case f.cfg.Rehearsal:
		s.Status = stepDone
	default:
		s.Status = stepRunning
		f.hand(r, s)
	}
	return nil
}

// hand gives a step to its connector.
func (f *Fold) hand(r *openRemedy, s *openStep) {
	stoppedBy := r.Charged
	if r.Reverses != uuid.Nil {
		stoppedBy = r.Rule // what a stopped rule gave may be taken back
	}
	f.out.Outbox = append(f.out.Outbox, Job{
		Action: s.Action, Remedy: r.Remedy, Connector: s.Connector, Kind: s.Kind, Name: s.Name, Rule: stoppedBy,
		Approved: r.approved() && r.Bulk == uuid.Nil, Ordinal: f.state.Position.Ordinal, At: f.at,
	})
}

// endIfFinished ends a remedy of which no step runs. What still waits then, waits
// in vain: its turn would have come.
func (f *Fold) endIfFinished(r *openRemedy) error {
	failed := false
	for i := range r.Steps {
		switch r.Steps[i].Status {
		case stepRunning:
			return nil
		case stepFailed:
			failed = true
		}
	}
	switch {
	case r.Ending != "":
		return f.end(r, r.Ending, f.at)
	case failed:
		return f.end(r, Failed, f.at)
	}
	return f.end(r, Done, f.at)
}

// giveUp ends a held remedy that was denied or that nobody answered. Steps that
// run beside the held one are settled first.
func (f *Fold) giveUp(r *openRemedy, status string, at int64) error {
	running := false
	for i := range r.Steps {
		running = running || r.Steps[i].Status == stepRunning
	}
	if !running {
		return f.end(r, status, at)
	}
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Status == stepWaiting {
			s.Status = stepFailed
		}
	}
	r.Held, r.Ending = "", status
	return nil
}

// end closes a remedy and releases what it reserved and did not spend.
func (f *Fold) end(r *openRemedy, status string, at int64) error {
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Status == stepDone {
			continue
		}
		if s.Status != stepFailed && r.Held == "" {
			f.reserve(s, -1)
		}
		r.release(f, i, s.Amount.Minor)
	}
	if !r.countsWhenOver() {
		for _, c := range r.Charges {
			if u := f.state.Usage[c.Usage]; u != nil && c.Remedies > 0 {
				u.Remedies.Change(c.Slot, -c.Remedies)
			}
		}
	}
	delete(f.state.Open, r.Remedy)
	if r.Remedy == f.answer.Remedy {
		f.answer.Status = status
	}
	if err := f.addAt(at, KindEnd, Fact{Remedy: r.Remedy, Rule: r.Rule}, EndFact{Status: status}); err != nil {
		return err
	}
	if status != Done || !r.undid() {
		return nil
	}
	return f.addAt(at, KindEnd, Fact{Remedy: r.Reverses, Rule: r.Charged}, EndFact{Status: Reversed})
}

// countsWhenOver reports whether a remedy that is over goes on counting as one: one with
// money when any was paid, and another one when any of it was done.
func (r *openRemedy) countsWhenOver() bool {
	money := slices.ContainsFunc(r.Steps, func(s openStep) bool { return s.Amount.Currency != "" })
	return slices.ContainsFunc(r.Steps, func(s openStep) bool { return s.Status == stepDone && (!money || s.Amount.Minor > 0) })
}

// undid reports whether a step was carried out that takes back what another
// remedy gave. One that was skipped took nothing.
func (r *openRemedy) undid() bool {
	return r.Reverses != uuid.Nil && slices.ContainsFunc(r.Steps, func(s openStep) bool {
		return s.Undoes != uuid.Nil && s.Status == stepDone && s.Last != Skipped
	})
}

// release gives some of the amount of a step back to the limits that it was reserved in.
func (r *openRemedy) release(f *Fold, step int, minor int64) {
	for i := range r.Charges {
		c := &r.Charges[i]
		if c.Remedies > 0 || c.Step != step {
			continue
		}
		if u := f.state.Usage[c.Usage]; u != nil {
			u.Amounts.change(c.Amount.Currency, c.Slot, -minor)
		}
		c.Amount.Minor -= minor
	}
}

func (r *openRemedy) step(action uuid.UUID) *openStep {
	if i := r.place(action); i >= 0 {
		return &r.Steps[i]
	}
	return nil
}

// place returns where the step of an action stands in the remedy, -1 when there is none.
func (r *openRemedy) place(action uuid.UUID) int {
	return slices.IndexFunc(r.Steps, func(s openStep) bool { return s.Action == action })
}
