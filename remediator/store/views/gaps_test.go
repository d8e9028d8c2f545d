package views_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/missing"
)

// TestGaps holds that the newest word about a client counts, and that nothing stays
// of one of which nothing is missing.
func TestGaps(t *testing.T) { engines(t, testGaps) }

func testGaps(t *testing.T) {
	s := newStory(t)
	for _, step := range []struct {
		gaps []missing.Gap
		want string
	}{
		{nil, "[]"},
		{[]missing.Gap{{Client: id("a"), Service: "checkout", Missing: 3, Since: 20e9}, {Client: id("b"), Service: "video", Missing: 1, Since: 10e9}},
			"[video 1 00:00:10, checkout 3 00:00:20]"},
		{[]missing.Gap{{Client: id("b"), Service: "video", Missing: 5, Since: 10e9}, {Client: id("a")}, {Client: id("b"), Service: "video", Missing: 4, Since: 30e9}},
			"[video 4 00:00:30]"},
		{[]missing.Gap{{Client: id("b"), Missing: 1}, {Client: id("b")}, {Client: id("c")}}, "[]"},
	} {
		to := s.at
		to.Ordinal, to.Record, to.Digest = to.Ordinal+1, to.Record+1, sha256.Sum256(to.Digest[:])
		if err := s.db.Commit(t.Context(), s.at, to, &decide.Output{Gaps: step.gaps}); err != nil {
			t.Fatal(err)
		}
		s.at = to
		gaps, err := s.db.Gaps(t.Context())
		if err != nil || gaps == nil {
			t.Fatalf("gaps %v: %v", gaps, err)
		}
		got := "["
		for i, g := range gaps {
			if i > 0 {
				got += ", "
			}
			if g.Client != id(map[string]string{"checkout": "a", "video": "b"}[g.Service]) {
				t.Errorf("client %s of %s", g.Client, g.Service)
			}
			got += fmt.Sprintf("%s %d %s", g.Service, g.Missing, g.Since.Format("15:04:05"))
		}
		if got += "]"; got != step.want {
			t.Errorf("after %+v: %s, want %s", step.gaps, got, step.want)
		}
	}
}
