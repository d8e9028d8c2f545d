package decide

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/rule"
)

// maxPausedBy bounds who is remembered of a pause.
const maxPausedBy = 16

// pause is money that people stopped.
type pause struct {
	By []string `cbor:"1,keyasint"` // everybody who did
	At int64    `cbor:"2,keyasint"` // the first
}

var targetName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$`)

// CheckTarget reports why a text is not what a pause can stop: money,
// rule:NAME or connector:NAME.
func CheckTarget(target string) error {
	kind, name, named := strings.Cut(target, ":")
	if target == TargetMoney || named && (kind == "rule" || kind == "connector") && targetName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%.80q is not money, rule:NAME or connector:NAME", target)
}

// brake sets the brake of a target that has an id, or lifts it; without an id it
// lifts all that the fold has set there.
func (f *Fold) brake(target, id, by string, set bool) {
	f.out.Brakes = append(f.out.Brakes, BrakeChange{Target: target, ID: id, Set: set, By: by, Ordinal: f.state.Position.Ordinal, At: f.at})
}

// brakeCord brakes what a cord stops. A person's pull is braked under the id of
// the command, since the API set it with the same id before the fold knew.
func (f *Fold) brakeCord(s *cord.State) {
	if f.answer.Command == CommandPull {
		f.brake(TargetCord(s.Cord), f.answer.ID, f.answer.By, true)
		return
	}
	f.brake(TargetCord(s.Cord), "pull/"+s.Pull.String(), cmp.Or(s.RaisedBy, s.By), true)
}

// foldPause stops money. One person is enough, and more may join.
func (f *Fold) foldPause(c CommandBody) (refused string, err error) {
	if err := CheckTarget(c.Target); err != nil {
		return "what to stop: " + err.Error(), nil
	}
	p := f.state.Paused[c.Target]
	if p == nil {
		p = &pause{At: f.at}
		f.state.Paused[c.Target] = p
	}
	if !among(p.By, c.By) && len(p.By) < maxPausedBy {
		p.By = append(p.By, c.By)
	}
	f.answer.Target = c.Target
	f.brake(c.Target, f.answer.ID, c.By, true)
	f.say(uuid.Nil, "", "", EvidenceNote, c.Reason)
	return "", f.add(KindPause, Fact{}, PauseFact{Target: c.Target, By: c.By})
}

// foldResume lets money flow again, when another person says so.
func (f *Fold) foldResume(c CommandBody) (refused string, err error) {
	p := f.state.Paused[c.Target]
	f.answer.Target = clip(c.Target)
	switch {
	case p == nil:
		return fmt.Sprintf("%.80q is not paused", c.Target), nil
	case among(p.By, c.By):
		return ownPause, nil
	}
	delete(f.state.Paused, c.Target)
	f.brake(c.Target, "", "", false)
	f.say(uuid.Nil, "", "", EvidenceNote, c.Reason)
	return "", f.add(KindResume, Fact{}, ResumeFact{Target: c.Target, By: c.By, PausedBy: p.By})
}

// paused holds a remedy whose rule, connector or money somebody stopped.
func (v *verdict) paused() {
	stopped := func(target string) bool { return v.fold.state.Paused[target] != nil }
	held := stopped(TargetRule(v.c.stoppedBy()))
	for _, a := range v.actions {
		pays := a.Kind == rule.Refund || a.Kind == rule.Credit
		held = held || a.Connector != "" && stopped(TargetConnector(a.Connector)) || pays && stopped(TargetMoney)
	}
	if held && v.c.live {
		v.hold(ReasonPaused)
	}
}
