package event_test

import (
	"testing"

	"github.com/makegood/makegood/remediator/event"
)

// TestPlanKey holds that plans have a key in common when they are of the same
// paths, and only then.
func TestPlanKey(t *testing.T) {
	t.Parallel()
	a, b, deep := []string{"data", "a"}, []string{"data", "b"}, []string{"data", "a", "b"}
	key := event.NewPlan([][]string{a, b}).Key()
	if got := event.NewPlan([][]string{b, a, b}).Key(); got != key {
		t.Errorf("in another order and repeated: got %s, want %s", got, key)
	}
	others := [][][]string{{}, {a}, {deep}, {a, deep}, {b, deep}, {a, {"event", "b"}}, {{"data", "a\"{}\"b"}}, {{"data", `a{}"b`}}, {{"data"}}}
	seen := map[string]int{key: -1}
	for i, paths := range others {
		key := event.NewPlan(paths).Key()
		before, known := seen[key]
		if same := known && before >= 0 && samePlaces(others[before], paths); known && !same {
			t.Errorf("%q has the key of other paths, %s", paths, key)
		}
		seen[key] = i
	}
	if len(seen) < 8 {
		t.Errorf("there are %d keys: little was compared", len(seen))
	}
}

// samePlaces reports whether two lists of paths name the same places: what lies on
// the way to a path is one, too.
func samePlaces(a, b [][]string) bool {
	p, q := event.NewPlan(a), event.NewPlan(b)
	if p.Slots() != q.Slots() {
		return false
	}
	for _, path := range a {
		if q.Slot(path) < 0 {
			return false
		}
	}
	return true
}
