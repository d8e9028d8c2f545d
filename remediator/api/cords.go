package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/store/views"
)

// cords answers GET /v1/andon: every cord that was ever pulled, or how the paths
// stand that the query names, whether they were pulled or not.
func (h handler) cords(w http.ResponseWriter, r *http.Request) {
	paths := r.URL.Query()["cord"]
	if len(paths) > maxPaths {
		problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("%d cords are asked for: at most %d at a time", len(paths), maxPaths))
		return
	}
	for _, path := range paths {
		if err := cord.CheckPath(path); err != nil {
			problem.Write(w, http.StatusBadRequest, "parameter", "cord: "+err.Error())
			return
		}
	}
	answer, err := h.standing(r.Context(), paths)
	if len(paths) == 0 {
		var ok bool
		if answer.Cords, answer.Next, ok = pageOf(w, r.URL.Query(), answer.Cords, func(c Cord) string { return c.Cord }); !ok {
			return
		}
	}
	h.answer(w, r, answer, err)
}

// standing returns cords with how they stand, all of them when no path is named.
func (h handler) standing(ctx context.Context, paths []string) (Cords, error) {
	stopped, stops, err := h.Ledger.Stopped(ctx)
	if err != nil {
		return Cords{}, err
	}
	stopped = andon.Stand(stopped, stops)
	stand := andon.Standing(stopped)
	states, err := h.states(ctx, paths, stopped, stops)
	answer := Cords{Cords: []Cord{}}
	var fired map[string]time.Time
	if err == nil && slices.ContainsFunc(states, func(s cord.State) bool { return s.Level != cord.Open && andon.QuietBy(&s) }) {
		var all []views.Fired
		all, err = h.Ledger.FiredRules(ctx, time.Time{})
		fired = views.LastLive(all)
	}
	for _, s := range states {
		c := Cord{State: s, SinceTime: time.Unix(0, s.Since).UTC(), Standing: stand(s.Cord)}
		if s.Level != cord.Open {
			who := access.From(ctx)
			release := andon.Releasing(&s, who.Name, who.Roles, fired, h.Now())
			c.Release = &release
		}
		answer.Cords = append(answer.Cords, c)
	}
	return answer, err
}

// states returns the cords of the paths, or all of them, each by itself.
func (h handler) states(ctx context.Context, paths []string, stopped []cord.State, stops []andon.Stop) ([]cord.State, error) {
	if len(paths) == 0 {
		all, err := h.Ledger.Cords(ctx)
		return andon.Stand(all, stops), err
	}
	var states []cord.State
	for _, path := range paths {
		if at := slices.IndexFunc(stopped, func(s cord.State) bool { return s.Cord == path }); at >= 0 {
			states = append(states, stopped[at])
			continue
		}
		s, err := h.Ledger.Cord(ctx, path)
		if err != nil {
			return nil, err
		}
		if s == nil {
			s = &cord.State{Cord: path, Level: cord.Open}
		}
		states = append(states, *s)
	}
	return states, nil
}
