package rehearse

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// ConditionUnless names, in tests, what keeps a rule with unless from firing
// besides its conditions: that the counterpart came.
const ConditionUnless = "unless"

// whyWaits says why an event that meets the conditions of a rule with unless made
// no remedy.
func (o *outcome) whyWaits(j *judgement) string {
	waits := o.waits(j.rule.Name)
	switch why := o.waitsNot(j); {
	case why != "":
		return why
	case waits != nil:
		return fmt.Sprintf("an event waits for its counterpart until %s; it fires at %s", stampOr(waits.Deadline), stampOr(waits.Due))
	}
	return "the event does not wait: its counterpart came, or an event with the same source and id came before"
}

// waitsNot says why an event that meets the conditions of a rule with unless waits for no
// counterpart, whether one comes or not; "" when it would wait.
func (o *outcome) waitsNot(j *judgement) string {
	switch h := j.hit; {
	case h.NoBy != "":
		return "the event waits for nothing: " + j.nameless(h.NoBy, j.rule.GroupsBy())
	case o.late[j.rule.Name]:
		return "the event came too late to wait for its counterpart"
	case h.NoUntil != "":
		return "the event has no deadline: " + j.timeless(h.NoUntil)
	case o.errors[j.rule.Name] == "until":
		return fmt.Sprintf("the event has no deadline: until is %s, and an event waits for %s at most", stampOr(h.Until), expression.WriteDuration(rule.MaxWait))
	case h.NoKey != "":
		return "the event has no once_per key: " + j.nameless(h.NoKey, j.rule.OncePer...)
	case j.sampled && j.rule.MovesMoney():
		return "a sampled event (sampledrate above 1) moves no money for want of another, which may not have been sent"
	}
	return ""
}

// timeless says why until gives the event of a rule no deadline.
func (j *judgement) timeless(why string) string {
	c := j.evaluation.Nameless(j.rule.Unless.Until)
	if c.Err != nil {
		return failed(c)
	}
	result := expression.Line(c.Text) + " is before 1970 or after 2260"
	if why == rule.KeyType {
		result = expression.Line(c.Text) + " is no time"
	}
	if read := readText(c.Seen, c.Absent); read != "" {
		result += "; " + read
	}
	return result
}

// becauseUnless passes only when the counterpart of the last event of the rule came, and
// without it the event would have waited: j is how the rule judged it, o what became of it.
// Of an event that only ended a wait, it is the one that waited.
func (r *run) becauseUnless(n negation, o *outcome, j *judgement) {
	const other = "it is not the counterpart that keeps the rule from firing: "
	o, j = r.ended(o, j)
	came, met := r.cameFor(j)
	waits := r.outcomes[len(r.outcomes)-1].waits(n.rule)
	switch {
	case slices.ContainsFunc(r.outcomes, func(o *outcome) bool { return o.taken[n.rule] }):
		r.fail(n.becauseAt, "not", "", other+"the once_per key was taken before")
	case j.hit != nil && o.waitsNot(j) != "":
		r.fail(n.becauseAt, "not", "", other+"%s", o.waitsNot(j))
	case waits != nil:
		r.fail(n.becauseAt, "not", "let time pass behind the last event: - at: +"+textOf(time.Unix(0, waits.Due).Sub(testStart)),
			"an event of the rule %s still waits for its counterpart, so nothing is shown", n.rule)
	case j.hit == nil:
		r.fail(n.becauseAt, "not", "", other+"%s", j.whyEnds())
	case !came:
		r.fail(n.becauseAt, "not", "send the counterpart: "+strings.Join(j.rule.Unless.Events, ", "), "no counterpart came: %s", j.whyEnds())
	case !met:
		r.fail(n.becauseAt, "not", "", other+"the once_per key was taken before, or an event with the same source and id came before")
	}
}

// ended returns the last event of a rule but for those that begin no wait and are counterparts
// themselves: what is judged is the wait that they end. It returns o and j where there is none.
func (r *run) ended(o *outcome, j *judgement) (*outcome, *judgement) {
	for _, past := range slices.Backward(r.outcomes) {
		opens, ends := past.of(j.rule.Name), past.as(j.rule.Name, true)
		if opens != nil && (opens.hit != nil || ends == nil || ends.end == nil) {
			return past, opens
		}
	}
	return o, j
}

// cameFor reports whether a counterpart of an event came, and whether what waited for
// it, which is the event or an earlier one with the same key, would have made a remedy.
func (r *run) cameFor(j *judgement) (came, met bool) {
	if j.hit == nil {
		return false, false
	}
	waited := map[[2]string]bool{}
	for _, o := range r.outcomes {
		if e := o.as(j.rule.Name, true); e != nil && e.end != nil {
			came = came || e.end.NoBy == "" && e.end.By == j.hit.By
		}
		if e := o.of(j.rule.Name); e != nil && e.hit != nil {
			if _, repeats := waited[e.event]; !repeats {
				waited[e.event] = e.hit.By == j.hit.By
			}
		}
	}
	for _, o := range r.outcomes {
		met = met || slices.ContainsFunc(o.met, func(m decide.Met) bool { return m.Rule == j.rule.Name && waited[[2]string{m.Source, m.Event}] })
	}
	return came, met
}

// whyEnds says why nothing waits.
func (j *judgement) whyEnds() string {
	for _, c := range j.conditions {
		if !c.Value {
			return failed(c)
		}
	}
	return "the event of the rule waited for nothing"
}

// textOf writes a duration as tests do.
func textOf(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

// explainUnless says of a rule with unless what the event ends or waits for.
func (o *outcome) explainUnless(e *RuleExplanation, r *rule.Rule) {
	counterpart := counterpartOf(r)
	if j := o.as(r.Name, true); j != nil {
		for _, c := range j.conditions {
			e.Conditions = append(e.Conditions, explainCondition("unless", c))
		}
		e.Unless = "the event is a counterpart: it ends what waits for " + counterpart
		switch {
		case j.end == nil:
			e.Unless = "the event is no counterpart: the conditions of unless do not hold"
		case j.end.NoBy != "":
			e.Unless = "the event is the counterpart of nothing: " + j.nameless(j.end.NoBy, r.GroupsBy())
		}
	}
	if waits := o.waits(r.Name); waits != nil {
		e.Unless = fmt.Sprintf("waits for %s until %s; unless it comes, at %s:", counterpart, stampOr(waits.Deadline), stampOr(waits.Due))
	}
}

// explainAbsence lets the time of all that waits come, the earliest first, and adds to what
// is explained of each rule, in the order of the set, what it decides then.
func (w *watched) explainAbsence(o *outcome, set *rule.Set, explained []RuleExplanation) error {
	var due []int64
	for _, r := range set.Rules {
		if waits := o.waits(r.Name); waits != nil {
			due = append(due, waits.Due)
		}
	}
	slices.Sort(due)
	for _, at := range slices.Compact(due) {
		passed, err := w.event(input.Input{Kind: input.Tick, At: at})
		if err != nil {
			return err
		}
		for i, r := range set.Rules {
			remedy := passed.remedy(r.Name)
			if remedy == nil {
				continue
			}
			explained[i].decided(r, remedy)
			opened := o.of(r.Name)
			explained[i].Why = (&judgement{rule: r, evaluation: opened.evaluation, actions: opened.actions}).whyNotAct(remedy)
		}
	}
	return nil
}

// counterpartOf names what an event of a rule with unless waits for.
func counterpartOf(r *rule.Rule) string {
	text := strings.Join(r.Unless.Events, " or ")
	if r.Unless.By != nil {
		text += " with the same " + expression.Line(r.Unless.By.Text)
	}
	return text
}

// decided adds what the rule decides.
func (e *RuleExplanation) decided(r *rule.Rule, remedy *decide.RemedyFact) {
	e.Decision, e.Reason, e.Mode = remedy.Decision, remedy.Reason, modeText(r)
	if remedy.Opened != nil && r.Unless != nil && e.Unless == "" {
		e.Unless = fmt.Sprintf("waited for %s until %s, and it did not come", counterpartOf(r), remedy.Opened.Deadline)
	}
	for _, s := range remedy.Steps {
		e.Actions = append(e.Actions, stepText(s))
	}
}

// modeText writes the mode of a rule as the rule does.
func modeText(r *rule.Rule) string {
	if r.Mode == rule.Canary {
		return fmt.Sprintf("%s %v%%", r.Mode, r.Percent)
	}
	return string(r.Mode)
}

// lastEvent returns the last send that is an event, -1 when there is none.
func lastEvent(sends []send) int {
	for i := range slices.Backward(sends) {
		if !sends[i].passes() {
			return i
		}
	}
	return -1
}
