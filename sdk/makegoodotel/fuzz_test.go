package makegoodotel_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/makegood/makegood/sdk/makegoodotel"
)

// FuzzSpanEvents adds events of any JSON to a span: nothing panics, what is
// verbatim never shows, and what is no JSON is no event.
func FuzzSpanEvents(f *testing.F) {
	for _, seed := range []string{
		`{"specversion":"1.0","source":"shop","id":"1","type":"com.example.x","time":"2026-01-05T10:00:00.123456789Z","subject":"order/7","customer":"c-1","severitynumber":24,"data":{"items":3,"secret":"x"}}`,
		`{"type":"t","data":{"a":{"b":[1,2.5],"c":[true,false],"d":["x"],"e":[1,"x",null,{"f":[]}]},"secret":{"n":1}}}`,
		`{"type":"t","data":[1,2]}`, `{"type":"t","data":"secret"}`, `{"type":"t","data":{"n":1e400,"m":-0,"k":123456789012345678901234567890}}`,
		`{"severitynumber":25}`, `{"time":"yesterday"}`, `[]`, `null`, ``,
	} {
		f.Add(seed)
	}
	tracer, exporter := traced(f)
	add := makegoodotel.SpanEvents(makegoodotel.WithCustomer())
	f.Fuzz(func(t *testing.T, text string) {
		exporter.Reset()
		ctx, span := tracer.Start(context.Background(), "pay")
		add(ctx, []byte(text), []string{"secret", "customer", "subject"})
		span.End()
		for _, e := range exporter.GetSpans()[0].Events {
			if !json.Valid([]byte(text)) && !json.Valid([]byte(firstValue(text))) {
				t.Errorf("%q is no JSON", text)
			}
			for _, a := range e.Attributes {
				key := string(a.Key)
				if key == "makegood.data.secret" || key == "makegood.customer" || key == "cloudevents.event_subject" {
					t.Errorf("%s is in the span", key)
				}
			}
		}
	})
}

// firstValue is the first JSON value of a text.
func firstValue(text string) string {
	var raw json.RawMessage
	if json.NewDecoder(strings.NewReader(text)).Decode(&raw) != nil {
		return ""
	}
	return string(raw)
}
