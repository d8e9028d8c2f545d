package main

import (
	"os"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
)

// The guide shows what windows forgot as makegood status does.
func TestTheGuideShowsForgottenWindowsAsTheyAre(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	err = printTable(&shown, nil, lostRows([]decide.WindowsLost{{Rule: "poor-playback", Windows: 1 << 20}}))
	if err != nil || !strings.Contains(string(guide), "`"+strings.TrimSpace(shown.String())+"`") {
		t.Errorf("docs/rules.md does not show\n%s(%v)", shown.String(), err)
	}
	if rest := lostRows([]decide.WindowsLost{{Windows: 1, Parts: 2}}); len(rest) != 1 || !strings.Contains(rest[0][1], "1 keys, and 2 parts of others, of other rules:") {
		t.Errorf("rules without a name are shown as %q", rest)
	}
	if none := lostRows(nil); len(none) != 0 {
		t.Errorf("nothing is shown as %q", none)
	}
}
