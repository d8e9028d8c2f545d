package event_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/event"
)

// reporter is what *testing.T, *testing.F and *rapid.T have in common here.
type reporter interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// agree holds our reading of one text against two others: encoding/json says
// what is JSON and what it says, the CloudEvents SDK what the event is.
func agree(t reporter, raw []byte) {
	t.Helper()
	got, err := event.Decode(raw)
	head, checkErr := event.Check(raw, len(raw))
	if (err == nil) != (checkErr == nil) || err != nil && err.Error() != checkErr.Error() {
		t.Fatalf("%q: Decode %v, Check %v", raw, err, checkErr)
	}
	var refused *event.Error
	if err != nil && !errors.As(err, &refused) {
		t.Fatalf("%q: %v is no *event.Error", raw, err)
	}
	if refused != nil && refused.Code == event.CodeTooDeep {
		return // beyond the bound only brackets and texts are looked at
	}
	if syntax := refused != nil && refused.Code == event.CodeSyntax; syntax == json.Valid(raw) {
		t.Fatalf("%q: %v, but encoding/json says valid: %v", raw, err, json.Valid(raw))
	}
	if err != nil {
		return
	}
	if head.Time != got.Time {
		t.Fatalf("%q: Check found time %d, Decode %d", raw, head.Time, got.Time)
	}
	agreeWithJSON(t, raw, got)
	agreeCompacted(t, raw, head, got)
	agreeWithCloudEvents(t, raw, got)
}

func agreeWithJSON(t reporter, raw []byte, got event.Event) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	attributes := map[string]any{}
	for name, value := range want {
		var decoded any
		if err := json.Unmarshal(value, &decoded); err != nil && name != "data" {
			t.Fatalf("%q: %v", raw, err)
		}
		text, isText := decoded.(string)
		switch {
		case name == "data" || name == "data_base64" || name == "time" || decoded == nil:
			continue
		case isText && (name == "sampledrate" || name == "severitynumber"):
			n, err := strconv.ParseInt(text, 10, 32)
			if err != nil {
				t.Fatalf("%q: %s was accepted", raw, name)
			}
			decoded = float64(n)
		}
		attributes[name] = decoded
	}
	if !reflect.DeepEqual(got.Attributes, attributes) {
		t.Fatalf("%q: attributes %v, want %v", raw, got.Attributes, attributes)
	}
	for name, field := range map[string]string{"id": got.ID, "source": got.Source, "type": got.Type, "subject": got.Subject, "customer": got.Customer} {
		if text, _ := attributes[name].(string); text != field {
			t.Fatalf("%q: field %s is %q, want %q", raw, name, field, text)
		}
	}
	if data, there := want["data"]; there && string(data) != "null" {
		if !bytes.Equal(got.Data, data) {
			t.Fatalf("%q: data %s, want %s", raw, got.Data, data)
		}
	}
	agreeOnData(t, got.Data)
}

// agreeOnData compares DecodeData with encoding/json, number by number.
func agreeOnData(t reporter, data []byte) {
	t.Helper()
	got, err := event.DecodeData(data)
	if err != nil {
		t.Fatalf("DecodeData(%q): %v", data, err)
	}
	if data == nil {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var want any
	if err := decoder.Decode(&want); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	if want = numbers(want); !reflect.DeepEqual(got, want) {
		t.Fatalf("DecodeData(%q) = %#v, want %#v", data, got, want)
	}
}

// numbers turns json.Number into what DecodeData promises for it.
func numbers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = numbers(v[name])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return v
		}
		if !strings.ContainsAny(v.String(), ".eE") {
			if n, err := v.Int64(); err != nil || n > 1<<53 || n < -1<<53 {
				return v
			}
		}
		return f
	}
	return value
}

func agreeCompacted(t reporter, raw []byte, head event.Head, got event.Event) {
	t.Helper()
	var want bytes.Buffer
	if err := json.Compact(&want, raw); err != nil {
		t.Fatal(err)
	}
	compact := event.Compact(nil, raw)
	if !bytes.Equal(compact, want.Bytes()) {
		t.Fatalf("Compact(%q) = %q, want %q", raw, compact, want.Bytes())
	}
	if head.Spaced != (len(compact) < len(raw)) {
		t.Fatalf("%q: Spaced %v, but %d bytes compact to %d", raw, head.Spaced, len(raw), len(compact))
	}
	inPlace := bytes.Clone(raw)
	if inPlace = event.Compact(inPlace[:0], inPlace); !bytes.Equal(inPlace, compact) {
		t.Fatalf("Compact in place: %q, apart: %q", inPlace, compact)
	}
	stored, err := event.Decode(compact)
	if err != nil {
		t.Fatalf("%q is refused when compacted: %v", raw, err)
	}
	got.Data = event.Compact(nil, got.Data)
	stored.Data = event.Compact(nil, stored.Data)
	if !reflect.DeepEqual(got, stored) {
		t.Fatalf("%q: compacted %+v, was %+v", raw, stored, got)
	}
}

// agreeWithCloudEvents leaves out what the SDK reads differently from the
// specification: attributes that are null, data_base64 with escapes, integers
// as text.
func agreeWithCloudEvents(t reporter, raw []byte, got event.Event) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		return // a number in the data that no float64 holds
	}
	for name, value := range members {
		if value == nil || name == "data_base64" && bytes.Contains(raw, []byte(`\`)) {
			return
		}
	}
	var want cloudevents.Event
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatalf("%q: the SDK refuses it: %v", raw, err)
	}
	if err := want.Validate(); err != nil {
		t.Fatalf("%q: the SDK finds it invalid: %v", raw, err)
	}
	if want.ID() != got.ID || want.Type() != got.Type || want.Subject() != got.Subject {
		t.Fatalf("%q: %+v, the SDK reads\n%v", raw, got, want)
	}
	if at := want.Time(); got.Time != 0 && at.UnixNano() != got.Time {
		t.Fatalf("%q: time %d, the SDK reads %d", raw, got.Time, at.UnixNano())
	}
	for name, value := range want.Extensions() {
		if n, isInt := value.(int32); isInt {
			value = float64(n)
		}
		if ours := got.Attributes[name]; ours != value && name != "sampledrate" && name != "severitynumber" {
			t.Fatalf("%q: extension %s is %v, the SDK reads %v", raw, name, ours, value)
		}
	}
	if members["data"] != nil && members["datacontenttype"] == nil && !bytes.Equal(bytes.TrimSpace(want.Data()), got.Data) {
		t.Fatalf("%q: data %s, the SDK reads %s", raw, got.Data, want.Data())
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("[" + sample + ",\n" + with("data_base64", `"eyJhIjoxfQ=="`) + "]"))
	f.Add([]byte(with("time", `"2026-01-02T03:04:05.678+01:00"`, "sampledrate", `"10"`, "customer", `"\u00e9\ud83d\ude00"`, "datacontenttype", `"text/csv"`)))
	for _, body := range jsonBodies(f) {
		f.Add([]byte(with("data", body)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		agree(t, raw)
		batchAgrees(t, raw)
		if data, err := event.DecodeData(raw); err == nil && data != nil && len(raw) > 0 && !json.Valid(raw) {
			t.Fatalf("DecodeData(%q) = %v, but it is not JSON", raw, data)
		}
	})
}

// batchAgrees holds Batch against Decode of each element.
func batchAgrees(t reporter, raw []byte) {
	t.Helper()
	var elements []json.RawMessage
	err := json.Unmarshal(raw, &elements)
	seen, deep := 0, false
	batchErr := event.Batch(raw, event.MaxBytes, func(one []byte, head event.Head, refused *event.Error) bool {
		want, wantErr := event.Check(one, event.MaxBytes)
		if (refused == nil) != (wantErr == nil) || refused == nil && !reflect.DeepEqual(head, want) {
			t.Fatalf("%q: element %d: %v, %+v in the batch; %v, %+v alone", raw, seen, refused, head, wantErr, want)
		}
		deep = deep || refused != nil && refused.Code == event.CodeTooDeep
		if err == nil && !bytes.Equal(one, elements[seen]) {
			t.Fatalf("%q: element %d is %q, want %q", raw, seen, one, elements[seen])
		}
		seen++
		return true
	})
	if deep {
		return // beyond the bound only brackets and texts are looked at
	}
	isArray := err == nil && !bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
	if isArray != (batchErr == nil) || isArray && seen != len(elements) {
		t.Fatalf("%q: Batch saw %d events, %v; encoding/json %d, %v", raw, seen, batchErr, len(elements), err)
	}
}

func TestJSONBodies(t *testing.T) {
	t.Parallel()
	good, bad := 0, 0
	for _, value := range jsonBodies(t) {
		raw := []byte(with("data", value))
		agree(t, raw)
		batchAgrees(t, []byte("["+with()+","+string(raw)+"]"))
		if _, err := event.Decode(raw); err == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 40 || bad < 80 {
		t.Errorf("%d bodies accepted and %d refused; the file has more of both", good, bad)
	}
}

// jsonBodies reads the texts of testdata/json.txt, one a line as a Go string.
func jsonBodies(t testing.TB) []string {
	t.Helper()
	file, err := os.ReadFile("testdata/json.txt")
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for line := range strings.Lines(string(file)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		body, err := strconv.Unquote(line)
		if err != nil {
			t.Fatalf("testdata/json.txt: %s: %v", line, err)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

// drawRaw draws an event, one byte of which may be damaged.
func drawRaw(t *rapid.T) []byte {
	raw := []byte(drawEvent(t))
	if !rapid.Bool().Draw(t, "damaged") {
		return raw
	}
	at := rapid.IntRange(0, len(raw)-1).Draw(t, "at")
	odd := rapid.SampledFrom([]byte("\"\\{}[]:,. 0e-\x00\xff\xc3nu")).Draw(t, "byte")
	switch rapid.IntRange(0, 4).Draw(t, "how") {
	case 0:
		return raw[:at] // cut off
	case 1:
		return append(raw, odd) // a tail
	case 2:
		return slices.Insert(raw, at, odd)
	case 3:
		return slices.Delete(raw, at, at+1)
	}
	raw[at] = odd
	return raw
}

func TestRandomEventsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := drawRaw(t)
		agree(t, raw)
	})
}

func drawEvent(t *rapid.T) string {
	changes := []string{"data", drawJSON(t, 4)}
	for range rapid.IntRange(0, 20).Draw(t, "extensions") {
		name := rapid.StringMatching(`[a-z0-9]{1,20}`).Draw(t, "name")
		changes = append(changes, name, rapid.SampledFrom([]string{`"x"`, "true", "1", "null", `"\u00e9é"`, "2147483647", "-1", " 7 "}).Draw(t, "value"))
	}
	return with(changes...)
}

func drawJSON(t *rapid.T, depth int) string {
	kinds := 5
	if depth == 0 {
		kinds = 3
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		text, err := json.Marshal(rapid.String().Draw(t, "text"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	case 1:
		return rapid.SampledFrom([]string{"0", "-0", "1.5", "1e9", "-2.5E-3", "9007199254740992", "9007199254740993",
			"-9007199254740993", "123456789012345678901234567890", "1e999", "5e-324"}).Draw(t, "number")
	case 2:
		return rapid.SampledFrom([]string{"true", "false", "null", "{}", "[]"}).Draw(t, "word")
	case 3:
		var elements []string
		for range rapid.IntRange(0, 5).Draw(t, "elements") {
			elements = append(elements, drawJSON(t, depth-1))
		}
		return "[" + strings.Join(elements, ", ") + " ]"
	}
	var members []string
	for i := range rapid.IntRange(0, 40).Draw(t, "members") {
		members = append(members, strconv.Quote("k"+strconv.Itoa(i%rapid.IntRange(30, 1000).Draw(t, "names")))+" :"+drawJSON(t, depth-2-min(0, depth-2)))
	}
	return "{" + strings.Join(members, ",\n") + "}"
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"0": 0.0, "-0": math.Copysign(0, -1), "1.0": 1.0, "1e2": 100.0, "9007199254740992": 9007199254740992.0,
		"-9007199254740992": -9007199254740992.0, "9007199254740993": json.Number("9007199254740993"),
		"-9007199254740993": json.Number("-9007199254740993"), "9007199254740993.0": 9007199254740992.0,
		"10000000000000000000": json.Number("10000000000000000000"), "1e30": 1e30, "1e999": json.Number("1e999"),
	} {
		if got, err := event.DecodeData([]byte(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("DecodeData(%s) = %#v, %v; want %#v", text, got, err, want)
		}
	}
	for _, text := range []string{"01", "1.", ".5", "+1", "1e", "--1", "0x1", "NaN", "1 2", `{"a":1,"a":2}`, "\"\xff\"", " "} {
		if got, err := event.DecodeData([]byte(text)); err == nil {
			t.Errorf("DecodeData(%q) = %v, want an error", text, got)
		}
	}
}

// TestFlightsAgree reads real events.
func TestFlightsAgree(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../../examples/flights/flights.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, events := bufio.NewReader(plain), 0
	for events < 2000 {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := event.Decode(line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		agree(t, line)
		events++
	}
	if events < 2000 {
		t.Errorf("read %d events, want 2000", events)
	}
}
