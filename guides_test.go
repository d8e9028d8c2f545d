package makegood_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/ingest/webhook"
)

// TestTellingTour does what docs/telling.md says.
func TestTellingTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: filepath.Join("docs", "telling.md"), languages: []string{"sh", "yaml", "txt"}, prints: tellingPrints,
		after: func(block) string { return "" },
	}.take(t)
}

// TestHistoryTour does what docs/history.md says.
func TestHistoryTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: filepath.Join("docs", "history.md"), languages: []string{"sh", "yaml", "json"}, prints: historyPrints,
		after: func(b block) string {
			if strings.Contains(b.text, "makegood serve") {
				return untilSocket
			}
			return ""
		},
	}.take(t)
}

// historyPrints are what a reader of docs/history.md must have seen.
var historyPrints = []string{
	"3 events, 0 rejected", "most 2.99 USD", "data.stall_s / data.watch_s = 0.094, needs > 0.1",
	"1 remedies, 2.99 USD", "held as bulk", "asked for by ann, 0 of 2 approvals", "not by who asked", "your approval counts, 1 of 2",
	"approved: 1 remedies, 2.99 USD", "nothing is paid twice",
}

// tellingPrints are what a reader of docs/telling.md must have seen.
var tellingPrints = []string{
	"Subject: Your order sample came late", "of store credit", "https://crm.example.com/hooks", "crm is told again",
}

// TestTestingTour does what docs/testing-rules.md says.
func TestTestingTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: filepath.Join("docs", "testing-rules.md"), languages: []string{"sh", "yaml", "json"}, prints: testingPrints,
		after: func(block) string { return "" },
	}.take(t)
}

// testingPrints are what a reader of docs/testing-rules.md must have seen.
var testingPrints = []string{
	"wrote rules/above-the-limit.golden.json", "8 of 8 tests passed", "4 of 4 conditions are shown from both sides",
	"amount: 10.00 USD  |         amount: 9.00 USD", "exit code 1",
}

// TestTellingGuideNamesProblems holds the table of answers to the problems that
// the door for webhooks has.
func TestTellingGuideNamesProblems(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/telling.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range []string{webhook.ProblemSource, webhook.ProblemMethod, webhook.ProblemTooLarge, webhook.ProblemMediaType, webhook.ProblemBody,
		webhook.ProblemHeader, webhook.ProblemSignature, webhook.ProblemTimestamp, webhook.ProblemMalformed, webhook.ProblemBusy, webhook.ProblemUnavailable} {
		if name := strings.TrimPrefix(problem, "urn:makegood:problem:"); !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/telling.md does not name the problem %s", name)
		}
	}
}
