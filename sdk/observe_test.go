package makegood_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/makegood/makegood/sdk"
)

// seen is an event that an observer was told of.
type seen struct {
	ctx      context.Context
	event    event.Event
	verbatim []string
}

func observer(t *testing.T, all *[]seen) makegood.Option {
	return makegood.OnEvent(func(ctx context.Context, raw []byte, verbatim []string) {
		s := seen{ctx: ctx, verbatim: verbatim}
		if err := json.Unmarshal(raw, &s.event); err != nil {
			t.Errorf("read %s: %v", raw, err)
		}
		*all = append(*all, s)
	})
}

// TestObserversSeeWhatIsSent compares what an observer is told with what arrives.
func TestObserversSeeWhatIsSent(t *testing.T) {
	t.Parallel()
	type key struct{}
	var all []seen
	svc := newService(t)
	c := newClient(t, makegood.Handler(svc), observer(t, &all), makegood.OnEvent(func(context.Context, []byte, []string) { panic("no") }), observer(t, &all))
	ctx := context.WithValue(context.Background(), key{}, "mine")

	c.Emit(ctx, "com.example.x", makegood.Verbatim(makegood.Customer("jane@example.com")), makegood.Subject("order/7"),
		makegood.Email("to", "jane@example.com"), makegood.Verbatim(makegood.Any("raw", []int{1})), makegood.String("note", "ask joe@example.com"), makegood.String("password", "x"))
	type typed struct {
		Ref string `json:"ref" makegood:"verbatim"`
		Any string `json:"any"`
	}
	makegood.Define[typed]("com.example.typed").Emit(ctx, c, typed{"joe@example.com", "x"})
	c.Emit(ctx, "com.example.hashed", makegood.Verbatim(makegood.Subject("jane@example.com")))
	received := event.New()
	received.SetType("com.example.received")
	if err := c.EmitEvent(ctx, received); err != nil {
		t.Error(err)
	}
	c.Emit(ctx, "") // is none
	flush(t, c)

	want := [][]string{{"customer", "to", "raw"}, {"ref"}, {"subject"}, nil}
	if len(all) != 2*len(want) {
		t.Fatalf("told %d times, want %d", len(all), 2*len(want))
	}
	for i, s := range all {
		if s.ctx.Value(key{}) != "mine" || !slices.Equal(s.verbatim, want[i/2]) {
			t.Errorf("event %d: verbatim %q, want %q", i/2, s.verbatim, want[i/2])
		}
		if arrived := svc.taken[i/2]; arrived.String() != s.event.String() {
			t.Errorf("told of\n%s\nwhat arrived is\n%s", s.event, arrived)
		}
	}
	if data := string(all[0].event.Data()); data != `{"to":"jane@example.com","raw":[1],"note":"ask [email]"}` {
		t.Errorf("got %s", data)
	}
}

// TestObserversHearOfNoDrop fills the memory.
func TestObserversHearOfNoDrop(t *testing.T) {
	t.Parallel()
	svc := newStuck(t)
	told := 0
	c := newClient(t, makegood.Handler(svc), makegood.Memory(512<<10), makegood.OnEvent(func(context.Context, []byte, []string) { told++ }))
	for c.TryEmit(context.Background(), "com.example.x") == nil {
	}
	if r := c.Stats(); told == 0 || int64(told) != r.Accepted {
		t.Errorf("told of %d, accepted %+v", told, r)
	}
	close(svc.release)
}
