package event_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/event"
)

// with returns a good event with members added or, when a name is there
// already, replaced. A value of "" removes the member.
func with(changes ...string) string {
	names := []string{"specversion", "id", "source", "type"}
	values := map[string]string{"specversion": `"1.0"`, "id": `"e-1"`, "source": `"/shop"`, "type": `"com.example.sold"`}
	for i := 0; i < len(changes); i += 2 {
		if _, there := values[changes[i]]; !there {
			names = append(names, changes[i])
		}
		values[changes[i]] = changes[i+1]
	}
	var members []string
	for _, name := range names {
		if values[name] != "" {
			members = append(members, `"`+name+`":`+values[name])
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestDecode(t *testing.T) {
	t.Parallel()
	raw := with("subject", `"order/77"`, "customer", `"c-\u00e9\ud83d\ude00"`, "time", `"2026-01-02T03:04:05.678+01:00"`,
		"sampledrate", "10", "severitynumber", `"17"`, "traceparent", `"00-a-b-01"`, "retried", "true", "dropped", "null",
		"datacontenttype", `"application/vnd.shop+json; charset=utf-8"`, "data", `{"paid":"2.99 USD"}`)
	got, err := event.Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 2, 4, 5, 678e6, time.UTC).UnixNano()
	if got.ID != "e-1" || got.Source != "/shop" || got.Type != "com.example.sold" || got.Subject != "order/77" ||
		got.Customer != "c-é😀" || got.Time != at || got.SampledRate != 10 || string(got.Data) != `{"paid":"2.99 USD"}` {
		t.Errorf("got %+v", got)
	}
	want := map[string]any{
		"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "com.example.sold", "subject": "order/77",
		"customer": "c-é😀", "sampledrate": 10.0, "severitynumber": 17.0, "traceparent": "00-a-b-01", "retried": true,
		"datacontenttype": "application/vnd.shop+json; charset=utf-8",
	}
	if !maps.Equal(got.Attributes, want) {
		t.Errorf("attributes %v\nwant       %v", got.Attributes, want)
	}
}

func TestDecodeDefaults(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		with(), with("data", "null"), with("subject", "null", "customer", "null", "time", "null", "sampledrate", "null", "datacontenttype", "null"),
		with("time", `"1970-01-01T00:00:00Z"`), with("data_base64", "null"), with("data_base64", `"bnVsbA=="`), with("customer", `""`),
	} {
		got, err := event.Decode([]byte(raw))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if got.Subject != "" || got.Customer != "" || got.Time != 0 || got.SampledRate != 1 || got.Data != nil {
			t.Errorf("%s: got %+v, want defaults", raw, got)
		}
	}
}

func TestDecodeData(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		with("data", `[1]`):   `[1]`,
		with("data", `"a,b"`): `"a,b"`,
		with("datacontenttype", `"text/csv"`, "data", `"a,b"`):                         `"a,b"`,
		with("data_base64", `"eyJhIjoxfQ=="`):                                          `{"a":1}`,
		with("data_base64", `"eyJh\u0049joxfQ=="`):                                     `{"a":1}`,
		with("datacontenttype", `"application/json"`, "data_base64", `"IHsgfSAK"`):     `{ }`,
		with("datacontenttype", `"application/octet-stream"`, "data_base64", `"/w=="`): "",
		with("datacontenttype", `"image/png"`, "data_base64", `""`):                    "",
	} {
		got, err := event.Decode([]byte(raw))
		if err != nil || string(got.Data) != want {
			t.Errorf("%s: data %s, %v; want %s", raw, got.Data, err, want)
		}
	}
}

// refusals are events with one thing wrong: what it is, and where.
var refusals = []struct{ raw, code, attribute string }{
	{``, event.CodeSyntax, ""},
	{"\ufeff" + with(), event.CodeSyntax, ""},
	{with() + "x", event.CodeSyntax, ""},
	{with() + with(), event.CodeSyntax, ""},
	{with()[:42], event.CodeSyntax, "source"},
	{`{"id":}`, event.CodeSyntax, "id"},
	{`{"id":"a",}`, event.CodeSyntax, "id"},
	{`{"id":"a` + "\n" + `"}`, event.CodeSyntax, "id"},
	{`{"id":"\x"}`, event.CodeSyntax, "id"},
	{`{id:"a"}`, event.CodeSyntax, ""},
	{`[]`, event.CodeType, ""},
	{`"event"`, event.CodeType, ""},
	{with("data", strings.Repeat("[", event.MaxDepth)+strings.Repeat("]", event.MaxDepth)), event.CodeTooDeep, "data"},
	{with("data", strings.Repeat(`{"a]":[`, 10_000)+strings.Repeat(`]}`, 10_000)), event.CodeTooDeep, "data"},
	{with("data", strings.Repeat(`{"a":`, 10_000)), event.CodeSyntax, "data"},
	{with("data", strings.Repeat("[", 1_000_000)), event.CodeSyntax, "data"},
	{with("data", strings.Repeat("[", 100)+strings.Repeat("}", 100)), event.CodeSyntax, "data"},
	{with("id", "\"\xff\""), event.CodeUTF8, "id"},
	{with("data", "{\"\xc3\x28\":1}"), event.CodeUTF8, "data"},
	{with("data", `"\ud83d"`), event.CodeUTF8, "data"},
	{with("data", `"\ud83d\u0041"`), event.CodeUTF8, "data"},
	{with("data", `"\ude00\ud83d"`), event.CodeUTF8, "data"},
	{strings.Replace(with(), "}", `,"id":"e-1"}`, 1), event.CodeDuplicateKey, ""},
	{strings.Replace(with(), "}", `,"\u0069d":"e-1"}`, 1), event.CodeDuplicateKey, ""},
	{with("data", `{"a":{"b":1,"c":2,"b":3}}`), event.CodeDuplicateKey, "data"},
	{with("data", `[{"é":1,"\u00e9":1}]`), event.CodeDuplicateKey, "data"},
	{with("data_base64", `"eyJhIjoxLCJhIjoxfQ=="`), event.CodeDuplicateKey, "data_base64"},
	{with("specversion", ``), event.CodeMissing, "specversion"},
	{with("id", ``), event.CodeMissing, "id"},
	{with("source", ``), event.CodeMissing, "source"},
	{with("type", ``), event.CodeMissing, "type"},
	{with("id", `null`), event.CodeMissing, "id"},
	{`{}`, event.CodeMissing, "specversion"},
	{with("specversion", `"0.3"`), event.CodeValue, "specversion"},
	{with("specversion", `"1.0.2"`), event.CodeValue, "specversion"},
	{with("specversion", `1.0`), event.CodeType, "specversion"},
	{with("id", `7`), event.CodeType, "id"},
	{with("id", `""`), event.CodeValue, "id"},
	{with("id", `" \t\u3000"`), event.CodeValue, "id"},
	{with("id", `"`+long+`"`), event.CodeValue, "id"},
	{with("id", `"a\u0000"`), event.CodeValue, "id"},
	{with("id", "\"a\x7f\""), event.CodeValue, "id"},
	{with("id", `"a\ufffe"`), event.CodeValue, "id"},
	{with("id", "\"a\u0085\""), event.CodeValue, "id"},
	{with("source", `{}`), event.CodeType, "source"},
	{with("source", `"a b"`), event.CodeValue, "source"},
	{with("source", `"é"`), event.CodeValue, "source"},
	{with("source", `"1st:shop"`), event.CodeValue, "source"},
	{with("source", `"/a%zz"`), event.CodeValue, "source"},
	{with("source", `"a#b#c"`), event.CodeValue, "source"},
	{with("type", `true`), event.CodeType, "type"},
	{with("type", `""`), event.CodeValue, "type"},
	{with("type", `"`+long[:event.MaxType+1]+`"`), event.CodeValue, "type"},
	{with("type", `"makegood.refund-request"`), event.CodeReserved, "type"},
	{with("subject", `["a"]`), event.CodeType, "subject"},
	{with("subject", `""`), event.CodeValue, "subject"},
	{with("customer", `42`), event.CodeType, "customer"},
	{with("customer", `"`+long+`"`), event.CodeValue, "customer"},
	{with("time", `1700000000`), event.CodeType, "time"},
	{with("time", `"yesterday"`), event.CodeValue, "time"},
	{with("time", `"2026-01-02"`), event.CodeValue, "time"},
	{with("time", `"2026-01-02T03:04:05"`), event.CodeValue, "time"},
	{with("time", `"2026-02-29T03:04:05Z"`), event.CodeValue, "time"},
	{with("time", `"2026-01-02T03:04:05,5Z"`), event.CodeValue, "time"},
	{with("time", `"2026-01-02T3:04:05Z"`), event.CodeValue, "time"},
	{with("time", `"2026-01-02T03:04:05+24:00"`), event.CodeValue, "time"},
	{with("time", `"2026-01-02T03:04:05+01:60"`), event.CodeValue, "time"},
	{with("time", `"2026-01-02T03:04:60Z"`), event.CodeValue, "time"},
	{with("time", `"2026-01-02t03:04:05z"`), event.CodeValue, "time"},
	{with("time", `"0001-01-01T00:00:00Z"`), event.CodeValue, "time"},
	{with("time", `"9999-12-31T23:59:59Z"`), event.CodeValue, "time"},
	{with("sampledrate", `0`), event.CodeValue, "sampledrate"},
	{with("sampledrate", `-1`), event.CodeValue, "sampledrate"},
	{with("sampledrate", `1.5`), event.CodeType, "sampledrate"},
	{with("sampledrate", `1e1`), event.CodeType, "sampledrate"},
	{with("sampledrate", `"ten"`), event.CodeType, "sampledrate"},
	{with("sampledrate", `"010"`), event.CodeType, "sampledrate"},
	{with("sampledrate", `2147483648`), event.CodeType, "sampledrate"},
	{with("sampledrate", `true`), event.CodeType, "sampledrate"},
	{with("severitynumber", `{}`), event.CodeType, "severitynumber"},
	{with("severitynumber", `"high"`), event.CodeType, "severitynumber"},
	{with("severitytext", `1`), event.CodeType, "severitytext"},
	{with("traceparent", `1`), event.CodeType, "traceparent"},
	{with("datacontenttype", `1`), event.CodeType, "datacontenttype"},
	{with("datacontenttype", `"json"`), event.CodeValue, "datacontenttype"},
	{with("dataschema", `1`), event.CodeType, "dataschema"},
	{with("dataschema", `"/relative"`), event.CodeValue, "dataschema"},
	{with("extension", `{"a":1}`), event.CodeType, "extension"},
	{with("extension", `[]`), event.CodeType, "extension"},
	{with("extension", `1.5`), event.CodeType, "extension"},
	{with("extension", `-2147483649`), event.CodeType, "extension"},
	{with("andon_pulled", `true`), event.CodeName, "andon_pulled"},
	{with("customer-id", `"c"`), event.CodeName, "customer-id"},
	{with("customerId", `"c"`), event.CodeName, "customerId"},
	{with("", `"c"`), event.CodeName, ""},
	{with("abcdefghijklmnopqrstu", `"c"`), event.CodeName, "abcdefghijklmnopqrstu"},
	{with(many(event.MaxAttributes - 3)...), event.CodeTooLarge, "x28"},
	{with("data", `1`, "data_base64", `"MQ=="`), event.CodeData, "data_base64"},
	{with("data_base64", `1`), event.CodeData, "data_base64"},
	{with("data_base64", `"MQ"`), event.CodeData, "data_base64"},
	{with("data_base64", `"M-=="`), event.CodeData, "data_base64"},
	{with("data_base64", `"/w=="`), event.CodeData, "data_base64"},
	{with("data_base64", `"eyJhIaoxLCJhIjoxfQ=="`), event.CodeData, "data_base64"}, // not UTF-8 before it is not JSON
	{with("datacontenttype", `"text/plain"`, "data", `{"a":1}`), event.CodeData, "data"},
}

// long is a text longer than any that is bounded.
var long = strings.Repeat("x", event.MaxText+1)

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range refusals {
		_, err := event.Decode([]byte(test.raw))
		var refused *event.Error
		if !errors.As(err, &refused) {
			t.Errorf("%.200s: error %v, want code %s", test.raw, err, test.code)
			continue
		}
		if refused.Code != test.code || refused.Attribute != test.attribute {
			t.Errorf("%.200s: code %s of %q (%s), want %s of %q", test.raw, refused.Code, refused.Attribute, refused.Message, test.code, test.attribute)
		}
		if test.attribute != "" && test.code != event.CodeSyntax && !strings.Contains(refused.Message, test.attribute) &&
			test.code != event.CodeTooDeep && test.code != event.CodeUTF8 && test.code != event.CodeDuplicateKey && test.code != event.CodeTooLarge {
			t.Errorf("%.200s: message %q does not name %s", test.raw, refused.Message, test.attribute)
		}
	}
}

// many returns n extensions.
func many(n int) []string {
	var changes []string
	for i := range n {
		changes = append(changes, "x"+string(rune('0'+i/10))+string(rune('0'+i%10)), "1")
	}
	return changes
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		" \t\r\n" + with() + "\n", with(many(event.MaxAttributes - 4)...), with("type", `"a"`),
		with("source", `"https://shop.example:8443/a//b?c=d#e"`), with("source", `"urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"`),
		with("source", `"mailto:cncf-wg-serverless@lists.cncf.io"`), with("source", `"/cloudevents/spec/pull/123"`), with("source", `"1-555-123-4567"`),
		with("source", `"//example.com/a%20b"`), with("time", `"2026-01-02T03:04:05.999999999-23:59"`), with("extension", `-2147483648`),
		with("extension", `""`), with("abcdefghijklmnopqrst", `"é😀"`), with("data", `{"":{"":[{},[],1e999,-0.0E-7,"\ud83d\ude00\/"]}}`),
		with("data", `"`+strings.Repeat("x", 2*event.MaxBytes)+`"`),
		with("data", strings.Repeat("[", event.MaxDepth-1)+strings.Repeat("]", event.MaxDepth-1)),
	} {
		if _, err := event.Decode([]byte(raw)); err != nil {
			t.Errorf("%.200s: %v", raw, err)
		}
	}
}

func TestRefusalNamesTheEvent(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		with("source", ""), with("subject", "7"), `{"subject":7,"id":"e-1"}`, `{"id":"e-1"`, with() + "x",
		with("data", strings.Repeat("[", 100)), with("data", `{"a":1,"a":1}`), with("data", "\"\xff\""),
	} {
		_, err := event.Decode([]byte(raw))
		var refused *event.Error
		if !errors.As(err, &refused) || refused.ID != "e-1" {
			t.Errorf("%s: %v of event %q, want e-1", raw, err, refused.ID)
		}
	}
}

func TestCheckBoundsTheSize(t *testing.T) {
	t.Parallel()
	raw := []byte(with("data", `"`+strings.Repeat("x", event.MaxBytes)+`"`))
	var refused *event.Error
	if _, err := event.Check(raw, event.MaxBytes); !errors.As(err, &refused) || refused.Code != event.CodeTooLarge {
		t.Errorf("Check = %v, want %s", err, event.CodeTooLarge)
	}
	if _, err := event.Check(raw, len(raw)); err != nil {
		t.Errorf("Check at the bound = %v", err)
	}
}
