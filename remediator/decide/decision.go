package decide

import (
	"encoding/json"
	"slices"
)

const (
	// escaped is what a byte of a text takes in JSON at the most.
	escaped = 6
	// bare is more than what a decision, a step, a check or an aggregate takes in
	// JSON without its texts: names of fields, ids, numbers and times.
	bare = 1 << 10
)

// encodeDecision writes the body of a decision as encodeBody does. Where nothing is
// sealed, it returns nil for one that fits an entry in any case, and spares the work.
func (f *Fold) encodeDecision(fact *RemedyFact) (json.RawMessage, error) {
	if f.cfg.Observe != nil && fact.atMost() <= maxBody {
		return nil, nil
	}
	return encodeBody(fact)
}

// addDecision seals a decision of which encodeDecision wrote the body.
func (f *Fold) addDecision(fact *RemedyFact, body json.RawMessage) {
	refs := f.complete(f.at, KindRemedy, Fact{Remedy: fact.Remedy, Rule: fact.Rule})
	if f.cfg.Observe != nil {
		f.cfg.Observe(refs, fact)
		return
	}
	sealed := refs
	sealed.Body = body
	f.out.Items = append(f.out.Items, Item{Fact: &sealed, Decision: fact.Clone()})
}

// atMost is a size that the body of the decision does not exceed.
func (r *RemedyFact) atMost() int {
	texts := len(r.Rule) + len(r.Digest) + len(r.Set) + len(r.Scope) + len(r.Key) + len(r.Account) + len(r.Mode) + len(r.Decision) + len(r.Reason) +
		len(r.Customer) + len(r.Subject) + len(r.Source) + len(r.Event) + len(r.EventAt) + len(r.RequestedBy) + len(r.Charged)
	if r.Opened != nil {
		texts += len(r.Opened.Deadline) + len(r.Opened.Digest)
	}
	for _, a := range r.Aggregates {
		texts += len(a.Func) + len(a.Value)
	}
	for _, c := range r.Checks {
		texts += len(c.Check)
		if c.Limit != nil {
			texts += len(c.Limit.Currency)
		}
		if c.Used != nil {
			texts += len(c.Used.Currency)
		}
	}
	for i := range r.Steps {
		texts += r.Steps[i].texts()
	}
	return texts*escaped + bare*(1+len(r.Aggregates)+len(r.Checks)+len(r.Steps))
}

// texts is how long the texts of the step are together.
func (s *Step) texts() int {
	n := len(s.Name) + len(s.Kind) + len(s.After) + len(s.Connector) + len(s.Payment) + len(s.Customer) + len(s.Cord) +
		len(s.Level) + len(s.Template) + len(s.Via) + len(s.Endpoint)
	if s.Amount != nil {
		n += len(s.Amount.Currency)
	}
	return n
}

// Clone returns a copy of the decision that shares no memory with it.
func (r *RemedyFact) Clone() *RemedyFact {
	c := *r
	c.Aggregates, c.Checks, c.Steps = slices.Clone(r.Aggregates), slices.Clone(r.Checks), slices.Clone(r.Steps)
	for i := range c.Checks {
		check := &c.Checks[i]
		check.Limit, check.Used, check.Count = copied(check.Limit), copied(check.Used), copied(check.Count)
	}
	for i := range c.Steps {
		c.Steps[i].Amount = copied(c.Steps[i].Amount)
	}
	return &c
}

func copied[T any](value *T) *T {
	if value == nil {
		return nil
	}
	return new(*value)
}
