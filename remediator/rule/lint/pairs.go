package lint

import (
	"strings"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
)

// pairs compares the rules that do the same, or pay for the same, with each
// other; of all others nothing is to be said. A rule is warned of once a code.
func (l *linter) pairs() {
	warned := map[string]bool{}
	bySteps, byPayment, byKey := groups{}, groups{}, groups{}
	for _, r := range l.rules {
		bySteps.add(r.steps, r)
		for _, payment := range r.pays {
			byPayment.add(payment, r)
		}
		if r.MovesMoney() && len(r.OncePer) > 0 {
			byKey.add(r.key.likely, r)
		}
	}
	l.compare(bySteps, warned, func(_ string, a, b *studied) { l.covered(a, b, warned) })
	l.compare(byPayment, warned, func(payment string, a, b *studied) {
		switch {
		case !takeOne(a, b):
			l.paysTwice(a, b, warned, "refund "+payment, "the one that comes later is held, for it is refunded already")
		case a.steps != b.steps:
			then := "they take one key, so only the one that is first does"
			if a.plain() && b.plain() {
				then = "they take one key, so the one whose name comes first does, whatever the other would pay"
			}
			l.paysTwice(a, b, warned, "refund "+payment, then)
		}
	})
	l.compare(byKey, warned, func(key string, a, b *studied) {
		switch {
		case a.Scope != b.Scope:
			l.paysTwice(a, b, warned, "pay for one "+key, "each has keys of its own, so both pay")
		case !takeOne(a, b):
			l.paysTwice(a, b, warned, "pay for one "+key, a.key.exact+" and "+b.key.exact+" are not one key of every event, so both may pay")
		}
	})
}

// plain reports whether a rule fires at once, for each event by itself.
func (s *studied) plain() bool { return s.Unless == nil && s.Window == nil }

// takeOne reports whether two rules take one key: once it is taken, the other does nothing.
func takeOne(a, b *studied) bool {
	return len(a.OncePer) > 0 && a.key.exact == b.key.exact && a.Scope == b.Scope
}

// meet reports whether one event may pass both rules.
func meet(a, b *studied) bool {
	for i := range a.claims {
		for j := range b.claims {
			if overlap(a.Filters[i].Event, b.Filters[j].Event) && !a.claims[i].Excludes(b.claims[j]) {
				return true
			}
		}
	}
	return false
}

// overlap reports whether one type may be both: each is a type, or a prefix that
// ends in ".*".
func overlap(a, b string) bool { return a == b || within(a, b) || within(b, a) }

// within reports whether every type of one is one of another.
func within(event, wider string) bool {
	above, ok := strings.CutSuffix(wider, "*")
	return event == wider || ok && strings.HasPrefix(event, above)
}

// paysTwice warns of two rules that pay for the same thing.
func (l *linter) paysTwice(a, b *studied, warned map[string]bool, what, then string) {
	if !asLive(a, b) || warned["covered "+b.Name] || warned["covered "+a.Name] || warned["pays "+b.Name] || !meet(a, b) {
		return
	}
	warned["pays "+b.Name] = true
	hint := "make their conditions exclude each other"
	if a.key.likely == b.key.likely && !takeOne(a, b) {
		var parts []string
		for _, x := range a.OncePer {
			parts = append(parts, document.InFlow(a.reader.Expand(x.Text)))
		}
		hint += ", or give them one scope: once_per: {key: [" + strings.Join(parts, ", ") + "], scope: " + a.Scope + "}"
	}
	b.source.Warnf(b.at("do"), "pays-twice", hint,
		"the rules %s and %s may %s for the same event: %s", a.Name, b.Name, what, then)
}

// covered warns of a rule that only does what another one does at the same time. That
// one event may pass both need not be asked: what covers another, which can hold, does.
func (l *linter) covered(a, b *studied, warned map[string]bool) {
	if !asLive(a, b) || !sameForm(a, b) {
		return
	}
	forth, back := covers(a, b), covers(b, a)
	if a.key.exact != b.key.exact {
		// What is to be said of one payment, or of string(), the other comparisons say.
		if (forth || back) && a.MovesMoney() && len(a.pays) == 0 && a.key.likely != b.key.likely {
			l.paysTwice(a, b, warned, "do the same", "each has keys of its own, so both pay")
		}
		return
	}
	switch forth, back = forth && actsForAll(a.Rule, b.Rule), back && actsForAll(b.Rule, a.Rule); {
	case forth && back:
		if !warned["covered "+b.Name] {
			b.source.Warnf(b.at("rule"), "duplicate-of", "remove one of them", "the rules %s and %s do the same for the same events", a.Name, b.Name)
		}
		warned["covered "+b.Name] = true
	case forth:
		l.shadowed(a, b, warned)
	case back:
		l.shadowed(b, a, warned)
	}
}

func (l *linter) shadowed(wider, r *studied, warned map[string]bool) {
	if warned["covered "+r.Name] || !waitsOnce(r) {
		return
	}
	warned["covered "+r.Name] = true
	fires := "fires"
	if r.Unless != nil {
		fires = "waits" // what is waited for is the same, and so is the end
	}
	r.source.Warnf(r.at("rule"), "shadowed", "remove it, or narrow "+wider.Name+" so that they exclude each other",
		"whenever the rule %s %s, %s does the same: its events and conditions are wider", r.Name, fires, wider.Name)
}

// waitsOnce reports whether a rule makes no more good than once what waits for one
// counterpart. Else of two events that do, the wider of two rules may wait for the first
// and the other one for the second, as long, and for somebody else.
func waitsOnce(r *studied) bool {
	if r.Unless == nil {
		return true
	}
	return r.Unless.By != nil && len(r.OncePer) == 1 && r.reader.Expand(r.Unless.By.Text) == r.reader.Expand(r.OncePer[0].Text)
}

// actsForAll reports whether a rule acts for every customer for whom another one does.
func actsForAll(wider, r *rule.Rule) bool {
	return wider.Mode != rule.Canary || r.Mode == rule.Canary && wider.Scope == r.Scope && wider.Percent >= r.Percent
}

// sameForm reports whether two rules wait and count alike, so that only their keys, events
// and conditions can differ.
func sameForm(a, b *studied) bool {
	if (a.Window == nil) != (b.Window == nil) || a.unless != b.unless {
		return false
	}
	// Windows that count other events count otherwise.
	return a.Window == nil || a.Window.Digest == b.Window.Digest && a.reader.Expand(textOf(a.Having)) == b.reader.Expand(textOf(b.Having))
}

func textOf(x *rule.Expr) string {
	if x == nil {
		return ""
	}
	return x.Text
}

// covers reports whether every event that passes b passes a.
func covers(a, b *studied) bool {
	for j, claim := range b.claims {
		passes := false
		for i := range a.claims {
			passes = passes || !b.nevers[j] && // that it can never fire is another warning
				within(b.Filters[j].Event, a.Filters[i].Event) && claim.Implies(a.claims[i])
		}
		if !passes {
			return false
		}
	}
	return true
}
