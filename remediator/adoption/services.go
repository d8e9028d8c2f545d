package adoption

import (
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

// staleAfter is how long after the last word to it a program's gates are stale, unless it
// declared another time: as the SDK has it.
const staleAfter = time.Minute

// Service is a source of events that was heard.
type Service struct {
	Source string        `json:"source"`
	Types  []Emitted     `json:"types"`  // of its events
	Agents []views.Agent `json:"agents"` // programs that send them, such as versions of the SDK
	Last   time.Time     `json:"last"`   // when it was heard last, by the clock of the machine
	Silent bool          `json:"silent"` // for 30 days
}

// Emitted is a type of events of a service.
type Emitted struct {
	Type   string    `json:"type"`
	Events uint64    `json:"events"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Rules  []string  `json:"rules"` // in force that are about it
}

// Gates is a program that asks for the gates.
type Gates struct {
	Source  string    `json:"source"` // empty: it does not say
	Agent   string    `json:"agent"`
	Streams int       `json:"streams"` // that it has open now, on all nodes
	Last    time.Time `json:"last"`    // when a node spoke with it last
	Stale   bool      `json:"stale"`   // longer ago than a minute: its gates answer by their modes
}

// about reports whether a rule is about a type of events.
func about(r *rule.Rule, kind string) bool {
	return slices.ContainsFunc(r.Events, func(name string) bool {
		prefix, whole := strings.CutSuffix(name, ".*")
		return name == kind || whole && strings.HasPrefix(kind, prefix+".")
	})
}

// addHearing adds what was heard, as it stands at a time of the machine.
func (a *Adoption) addHearing(h views.Hearing, set *rule.Set, now time.Time) {
	a.Services, a.Gates = []Service{}, []Gates{}
	for _, one := range h.Heard {
		if n := len(a.Services); n == 0 || a.Services[n-1].Source != one.Source {
			a.Services = append(a.Services, Service{Source: one.Source, Types: []Emitted{}, Agents: []views.Agent{}})
		}
		s := &a.Services[len(a.Services)-1]
		e := Emitted{Type: one.Type, Events: one.Events, First: one.First, Last: one.Last, Rules: []string{}}
		if set != nil {
			for _, r := range set.Rules {
				if about(r, one.Type) {
					e.Rules = append(e.Rules, r.Name)
				}
			}
		}
		if len(e.Rules) == 0 {
			a.Uncovered++
		}
		s.Types, s.Last = append(s.Types, e), later(s.Last, one.Last)
	}
	for _, agent := range h.Agents {
		if i := slices.IndexFunc(a.Services, func(s Service) bool { return s.Source == agent.Source }); i >= 0 {
			a.Services[i].Agents = append(a.Services[i].Agents, agent)
		}
	}
	for i := range a.Services {
		a.Services[i].Silent = a.Services[i].Last.Before(now.Add(-SilentAfter))
	}
	for _, l := range h.Listeners {
		if n := len(a.Gates); n == 0 || a.Gates[n-1].Source != l.Source || a.Gates[n-1].Agent != l.Agent {
			a.Gates = append(a.Gates, Gates{Source: l.Source, Agent: l.Agent})
		}
		g := &a.Gates[len(a.Gates)-1]
		if g.Last = later(g.Last, l.Last); l.Last.After(now.Add(-staleAfter)) {
			g.Streams += l.Streams
		}
		g.Stale = g.Last.Before(now.Add(-staleAfter))
	}
}

// heardOf is when an event of a type, or of a prefix that ends in ".*", was heard last.
func (a *Adoption) heardOf(kind string) (last time.Time) {
	for _, s := range a.Services {
		for _, e := range s.Types {
			if about(&rule.Rule{Events: []string{kind}}, e.Type) {
				last = later(last, e.Last)
			}
		}
	}
	return last
}

// Short is an Adoption in a few numbers.
type Short struct {
	Services       int      `json:"services"`        // heard of
	SilentServices int      `json:"silent_services"` // of these, for 30 days
	Types          int      `json:"types"`           // of events, of each service
	Uncovered      int      `json:"uncovered"`       // of these, that no rule in force is about
	SilentRules    int      `json:"silent_rules"`    // for 30 days
	Agents         []string `json:"agents"`          // programs that send, each once
	Gates          int      `json:"gates"`           // programs that ask for the gates
	StaleGates     int      `json:"stale_gates"`     // of these, that nobody spoke with for a minute
}

// Short sums up.
func (a *Adoption) Short() Short {
	short := Short{Services: len(a.Services), Uncovered: a.Uncovered, SilentRules: a.Silent, Agents: []string{}, Gates: len(a.Gates)}
	for _, s := range a.Services {
		short.Types += len(s.Types)
		if s.Silent {
			short.SilentServices++
		}
		for _, agent := range s.Agents {
			short.Agents = append(short.Agents, agent.Agent)
		}
	}
	slices.Sort(short.Agents)
	short.Agents = slices.Compact(short.Agents)
	for _, g := range a.Gates {
		if g.Stale {
			short.StaleGates++
		}
	}
	return short
}
