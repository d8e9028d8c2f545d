package rehearse

import (
	"cmp"
	"maps"
	"slices"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
)

// Difference is which remedies only one of two rule sets makes. Remedies of one
// once_per key, in the scope of a rule, are the same remedy.
type Difference struct {
	Digest  string   `json:"digest"`  // of the rules compared with
	Added   []Made   `json:"added"`   // that only the new rules make, by time
	Removed []Made   `json:"removed"` // that only the rules compared with make
	Changed []Change `json:"changed"` // that both make, with another decision or other money
}

// Made is a remedy that rules would have made.
type Made struct {
	At       string `json:"at"`
	Rule     string `json:"rule"`
	Remedy   string `json:"remedy"`
	Customer string `json:"customer,omitempty"`
	Key      string `json:"once_per,omitempty"`
	Event    string `json:"event"`
	Decision string `json:"decision"`
	Reason   string `json:"reason,omitempty"`
	// Money of its steps by currency, decimal text.
	Money map[string]string `json:"money"`
}

// Change is a remedy as both rule sets make it.
type Change struct {
	Now    Made `json:"now"`    // by the new rules
	Before Made `json:"before"` // by the rules compared with
}

func madeOf(at int64, r *decide.RemedyFact) Made {
	m := Made{At: stampOr(at), Rule: r.Rule, Remedy: r.Remedy.String(), Customer: r.Customer, Key: r.Key, Event: r.Event,
		Decision: r.Decision, Reason: r.Reason}
	total := sums{}
	for _, s := range r.Steps {
		if s.Amount != nil && total.add(*s.Amount) != nil {
			total = sums{} // no sum: what cannot be summed up is held for its own reason
			break
		}
	}
	m.Money = total.texts()
	return m
}

// difference compares what two rule sets made.
func difference(against *rule.Set, now, before map[string]Made) *Difference {
	d := &Difference{Digest: against.Digest, Added: []Made{}, Removed: []Made{}, Changed: []Change{}}
	for id, m := range now {
		switch old, both := before[id]; {
		case !both:
			d.Added = append(d.Added, m)
		case old.Decision != m.Decision || !maps.Equal(old.Money, m.Money):
			d.Changed = append(d.Changed, Change{Now: m, Before: old})
		}
	}
	for id, m := range before {
		if _, both := now[id]; !both {
			d.Removed = append(d.Removed, m)
		}
	}
	slices.SortFunc(d.Added, earlier)
	slices.SortFunc(d.Removed, earlier)
	slices.SortFunc(d.Changed, func(a, b Change) int { return earlier(a.Now, b.Now) })
	return d
}

func earlier(a, b Made) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Remedy, b.Remedy))
}
