package decide

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// SeenBody is the body of what was seen of a refund at a provider, in JSON: how
// the refund stood when somebody looked, be it because the provider said that it
// changed, because it was pending, or because the books were compared. It is a
// fact about the provider and orders nothing.
type SeenBody struct {
	Connector string `json:"connector"`
	Ref       string `json:"ref"` // the provider's id of the refund
	// Payments is the refunded payment by each name that the provider has for it.
	Payments []string  `json:"payments"`
	Action   uuid.UUID `json:"action,omitzero"` // whose refund it is, by its own mark; uuid.Nil when it has none
	Remedy   uuid.UUID `json:"remedy,omitzero"`
	// Status is Pending, Succeeded or Failed. Failed is the end, and a provider never
	// goes back from Succeeded to Pending: of what was seen out of order the farthest
	// counts.
	Status  string      `json:"status"`
	Code    string      `json:"code,omitempty"` // why it is pending or failed
	Amount  money.Money `json:"amount"`
	Created string      `json:"created,omitempty"` // RFC 3339, by the provider's clock
	SeenAt  string      `json:"seen_at,omitempty"` // RFC 3339, by the clock of the node that looked
	By      string      `json:"by"`                // what made it look: webhook, poll, reconciliation
}

// maxNames bounds the names of one payment.
const maxNames = 4

// Refund is what is known of a refund at a provider, whoever made it.
type Refund struct {
	Name     string      `json:"name"`     // connector:reference
	Status   string      `json:"status"`   // Pending, Succeeded or Failed
	Payments []string    `json:"payments"` // connector:payment, under each name; it counts as refunded on each
	Amount   money.Money `json:"amount"`
	Action   uuid.UUID   `json:"action,omitzero"` // uuid.Nil when somebody else made it
	Remedy   uuid.UUID   `json:"remedy,omitzero"`
	Rule     string      `json:"rule,omitempty"`
	// Charges are what it used of limits, to be given back should it fail in the end.
	Charges []byte `json:"charges,omitempty"`
	Ordinal uint64 `json:"ordinal"` // of the input that this was learnt from
}

// RefundName is the name of a refund of a connector by the provider's id.
func RefundName(connector, ref string) string { return connector + ":" + ref }

// Split returns the connector of a refund and the provider's id.
func (r Refund) Split() (connector, ref string, ok bool) { return strings.Cut(r.Name, ":") }

// rank orders the statuses of a refund as it goes through them.
func rank(status string) int { return slices.Index([]string{Pending, Succeeded, Failed}, status) }

// Ends says whether a refund that is known to have one status can still come to
// the other.
func Ends(known, seen string) bool { return rank(seen) > rank(known) }

// foldSeen takes what was seen of a refund. Seen again, late or out of order it
// changes nothing.
func (f *Fold) foldSeen(in input.Input) error {
	var b SeenBody
	if err := decodeBody(in, &b); err != nil {
		return err
	}
	if !b.bound() {
		return nil // no refund is so
	}
	if r, s := f.runs(b); s != nil {
		// Its worker has not said so yet, or will never know.
		fact := ActionFact{Status: b.Status, Code: b.Code, Ref: b.Ref, Amount: &b.Amount, SeenAt: b.SeenAt}
		if err := f.settleOutcome(r, s, OutcomeBody{ActionFact: fact}); err != nil {
			return err
		}
		if b.Status == Failed {
			f.keep(Refund{Name: RefundName(b.Connector, b.Ref), Status: Failed, Payments: b.names(), Amount: b.Amount, Action: s.Action, Remedy: r.Remedy, Rule: r.Rule})
			return nil
		}
	}
	known, err := f.refund(RefundName(b.Connector, b.Ref))
	if err != nil {
		return err
	}
	if known == nil {
		return f.foreign(b)
	}
	f.rename(known, b)
	if !Ends(known.Status, b.Status) {
		return nil
	}
	return f.moved(*known, b)
}

// bound cuts texts to what a fact holds, and reports whether the body makes sense.
func (b *SeenBody) bound() bool {
	for _, text := range []*string{&b.Connector, &b.Code, &b.Created, &b.SeenAt, &b.By, &b.Amount.Currency} {
		*text = clip(*text)
	}
	whole := func(name string) bool { return name != "" && len(name) <= maxText }
	return whole(b.Connector) && whole(b.Ref) && rank(b.Status) >= 0 && b.Amount.Minor > 0 && b.Amount.Minor <= maxAmount && b.Amount.Currency != "" &&
		len(b.Payments) > 0 && len(b.Payments) <= maxNames && !slices.ContainsFunc(b.Payments, func(p string) bool { return !whole(p) })
}

// runs finds the step whose refund it is while nobody has said what came of it.
func (f *Fold) runs(b SeenBody) (*openRemedy, *openStep) {
	r := f.state.Open[b.Remedy]
	if r == nil {
		return nil, nil
	}
	s := r.step(b.Action)
	if s == nil || s.Status != stepRunning || s.Undoes != uuid.Nil || s.Connector != b.Connector || s.Amount.Currency != b.Amount.Currency ||
		!slices.Contains(b.names(), s.Payment) {
		return nil, nil
	}
	return r, s
}

// names are the payment's, as the fold knows payments.
func (b SeenBody) names() []string {
	names := make([]string, len(b.Payments))
	for i, p := range b.Payments {
		names[i] = b.Connector + ":" + p
	}
	return names
}

// refund finds what is known of a refund; nil when it was never seen.
func (f *Fold) refund(name string) (*Refund, error) {
	if r, ok := f.overlay.refunds[name]; ok {
		return &r, nil
	}
	r, err := f.cfg.Memory.Refund(name, f.before)
	if err != nil {
		return nil, fmt.Errorf("look up refund: %w", err)
	}
	return r, nil
}

// keep remembers a refund for ever.
func (f *Fold) keep(r Refund) {
	r.Ordinal = f.state.Position.Ordinal
	f.overlay.refunds[r.Name] = r
	f.out.Refunds = append(f.out.Refunds, r)
}

// keepRefund remembers the refund that an action made, with what it used of limits.
func (f *Fold) keepRefund(r *openRemedy, s *openStep, o OutcomeBody) error {
	if s.Payment == "" || o.Ref == "" || s.Undoes != uuid.Nil {
		return nil
	}
	paying := 0
	for i := range r.Steps {
		if r.Steps[i].Amount.Currency != "" {
			paying++
		}
	}
	var used []charge
	for _, c := range r.Charges {
		if c.Remedies > 0 && paying == 1 || c.Remedies == 0 && c.Step == r.place(s.Action) {
			used = append(used, c)
		}
	}
	encoded, err := cbor.Marshal(used)
	if err != nil {
		return fmt.Errorf("encode charges: %w", err)
	}
	f.keep(Refund{Name: RefundName(s.Connector, o.Ref), Status: o.Status, Payments: []string{s.Payment}, Amount: s.Amount,
		Action: s.Action, Remedy: r.Remedy, Rule: r.Rule, Charges: encoded})
	return nil
}

// count adds a refund to what was refunded on payments (1), or takes it away (-1).
func (f *Fold) count(r *Refund, payments []string, sign int64) {
	action := cmp.Or(r.Action, derive(namespace, "refund:"+r.Name))
	for _, payment := range payments {
		f.payment(PaymentEntry{Payment: payment, Action: action, Amount: money.Money{Minor: sign * r.Amount.Minor, Currency: r.Amount.Currency}})
	}
}

// rename counts a refund under names of its payment that were not known: a rule
// that knows the payment by another one must not refund it again.
func (f *Fold) rename(r *Refund, b SeenBody) {
	fresh := slices.DeleteFunc(b.names(), func(name string) bool { return slices.Contains(r.Payments, name) })
	if r.Status == Failed || len(fresh) == 0 || len(r.Payments)+len(fresh) > 2*maxNames {
		return
	}
	f.count(r, fresh, 1)
	r.Payments = append(slices.Clip(r.Payments), fresh...)
	f.keep(*r)
}

// foreign takes a refund that nothing of ours made, by somebody at the provider's
// own pages as a rule. Remedies on its payment are held from now on. One that failed
// before it was seen is remembered, so that an older view of it counts for nothing.
func (f *Fold) foreign(b SeenBody) error {
	r := Refund{Name: RefundName(b.Connector, b.Ref), Status: b.Status, Payments: b.names(), Amount: b.Amount}
	if b.Status != Failed {
		f.count(&r, r.Payments, 1)
	}
	f.keep(r)
	return f.add(KindSeen, Fact{}, b.fact(true, false))
}

// moved takes the next status of a refund that is known.
func (f *Fold) moved(known Refund, b SeenBody) error {
	late := known.Status == Succeeded && b.Status == Failed
	refs := Fact{Remedy: known.Remedy, Action: known.Action, Rule: known.Rule}
	known.Status = b.Status
	if err := f.add(KindSeen, refs, b.fact(known.Action == uuid.Nil, late)); err != nil {
		return err
	}
	if b.Status != Failed {
		f.keep(known)
		return nil
	}
	f.count(&known, known.Payments, -1)
	f.keep(known)
	if known.Action == uuid.Nil {
		return nil
	}
	if r := f.state.Open[known.Remedy]; r != nil {
		if s := r.step(known.Action); s != nil {
			s.Status, s.Last = stepFailed, Failed // its limits are given back when the remedy ends
			return f.advance(r)
		}
	}
	if err := f.giveBack(known); err != nil {
		return err
	}
	end := Failed
	if late {
		end = FailedAfterArrival
	}
	return f.add(KindEnd, Fact{Remedy: known.Remedy, Rule: known.Rule}, EndFact{Status: end})
}

// giveBack releases what a refund used of limits that still count it.
func (f *Fold) giveBack(r Refund) error {
	var used []charge
	if err := cbor.Unmarshal(r.Charges, &used); err != nil {
		return fmt.Errorf("read the charges of refund %s: %w", r.Name, err)
	}
	for _, c := range used {
		u := f.state.Usage[c.Usage]
		switch {
		case u == nil:
		case c.Remedies > 0:
			u.Remedies.Change(c.Slot, -c.Remedies)
		default:
			u.Amounts.change(c.Amount.Currency, c.Slot, -r.Amount.Minor)
		}
	}
	return nil
}

// fact is what is sealed of it.
func (b SeenBody) fact(foreign, late bool) SeenFact {
	return SeenFact{Connector: b.Connector, Ref: b.Ref, Payments: b.Payments, Status: b.Status, Code: b.Code, Amount: b.Amount,
		Foreign: foreign, Late: late, Created: b.Created, SeenAt: b.SeenAt, By: b.By}
}
