package expression_test

import (
	"testing"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// FuzzClosures holds closures against CEL for any expression and any data.
func FuzzClosures(f *testing.F) {
	g := newGenerator(3)
	for _, form := range forms {
		f.Add(g.condition(form, 2), g.event())
	}
	s := newSetting(f)
	f.Fuzz(func(t *testing.T, text, raw string) {
		if _, err := event.Decode([]byte(raw)); err != nil {
			return
		}
		calls := &expression.Calls{}
		p, issues := s.scope.Compile(text, calls)
		if issues != nil {
			return
		}
		both := newSides(t, s, p)
		if difference, _ := both.difference(p, both.read(t, raw, make(expression.Slots, len(calls.List)))); difference != "" {
			t.Errorf("%s\nof %s: %s", text, raw, difference)
		}
	})
}
