package ledger_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
)

func export(t *testing.T, m *memory, format ledger.Format) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := ledger.Export(context.Background(), m, &b, format); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// paid commits one refund in each of some ways, across the end of a month.
func paid(t *testing.T) *memory {
	signer, public := newSigner(t, 1, ledger.Origin(testLog))
	h := newHistory(t, 1, testLog, public)
	pay := func(account, rule string, minor int64, currency string, statuses ...string) {
		h.next(time.Second)
		h.counts.Received++
		h.counts.Remedies++
		id := decide.RemedyID(rule, fmt.Sprint(h.pos.Ordinal))
		refs := decide.Fact{Rule: rule, Remedy: id}
		step := decide.Step{Action: decide.ActionID(id, "r"), Name: "r", Kind: "refund", Connector: "stripe", Amount: &money.Money{Minor: minor, Currency: currency}}
		h.add(decide.KindRemedy, refs, decide.RemedyFact{Remedy: id, Rule: rule, Account: account, Mode: "live", Decision: decide.Act, Steps: []decide.Step{step}})
		refs.Action = step.Action
		for i, status := range statuses {
			h.next(time.Second)
			if taken := i > 0 && statuses[i-1] != decide.Retrying; taken {
				h.add(decide.KindSeen, refs, decide.SeenFact{Status: status, Amount: *step.Amount, Late: status == decide.Failed})
				continue
			}
			h.add(decide.KindAction, refs, decide.ActionFact{Name: "r", Status: status, Code: "=cmd|' /C calc'!A0"})
		}
	}
	pay("ops", "late", 1000, "USD", decide.Succeeded)
	pay("ops", "late", 500, "USD", decide.Retrying, decide.Pending)
	pay("ops", "late", 77, "USD", decide.Failed)
	pay("ops", "late", 300, "JPY", decide.Succeeded)
	pay("=1+1", "@late", 1234, "KWD", decide.Pending, decide.Succeeded)
	h.next(31 * 24 * time.Hour)
	pay("ops", "late", 9, "USD", decide.Succeeded, decide.Failed)
	m := &memory{tiles: tileMap{}}
	m.commit(t, commit{h.out, h.pos}, signer)
	return m
}

func TestExportTotals(t *testing.T) {
	t.Parallel()
	m := paid(t)
	size := len(m.rows)
	want := strings.ReplaceAll(fmt.Sprintf(`month,account,currency,step,actions,accepted_minor,accepted,arrived_minor,arrived,tree_size
2001-01,'=1+1,KWD,refund,1,1234,1.234,1234,1.234,%[1]d
2001-01,ops,JPY,refund,1,300,300,300,300,%[1]d
2001-01,ops,USD,refund,2,1500,15.00,1000,10.00,%[1]d
2001-02,ops,USD,refund,1,9,0.09,0,0.00,%[1]d
`, size), "\n", "\r\n")
	if got := string(export(t, m, ledger.Totals)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExportCSV(t *testing.T) {
	t.Parallel()
	m := paid(t)
	data := export(t, m, ledger.CSV)
	if n := bytes.Count(data, []byte("\n")); n != bytes.Count(data, []byte("\r\n")) || n == 0 {
		t.Error("its lines do not all end in CR LF")
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	sums, formulas := map[string]string{}, 0
	for i, row := range rows[1:] {
		for c, cell := range row {
			if cell != "" && strings.ContainsRune("=+@\t\r\n", rune(cell[0])) {
				t.Errorf("row %d: %s is read as a formula: %q", i+1, rows[0][c], cell)
			}
			if strings.HasPrefix(cell, "'=") || strings.HasPrefix(cell, "'@") {
				formulas++
			}
		}
		if leaf := hex.EncodeToString(m.rows[i].Leaf); row[column["leaf"]] != leaf || row[column["sequence"]] != fmt.Sprint(i) {
			t.Errorf("row %d is of entry %s with leaf %s, want %s", i+1, row[column["sequence"]], row[column["leaf"]], leaf)
		}
		for _, name := range []string{"decided", "accepted", "arrived"} {
			sums[name] += row[column[name+"_minor"]] + " "
		}
	}
	if len(rows)-1 != len(m.rows) || formulas == 0 {
		t.Errorf("%d rows for %d entries, %d texts made safe", len(rows)-1, len(m.rows), formulas)
	}
	for name, want := range map[string]string{
		"decided": "1000 500 77 300 1234 9", "accepted": "1000 500 300 1234 9", "arrived": "1000 300 1234 9 -9",
	} {
		if got := strings.Join(strings.Fields(sums[name]), " "); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestExportedLinesVerifyElsewhere builds the tree anew from the lines alone.
func TestExportedLinesVerifyElsewhere(t *testing.T) {
	t.Parallel()
	s := newSealed(t, 4, 10, 60)
	m := s.last()
	var leaves [][32]byte
	var note string
	totals := 0
	for line := range bytes.Lines(export(t, m, ledger.JSONLines)) {
		var l struct {
			Leaf       string
			TreeSize   int `json:"tree_size"`
			Entry      json.RawMessage
			Total      *ledger.Total
			Checkpoint string
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		switch {
		case l.Total != nil:
			totals++
		case l.Checkpoint != "":
			note = l.Checkpoint
		default:
			if _, err := ledger.DecodeEntry(l.Entry); err != nil {
				t.Fatal(err)
			}
			leaf := ledger.LeafHash(l.Entry)
			if l.Leaf != hex.EncodeToString(leaf[:]) || l.TreeSize != len(m.rows) {
				t.Fatalf("%s: its leaf is %x, of %d", line, leaf, len(m.rows))
			}
			leaves = append(leaves, leaf)
		}
	}
	_, root, err := ledger.Append(0, nil, leaves)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ledger.Open([]byte(note), s.public)
	if err != nil || c.Root != root || c.Size != uint64(len(leaves)) || totals == 0 {
		t.Errorf("%d lines and %d totals come to %x, the checkpoint is %+v, %v", len(leaves), totals, root, c, err)
	}
}

func TestExportStopsAtWhatWasChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(m *memory){
		"entry 5 is not":         func(m *memory) { m.rows[5].Rule += "x" },
		"entry 7 is not":         func(m *memory) { m.rows = append(m.rows[:7:7], m.rows[8:]...) },
		"its checkpoint says 11": func(m *memory) { m.rows = m.rows[:len(m.rows)-1] },
	} {
		m := paid(t)
		change(m)
		if name == "its checkpoint says 11" {
			name = fmt.Sprintf("its checkpoint says %d", len(m.rows)+1)
		}
		var b bytes.Buffer
		if err := ledger.Export(context.Background(), m, &b, ledger.CSV); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %q in it", err, name)
		}
	}
	if err := ledger.Export(context.Background(), paid(t), &bytes.Buffer{}, "xlsx"); err == nil || !strings.Contains(err.Error(), "csv, jsonl or totals") {
		t.Errorf("an unknown format: got %v", err)
	}
}
