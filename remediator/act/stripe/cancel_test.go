package stripe_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/sandbox"
)

// undo asks for the reversal of a refund, as a worker does: it looks first.
func undo(t *testing.T, c act.Connector, r act.Request) (act.Result, *act.Error) {
	t.Helper()
	found, err := c.Lookup(t.Context(), r)
	result := act.Result{}
	switch {
	case err != nil:
	case found.Ours != nil:
		result = *found.Ours
	default:
		result, err = c.Do(t.Context(), r)
	}
	var known *act.Error
	if err != nil && !errors.As(err, &known) {
		t.Fatalf("an error that says nothing about the effect: %v", err)
	}
	return result, known
}

// A refund is cancelled while it waits for its customer, once; else its reversal
// fails and says why.
func TestCancel(t *testing.T) {
	t.Parallel()
	box, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, box)
	c := connect(t, url)
	for _, row := range []struct{ status, code string }{
		{"requires_action", ""},
		{"pending", "not_pending"},
		{"succeeded", "not_pending"},
		{"failed", "not_pending"},
	} {
		made := request("pi_"+row.status, 500, "USD")
		refund, err := c.Do(t.Context(), made)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.Post(url+"/sandbox/refunds/"+refund.Ref, "application/json", strings.NewReader(`{"status":"`+row.status+`"}`))
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v %v", row.status, answer, err)
		}
		answer.Body.Close()
		reversal := act.Request{Action: uuid.New(), Remedy: uuid.New(), Kind: decide.KindOfReverse, Of: made.Action, Payment: made.Payment, Amount: made.Amount}
		for range 2 { // the second time it finds what the first one did
			result, refused := undo(t, c, reversal)
			switch {
			case row.code != "" && (refused == nil || refused.Status != decide.Failed || refused.Code != row.code):
				t.Errorf("%s: got %+v, %v; want it failed with %s", row.status, result, refused, row.code)
			case row.code == "" && (refused != nil || result.Status != decide.Succeeded || result.Ref != refund.Ref):
				t.Errorf("%s: got %+v, %v; want it succeeded", row.status, result, refused)
			}
		}
	}
	reversal := act.Request{Action: uuid.New(), Kind: decide.KindOfReverse, Of: uuid.New(), Payment: "pi_none", Amount: request("pi_none", 1, "USD").Amount}
	if _, refused := undo(t, c, reversal); refused == nil || refused.Status != decide.Failed || refused.Code != "no_such_refund" {
		t.Errorf("a refund that nobody made: %v", refused)
	}
}
