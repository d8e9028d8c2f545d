package coe_test

import (
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/coe"
)

// TestSVGAxes holds that each text of a graph's axes stands at its own place: zero at
// the foot, the highest value at the top, and the period from its begin to its end.
func TestSVGAxes(t *testing.T) {
	t.Parallel()
	q := coe.Query{Name: coe.Events, Since: begin, Until: begin.Add(2 * time.Hour), Step: time.Hour}
	picture := coe.SVG("Events, events per 1h", q, []coe.Point{{At: begin, Amount: 3}, {At: begin.Add(time.Hour), Amount: 7}})
	for _, want := range []string{
		`<text x="64" y="44" text-anchor="end">7</text>`,
		`<text x="64" y="186" text-anchor="end">0</text>`,
		`<text x="70" y="208">2026-11-01T00:00:00Z</text>`,
		`<text x="710" y="208" text-anchor="end">2026-11-01T02:00:00Z</text>`,
		`<line x1="70" y1="186" x2="710" y2="186" stroke="#888"/>`,
	} {
		if !strings.Contains(picture, want) {
			t.Errorf("the graph has no %s:\n%s", want, picture)
		}
	}
}
