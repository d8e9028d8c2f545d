package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
)

// gapsOf folds events of a client of which some come late, are refused, or are never
// heard of again: a gap that closes in two parts, and one that is forgotten.
func gapsOf(t *testing.T, public string) commit {
	t.Helper()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	began := uint64(at/1e6) + 1
	client := uuid.MustParse(fmt.Sprintf("%08x-%04x-7000-8000-000000000001", began>>16, began&0xffff))
	genesis, err := json.Marshal(decide.GenesisBody{LogID: testLog, HashKey: make([]byte, 16), LedgerKey: public, Version: decide.Version, LatenessS: 60})
	if err != nil {
		t.Fatal(err)
	}
	inputs := []input.Input{{Kind: input.Genesis, At: at, Body: genesis}}
	came := func(number int, after time.Duration) {
		at += int64(after)
		inputs = append(inputs, input.Input{ID: fmt.Sprintf("event/%s.%d", client, number), Kind: input.Event, At: at,
			Body: fmt.Appendf(nil, `{"specversion":"1.0","id":"e-%d","source":"shop","type":"com.example.cart"}`, number)})
	}
	came(6, 0) // 1 to 5 are passed over
	came(7, 11*time.Minute)
	came(3, 0)
	came(5, 0)
	came(4, 0)
	came(1, 0)
	inputs = append(inputs, input.SkippedInputs(client, []uint64{2}, at)...)
	came(11, 0) // 8 to 10 are passed over
	came(9, 20*time.Minute)
	came(12, 31*24*time.Hour)
	fold := decide.New(decide.Config{Memory: decide.NewMemory()})
	out, err := fold.Apply(inputs)
	if err != nil {
		t.Fatal(err)
	}
	position := fold.Position()
	position.Record = 1
	return commit{out, position}
}

// TestVerifyReadsGaps verifies true gaps, and finds those that cannot have been.
func TestVerifyReadsGaps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		old, new string // in the first fact about a gap that has the old text
		want     string // empty: it verifies
	}{
		{"", "", ""},
		{`"first":1,"last":5`, `"first":0,"last":5`, "which no client has"},
		{`"first":1,"last":5`, `"first":6,"last":5`, "which no client has"},
		{`"last":5,"events":5`, `"last":5,"events":4`, "of 5 events it counts 4"},
		{`"last":5,"events":5`, `"last":2,"events":2`, "were not missing"},
		{`"status":"missing"`, `"status":"gone"`, `it says that events are "gone"`},
		{`"status":"missing"`, `"status":"closed"`, "were not missing"},
		{`"refused":1`, `"refused":2`, "it counts 2, and 2 refused"},
		{`"status":"closed"`, `"status":"missing"`, "were missing before"},
		{`"status":"forgotten"`, `"status":"closed"`, "it counts 1, and 0 refused"},
		{`"status":"missing"`, `"status":3`, "its body cannot be read"},
	} {
		signer, public := newSigner(t, 1, ledger.Origin(testLog))
		sealed := gapsOf(t, public)
		for _, item := range sealed.output.Items {
			if f := item.Fact; f != nil && f.Kind == decide.KindGap && strings.Contains(string(f.Body), c.old) {
				f.Body = json.RawMessage(strings.Replace(string(f.Body), c.old, c.new, 1))
				break
			}
		}
		m := &memory{tiles: tileMap{}}
		m.commit(t, sealed, signer)
		report := verify(t, m, ledger.Options{Key: public})
		if got := text(t, report); report.Verified != (c.want == "") || !strings.Contains(got, c.want) || report.Entries[decide.KindGap] != 6 {
			t.Errorf("%s instead of %s: want %q and 6 facts about gaps in\n%s", c.new, c.old, c.want, got)
		}
	}
}
