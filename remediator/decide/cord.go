package decide

import (
	"github.com/google/uuid"
)

// Levels of a cord. A cord that was never pulled has none.
const (
	LevelYellow = "yellow" // a call: nothing stops
	LevelRed    = "red"    // gates below are closed
)

type pullRequest struct {
	cord, level, rule, reason string
	remedy, action            uuid.UUID
}

// pull pulls a cord. At or below the level of an open pull it adds evidence to
// that pull; from yellow to red the pull rises.
func (f *Fold) pull(p pullRequest) error {
	cord := f.state.Cords[p.cord]
	opened := false
	switch {
	case cord == nil:
		cord = &CordState{Cord: p.cord, Level: p.level, Pulls: 1, Since: f.at}
		cord.Pull = uuid.NewSHA1(p.remedy, []byte("pull:"+p.cord))
		cord.Rule, cord.Remedy, cord.Reason = p.rule, p.remedy, p.reason
		f.state.Cords[p.cord] = cord
		opened = true
	case cord.Level == LevelYellow && p.level == LevelRed:
		cord.Level, cord.Since, cord.Reason = LevelRed, f.at, p.reason
		opened = true
	}
	cord.Evidence++
	f.out.Cords = append(f.out.Cords, *cord)
	if p.reason != "" {
		f.out.Items = append(f.out.Items, Item{Evidence: &Evidence{
			Remedy: p.remedy, Rule: p.rule, Kind: "reason", At: f.at, Ordinal: f.state.Position.Ordinal, Plain: []byte(p.reason),
		}})
	}
	return f.add(KindPull, Fact{Remedy: p.remedy, Action: p.action, Rule: p.rule},
		PullFact{Cord: p.cord, Level: cord.Level, Pull: cord.Pull, Opened: opened, Evidence: cord.Evidence})
}
