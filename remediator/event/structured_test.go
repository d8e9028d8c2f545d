package event_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/event"
)

func TestFromBinary(t *testing.T) {
	t.Parallel()
	attributes := []event.Attribute{{"specversion", "1.0"}, {"id", "e-1"}, {"source", "/shop"}, {"type", "com.example.sold"}, {"customer", `c-"é"`}, {"sampledrate", "10"}, {"note", "7"}}
	const head = `{"specversion":"1.0","id":"e-1","source":"/shop","type":"com.example.sold","customer":"c-\"é\"","sampledrate":10,"note":"7"`
	tests := []struct{ contentType, body, want string }{
		{"", "", `}`},
		{"application/json", "", `,"datacontenttype":"application/json"}`},
		{"application/json", " {\"a\": [1, \"b c\"]}\n", `,"datacontenttype":"application/json","data":{"a":[1,"b c"]}}`},
		{"", "1", `,"data":1}`},
		{"application/cloud+json; charset=utf-8", "null", `,"datacontenttype":"application/cloud+json; charset=utf-8","data":null}`},
		{"text/plain", "a\n\"b\"\x01é", `,"datacontenttype":"text/plain","data":"a\u000a\"b\"\u0001é"}`},
		{"image/png", "\x89PNG", `,"datacontenttype":"image/png","data_base64":"iVBORw=="}`},
	}
	for _, test := range tests {
		raw, err := event.FromBinary(attributes, test.contentType, []byte(test.body))
		if err != nil || string(raw) != head+test.want {
			t.Errorf("%s %q: %s, %v\nwant %s", test.contentType, test.body, raw, err, head+test.want)
			continue
		}
		got, err := event.Decode(raw)
		if err != nil || got.Customer != `c-"é"` || got.SampledRate != 10 || got.Attributes["note"] != "7" {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
	if raw, err := event.FromBinary(nil, "", nil); err != nil || string(raw) != "{}" {
		t.Errorf("nothing gives %s, %v; want {}", raw, err)
	}
}

func TestFromBinaryRefuses(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{`, `{"a":1},"id":"smuggled"`, `1 2`, ` `, `{"a":1}}`, "\ufeff1"} {
		var refused *event.Error
		if raw, err := event.FromBinary(nil, "application/json", []byte(body)); !errors.As(err, &refused) || refused.Code != event.CodeData {
			t.Errorf("body %q gives %s, %v; want code %s", body, raw, err, event.CodeData)
		}
	}
	for _, name := range []string{"data", "data_base64"} {
		if raw, err := event.FromBinary([]event.Attribute{{name, "1"}}, "", nil); err == nil {
			t.Errorf("attribute %s gives %s, want an error", name, raw)
		}
	}
	for _, body := range []string{`{"a":1,"a":2}`, "\"\xff\"", strings.Repeat("[", 64) + strings.Repeat("]", 64)} {
		raw, err := event.FromBinary([]event.Attribute{{"specversion", "1.0"}, {"id", "1"}, {"source", "s"}, {"type", "t"}}, "", []byte(body))
		if err == nil {
			_, err = event.Check(raw, event.MaxBytes)
		}
		if err == nil {
			t.Errorf("body %q was accepted", body)
		}
	}
}

func TestStructuredReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[!-~é😀"\\][ -~é😀"\\]{0,40}`)
		optional := rapid.OneOf(rapid.Just(""), text)
		want := event.Event{
			ID: text.Draw(t, "id"), Source: rapid.StringMatching(`/[a-z0-9/._~-]{0,30}`).Draw(t, "source"),
			Type: "com.example." + text.Draw(t, "type"), Subject: optional.Draw(t, "subject"), Customer: optional.Draw(t, "customer"),
			Time:        rapid.Int64Range(-9e18, 9e18).Draw(t, "time"),
			SampledRate: rapid.IntRange(1, 1000).Draw(t, "rate"),
			Attributes: map[string]any{
				"note": text.Draw(t, "note"), "retried": rapid.Bool().Draw(t, "retried"),
				"severitynumber": float64(rapid.Int32().Draw(t, "severity")),
			},
			Data: rapid.SampledFrom([][]byte{nil, []byte(`{"a":[1,2.5]}`), []byte(`"x"`)}).Draw(t, "data"),
		}
		raw, err := event.Structured(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		want.Attributes["specversion"] = "1.0"
		for name, value := range map[string]string{"id": want.ID, "source": want.Source, "type": want.Type, "subject": want.Subject, "customer": want.Customer} {
			if value != "" {
				want.Attributes[name] = value
			}
		}
		if want.SampledRate > 1 {
			want.Attributes["sampledrate"] = float64(want.SampledRate)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\ngot  %+v\nwant %+v", raw, got, want)
		}
	})
}

func TestStructuredRefuses(t *testing.T) {
	t.Parallel()
	good := event.Event{ID: "1", Source: "s", Type: "t"}
	if _, err := event.Structured(good); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(*event.Event){
		"no id":            func(e *event.Event) { e.ID = "" },
		"data is not JSON": func(e *event.Event) { e.Data = []byte(`1,"id":"2"`) },
		"fraction":         func(e *event.Event) { e.Attributes = map[string]any{"a": 1.5} },
		"a map":            func(e *event.Event) { e.Attributes = map[string]any{"a": map[string]any{}} },
		"data attribute":   func(e *event.Event) { e.Attributes = map[string]any{"data": "1"} },
		"illegal name":     func(e *event.Event) { e.Attributes = map[string]any{"a_b": "1"} },
		"not UTF-8":        func(e *event.Event) { e.Customer = "\xff" },
	} {
		e := good
		damage(&e)
		if raw, err := event.Structured(e); err == nil {
			t.Errorf("%s: %s, want an error", name, raw)
		}
	}
}
