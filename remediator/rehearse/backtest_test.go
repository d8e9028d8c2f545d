package rehearse_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

const flights = "../../examples/flights/"

// readFiles reads the files of a folder, with their paths below it.
func readFiles(t testing.TB, dir string) []rule.File {
	t.Helper()
	var files []rule.File
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		path, err := filepath.Rel(dir, name)
		files = append(files, rule.File{Path: filepath.ToSlash(path), Text: string(text)})
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("read %s: %d files, %v", dir, len(files), err)
	}
	return files
}

// load compiles the rules of a folder.
func load(t testing.TB, dir string) *rule.Set {
	t.Helper()
	rules, _ := rehearse.Split(readFiles(t, dir))
	set, err := rule.Load(rules)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func backtest(t testing.TB, rules, events string) *rehearse.Report {
	t.Helper()
	file, err := os.Open(events)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	report, err := rehearse.Backtest(load(t, rules), file)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// inRule returns the summary of a rule.
func inRule(t *testing.T, report *rehearse.Report, name string) rehearse.RuleSummary {
	t.Helper()
	for _, r := range report.Rules {
		if r.Rule == name {
			return r
		}
	}
	t.Fatalf("no rule %s in %+v", name, report.Rules)
	return rehearse.RuleSummary{}
}

func TestBacktestOfTheFlightsIsWhatWasExpected(t *testing.T) {
	t.Parallel()
	var want struct {
		Events         int    `json:"events"`
		RefundRemedies int    `json:"refund_remedies"`
		RefundTotal    string `json:"refund_total"`
		CreditRemedies int    `json:"credit_remedies"`
		CreditTotal    string `json:"credit_total"`
		AndonRemedies  int    `json:"andon_remedies"`
		AndonCords     int    `json:"andon_cords"`
	}
	text, err := os.ReadFile(flights + "flights.expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	report := backtest(t, flights+"rules", flights+"flights.jsonl.gz")
	if report.Events != want.Events || report.Rejected != 0 || len(report.Rules) != 3 {
		t.Errorf("%d events, %d rejected, %d rules; want %d, 0, 3", report.Events, report.Rejected, len(report.Rules), want.Events)
	}
	refund, credit, stop := inRule(t, report, "refund-very-late-flight"), inRule(t, report, "credit-late-flight"), inRule(t, report, "stop-late-airport")
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"refund remedies", refund.Remedies, want.RefundRemedies},
		{"refunds", refund.Actions, rehearse.Actions{Refund: want.RefundRemedies}},
		{"refunded", refund.Money["USD"] + " USD", want.RefundTotal},
		{"credit remedies", credit.Remedies, want.CreditRemedies},
		{"credited", credit.Money["USD"] + " USD", want.CreditTotal},
		{"andon remedies", stop.Remedies, want.AndonRemedies},
		{"cords", stop.Cords, want.AndonCords},
		{"held", refund.Held + credit.Held + stop.Held, 0},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
}

var seed = flag.Uint64("oracle.seed", 1, "first seed that the oracle is asked for")

// oracle builds the oracle and lets it write many seeds.
func oracle(t *testing.T, seeds int, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "oracle")
	build := exec.Command("go", "build", "-o", program, "../../testdata/oracle")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build oracle: %v\n%s", err, out)
	}
	args = append(args, "-seed", strconv.FormatUint(*seed, 10), "-seeds", strconv.Itoa(seeds), "-dir", dir)
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("run oracle: %v\n%s", err, out)
	}
	return dir
}

// compare backtests each seed and compares with the oracle's answers.
func compare(t *testing.T, dir string, seeds int) {
	t.Helper()
	total := rehearse.RuleSummary{Rule: "all"}
	for i := range uint64(seeds) {
		folder := filepath.Join(dir, strconv.FormatUint(*seed+i, 10))
		text, err := os.ReadFile(filepath.Join(folder, "expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		var want rehearse.Report
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got := backtest(t, filepath.Join(folder, "rules"), filepath.Join(folder, "events.jsonl"))
		addUp(t, got)
		if !reflect.DeepEqual(got, &want) {
			t.Errorf("seed %d: %s", *seed+i, difference(got, &want))
		}
		for _, r := range want.Rules {
			total.Remedies += r.Remedies
			total.Held += r.Held
			total.Cords += r.Cords
			total.Open += r.Open
		}
	}
	t.Logf("%d seeds: %d remedies, %d held, %d cords, %d open", seeds, total.Remedies, total.Held, total.Cords, total.Open)
	if total.Remedies < 10*seeds || total.Cords == 0 || total.Held == 0 {
		t.Errorf("%d seeds came to %+v: hardly anything was compared", seeds, total)
	}
}

// addUp checks that days and reasons add up to what the rules did, and takes away
// what the oracle does not know.
func addUp(t *testing.T, report *rehearse.Report) {
	t.Helper()
	remedies, held, minor := map[string]int{}, map[string]int{}, map[string]int64{}
	sum := func(name, sign string, texts map[string]string) {
		for currency, text := range texts {
			m, err := money.Parse(text + " " + currency)
			if err != nil {
				t.Fatal(err)
			}
			if minor[name+currency] += m.Minor; sign == "-" {
				minor[name+currency] -= 2 * m.Minor
			}
		}
	}
	for _, d := range report.Days {
		remedies[d.Rule] += d.Remedies
		held[d.Rule] += d.Held
		if whole := inRule(t, report, d.Rule).Customers; d.Customers > min(d.Remedies, whole) {
			t.Errorf("on %s %s has %d customers of %d in all, and %d remedies", d.Day, d.Rule, d.Customers, whole, d.Remedies)
		}
		sum(d.Rule, "+", d.Money)
	}
	for i, r := range report.Rules {
		reasons := 0
		for _, n := range r.HeldFor {
			reasons += n
		}
		if remedies[r.Rule] != r.Remedies || held[r.Rule] != r.Held || reasons != r.Held {
			t.Errorf("the days of %s have %d remedies and %d held, the reasons %d; all are %+v", r.Rule, remedies[r.Rule], held[r.Rule], reasons, r)
		}
		sum(r.Rule, "-", r.Money)
		rule := &report.Rules[i]
		for _, n := range rule.SuppressedFor {
			rule.Suppressed -= n
		}
		rule.SuppressedFor, rule.HeldFor, rule.Errors, rule.NoKey, rule.Late = nil, nil, nil, 0, 0
	}
	for what, left := range minor {
		if left != 0 {
			t.Errorf("the money of %s by day is not that of the whole", what)
		}
	}
	report.Rejections, report.Days, report.Disorder = nil, nil, nil
}

func difference(got, want *rehearse.Report) string {
	var lines []string
	if got.Events != want.Events || got.Rejected != want.Rejected || len(got.Rules) != len(want.Rules) {
		lines = append(lines, "events, rejected or rules differ")
	}
	for i := range min(len(got.Rules), len(want.Rules)) {
		if !reflect.DeepEqual(got.Rules[i], want.Rules[i]) {
			g, _ := json.Marshal(got.Rules[i])
			w, _ := json.Marshal(want.Rules[i])
			lines = append(lines, "\n got "+string(g)+"\nwant "+string(w))
		}
	}
	return strings.Join(lines, "")
}

func TestBacktestEqualsTheOracle(t *testing.T) {
	t.Parallel()
	seeds := 200
	if testing.Short() {
		seeds = 10
	}
	compare(t, oracle(t, seeds), seeds)
}

func TestBacktestEqualsTheOracleInDenseWindows(t *testing.T) {
	t.Parallel()
	seeds := 20
	if testing.Short() {
		seeds = 2
	}
	compare(t, oracle(t, seeds, "-dense"), seeds)
}

func TestBacktestEndsWithItsEvents(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	if _, err := rehearse.Backtest(load(t, flights+"rules"), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("Backtest = %v, want %v", err, broken)
	}
}
