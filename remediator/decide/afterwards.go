package decide

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

const (
	// MaxMadeGood is how many remedies one bulk has at most: one approval lets all
	// of them act in one step of the fold.
	MaxMadeGood = 10_000
	// maxListed bounds the inputs of one list together, in bytes, until its last
	// part has come: they are in the state meanwhile.
	maxListed = 16 << 20
	// listMemory is for how long of log time a list waits for its next part.
	listMemory = int64(time.Hour)
)

// Apply is what a rule makes good afterwards. The person says the rule, the period
// and the customers; the rest is what a rehearsal over the log found, which the API
// stamps. A list too long for one input comes in parts, and nothing is made of it
// before the last of them.
type Apply struct {
	Rule      string `json:"rule"`
	Since     string `json:"since"`               // RFC 3339, log time of the first event meant
	Until     string `json:"until"`               // the first one no longer meant
	Customers string `json:"customers,omitempty"` // SHA-256 of the list of customers, in hex; empty: everybody

	Digest   string     `json:"digest,omitempty"` // of the rule's text that was rehearsed
	List     string     `json:"list,omitempty"`   // SHA-256 of the whole list, in hex
	Part     int        `json:"part,omitempty"`   // from 1
	Parts    int        `json:"parts,omitempty"`
	Remedies []MadeGood `json:"remedies,omitempty"` // of this part

	// Suppressed are remedies that the rule would have dropped then for its limits, by the
	// reason: they are on no list.
	Suppressed []BulkCount `json:"suppressed,omitempty"`
}

// MadeGood is one remedy as the rehearsal decided it, and what it was made of.
type MadeGood struct {
	Key        string      `json:"once_per"`
	Customer   string      `json:"customer,omitempty"`
	Subject    string      `json:"subject,omitempty"`
	Source     string      `json:"source"`
	Event      string      `json:"event"`
	EventAt    string      `json:"event_at"`
	Aggregates []Aggregate `json:"aggregates,omitempty"`
	Steps      []Step      `json:"steps"`
	Values     []byte      `json:"values,omitempty"` // what its steps tell, as EvidenceValues has it
	Body       []byte      `json:"body"`             // the event as received
}

// partBytes bounds a part of a list in JSON: with the largest remedy besides it fits
// a record of the log.
const partBytes = 256 << 10

// Split makes the parts of a list: copies of a that carry the remedies in order, and
// the digest of them all. There is one at least.
func (a Apply) Split(list []MadeGood) ([]Apply, error) {
	digest := sha256.New()
	a.Part, a.Remedies = 1, nil
	parts, size := []Apply{a}, 0
	for _, m := range list {
		text, err := json.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("encode list: %w", err)
		}
		digest.Write(text)
		if size += len(text); size > partBytes && size > len(text) {
			a.Part++
			parts, size = append(parts, a), len(text)
		}
		last := &parts[len(parts)-1]
		last.Remedies = append(last.Remedies, m)
	}
	for i := range parts {
		parts[i].List, parts[i].Parts = hex.EncodeToString(digest.Sum(nil)), len(parts)
	}
	return parts, nil
}

// listed are the parts of a list that have come while its last has not.
type listed struct {
	By       string     `cbor:"1,keyasint"`
	List     string     `cbor:"2,keyasint"`
	Part     int        `cbor:"3,keyasint"` // the last that came
	At       int64      `cbor:"4,keyasint"` // when it came
	Bytes    int        `cbor:"5,keyasint"`
	Remedies []MadeGood `cbor:"6,keyasint"`
}

// foldApply takes a part of a list, and with the last holds what the list says
// under one approval. Whatever cannot be paid, or was, is left out and counted.
func (f *Fold) foldApply(c CommandBody) (refused string, err error) {
	if c.Apply == nil {
		return "nothing says what to make good", nil
	}
	a := *c.Apply
	a.Rule, a.Since, a.Until, a.Customers = clip(a.Rule), clip(a.Since), clip(a.Until), clip(a.Customers)
	remedies, refused := f.gather(a, c.By)
	if refused != "" || remedies == nil {
		return refused, nil
	}
	r := f.rules[a.Rule]
	if refused := f.mayApply(r, a); refused != "" {
		return refused, nil
	}
	b := &openBulk{Bulk: Bulk{
		Bulk: bulkID(f.state.Position.LogID, f.state.Position.Ordinal), Rule: r.Name, Digest: r.Digest, Since: a.Since, Until: a.Until,
		Customers: a.Customers, By: c.By, At: f.at, Deadline: f.at + holdExpires, Need: bulkApprovals, Status: BulkHeld,
	}, Author: f.authorOf(r.Name)}
	for _, s := range a.Suppressed {
		b.Bulk.LeftOut = counted(b.Bulk.LeftOut, BulkCount{Reason: clip(s.Reason) + leftThen, Remedies: s.Remedies})
	}
	if err := f.askTaken(r, remedies); err != nil {
		return "", err
	}
	for i := range remedies {
		left, err := f.makeGood(b, r, &remedies[i])
		if err != nil {
			return "", err
		}
		if left != "" {
			b.Bulk.LeftOut = counted(b.Bulk.LeftOut, BulkCount{Reason: left, Remedies: 1})
		}
	}
	if len(b.Held) == 0 {
		return "there is nothing to make good" + leftOutText(b.Bulk), nil
	}
	f.say(uuid.Nil, r.Name, "", EvidenceNote, c.Reason)
	return "", f.openBulk(b)
}

// gather adds a part to its list. It returns the whole list with the last part,
// which may be empty, and nil before.
func (f *Fold) gather(a Apply, by string) (whole []MadeGood, refused string) {
	l := f.state.Listed
	if a.Part == 1 {
		l = &listed{By: by, List: a.List}
	}
	switch {
	case a.Part < 1 || a.Part > a.Parts:
		return nil, "the list has no such part"
	case l == nil || l.By != by || l.List != a.List || l.Part != a.Part-1:
		return nil, fmt.Sprintf("part %d of the list does not follow what came before: ask for it again", a.Part)
	}
	f.state.Listed = nil
	l.Part, l.At = a.Part, f.at
	l.Bytes += len(f.input.Body)
	l.Remedies = append(l.Remedies, a.Remedies...)
	switch {
	case len(l.Remedies) > MaxMadeGood || l.Bytes > maxListed:
		return nil, fmt.Sprintf("these are more than %d remedies, or %d MiB of them: make the period shorter, or name the customers",
			MaxMadeGood, maxListed>>20)
	case a.Part < a.Parts:
		f.state.Listed, f.answer.Status = l, "listed"
		return nil, ""
	}
	return append([]MadeGood{}, l.Remedies...), ""
}

// mayApply says why a rule makes nothing good afterwards.
func (f *Fold) mayApply(r *rule.Rule, a Apply) (refused string) {
	switch {
	case r == nil:
		return fmt.Sprintf("no rule %s is in force", a.Rule)
	case r.Digest != a.Digest:
		return fmt.Sprintf("rule %s changed since its past was looked at: ask for it again", r.Name)
	case r.Mode == rule.Shadow:
		return fmt.Sprintf("rule %s is in shadow, and makes nothing good", r.Name)
	case len(r.OncePer) == 0:
		return fmt.Sprintf("rule %s has no once_per, so that nobody can tell what it made good before", r.Name)
	}
	return ""
}

// askTaken asks Memory at once which of the keys of a list are taken.
func (f *Fold) askTaken(r *rule.Rule, remedies []MadeGood) error {
	ids := make([]uuid.UUID, len(remedies))
	for i, m := range remedies {
		ids[i] = RemedyID(r.Scope, m.Key)
	}
	taken, err := f.cfg.Memory.Taken(ids, false, f.before)
	if err != nil {
		return fmt.Errorf("look up once_per keys: %w", err)
	}
	for id := range taken {
		f.overlay.live[id] = true
	}
	return nil
}

// Why a remedy is left out of a bulk, besides the reasons of a decision.
const (
	LeftTaken  = "once_per"       // the key was taken: it was made good before, or decided against
	LeftShadow = "not canary"     // the rule does not act for this customer
	LeftEmpty  = "nothing to pay" // it only pulls cords, and they are of the present
)

// A limit by which the rule suppresses is asked twice: what it would not have paid then is no
// part of what is made good, and the money moves today, which has a budget of its own.
const (
	leftThen = " then"
	leftNow  = " now"
)

// makeGood opens one remedy of a bulk, or says why it is left out.
func (f *Fold) makeGood(b *openBulk, r *rule.Rule, m *MadeGood) (left string, err error) {
	ev := event.Event{ID: m.Event, Source: m.Source, Type: r.Events[0], Customer: m.Customer, Subject: m.Subject}
	at, err := time.Parse(time.RFC3339Nano, m.EventAt)
	longest := max(len(m.Event), len(m.Source), len(m.Customer), len(m.Subject))
	if err != nil || longest > event.MaxText || m.Key == "" || len(m.Key) > maxText {
		return ReasonError, nil
	}
	c := &candidate{hit: &match.Hit{Rule: r, Key: m.Key}, event: &ev, eventAt: at.UnixNano(), live: true, remedy: RemedyID(r.Scope, m.Key),
		requester: b.Bulk.By, charged: r.Name, bulk: b.Bulk.Bulk, seen: m.Aggregates}
	switch {
	case f.taken(c.remedy, true):
		return LeftTaken, nil
	case !f.live(r, m.Customer):
		return LeftShadow, nil
	}
	v := &verdict{fold: f, c: c, need: b.Bulk.Need, actions: m.actions()}
	switch {
	case len(m.Steps) > 0 && len(v.actions) == 0:
		return LeftEmpty, nil
	case len(m.Steps) == 0, unfit(v.actions): // without steps they could not be computed
		return ReasonError, nil
	}
	v.total()
	if err := v.payments(); err != nil {
		return "", err
	}
	v.perRemedy()
	v.perCustomer()
	v.perBudget()
	above := v.reason
	switch {
	case v.decision() == Suppress:
		return above + leftNow, nil
	case above != "" && !slices.Contains(abovePossible, above):
		return above, nil
	}
	v.reason = ReasonBulk
	return f.holdInBulk(b, v, above, m.Body)
}

// actions are the steps of a remedy without those that pull a cord or write to a COE:
// what was stopped then, or was not, says nothing of today.
func (m *MadeGood) actions() []rule.Action {
	var told map[string]json.RawMessage
	if json.Unmarshal(m.Values, &told) != nil {
		told = nil // its steps tell nothing
	}
	kept := slices.DeleteFunc(slices.Clone(m.Steps), func(s Step) bool { return s.Kind == rule.Andon || s.Kind == rule.COE })
	var actions []rule.Action
	for _, s := range kept {
		a := s.action()
		if !slices.ContainsFunc(kept, func(other Step) bool { return other.Name == s.After }) {
			a.After = ""
		}
		a.Values = string(told[s.Name])
		var to struct {
			To string `json:"to"`
		}
		if json.Unmarshal(told[s.Name], &to) == nil {
			a.To = to.To
		}
		actions = append(actions, a)
	}
	return actions
}

// holdInBulk seals a remedy as one of a bulk and takes its key. What is within the
// limits is charged to them at once, the rest when it is approved.
func (f *Fold) holdInBulk(b *openBulk, v *verdict, above string, body []byte) (left string, err error) {
	c, r := v.c, v.c.hit.Rule
	fact := v.fact()
	encoded, err := f.encodeDecision(fact)
	if err != nil {
		return "", fmt.Errorf("encode decision: %w", err)
	}
	if len(encoded) > maxBody {
		return ReasonError, nil
	}
	f.addDecision(fact, encoded)
	f.take(c.remedy, r.Scope, true)
	var charges []charge
	if above == "" {
		charges = f.charge(nil, v.customer, v.budget, v.cost(), limitsOf(r))
		if err := f.spent(c.charged, c.remedy, charges); err != nil {
			return "", err
		}
	}
	f.say(c.remedy, r.Name, c.event.Customer, EvidenceEvent, string(body))
	f.addValues(v)
	b.Held = append(b.Held, c.remedy)
	if err := f.open(v, fact, charges); err != nil {
		return "", err
	}
	if above != "" {
		f.state.Open[c.remedy].Told = []string{above}
	}
	return "", nil
}
