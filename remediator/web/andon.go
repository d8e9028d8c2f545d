package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

// board is the page of the cords: what is stopped, and how it goes on.
type board struct {
	Cells   []cell // what is not open, red first
	Open    []cell // what was pulled before, the last released first
	Asked   *cell  // the path that was asked for; nil: none was
	Brakes  []brake
	Reasons []string
	MayStop bool // money
}

// cell is a path on the board.
type cell struct {
	cord.State
	Standing      cord.Standing // with what lies above it
	MayRed        bool          // who looks may pull it red
	andon.Release               // what lets go of it
}

// brake is something of money that is stopped, by everybody who stopped it.
type brake struct {
	Target  string
	By      []string
	At      time.Time // the first
	Refused string    // why who looks may not resume it
}

// pullReasons are there for who has no time to write.
var pullReasons = []string{"Customers say that it is broken", "It is not what we promise", "It may hurt somebody"}

// pull is a form that pulls a path to a level.
type pull struct {
	Cell        cell
	Place       string // on the page: what is asked for may be in the lists too
	Level, Word string
	Reasons     []string
}

// pulling makes the form, for templates. Those of several levels begin with none.
func pulling(at any, place, level, word string, reasons []string) (pull, error) {
	switch at := at.(type) {
	case cell:
		return pull{at, place, level, word, reasons}, nil
	case *cell:
		return pull{*at, place, level, word, reasons}, nil
	}
	return pull{}, fmt.Errorf("a form pulls no %T", at)
}

func loadBoard(c *Console, r *http.Request) (any, error) {
	who := access.From(r.Context())
	page := board{Reasons: pullReasons, MayStop: decide.MayGive(who.Roles, decide.CommandPause) == ""}
	stopped, stops, err := c.cfg.Ledger.Stopped(r.Context())
	if err != nil {
		return nil, err
	}
	all, err := c.cfg.Ledger.Cords(r.Context())
	if err != nil {
		return nil, err
	}
	stand := andon.Standing(andon.Stand(stopped, stops))
	fired, err := c.lastFired(r.Context())
	if err != nil {
		return nil, err
	}
	for _, s := range andon.Stand(all, stops) {
		at := c.cell(who, s, stand(s.Cord), fired)
		if at.Standing.Level == cord.Open {
			page.Open = append(page.Open, at)
			continue
		}
		page.Cells = append(page.Cells, at)
	}
	slices.SortStableFunc(page.Open, func(a, b cell) int { return cmp.Compare(b.Since, a.Since) })
	slices.SortStableFunc(page.Cells, func(a, b cell) int {
		switch {
		case cord.Above(a.Standing.Level, b.Standing.Level):
			return -1
		case cord.Above(b.Standing.Level, a.Standing.Level):
			return 1
		}
		return 0
	})
	if path := r.URL.Query().Get("cord"); path != "" {
		if err := cord.CheckPath(path); err != nil {
			return nil, unclear(views.AskError("cord: " + err.Error()))
		}
		asked := c.cell(who, cord.State{Cord: path, Level: cord.Open}, stand(path), fired)
		page.Asked = &asked
		// The board has the first alone, and what is asked for is always there.
		if i := slices.IndexFunc(page.Cells, func(at cell) bool { return at.Cord == path }); i >= 0 {
			at := page.Cells[i] // before Delete moves the others into its place
			page.Cells = slices.Insert(slices.Delete(page.Cells, i, i+1), 0, at)
		}
	}
	page.Brakes, err = c.brakes(r.Context(), who)
	return page, err
}

// lastFired returns when each rule made its last live remedy.
func (c *Console) lastFired(ctx context.Context) (map[string]time.Time, error) {
	fired, err := c.cfg.Ledger.FiredRules(ctx, time.Time{})
	return views.LastLive(fired), err
}

// cell is a cord as it stands, for who looks at it.
func (c *Console) cell(who access.Principal, s cord.State, standing cord.Standing, fired map[string]time.Time) cell {
	at := cell{State: s, Standing: standing, MayRed: decide.MayPull(who.Roles, s.Cord, cord.Red) == ""}
	if s.Level == cord.Open {
		return at
	}
	at.Release = andon.Releasing(&s, who.Name, who.Roles, fired, c.cfg.Now())
	return at
}

// brakes lists what is stopped beside cords, by target.
func (c *Console) brakes(ctx context.Context, who access.Principal) ([]brake, error) {
	set, err := c.cfg.Ledger.Brakes(ctx)
	var found []brake
	for _, b := range set {
		if strings.HasPrefix(b.Target, decide.TargetCord("")) {
			continue
		}
		i := len(found) - 1 // they come by target
		if i < 0 || found[i].Target != b.Target {
			i++
			found = append(found, brake{Target: b.Target, At: b.At, Refused: decide.MayGive(who.Roles, decide.CommandResume)})
		}
		if b.At.Before(found[i].At) {
			found[i].At = b.At
		}
		if !slices.Contains(found[i].By, b.By) {
			found[i].By = append(found[i].By, b.By)
		}
		if decide.Same(b.By, who.Name) && found[i].Refused == "" {
			found[i].Refused = "you stopped it, so another person must let it flow again"
		}
	}
	return found, err
}

// pullCord answers POST /andon/pull: the fields cord, level and why, which is one of
// the ready reasons, and reason, which somebody wrote.
func pullCord(c *Console, r *http.Request) (to string, err error) {
	_, err = c.give(r, decide.CommandBody{Command: decide.CommandPull, Cord: written(r, "cord"),
		Level: cmp.Or(written(r, "level"), cord.Yellow), Reason: cmp.Or(written(r, "reason"), written(r, "why"))})
	return after("/andon", decide.CommandPull), err
}

// onCord answers a form about a cord that is pulled.
func onCord(name string) func(c *Console, r *http.Request) (string, error) {
	return func(c *Console, r *http.Request) (to string, err error) {
		_, err = c.give(r, decide.CommandBody{Command: name, Cord: written(r, "cord"), Cause: written(r, "cause"), Fix: written(r, "fix")})
		return after("/andon", name), err
	}
}

// onMoney answers a form that stops money or lets it flow again.
func onMoney(name string) func(c *Console, r *http.Request) (string, error) {
	return func(c *Console, r *http.Request) (to string, err error) {
		_, err = c.give(r, decide.CommandBody{Command: name, Target: written(r, "target"), Reason: written(r, "reason")})
		return after("/andon", name), err
	}
}
