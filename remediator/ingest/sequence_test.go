package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/ingest"
	"github.com/makegood/makegood/remediator/input"
)

const client = "0190a1b2-7e4f-7c3a-9d5e-4f1a2b3c4d5e"

// TestNumberedEvents says what is stored of requests that bear the sequence of
// their first event: g is a good event, b one that is refused.
func TestNumberedEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header, name, events string
		want                 string // numbers or ids of the events, and what is skipped
	}{
		{"Makegood-Batch", client + ".1", "ggg", "[.1 .2 .3]"},
		{"Makegood-Batch", client + ".501", "g", "[.501]"},
		{"Makegood-Batch", client + ".7", "gbgbbg", "[.7 .9 .12 [[8,8],[10,11]]]"},
		{"Makegood-Batch", client + ".7", "bbb", "[[[7,9]]]"},
		{"Makegood-Batch", client + ".1125899906842624", "bb", "[[[1125899906842624,1125899906842624]]]"},
		{"Makegood-Batch", client + ".1125899906842625", "gb", "[.1125899906842625/0]"},
		{"Makegood-Batch", client + ".0", "gb", "[.0/0]"},
		{"Makegood-Batch", client, "gb", "[/0]"},
		{"Makegood-Batch", client, "b", "[]"},
		{"Idempotency-Key", client + ".7", "gb", "[.7/0]"},
	} {
		d := open(t, ingest.Config{})
		events := strings.NewReplacer("g", good+",", "b", "{},").Replace(c.events)
		d.post(strings.NewReader("["+strings.TrimSuffix(events, ",")+"]"), "Content-Type", batched, c.header, c.name)
		got := []string{}
		for _, in := range d.stored() {
			if in.Kind == input.Event {
				got = append(got, strings.TrimPrefix(in.ID, "event/"+client))
				continue
			}
			skipped, err := input.DecodeSkipped(in.Body)
			if err != nil || in.Kind != input.Skipped || in.ID != "" || skipped.Client.String() != client {
				t.Errorf("%s: input %+v, %v", c.name, in, err)
			}
			got = append(got, strings.TrimSuffix(string(in.Body)[len(`{"client":"`+client+`","ranges":`):], "}"))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s %s with %s is stored as %v, want %s", c.header, c.name, c.events, got, c.want)
		}
	}
}

// TestABrokenBodySkipsNothing has a body that stops being JSON: which events it
// held is not known, so none of them is said not to come.
func TestABrokenBodySkipsNothing(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	a := d.post(strings.NewReader("["+good+",{},GOOD]"), "Content-Type", batched, "Makegood-Batch", client+".1")
	if describe(a) != "400 accepted=0 malformed 2:syntax" || len(d.stored()) != 0 {
		t.Errorf("answer %s, stored %+v", describe(a), d.stored())
	}
}

// TestSkippedNumbersAreStoredBeforeTheAnswer refuses the log: then nobody is told
// that an event was rejected, and the same request comes again.
func TestSkippedNumbersAreStoredBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	asked := 0
	h := ingest.New(ingest.Config{EventClock: true, Log: appendFunc(func(_ context.Context, inputs []input.Input) error {
		asked++
		if len(inputs) != 1 || inputs[0].Kind != input.Skipped || inputs[0].At != input.StampPrevious {
			t.Errorf("to be stored are %+v", inputs)
		}
		return errors.New("disk full")
	})})
	if a := serve(t, h, http.MethodPost, "[{}]", "Content-Type", batched, "Makegood-Batch", client+".1"); a.Code != http.StatusServiceUnavailable || asked != 1 {
		t.Errorf("answer %d after %d tries to store", a.Code, asked)
	}
	if s := h.Stats(); s.Rejected != 0 || s.Refused != 1 {
		t.Errorf("stats %+v", s)
	}
}
