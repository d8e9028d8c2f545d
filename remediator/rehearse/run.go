package rehearse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// run is one run of one test.
type run struct {
	*suite
	test     *test
	set      *rule.Set
	matcher  match.Matcher // of the set
	files    map[string]string
	outcomes []*outcome
	remedies []decide.RemedyFact
	failed   bool
	part     bool // some rules could not be read: what these do is not known

	wanted, got []string // what was expected and what was made, line by line
	golden      *Golden  // the golden file as it should be; nil: it is, or there is none

	goldens map[string]string // of all tests so far: golden files, with the names of the tests
}

// fail reports why the test failed.
func (r *run) fail(at document.Place, code, hint, format string, args ...any) {
	r.failed = true
	r.Errorf(at, code, hint, format, args...)
}

// play sends the events and compares what they came to. Of a test with mistakes it only
// looks at the events, so that all that is wrong with them is told at once. One test may
// send events for minutes, so ctx is asked before each.
func (r *run) play(ctx context.Context) error {
	r.named()
	w, err := watch(r.set, r.matcher, decide.Lateness)
	if err != nil {
		return err
	}
	for _, one := range r.test.sends {
		for again := range one.repeat {
			if err := ctx.Err(); err != nil {
				return err
			}
			in, ok := r.input(len(r.outcomes)+1, again, one)
			if r.failed = r.failed || !ok; r.failed {
				break
			}
			o, err := w.judge(in)
			if err != nil {
				return err
			}
			r.outcomes = append(r.outcomes, o)
			r.remedies = append(r.remedies, o.remedies...)
		}
	}
	if r.failed {
		return nil
	}
	waiting := w.fold.Waiting()
	for _, o := range r.outcomes {
		o.waiting = waiting
	}
	if r.heard() {
		r.compare()
		for _, n := range r.test.nots {
			r.negate(n)
		}
		return r.compareGolden()
	}
	return nil
}

// heard refuses a test whose events no rule is about: with a mistyped type,
// nothing at all would be as expected.
func (r *run) heard() bool {
	if slices.ContainsFunc(r.outcomes, func(o *outcome) bool { return len(o.judged) > 0 }) {
		return true
	}
	var types []string
	for _, known := range r.set.Rules {
		types = append(types, known.Events...)
	}
	last := ""
	for _, o := range r.outcomes {
		last = cmp.Or(o.eventType, last)
	}
	slices.Sort(types)
	r.fail(r.test.at, "unmatched", document.DidYouMean(last, slices.Compact(types)), "no rule is about any event of this test; the last is a %s", last)
	return false
}

// named reports rules that do not exist.
func (r *run) named() {
	var names []string
	for _, known := range r.set.Rules {
		names = append(names, known.Name)
	}
	check := func(name string, at document.Place) {
		if name != "" && r.set.Rule(name) == nil { // that none is named has been said
			r.fail(at, "unknown-rule", document.DidYouMean(name, names), "there is no rule %q", name)
		}
	}
	for _, e := range r.test.expect {
		check(e.rule, e.at)
	}
	for _, n := range r.test.nots {
		check(n.rule, n.at)
	}
}

// compare holds the expected remedies against those that were made. Their order
// says nothing.
func (r *run) compare() {
	used := make([]bool, len(r.remedies))
	made := make([]*decide.RemedyFact, len(r.test.expect))
	for i, m := range pair(len(r.test.expect), len(r.remedies), func(e, m int) bool {
		return r.remedies[m].Rule == r.test.expect[e].rule && r.test.expect[e].differs(&r.remedies[m]) == ""
	}) {
		if m != unpaired {
			made[i], used[m] = &r.remedies[m], true
		}
	}
	for i, e := range r.test.expect {
		if made[i] != nil {
			continue
		}
		for m := range r.remedies {
			if !used[m] && r.remedies[m].Rule == e.rule {
				made[i], used[m] = &r.remedies[m], true
				break
			}
		}
		if made[i] != nil {
			r.fail(e.at, "expect", "it is: "+r.told(made[i]), "the remedy of %s is another: %s", e.rule, e.differs(made[i]))
			continue
		}
		r.fail(e.at, "expect", r.whyNone(e.rule), "the rule %s makes no remedy like this", e.rule)
	}
	for i, e := range r.test.expect {
		r.wanted = append(r.wanted, e.lines()...)
		r.got = append(r.got, e.linesOf(made[i])...)
	}
	for i, m := range r.remedies {
		if r.test.whole && !used[i] {
			r.fail(r.test.at, "expect", "expect lists every remedy; add it, or find out why it is made", "a remedy is made that is not expected: %s", r.told(&m))
			r.got = append(r.got, remedyLines(&m)...)
		}
	}
}

// whyNone says why a rule made no remedy of the last event of its types.
func (r *run) whyNone(name string) string {
	for _, o := range slices.Backward(r.outcomes) {
		if j := o.of(name); j != nil {
			if why := o.why(j); why != "" {
				return "of the last event: " + why
			}
			return "it makes fewer than expected"
		}
	}
	return "no event has a type that it is about: " + strings.Join(r.set.Rule(name).Events, ", ")
}

// differs says how a remedy is not as expected, "" when it is.
func (e *expectation) differs(m *decide.RemedyFact) string {
	switch {
	case e.decision != m.Decision:
		return fmt.Sprintf("its decision is %s, not %s", m.Decision, e.decision)
	case e.reason != "" && e.reason != m.Reason:
		return fmt.Sprintf("its reason is %q, not %q", m.Reason, e.reason)
	case !e.decidesActions:
		return ""
	case len(e.actions) != len(m.Steps):
		return fmt.Sprintf("the number of its actions is %d, not %d", len(m.Steps), len(e.actions))
	}
	for i := range e.actions {
		if why := e.actions[i].differs(&m.Steps[i]); why != "" {
			return fmt.Sprintf("action %d: %s", i+1, why)
		}
	}
	return ""
}

func (a *expectedAction) differs(s *decide.Step) string {
	if a.kind != s.Kind {
		return fmt.Sprintf("its kind is %s, not %s", s.Kind, a.kind)
	}
	got := fieldsOfStep(s)
	for _, name := range stepFields {
		want, ok := a.fields[name]
		if !ok || written(name, want) == got[name] {
			continue
		}
		return fmt.Sprintf("its %s is %q, not %q", name, got[name], want)
	}
	return ""
}

// stepFields are the fields of steps in the order in which they are looked at.
var stepFields = []string{"name", "payment", "customer", "amount", "expires", "template", "via", "to", "pull", "level", "cord"}

// fieldsOfStep returns what of a step can be looked at.
func fieldsOfStep(s *decide.Step) map[string]string {
	fields := map[string]string{"name": s.Name, "payment": s.Payment, "customer": s.Customer, "pull": s.Cord, "level": s.Level, "cord": s.Cord,
		"template": s.Template, "via": s.Via, "to": s.Endpoint}
	if s.Amount != nil {
		fields["amount"] = s.Amount.String()
	}
	fields["expires"] = (time.Duration(s.ExpiresS) * time.Second).String()
	return fields
}

// written brings a text into the form in which a step is compared.
func written(field, text string) string {
	switch field {
	case "amount":
		if m, err := money.Parse(text); err == nil {
			return m.String()
		}
	case "expires":
		if d, err := expression.ParseDuration(text); err == nil {
			return d.String()
		}
	}
	return text
}

// remedyText writes a remedy for people.
func remedyText(m *decide.RemedyFact) string {
	text := m.Rule + " " + m.Decision
	if m.Reason != "" {
		text += " (" + m.Reason + ")"
	}
	for i, s := range m.Steps {
		text += map[bool]string{true: ": ", false: ", "}[i == 0] + stepText(s)
	}
	return text
}

// told is remedyText with the error for which a remedy is held.
func (r *run) told(m *decide.RemedyFact) string {
	text := remedyText(m)
	for _, o := range r.outcomes {
		j := o.of(m.Rule)
		if m.Reason == decide.ReasonError && j != nil && j.actions != nil && j.event == [2]string{m.Source, m.Event} {
			return text + "; " + j.whyNotAct(m)
		}
	}
	return text
}

// negate holds a rule that must not fire against the last event of its types.
func (r *run) negate(n negation) {
	for _, m := range r.remedies {
		if m.Rule == n.rule {
			r.fail(n.at, "not", "", "the rule makes a remedy: %s", r.told(&m))
			return
		}
	}
	for _, o := range slices.Backward(r.outcomes) {
		if j := o.of(n.rule); j != nil {
			r.because(n, o, j)
			return
		}
	}
	r.fail(n.at, "not", "send an event of one of these types: "+strings.Join(r.set.Rule(n.rule).Events, ", "),
		"no event has a type that the rule is about, so nothing is shown")
}

// because passes only when the named condition is the only one that is false.
func (r *run) because(n negation, o *outcome, j *judgement) {
	texts := conditionTexts(j.rule)
	if !slices.ContainsFunc(texts, func(text string) bool { return same(text, n.because) }) {
		hint := "its conditions: " + strings.Join(texts, "\n                ")
		if near := document.Nearest(n.because, texts); near != "" {
			hint = "did you mean " + near + "?"
		}
		r.fail(n.becauseAt, "because", hint, "the rule %s has no condition %s", n.rule, expression.Line(n.because))
		return
	}
	if j.rule.Unless != nil && n.because == ConditionUnless {
		r.becauseUnless(n, o, j)
		return
	}
	found := false
	all := slices.Concat(j.conditions, j.having)
	for _, c := range all {
		switch named := same(c.Text, n.because); {
		case named && c.Value:
			r.fail(n.becauseAt, "not", o.why(j), "the condition holds, so it does not keep the rule from firing: %s", expression.Line(c.Text))
		case named && c.Err != nil:
			r.fail(n.becauseAt, "not", failed(c), "the condition is not false, it has no value: %s", expression.Line(c.Text))
		case !named && slices.ContainsFunc(all, func(other rule.Condition) bool { return same(other.Text, n.because) && c.GuardedBy(other) }):
		case !named && !c.Value:
			r.fail(n.becauseAt, "not", failed(c), "it is not the only condition that keeps the rule from firing; so does: %s", expression.Line(c.Text))
		}
		found = found || same(c.Text, n.because)
	}
	if !found && !r.failed {
		r.fail(n.becauseAt, "not", o.why(j), "the condition was not judged: %s", expression.Line(n.because))
	}
}
