package document_test

import (
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule/document"
)

// TestWarningsHideNoErrors names errors behind any number of warnings, and says how many
// of either are not shown.
func TestWarningsHideNoErrors(t *testing.T) {
	t.Parallel()
	source := document.NewSource("a.yaml", strings.Repeat("a\n", 400))
	for line := range 250 {
		source.Warnf(document.Place{Line: line + 1, Col: 1}, "missing", "", "it is doubtful")
	}
	for line := range 203 {
		source.Errorf(document.Place{Line: line + 1, Col: 1}, "type", "", "it is wrong")
	}
	if source.Errors() != 203 {
		t.Errorf("%d errors", source.Errors())
	}
	got := map[document.Severity]map[string]int{document.Error: {}, document.Warning: {}}
	said := ""
	for _, p := range source.Problems {
		got[p.Severity][p.Code]++
		if p.Code == "more" {
			said += string(p.Severity) + " " + p.Message + "\n"
		}
	}
	if got[document.Error]["type"] != 200 || got[document.Warning]["missing"] != 200 {
		t.Errorf("got %v", got)
	}
	if want := "warning not shown of the file: 50 more warnings\nerror not shown of the file: 3 more errors\n"; said != want {
		t.Errorf("got %q, want %q", said, want)
	}
}
