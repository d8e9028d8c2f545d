package match_test

import (
	"os"
	"testing"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// flights loads the example's rules.
func flights(t *testing.T) *rule.Set {
	t.Helper()
	path := "../../examples/flights/rules/flights.yaml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.Load([]rule.File{{Path: "flights.yaml", Text: string(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestFlights(t *testing.T) {
	t.Parallel()
	m := match.New(flights(t))
	ev := &event.Event{ID: "1", Source: "/bts", Type: "com.example.flight.arrived", Customer: "c-1", Time: 1,
		Data: []byte(`{"booking":"bk-1","payment":"pi_1","fare":"281.12 USD","origin":"LAS","delay_min":180}`)}
	got := m.Match(ev, 0)
	if len(got.Errors) != 0 || len(got.Hits) != 2 {
		t.Fatalf("got %+v, want two hits", got)
	}
	refund, stop := got.Hits[0], got.Hits[1]
	if refund.Rule.Name != "refund-very-late-flight" || refund.Key != "4:bk-1" {
		t.Errorf("got %s with key %q", refund.Rule.Name, refund.Key)
	}
	actions, err := refund.Rest.Actions(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := rule.Action{Name: "refund", Kind: "refund", Connector: "stripe", Payment: "pi_1", Amount: money.Money{Minor: 28112, Currency: "USD"}}
	if len(actions) != 1 || actions[0] != want {
		t.Errorf("got %+v, want %+v", actions, want)
	}
	if stop.By != "3:LAS" || len(stop.Args) != 1 || !stop.Args[0].Pass {
		t.Errorf("got window %q, args %+v", stop.By, stop.Args)
	}
	if fires, err := stop.Rest.Having([]any{3.0}); err != nil || !fires {
		t.Errorf("having of three: %v, %v", fires, err)
	}
	if fires, err := stop.Rest.Having([]any{2.0}); err != nil || fires {
		t.Errorf("having of two: %v, %v", fires, err)
	}
	actions, err = stop.Rest.Actions([]any{3.0})
	if err != nil {
		t.Fatal(err)
	}
	if a := actions[0]; a.Cord != "airport/LAS" || a.Level != "red" || a.Reason != "3 departures from LAS at least three hours late within six hours" {
		t.Errorf("got %+v", a)
	}
}
