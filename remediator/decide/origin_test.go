package decide_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// restored is what a restore appends that begins a new origin.
var restored = decide.OriginFact{
	LedgerKey: "makegood/log-1/next+0123+key", Kept: 3, Endorsement: "signed",
	Old: decide.OldHead{Origin: "makegood/log-1", Size: 9, Root: "cm9vdA=="},
}

// originInputs are a log that lost its end and goes on under a new origin, with all
// money paused until a person looked.
func originInputs(t testing.TB) []input.Input {
	command := func(id, by, name string) input.Input {
		return input.Input{ID: id, Kind: input.Command, At: input.StampPrevious, Body: encode(t, decide.CommandBody{
			Command: name, By: by, Roles: []string{decide.RoleOperator}, Target: decide.TargetMoney, Reason: "restored"})}
	}
	late := func(order string) input.Input {
		return input.Input{ID: "late-" + order, Kind: input.Event, At: start, Body: []byte(`{"specversion":"1.0","id":"` + order +
			`","source":"/shop","type":"parcel.late","customer":"c-1","recordedtime":"2001-01-01T00:00:00Z","data":{"order":"` + order + `"}}`)}
	}
	began := input.Input{ID: "origin/3", Kind: input.Origin, At: input.StampPrevious, Body: encode(t, restored)}
	return []input.Input{
		genesis(t), activation(t, "rules", []rule.File{{Path: "late.yaml", Text: lateRule}}), late("1"),
		began, command("restore/3", "restore", decide.CommandPause), late("1"), late("2"), began,
		command("resume", "ada", decide.CommandResume), late("3"),
	}
}

const lateRule = `rules:
  - rule: late
    owner: shop
    why: It came late.
    event: parcel.late
    once_per: data.order
    do:
      - refund: {payment: "pi_${{ data.order }}", amount: 5.00 USD}
    limits: {budget: {amount: 1000.00 USD, within: 1d}}
    account: "1"
    mode: live
`

// TestOrigin has a ledger go on under a new origin: it says so once, as it was told, and
// whatever was decided before goes on as it was.
func TestOrigin(t *testing.T) {
	t.Parallel()
	inputs := originInputs(t)
	facts := bytes.Split(bytes.TrimSpace(factsOf(t, inputs)), []byte("\n"))
	var began []decide.OriginFact
	var remedies, paused int
	for _, line := range facts {
		var fact decide.Fact
		if err := json.Unmarshal(line, &fact); err != nil {
			t.Fatal(err)
		}
		switch fact.Kind {
		case decide.KindOrigin:
			var o decide.OriginFact
			if err := json.Unmarshal(fact.Body, &o); err != nil || fact.Ordinal != 4 {
				t.Fatal(err, fact.Ordinal)
			}
			began = append(began, o)
		case decide.KindRemedy:
			remedies++
		case decide.KindPause:
			paused++
		}
	}
	if len(began) != 1 || !reflect.DeepEqual(began[0], restored) {
		t.Errorf("the new origin begins as %+v, want once %+v", began, restored)
	}
	if remedies != 3 || paused != 1 {
		t.Errorf("%d remedies and %d pauses, want 3 and 1", remedies, paused)
	}
	if whole := run(t, inputs, 1, func(left int) int { return left }, func() bool { return false }); whole.facts[decide.KindOrigin] != 1 {
		t.Errorf("in one record: %v", whole.facts)
	}
	broken := []input.Input{genesis(t), {ID: "origin", Kind: input.Origin, At: start, Body: []byte(`{"kept":"three"}`)}}
	if _, err := decide.New(decide.Config{Memory: decide.NewMemory()}).Apply(broken); err == nil {
		t.Error("an origin that cannot be read was taken")
	}
}
