// Package adoption says which services send what by which program, which types of events
// rules cover, which rules are silent, of which services events are missing, and who asks
// for the gates.
package adoption

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

// SilentAfter is how long a rule may decide nothing before it is called silent.
const SilentAfter = 30 * 24 * time.Hour

// Ledger is what is read of the ledger's store. It is safe for concurrent use.
type Ledger interface {
	// FiredRules lists what rules decided since a day; the zero time begins with the first.
	FiredRules(ctx context.Context, since time.Time) ([]views.Fired, error)
	// Gaps lists the clients of the SDK of which events are missing.
	Gaps(ctx context.Context) ([]views.Gap, error)
	Position(ctx context.Context) (decide.Position, error)
	// Hearing returns what was heard of whom, by their names.
	Hearing(ctx context.Context) (views.Hearing, error)
}

// Adoption is what is covered, and what is not heard of.
type Adoption struct {
	Until  time.Time   `json:"until"` // log time
	Rules  []Rule      `json:"rules"` // in force, by name
	Types  []EventType `json:"types"` // that a rule is about, by name
	Silent int         `json:"silent"`
	Gaps   []views.Gap `json:"gaps"` // events that clients of the SDK accepted and that did not come
	// Services are those that were heard of, by their source. Uncovered counts their types
	// of events that no rule in force is about.
	Services  []Service `json:"services"`
	Uncovered int       `json:"uncovered"`
	Gates     []Gates   `json:"gates"` // who asks for them, by source
}

// Rule is a rule in force, and what it decided.
type Rule struct {
	Rule      string    `json:"rule"`
	Owner     string    `json:"owner"`
	Mode      string    `json:"mode"`
	Events    []string  `json:"events"`  // types, or prefixes that end in ".*"
	Decided   int       `json:"decided"` // remedies, in every mode, since the first
	LastFired time.Time `json:"last_fired,omitzero"`
	Silent    bool      `json:"silent"` // it decided nothing in 30 days of log time
}

// EventType is a type of events that rules are about.
type EventType struct {
	Type      string    `json:"type"` // or a prefix that ends in ".*"
	Rules     []string  `json:"rules"`
	LastFired time.Time `json:"last_fired,omitzero"` // of any of these rules
	LastHeard time.Time `json:"last_heard,omitzero"` // of any such event, from any service
}

// Read reads how far the rules of a set are in use; nil: none is in force. Now is the
// time of the machine.
func Read(ctx context.Context, db Ledger, set *rule.Set, now time.Time) (a Adoption, err error) {
	a.Rules, a.Types = []Rule{}, []EventType{}
	at, err := db.Position(ctx)
	if err != nil {
		return a, err
	}
	a.Until = time.Unix(0, at.At).UTC()
	fired, err := db.FiredRules(ctx, time.Time{})
	if err != nil {
		return a, err
	}
	heard, err := db.Hearing(ctx)
	if err != nil {
		return a, err
	}
	a.addHearing(heard, set, now)
	if a.Gaps, err = db.Gaps(ctx); err != nil || set == nil {
		return a, err
	}
	a.addRules(set, fired)
	return a, nil
}

// addRules adds the rules of a set, with what they decided.
func (a *Adoption) addRules(set *rule.Set, fired []views.Fired) {
	types := map[string]*EventType{}
	for _, rl := range set.Rules {
		r := Rule{Rule: rl.Name, Owner: rl.Owner, Mode: string(rl.Mode), Events: rl.Events}
		for _, f := range fired {
			if f.Rule != rl.Name {
				continue
			}
			r.Decided += f.Acted + f.Held + f.Suppressed
			r.LastFired = later(r.LastFired, f.LastFired)
		}
		if r.Silent = r.LastFired.Before(a.Until.Add(-SilentAfter)); r.Silent {
			a.Silent++
		}
		for _, name := range rl.Events {
			if types[name] == nil {
				types[name] = &EventType{Type: name}
			}
			types[name].Rules = append(types[name].Rules, rl.Name)
			types[name].LastFired = later(types[name].LastFired, r.LastFired)
		}
		a.Rules = append(a.Rules, r)
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		types[name].LastHeard = a.heardOf(name)
		a.Types = append(a.Types, *types[name])
	}
	slices.SortFunc(a.Rules, func(x, y Rule) int { return cmp.Compare(x.Rule, y.Rule) })
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
