package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/rule"
)

// pullRequest is a pull on its way to a cord.
type pullRequest struct {
	cord, level, rule, by, reason, cause string
	remedy, action                       uuid.UUID
	terms                                cord.Terms
}

// pull pulls a cord. At or below the level of an open pull it adds evidence to
// that pull; from yellow to red the pull rises.
func (f *Fold) pull(p pullRequest) error {
	c := f.state.Cords[p.cord]
	if c == nil {
		c = &cord.State{Cord: p.cord}
		f.state.Cords[p.cord] = c
	}
	p.reason = clipTo(p.reason, maxNote)
	by := p.by
	if by == "" {
		by = "rule " + p.rule
	}
	opened := c.Tug(cord.Pull{ID: f.pullID(p), Level: p.level, By: by, Rule: p.rule, Remedy: p.remedy, Reason: p.reason, Terms: p.terms, At: f.at})
	if opened {
		f.timeCord(c)
	}
	f.changed(c)
	if c.Level == cord.Red && (opened || p.by != "") {
		f.brakeCord(c) // of people each pull, for it may stand under its command already
	}
	f.say(p.remedy, p.rule, "", EvidenceReason, p.reason)
	if err := f.addPull(c, opened, p); err != nil || !opened || c.Level != cord.Red {
		return err
	}
	return f.turnedRed(c, f.at)
}

// pullID names a pull by what made it. Pulls without a remedy are named by the
// input that they came with.
func (f *Fold) pullID(p pullRequest) uuid.UUID {
	if p.remedy != uuid.Nil {
		return uuid.NewSHA1(p.remedy, []byte("pull:"+p.cord))
	}
	return uuid.NewSHA1(unkeyedRemedyID("pull", f.state.Position.LogID, f.state.Position.Ordinal), []byte(p.cord))
}

func (f *Fold) addPull(c *cord.State, opened bool, p pullRequest) error {
	return f.add(KindPull, Fact{Remedy: p.remedy, Action: p.action, Rule: p.rule}, PullFact{
		Cord: c.Cord, Level: c.Level, Pull: c.Pull, Opened: opened, Evidence: c.Evidence, Cause: p.cause, By: p.by,
		AnswerBy: stampOr(c.AnswerBy), BoxUntil: stampOr(c.BoxUntil),
	})
}

func stampOr(at int64) string {
	if at == 0 {
		return ""
	}
	return stamp(at)
}

func (f *Fold) changed(c *cord.State) { f.out.Cords = append(f.out.Cords, *c) }

// say seals a text that people wrote or read, as evidence.
func (f *Fold) say(remedy uuid.UUID, ruleName, customer, kind, text string) {
	if text != "" {
		f.addEvidence(customer, Fact{Remedy: remedy, Rule: ruleName}, kind, []byte(text))
	}
}

// red reports whether a path is stopped, by its own cord or one above.
func (f *Fold) red(path string) bool {
	return cord.Stand(path, func(path string) (string, int64) {
		if c := f.state.Cords[path]; c != nil {
			return c.Level, c.Since
		}
		return cord.Open, 0
	}).Level == cord.Red
}

// timeCord sets the timers of a cord.
func (f *Fold) timeCord(c *cord.State) {
	if c.AnswerBy != 0 {
		f.setTimer(timer{deadline: c.AnswerBy, rule: c.Rule, key: c.Cord, of: timerAnswer})
	}
	if c.BoxUntil != 0 && !c.Escalated {
		f.setTimer(timer{deadline: c.BoxUntil, rule: c.Rule, key: c.Cord, of: timerBox})
	}
}

// unanswered turns a call red that nobody acknowledged by its deadline.
func (f *Fold) unanswered(c *cord.State, at int64) error {
	c.Unanswered(at)
	f.changed(c)
	f.brakeCord(c)
	err := f.addAt(at, KindPull, Fact{Remedy: c.Remedy, Rule: c.Rule}, PullFact{
		Cord: c.Cord, Level: c.Level, Pull: c.Pull, Opened: true, Evidence: c.Evidence, Cause: CauseUnanswered, BoxUntil: stampOr(c.BoxUntil),
	})
	if err != nil {
		return err
	}
	return f.turnedRed(c, at)
}

// escalate seals that a pull lasts longer than it was given. The cord stays.
func (f *Fold) escalate(c *cord.State, at int64) error {
	c.Escalated = true
	f.changed(c)
	return f.addAt(at, KindEscalated, Fact{Remedy: c.Remedy, Rule: c.Rule}, EscalationFact{Cord: c.Cord, Level: c.Level, Pull: c.Pull})
}

// recur pulls the cords again that an event's rule watches, when what they were
// pulled for happens once more: though `having` may not hold yet, the key may be
// taken, or the remedy may wait for somebody. A cord that the rule has just pulled
// is not open any more.
func (f *Fold) recur(c *candidate) error {
	if !c.live || !f.watching(c.hit.Rule) {
		return nil
	}
	actions, err := c.hit.Rest.Actions(c.aggregates)
	if err != nil {
		return nil // what cannot be computed names no cord; the rule's own firing says so
	}
	for _, a := range actions {
		if a.Kind != rule.Andon {
			continue
		}
		s := f.state.Cords[a.Cord]
		if s == nil || s.Rule != c.hit.Rule.Name || !s.Watched(f.at) {
			continue
		}
		f.say(uuid.Nil, s.Rule, c.event.Customer, EvidenceEvent, string(c.body))
		if err := f.pull(pullRequest{cord: a.Cord, level: a.Level, rule: s.Rule, reason: a.Reason, cause: CauseRecurrence, terms: a.Terms}); err != nil {
			return err
		}
	}
	return nil
}

// watching reports whether a cord of a rule may be under watch.
func (f *Fold) watching(r *rule.Rule) bool {
	until, any := f.watches[r.Name]
	return any && f.at <= until && slices.ContainsFunc(r.Steps, func(s rule.Step) bool { return s.Kind == rule.Andon })
}

// watch remembers until when the rule of a released cord is looked at.
func (f *Fold) watch(s *cord.State) {
	if s.Level == cord.Open && s.WatchUntil > f.watches[s.Rule] {
		f.watches[s.Rule] = s.WatchUntil
	}
}

// soonestRed is how long a call by somebody who may not stop the path waits for
// an answer at the least. Otherwise it would be a way to stop it all the same.
const soonestRed = 15 * time.Minute

// foldPull is a person's pull.
func (f *Fold) foldPull(c CommandBody) (refused string, err error) {
	if err := cord.CheckPath(c.Cord); err != nil {
		return "the path of the cord: " + err.Error(), nil
	}
	if c.Level != cord.Yellow && c.Level != cord.Red {
		return "a cord is pulled to yellow or red", nil
	}
	if refused := MayPull(c.Roles, c.Cord, c.Level); refused != "" {
		return refused, nil
	}
	if err := c.Terms.Check(); err != nil {
		return "the terms of the pull: " + err.Error(), nil
	}
	if within := c.Terms.AnswerWithin; within > 0 && within < soonestRed && !mayStop(c.Roles, c.Cord) {
		return fmt.Sprintf("a call there turns red after %s at the soonest, when you may not pull it red yourself", soonestRed), nil
	}
	if c.Reason == "" {
		return "say why: whoever comes must know what to look at", nil
	}
	f.answer.Cord = c.Cord
	if err := f.pull(pullRequest{cord: c.Cord, level: c.Level, by: c.By, reason: c.Reason, cause: CausePerson, terms: c.Terms}); err != nil {
		return "", err
	}
	s := f.state.Cords[c.Cord]
	f.answer.Pull, f.answer.Status = s.Pull, s.Level
	return "", nil
}

// foldAcknowledge says that somebody came.
func (f *Fold) foldAcknowledge(c CommandBody) (refused string, err error) {
	s := f.state.Cords[c.Cord]
	f.answer.Cord = clip(c.Cord)
	switch {
	case s == nil || s.Level == cord.Open:
		return "the cord is not pulled", nil
	case s.AcknowledgedBy != "":
		return fmt.Sprintf("%s acknowledged it at %s", s.AcknowledgedBy, stamp(s.AcknowledgedAt)), nil
	}
	f.answer.Pull = s.Pull
	s.Acknowledge(c.By, f.at)
	f.changed(s)
	return "", f.add(KindAnswered, Fact{Remedy: s.Remedy, Rule: s.Rule}, AcknowledgeFact{Cord: s.Cord, Pull: s.Pull, By: c.By})
}

// foldRelease opens a cord, when its cause and its fix are known and, of a red
// one, somebody else than who pulled it says so.
func (f *Fold) foldRelease(c CommandBody) (refused string, err error) {
	s := f.state.Cords[c.Cord]
	f.answer.Cord = clip(c.Cord)
	if s == nil || s.Level == cord.Open {
		return "the cord is not pulled", nil
	}
	if refused := MayRelease(c.Roles, c.By, s); refused != "" {
		return refused, nil
	}
	if c.Cause == "" || c.Fix == "" {
		return "say the cause and the fix: what is not understood comes back", nil
	}
	if refused := f.unquiet(s); refused != "" {
		return refused, nil
	}
	level := s.Level
	f.brake(TargetCord(s.Cord), "", "", false)
	s.Release(c.By, f.at)
	f.watch(s)
	f.changed(s)
	f.answer.Pull = s.Pull
	f.say(s.Remedy, s.Rule, "", EvidenceCause, c.Cause)
	f.say(s.Remedy, s.Rule, "", EvidenceFix, c.Fix)
	return "", f.add(KindRelease, Fact{Remedy: s.Remedy, Rule: s.Rule}, ReleaseFact{
		Cord: s.Cord, Level: level, Pull: s.Pull, By: c.By, WatchUntil: stampOr(s.WatchUntil),
	})
}

// unquiet says why the condition of a release does not hold yet.
func (f *Fold) unquiet(s *cord.State) string {
	quiet := int64(s.Terms.Quiet)
	if quiet == 0 {
		return ""
	}
	what, last := "it was last pulled", s.LastAt
	if name := s.Terms.QuietRule; name != "" && name != s.Rule {
		what, last = fmt.Sprintf("rule %s last fired", name), f.state.Fired[name]
	}
	if f.at-last >= quiet {
		return ""
	}
	return fmt.Sprintf("%s at %s, and that must be %s ago: it may be released from %s on", what, stamp(last), time.Duration(quiet), stamp(last+quiet))
}
