package makegood_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/ingest/webhook"
	"github.com/makegood/makegood/remediator/store/natstest"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// TestTellingTour does what docs/telling.md says.
func TestTellingTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: filepath.Join("docs", "telling.md"), languages: []string{"sh", "yaml", "txt"}, prints: tellingPrints,
		after: func(b block) string {
			if strings.Contains(b.text, "makegood serve") {
				return untilSocket
			}
			return ""
		},
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

// TestAuditTour does what docs/audit.md says.
func TestAuditTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: filepath.Join("docs", "audit.md"), languages: []string{"sh", "yaml", "json"}, prints: auditPrints,
		after: func(b block) string {
			switch {
			case strings.Contains(b.text, "makegood serve --data-dir data"):
				return untilSocket
			case strings.Contains(b.text, "makegood send"):
				return untilPaid
			}
			return ""
		},
	}.take(t)
}

// auditPrints are what a reader of docs/audit.md must have seen.
var auditPrints = []string{
	"verified, self-consistent only", "verified, against what was kept elsewhere: checkpoints cover ", "verified: 4 entries about remedy",
	"FOUND  entry ", "it was forged", "reproduced: all 4 entries about remedy", "reproduced, byte for byte", "\n— makegood/", "not while it is held",
	"erased: its key was destroyed", "backed up 6 files", "All money is paused.", "restore  20", "money goes on",
}

// historyPrints are what a reader of docs/history.md must have seen.
var historyPrints = []string{
	"3 events, 0 rejected", "most 2.99 USD", "data.stall_s / data.watch_s = 0.094, needs > 0.1, missed by 0.006 (6 %)",
	"1 remedies, 2.99 USD", "held as bulk", "asked for by ann, 0 of 2 approvals", "not by who asked", "your approval counts, 1 of 2",
	"approved: 1 remedies, 2.99 USD", "nothing is paid twice",
}

// TestReconcileTour does what docs/reconcile.md says.
func TestReconcileTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: filepath.Join("docs", "reconcile.md"), languages: []string{"sh", "yaml", "json"}, prints: reconcilePrints,
		after: func(b block) string {
			switch {
			case strings.Contains(b.text, "makegood serve --data-dir data"):
				return untilSocket
			case strings.Contains(b.text, "makegood send"):
				return untilCredited("data")
			case strings.Contains(b.text, "lost_or_stolen_card"):
				return untilBack
			}
			return ""
		},
	}.take(t)
}

// untilBack waits until the service has heard that the money came back.
const untilBack = `for i in $(seq 600); do
	if makegood remedies list --data-dir data | grep -q failed-after-arrival; then break; fi
	sleep 0.1
done`

// reconcilePrints are what a reader of docs/reconcile.md must have seen.
var reconcilePrints = []string{
	"1 events sent, 1 accepted", "matched              1", "missing-in-ledger    1", "1 opened, 0 open before, 0 closed before; 1 are open", "exit code 1",
	"not by who opened it", "is closed", "0 opened, 0 open before, 1 closed before; 0 are open", "late-parcel  failed-after-arrival",
	"4711 goodwill parcels,USD,refund,1,800,8.00,0,0.00",
}

// TestLearningTour does what docs/coes.md says.
func TestLearningTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: filepath.Join("docs", "coes.md"), languages: []string{"sh", "yaml", "json"}, prints: learningPrints,
		after: func(b block) string {
			switch {
			case strings.Contains(b.text, "makegood serve --data-dir data"):
				return untilSocket
			case strings.Contains(b.text, "makegood send"):
				return untilLearnt
			}
			return ""
		},
	}.take(t)
}

// untilLearnt waits until the service has opened a COE.
const untilLearnt = `for i in $(seq 600); do
	if makegood coes list --data-dir data | grep -q coe_above; then break; fi
	sleep 0.1
done`

// learningPrints are what a reader of docs/coes.md must have seen.
var learningPrints = []string{
	"2 events sent, 2 accepted", "late-parcel", "coe_above", "product/TABLE-7", "[2 customers][late-parcel-customers] had [2 remedies]", "[6.00 USD]",
	"engaged has no time: write it like", "it cannot be published", "exit code 1", "written, SHA-256", "verified: ", "is the text that local wrote",
}

// TestDatabaseTour does what docs/postgresql.md says, with another database.
func TestDatabaseTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	document, dsn := filepath.Join("docs", "postgresql.md"), postgrestest.New(t)
	tour{
		document: document, languages: []string{"sh", "yaml", "json"}, prints: databasePrints,
		after: func(b block) string {
			switch {
			case strings.Contains(b.text, "makegood serve"):
				return untilNode
			case strings.Contains(b.text, "makegood send"):
				return untilCredited("node")
			}
			return ""
		},
		instead: map[string]string{"echo 'postgres://makegood@db.example.com/makegood?sslmode=verify-full' > dsn": "echo '" + dsn + "' > dsn"},
	}.take(t)
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	query := regexp.MustCompile(`SELECT holder.*`).Find(text)
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var holder string
	var epoch int64
	var until time.Time
	if err := db.QueryRow(string(query)).Scan(&holder, &epoch, &until); err != nil || holder != "" || epoch != 1 {
		t.Errorf("%s: %q, %d, %v; want nobody, after some holder", query, holder, epoch, err)
	}
}

// TestJetStreamTour does what docs/jetstream.md says, with one server for the three.
func TestJetStreamTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	server, dsn := natstest.Single(t, natstest.Options{}), postgrestest.New(t)
	tour{
		document: filepath.Join("docs", "jetstream.md"), languages: []string{"sh"}, prints: jetStreamPrints,
		after: func(b block) string {
			if strings.Contains(b.text, "makegood serve") {
				return untilNode
			}
			return ""
		},
		instead: map[string]string{
			"echo 'postgres://makegood@db.example.com/makegood?sslmode=verify-full' > dsn":   "echo '" + dsn + "' > dsn",
			"echo 'tls://n1.example.com:4222,n2.example.com:4222,n3.example.com:4222' > log": "echo '" + server.URL() + "' > log",
		},
	}.take(t)
}

// jetStreamPrints are what a reader of docs/jetstream.md must have seen.
var jetStreamPrints = []string{
	"log: made, version 1", "ledger: made, version", "NATS JetStream, stream makegood, replicas 1", "verified, against what was kept elsewhere",
}

// TestRunningGuideShowsHealth holds that docs/running.md shows an answer of /healthz as
// it is, and explains its fields.
func TestRunningGuideShowsHealth(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/running.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(text)
	if shown == nil {
		t.Fatal("no answer is shown")
	}
	var health api.Health
	strict := json.NewDecoder(bytes.NewReader(shown[1]))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&health); err != nil || health.Role != api.Follower {
		t.Errorf("the answer shown: %+v, %v", health, err)
	}
	again, err := json.Marshal(health)
	if err != nil || string(again) != strings.TrimSpace(string(shown[1])) {
		t.Errorf("it shows %s, want %s, %v", shown[1], again, err)
	}
	for _, role := range []string{api.Leader, api.Follower, api.Outdated} {
		if !bytes.Contains(text, []byte("`"+role+"`")) {
			t.Errorf("it does not explain the role %s", role)
		}
	}
}

// untilNode waits until a node's service listens.
const untilNode = `for i in $(seq 600); do test -S node/makegood.sock && break; sleep 0.1; done`

// untilCredited waits until the event was made good by the service of a data folder.
func untilCredited(folder string) string {
	return `for i in $(seq 600); do
	if [ "$(makegood remedies list --data-dir ` + folder + ` | grep -c ' done ')" = 1 ]; then break; fi
	sleep 0.1
done`
}

// databasePrints are what a reader of docs/postgresql.md must have seen.
var databasePrints = []string{
	"log: made, version 1", "ledger: made, version", "1 events sent, 1 accepted, 0 rejected",
	"not asked: read from the database", "5.00 USD", "verified, against what was kept elsewhere", "credit-late",
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

// TestSDKGuide holds that every Go line of docs/sdk.md is run: it must stand so in
// an example of the SDK.
func TestSDKGuide(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("sdk/*example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	examples := ""
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		examples += unindented(string(text))
	}
	checked := 0
	for _, b := range blocks(t, filepath.Join("docs", "sdk.md")) {
		switch b.language {
		case "go":
			if checked++; !strings.Contains(examples, unindented(b.text)) {
				t.Errorf("no example in sdk has these lines:\n%s", b.text)
			}
		case "text": // shows what is printed
		default:
			t.Errorf("nothing checks a %s block", b.language)
		}
	}
	if checked == 0 {
		t.Error("no Go block was found: nothing was checked")
	}
}

// unindented is a text without blanks at the ends of its lines.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
