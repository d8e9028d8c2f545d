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

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/makegood/makegood/sdk"
)

// encode makes an event of the expected attributes, by the encoder that makes the
// application's.
func encode(t testing.TB, typ string, attrs []makegood.Attr) event.Event {
	t.Helper()
	var made []event.Event
	c, err := makegood.New("test", silent(), makegood.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := json.NewDecoder(req.Body).Decode(&made); err != nil {
			t.Errorf("read the expected event: %v", err)
		}
		w.WriteHeader(http.StatusAccepted)
	})))
	if err == nil {
		err = c.TryEmit(context.Background(), typ, attrs...)
	}
	if err == nil {
		err = c.Close()
	}
	if err != nil || len(made) != 1 {
		t.Fatalf("the expected event cannot be: %v", err)
	}
	return made[0]
}

// compare says what an event lacks of what was expected, in order.
func compare(got, want event.Event) []string {
	var all []string
	differ := func(what string, got, want any) {
		all = append(all, fmt.Sprintf("%s: got %v, want %v", what, got, want))
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
	for name, value := range fields(want) {
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
