package rehearse_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/visible"
)

// TestSideBySideShowsBothTexts reads the two texts back from what is shown, and
// holds each mark to what it says.
func TestSideBySideShowsBothTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 12)
		wanted, got := texts.Draw(t, "wanted"), texts.Draw(t, "got")
		shown := rehearse.SideBySide(wanted, got)
		var left, right []string
		for i, line := range strings.Split(strings.TrimSuffix(shown, "\n"), "\n") {
			if i == 0 {
				continue // the head
			}
			line += strings.Repeat(" ", len("expected x x")-len(line))
			a, mark, b := strings.TrimSpace(line[:8]), line[9:10], strings.TrimSpace(line[11:])
			if a != "" {
				left = append(left, a)
			}
			if b != "" {
				right = append(right, b)
			}
			ok := map[string]bool{" ": a == b && a != "", "|": a != "" && b != "", "<": a != "" && b == "", ">": a == "" && b != ""}
			if !ok[mark] {
				t.Fatalf("line %d is %q\n%s", i, line, shown)
			}
		}
		if !slices.Equal(left, wanted) || !slices.Equal(right, got) {
			t.Fatalf("wanted %q and got %q are shown as\n%s", wanted, got, shown)
		}
		if slices.Equal(wanted, got) && strings.ContainsAny(shown, "|<>") {
			t.Fatalf("the same is shown as different\n%s", shown)
		}
	})
}

// TestSideBySideIsBounded holds that nobody has to scroll past ten thousand remedies, and that
// how many there are is said.
func TestSideBySideIsBounded(t *testing.T) {
	t.Parallel()
	shown := rehearse.SideBySide([]string{"a"}, slices.Repeat([]string{"a", "b"}, 5000))
	if lines := strings.Count(shown, "\n"); lines > 250 || !strings.HasSuffix(shown, "\n… 1 lines are expected, 10000 are there\n") {
		t.Errorf("%d lines, which end with %q", lines, shown[max(0, len(shown)-80):])
	}
}

// TestSideBySideStandsInColumns holds that the marks stand below each other behind whatever
// text, and that a text of several lines is one.
func TestSideBySideStandsInColumns(t *testing.T) {
	t.Parallel()
	wanted := []string{"title: 漢字漢字漢字", "title: u\u0308ber uns", "title: a\tb", "title: a\nb", "title: \U0001f600"}
	got := []string{"漢", "u", "t", "n", "s"}
	for _, line := range strings.Split(strings.TrimSuffix(rehearse.SideBySide(wanted, got), "\n"), "\n")[1:] {
		before, _, found := strings.Cut(line, " | ")
		if !found || visible.Columns(before) != visible.Columns(wanted[0]) || strings.Contains(before, "\t") {
			t.Errorf("%q has its mark elsewhere", line)
		}
	}
}
