package cord

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

const (
	minute = int64(time.Minute)
	noon   = 12 * 60 * minute
)

func TestLevelsAreOrdered(t *testing.T) {
	t.Parallel()
	order := []string{Open, Yellow, Red}
	for i, a := range order {
		for j, b := range order {
			if Above(a, b) != (i > j) {
				t.Errorf("Above(%s, %s) is %t", a, b, !(i > j))
			}
		}
	}
	if Above("", Open) || Above("purple", Open) {
		t.Error("a level that there is not is above open")
	}
}

func TestTug(t *testing.T) {
	t.Parallel()
	first, second := uuid.UUID{1}, uuid.UUID{2}
	yellow := Pull{ID: first, Level: Yellow, By: "ann", Reason: "smoke", At: noon, Terms: Terms{AnswerWithin: time.Minute}}
	red := Pull{ID: second, Level: Red, By: "rule hot", Rule: "hot", Remedy: uuid.UUID{9}, Reason: "fire", At: noon + minute,
		Terms: Terms{Box: time.Hour, Watch: 2 * time.Hour, Quiet: 3 * time.Hour}}
	for _, c := range []struct {
		name   string
		pulls  []Pull
		opened bool // by the last
		want   State
	}{
		{"a call opens", []Pull{yellow}, true,
			State{Level: Yellow, Pull: first, Since: noon, By: "ann", Reason: "smoke", Pulls: 1, Evidence: 1, LastAt: noon, AnswerBy: noon + minute, Terms: yellow.Terms}},
		{"red opens with its box and without a clock", []Pull{red}, true,
			State{Level: Red, Pull: second, Since: noon + minute, By: "rule hot", Rule: "hot", Remedy: uuid.UUID{9}, Reason: "fire", Pulls: 1, Evidence: 1,
				LastAt: noon + minute, BoxUntil: noon + 61*minute, Terms: Terms{Box: time.Hour, Watch: 2 * time.Hour, Quiet: 3 * time.Hour, QuietRule: "hot"}}},
		{"a second call is evidence, and its terms do not count", []Pull{yellow, {ID: second, Level: Yellow, By: "bob", Reason: "me too", At: noon + minute, Terms: Terms{AnswerWithin: time.Second, Box: time.Second}}}, false,
			State{Level: Yellow, Pull: first, Since: noon, By: "ann", Reason: "smoke", Pulls: 1, Evidence: 2, LastAt: noon + minute, AnswerBy: noon + minute, Terms: yellow.Terms}},
		{"a call on a red cord is evidence", []Pull{red, {ID: first, Level: Yellow, By: "bob", At: noon + 2*minute}}, false,
			State{Level: Red, Pull: second, Since: noon + minute, By: "rule hot", Rule: "hot", Remedy: uuid.UUID{9}, Reason: "fire", Pulls: 1, Evidence: 2,
				LastAt: noon + 2*minute, BoxUntil: noon + 61*minute, Terms: Terms{Box: time.Hour, Watch: 2 * time.Hour, Quiet: 3 * time.Hour, QuietRule: "hot"}}},
		{"red raises a call: the same pull, the terms that it lacked, the rule to watch", []Pull{yellow, red}, true,
			State{Level: Red, Pull: first, Since: noon + minute, By: "ann", RaisedBy: "rule hot", Rule: "hot", Remedy: uuid.UUID{9}, Reason: "fire", Pulls: 1, Evidence: 2,
				LastAt: noon + minute, BoxUntil: noon + 61*minute, Terms: Terms{AnswerWithin: time.Minute, Box: time.Hour, Watch: 2 * time.Hour, Quiet: 3 * time.Hour, QuietRule: "hot"}}},
		{"what the first asked for stays when it is raised", []Pull{{ID: first, Level: Yellow, By: "rule warm", Rule: "warm", At: noon, Terms: Terms{Box: time.Minute, Quiet: time.Minute}}, red}, true,
			State{Level: Red, Pull: first, Since: noon + minute, By: "rule warm", RaisedBy: "rule hot", Rule: "warm", Reason: "fire", Pulls: 1, Evidence: 2,
				LastAt: noon + minute, BoxUntil: noon + minute, Terms: Terms{Box: time.Minute, Watch: 2 * time.Hour, Quiet: time.Minute, QuietRule: "warm"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var s State
			opened := false
			for _, p := range c.pulls {
				opened = s.Tug(p)
			}
			if opened != c.opened || s != c.want {
				t.Errorf("opened %t, want %t; the cord is\n%+v, want\n%+v", opened, c.opened, s, c.want)
			}
		})
	}
}

func TestLifeOfACall(t *testing.T) {
	t.Parallel()
	s := State{Cord: "product/x"}
	s.Tug(Pull{Level: Yellow, By: "ann", At: noon, Terms: Terms{AnswerWithin: time.Minute, Box: time.Hour, Watch: time.Hour}})
	s.Acknowledge("bob", noon+1)
	if s.AnswerBy != 0 || s.AcknowledgedBy != "bob" || s.AcknowledgedAt != noon+1 || s.Level != Yellow || s.BoxUntil == 0 {
		t.Errorf("acknowledged, it is %+v", s)
	}
	s.Release("cem", noon+minute)
	if s.Level != Open || s.Since != noon+minute || s.ReleasedBy != "cem" || s.AnswerBy != 0 || s.BoxUntil != 0 {
		t.Errorf("released, it is %+v", s)
	}
	for _, c := range []struct {
		at   int64
		want bool
	}{{noon + minute, true}, {noon + 61*minute, true}, {noon + 61*minute + 1, false}} {
		if s.Watched(c.at) != c.want {
			t.Errorf("watched %s after noon: %t", time.Duration(c.at-noon), !c.want)
		}
	}
	s.Tug(Pull{Level: Yellow, By: "dee", At: noon + 2*minute, Terms: Terms{AnswerWithin: time.Minute}})
	if s.Watched(noon+2*minute) || s.WatchUntil != 0 || s.AcknowledgedBy != "" || s.ReleasedBy != "" || s.Evidence != 1 || s.Pulls != 2 {
		t.Errorf("pulled again, it is %+v", s)
	}
	s.Unanswered(s.AnswerBy)
	if s.Level != Red || s.Since != noon+3*minute || s.AnswerBy != 0 || s.By != "dee" {
		t.Errorf("unanswered, it is %+v", s)
	}
	s.Release("cem", noon+4*minute)
	if s.WatchUntil != 0 || s.Watched(noon+4*minute) {
		t.Errorf("released without a watch, it is %+v", s)
	}
}

func TestTermsAreBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		terms Terms
		names string
	}{
		{Terms{}, ""},
		{Terms{AnswerWithin: maxTerm, Box: maxTerm, Watch: maxTerm, Quiet: maxTerm, QuietRule: "r"}, ""},
		{Terms{AnswerWithin: -1}, "answer_within"},
		{Terms{Box: maxTerm + 1}, "box"},
		{Terms{Watch: 1<<63 - 1}, "watch"},
		{Terms{Quiet: -1 << 63}, "quiet"},
	} {
		if err := c.terms.Check(); (err != nil) != (c.names != "") || err != nil && !strings.HasPrefix(err.Error(), c.names+" ") {
			t.Errorf("%+v: %v, want it to name %q", c.terms, err, c.names)
		}
	}
}

func TestStand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		levels string // cord=level, apart by spaces
		path   string
		want   Standing
	}{
		{"", "a/b/c", Standing{Level: Open}},
		{"a/b/c=red", "a/b/c", Standing{Level: Red, From: "a/b/c", How: Direct, Since: 1}},
		{"a=red", "a/b/c", Standing{Level: Red, From: "a", How: Inherited, Since: 1}},
		{"a=red", "a", Standing{Level: Red, From: "a", How: Direct, Since: 1}},
		{"a/b/c=red", "a/b", Standing{Level: Open}},                                                // nothing goes up
		{"a/b/c=red", "a/b/cc", Standing{Level: Open}},                                             // nor sideways
		{"a/b=red", "a/bb/c", Standing{Level: Open}},                                               // a segment is whole
		{"a=red a/b/c=yellow", "a/b/c", Standing{Level: Red, From: "a", How: Inherited, Since: 1}}, // the worst
		{"a=yellow a/b/c=red", "a/b/c", Standing{Level: Red, From: "a/b/c", How: Direct, Since: 2}},
		{"a=red a/b=red", "a/b/c", Standing{Level: Red, From: "a/b", How: Inherited, Since: 2}}, // the nearest of equals
		{"a=red a/b=red a/b/c=red", "a/b/c", Standing{Level: Red, From: "a/b/c", How: Direct, Since: 3}},
		{"a=open a/b=open", "a/b", Standing{Level: Open}},
	} {
		levels, since := map[string]string{}, map[string]int64{}
		for i, pair := range strings.Fields(c.levels) {
			name, level, _ := strings.Cut(pair, "=")
			levels[name], since[name] = level, int64(i+1)
		}
		c.want.Cord = c.path
		if got := Stand(c.path, func(cord string) (string, int64) { return levels[cord], since[cord] }); got != c.want {
			t.Errorf("with %s, %s stands at %+v, want %+v", c.levels, c.path, got, c.want)
		}
	}
}

// pathOf draws a path of few segments, so that paths lie below each other.
var pathOf = rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab"}), 1, 4), func(parts []string) string { return strings.Join(parts, "/") })

// TestStandIsTheWorstAbove compares with a plain reading: of all cords that are
// the path or begin it, the worst, and of those the longest.
func TestStandIsTheWorstAbove(t *testing.T) {
	t.Parallel()
	inherited := 0
	rapid.Check(t, func(rt *rapid.T) {
		levels := rapid.MapOf(pathOf, rapid.SampledFrom([]string{Open, Yellow, Red})).Draw(rt, "levels")
		path := pathOf.Draw(rt, "path")
		got := Stand(path, func(cord string) (string, int64) { return levels[cord], int64(len(cord)) })
		want := Standing{Cord: path, Level: Open}
		for cord, level := range levels {
			if path != cord && !strings.HasPrefix(path, cord+"/") || level == Open {
				continue
			}
			if Above(level, want.Level) || level == want.Level && len(cord) > len(want.From) {
				want.Level, want.From, want.Since, want.How = level, cord, int64(len(cord)), Inherited
				if cord == path {
					want.How = Direct
				}
			}
		}
		if got != want {
			rt.Fatalf("%s with %v stands at %+v, want %+v", path, levels, got, want)
		}
		if got.How == Inherited {
			inherited++
		}
	})
	if inherited == 0 {
		t.Error("nothing was inherited: that was not tested")
	}
}

func TestUpward(t *testing.T) {
	t.Parallel()
	if got := slices.Collect(Upward("a/b/c")); !slices.Equal(got, []string{"a/b/c", "a/b", "a"}) {
		t.Errorf("upward of a/b/c is %v", got)
	}
	for path := range Upward("a/b/c") {
		if path != "a/b/c" {
			t.Error("it goes on after it was stopped")
		}
		break
	}
	if Segments("a") != 1 || Segments("a/b/c") != 3 {
		t.Error("segments are not counted")
	}
}

// TestTugNeverLowers holds for any pulls: a level only rises until a release, the
// pull in force keeps its name, and each counts as evidence.
func TestTugNeverLowers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := State{Cord: "a"}
		at := int64(0)
		for range rapid.IntRange(1, 12).Draw(rt, "pulls") {
			at++
			before := s
			p := Pull{ID: uuid.UUID{byte(at)}, Level: rapid.SampledFrom([]string{Yellow, Red}).Draw(rt, "level"), By: "x", At: at,
				Terms: Terms{AnswerWithin: time.Duration(rapid.IntRange(0, 2).Draw(rt, "answer")), Box: time.Duration(rapid.IntRange(0, 2).Draw(rt, "box"))}}
			opened := s.Tug(p)
			fresh := before.Evidence == 0
			switch {
			case Above(before.Level, s.Level) || Above(p.Level, s.Level):
				rt.Fatalf("%s, pulled to %s, is %s", before.Level, p.Level, s.Level)
			case opened != (before.Level != s.Level):
				rt.Fatalf("opened is %t from %q to %q", opened, before.Level, s.Level)
			case !fresh && (s.Pull != before.Pull || s.By != before.By || s.Pulls != before.Pulls):
				rt.Fatalf("a pull in force became another: %+v, %+v", before, s)
			case s.Evidence != before.Evidence+1 || s.LastAt != at:
				rt.Fatalf("evidence is %+v after %+v", s, before)
			case s.Level == Red && s.AnswerBy != 0:
				rt.Fatalf("a red cord waits for an answer: %+v", s)
			case before.BoxUntil != 0 && s.BoxUntil != before.BoxUntil:
				rt.Fatalf("a box was moved from %d to %d", before.BoxUntil, s.BoxUntil)
			}
		}
	})
}
