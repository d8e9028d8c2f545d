package makegoodtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/makegood/makegood/sdk"
)

// expected is an event as a test describes it.
type expected struct {
	event.Event
	id, time bool // the test names it
}

// scribe writes events by the encoder that writes the application's, and tells as
// little as that.
type scribe struct {
	client *makegood.Client
	last   event.Event
}

func newScribe(t testing.TB, privacy makegood.Option) *scribe {
	t.Helper()
	s := &scribe{}
	client, err := makegood.New("test", silent(), privacy, makegood.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var made []event.Event
		if err := json.NewDecoder(req.Body).Decode(&made); err != nil || len(made) != 1 {
			t.Errorf("read %d expected events: %v", len(made), err)
		} else {
			s.last = made[0]
		}
		w.WriteHeader(http.StatusAccepted)
	})))
	if err != nil {
		t.Fatalf("make client: %v", err)
	}
	s.client = client
	return s
}

// write returns the event of some attributes.
func (s *scribe) write(typ string, attrs ...makegood.Attr) (event.Event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.client.TryEmit(ctx, typ, attrs...); err != nil {
		return event.Event{}, err
	}
	err := s.client.Flush(ctx)
	return s.last, err
}

// encode makes an event of the expected attributes.
func encode(t testing.TB, privacy makegood.Option, typ string, attrs []makegood.Attr) (want expected) {
	t.Helper()
	s := newScribe(t, privacy)
	defer func() { _ = s.client.Close() }() // nothing is in it
	var err error
	if want.Event, err = s.write(typ, attrs...); err != nil {
		t.Fatalf("the expected event cannot be: %v", err)
	}
	// What the encoder fills in by itself may be given once more, what a test names
	// may not.
	twice := func(a makegood.Attr) bool {
		_, err := s.write(typ, append(slices.Clip(attrs), a)...)
		return err != nil
	}
	want.id, want.time = twice(makegood.ID("x")), twice(makegood.At(time.Now()))
	for i, a := range attrs {
		before := s.client.Stats().Redacted
		alone, err := s.write(typ, a)
		if err == nil && s.client.Stats().Redacted > before && len(fields(alone)) == 0 {
			t.Errorf("attribute %d of the expected event is never told: its key is one that is left out", i+1)
		}
	}
	return want
}

// compare says what an event lacks of what was expected, in order.
func compare(got event.Event, want expected) []string {
	var all []string
	differ := func(what string, got, want any) {
		all = append(all, fmt.Sprintf("%s: got %v, want %v", what, got, want))
	}
	if want.id && got.ID() != want.ID() {
		differ("id", got.ID(), want.ID())
	}
	if want.time && !got.Time().Equal(want.Time()) {
		differ("time", got.Time(), want.Time())
	}
	if want.Subject() != "" && got.Subject() != want.Subject() {
		differ("subject", got.Subject(), want.Subject())
	}
	for name, value := range want.Extensions() {
		if !reflect.DeepEqual(got.Extensions()[name], value) {
			differ(name, got.Extensions()[name], value)
		}
	}
	gotData := fields(got)
	for name, value := range fields(want.Event) {
		if !reflect.DeepEqual(gotData[name], value) {
			differ("data."+name, gotData[name], value)
		}
	}
	slices.Sort(all)
	return all
}

func fields(e event.Event) map[string]any {
	var data map[string]any
	if len(e.Data()) > 0 {
		_ = json.Unmarshal(e.Data(), &data) // data that is no object has no fields
	}
	return data
}

func summary(all []event.Event) string {
	if len(all) == 0 {
		return "none at all was"
	}
	counts := map[string]int{}
	for _, e := range all {
		counts[e.Type()]++
	}
	var lines []string
	for typ, n := range counts {
		lines = append(lines, fmt.Sprintf("%d of %s", n, typ))
	}
	slices.Sort(lines)
	return "there were " + strings.Join(lines, ", ")
}
