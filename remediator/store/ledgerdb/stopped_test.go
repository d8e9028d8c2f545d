package ledgerdb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
)

// cordOutput is what a pull or a release leaves besides its facts.
func (w *world) cordOutput(s cord.State, set bool) *decide.Output {
	to := w.next()
	out := &decide.Output{Cords: []cord.State{s}}
	if set || s.Level == cord.Open {
		out.Brakes = []decide.BrakeChange{{Target: decide.TargetCord(s.Cord), Set: set, By: s.By, Ordinal: to.Ordinal, At: to.At}}
		if set {
			out.Brakes[0].ID = "pull/" + s.Pull.String()
		}
	}
	return out
}

// TestStopped holds what gates are told: cords that are not open, and stops from
// the moment at which they are set until they are lifted or refused.
func TestStopped(t *testing.T) { engines(t, testStopped) }

func testStopped(t *testing.T) {
	w := newWorld(t)
	expect := func(when, want string) {
		t.Helper()
		cords, stops, err := w.db.Stopped(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, s := range andon.Stand(cords, stops) {
			got = append(got, fmt.Sprintf("%s %s %s", s.Cord, s.Level, s.By))
		}
		if got := strings.Join(got, "|"); got != want {
			t.Errorf("%s: %q is stopped, want %q", when, got, want)
		}
	}
	red := cord.State{Cord: "product/1", Level: cord.Red, Pull: uuid.New(), By: "ada", Since: 5}
	expect("before anything", "")
	w.commit(w.cordOutput(red, true))
	w.commit(w.cordOutput(cord.State{Cord: "product/2", Level: cord.Yellow, By: "bob"}, false))
	expect("after a pull and a call", "product/1 red ada|product/2 yellow bob")

	set := func(target, command string) {
		t.Helper()
		if err := w.db.Brake(t.Context(), target, command, "eve", time.Unix(9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	set("cord:product/3", "command/3")
	set("money", "command/4")
	expect("after a stop that the fold has not seen", "product/1 red ada|product/2 yellow bob|product/3 red eve")

	w.commit(&decide.Output{Brakes: []decide.BrakeChange{{Target: "cord:product/3", ID: "command/3"}}})
	expect("after it was refused", "product/1 red ada|product/2 yellow bob")

	set("cord:product/1", "command/5")
	open := red
	open.Level, open.Since = cord.Open, 10
	w.commit(w.cordOutput(open, false))
	expect("after a release, with a newer stop", "product/1 red eve|product/2 yellow bob")

	for path, level := range map[string]string{"product/1": cord.Open, "product/2": cord.Yellow} {
		if s, err := w.db.Cord(t.Context(), path); err != nil || s == nil || s.Level != level {
			t.Errorf("%s is %+v, %v; want it %s, as the fold left it", path, s, err, level)
		}
	}
	if s, err := w.db.Cord(t.Context(), "product/3"); err != nil || s != nil {
		t.Errorf("a cord that was never pulled is %+v, %v", s, err)
	}
}
