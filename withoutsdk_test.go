package makegood_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/ingest"
)

// javascript is where npm installs the CloudEvents client.
const javascript = "tools/cloudevents-js"

// TestWithoutSDKTour does what docs/without-sdk.md says, with curl, node and the
// CloudEvents client for JavaScript, against a service. Only the client is not
// fetched: make javascript has installed the same one.
func TestWithoutSDKTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs the CloudEvents client for JavaScript, which npm installs: make test does")
	}
	t.Parallel()
	for program, where := range map[string]string{
		"curl": "https://curl.se", "gzip": "https://www.gnu.org/software/gzip", "node": "https://nodejs.org, version 20",
	} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is not there: install it (%s)", program, where)
		}
	}
	modules, err := filepath.Abs(filepath.Join(javascript, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "cloudevents", "package.json")); err != nil {
		t.Fatal("the CloudEvents client for JavaScript is not there: install Node.js 20 with npm (https://nodejs.org), then run make javascript")
	}
	tour{
		document: filepath.Join("docs", "without-sdk.md"), languages: []string{"sh", "yaml", "json", "js"}, prints: withoutSDKPrints,
		after: func(b block) string {
			switch {
			case strings.Contains(b.text, "wait $sender"):
				return untilCalled
			case strings.Contains(b.text, "makegood serve"):
				return untilSocket
			}
			return ""
		},
		instead: map[string]string{
			"npm install --ignore-scripts --no-audit --no-fund cloudevents@" + pinned(t): "ln -s " + modules + " node_modules",
		},
	}.take(t)
}

// untilCalled waits until the nine late orders that were accepted are calls.
const untilCalled = `for i in $(seq 600); do
	if [ "$(makegood andon list --data-dir data | grep -c ' yellow ')" = 9 ]; then break; fi
	sleep 0.1
done`

// withoutSDKPrints are what a reader of docs/without-sdk.md must have seen.
var withoutSDKPrints = []string{
	`{"accepted":1}`, `{"accepted":2}`, `"accepted":1,"rejected":[{"index":1,"id":"e-6","code":"missing"`, "401 without a token that counts",
	"no answer: once more", "refused: event 1, ", ": too-large: ", "202: accepted 1", "400: accepted 2",
	"late/structured", "late/binary", "late/batch-1", "late/batch-2", "late/good", "late/js-binary", "late/js-structured", "late/js-batch-1", "late/js-batch-2", "remedies done      9",
}

// pinned returns the version of the CloudEvents client that npm installs.
func pinned(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(javascript, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Dependencies map[string]string }
	if err := json.Unmarshal(text, &manifest); err != nil || !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(manifest.Dependencies["cloudevents"]) {
		t.Fatalf("package.json pins no version of cloudevents: %v, %v", manifest.Dependencies, err)
	}
	return manifest.Dependencies["cloudevents"]
}

// TestWithoutSDKStatuses holds that the page names every status of the door, and
// counts as to be sent again those that the door says so of.
func TestWithoutSDKStatuses(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/without-sdk.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("remediator/ingest/answer.go")
	if err != nil {
		t.Fatal(err)
	}
	statuses := regexp.MustCompile(`= "urn:makegood:problem:\S+ +// (\d{3})`).FindAllStringSubmatch(string(source), -1)
	if len(statuses) < 10 || !strings.Contains(string(source), ingest.ProblemRejected) {
		t.Fatalf("found %d problems: nothing was checked", len(statuses))
	}
	for _, status := range statuses {
		if status[1] != "405" && !regexp.MustCompile(`(?m)^\| .*\b`+status[1]+`\b`).Match(page) {
			t.Errorf("the table of docs/without-sdk.md does not have the status %s", status[1])
		}
	}
}
