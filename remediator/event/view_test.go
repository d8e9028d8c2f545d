package event_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/event"
)

// viewAgrees holds what a View reads of an event against Decode and DecodeData:
// the paths that are given, and every path that the event has.
func viewAgrees(t reporter, view *event.View, raw []byte, paths [][]string) {
	t.Helper()
	want, wantErr := event.Decode(raw)
	var root any
	if wantErr == nil {
		var err error
		if root, err = event.DecodeData(want.Data); err != nil {
			t.Fatalf("DecodeData(%q): %v", want.Data, err)
		}
		paths = slices.Concat(paths, pathsOf([]string{"data"}, root))
		for name := range want.Attributes {
			paths = append(paths, []string{"event", name})
		}
	}
	plan := event.NewPlan(paths)
	asked := 0
	err := view.Read(raw, func(eventType []byte) *event.Plan {
		asked++
		if wantErr == nil && string(eventType) != want.Type {
			t.Fatalf("%q: asked for the plan of %q", raw, eventType)
		}
		return plan
	})
	if !reflect.DeepEqual(err, wantErr) {
		t.Fatalf("%q: View %#v, Decode %#v", raw, err, wantErr)
	}
	if asked > 1 || wantErr == nil && asked == 0 {
		t.Fatalf("%q: asked for a plan %d times", raw, asked)
	}
	if wantErr != nil {
		return
	}
	eventAgrees(t, view, raw, want)
	for _, path := range paths {
		for length := range path {
			value, there := valueAt(want, root, path[:length+1])
			valueAgrees(t, view, plan.Slot(path[:length+1]), value, there, fmt.Sprintf("%q: %q", raw, path[:length+1]))
		}
	}
}

func eventAgrees(t reporter, view *event.View, raw []byte, want event.Event) {
	t.Helper()
	brief := want
	brief.Attributes = nil
	if got := view.Brief(); !reflect.DeepEqual(got, brief) {
		t.Fatalf("%s\n got %+v in brief\nwant %+v", raw, got, brief)
	}
	if got := view.Event(); !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: View %+v, Decode %+v", raw, got, want)
	}
	if string(view.ID()) != want.ID || string(view.Source()) != want.Source || string(view.Type()) != want.Type ||
		string(view.Subject()) != want.Subject || string(view.Customer()) != want.Customer ||
		view.Time() != want.Time || view.SampledRate() != want.SampledRate {
		t.Fatalf("%q: the view's %s %s %s %s %s %d %d is not %+v", raw, view.ID(), view.Source(), view.Type(),
			view.Subject(), view.Customer(), view.Time(), view.SampledRate(), want)
	}
}

// pathsOf returns the paths of all fields below a value.
func pathsOf(prefix []string, value any) [][]string {
	object, _ := value.(map[string]any)
	var all [][]string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		path := slices.Concat(prefix, []string{name})
		all = append(append(all, path), pathsOf(path, object[name])...)
	}
	return all
}

// valueAt is what expressions see at a path, times apart.
func valueAt(e event.Event, root any, path []string) (value any, there bool) {
	value, there = root, e.Data != nil
	if path[0] == "event" {
		attributes := maps.Clone(e.Attributes)
		attributes["subject"], attributes["customer"] = e.Subject, e.Customer
		delete(attributes, "recordedtime")
		value, there = attributes, true
	}
	for _, name := range path[1:] {
		object, _ := value.(map[string]any)
		if value, there = object[name]; !there {
			return nil, false
		}
	}
	return value, there
}

func valueAgrees(t reporter, view *event.View, slot int, want any, there bool, what string) {
	t.Helper()
	kind := kindOf(want, there)
	if got := view.Kind(slot); got != kind {
		t.Fatalf("%s: kind %d, want %d", what, got, kind)
	}
	number, isNumber := view.Number(slot)
	wantNumber, wantIs := want.(float64)
	if isNumber != wantIs || wantIs && math.Float64bits(number) != math.Float64bits(wantNumber) {
		t.Fatalf("%s: number %v, %v; want %v", what, number, isNumber, want)
	}
	for range 2 { // the first time it is made, the second remembered
		text := view.Text(slot)
		wantText, isText := want.(string)
		if (text != nil) != isText || string(text) != wantText {
			t.Fatalf("%s: text %q, want %#v", what, text, want)
		}
	}
	raw := view.Raw(slot)
	if raw == nil {
		if strings.Contains(what, `["data"`) && there {
			t.Fatalf("%s: no JSON, want %v", what, want)
		}
		return
	}
	if got, err := event.DecodeData(raw); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: JSON %q is %v, %v; want %v", what, raw, got, err, want)
	}
}

func kindOf(value any, there bool) event.Kind {
	switch v := value.(type) {
	case nil:
		if !there {
			return event.Absent
		}
		return event.Null
	case bool:
		if v {
			return event.True
		}
		return event.False
	case string:
		return event.Text
	case map[string]any:
		return event.Object
	case []any:
		return event.Array
	}
	return event.Number
}

// wanted are paths that events here may or may not have.
var wanted = [][]string{
	{"data"}, {"event"}, {"data", "a"}, {"data", "a", "b"}, {"data", "a", "b", "c"}, {"data", ""}, {"data", "", ""}, {"data", "é"},
	{"data", "k1"}, {"data", "k1", "k2"}, {"data", "k2"}, {"data", "k1"}, {"data", "watch_s"}, {"data", "player", "name"}, {"data", "player"},
	{"event", "subject"}, {"event", "customer"}, {"event", "subject", "x"}, {"event", "recordedtime"}, {"event", "time"},
	{"event", "type"}, {"event", "sampledrate"}, {"event", "data"}, {"event", "none"},
}

func TestViewAgrees(t *testing.T) {
	t.Parallel()
	var view event.View
	texts := []string{sample, ` ` + strings.ReplaceAll(sample, ",", "\n,\t"), with("recordedtime", `"x"`), with("subject", "null"),
		with("sampledrate", `"7"`), with("data_base64", `"eyJhIjp7ImIiOjF9fQ=="`), with("data_base64", `"bnVsbA=="`), with("data", "null"),
		with("data_base64", `"IHsiYSI6ICJcdTAwZTkifSA="`), with("datacontenttype", `"text/csv"`, "data", `"a,b"`),
		with("datacontenttype", `"image/png"`, "data_base64", `"/w=="`), `{"d\u0061ta":{"a":{"b":"\u0063"}},"\u0074ype":"\u0061",` + with("type", "")[1:],
		with("data", `{"\u0061":{"b":[1]},"\u00e9":"\n"}`), with("data", "7"), with("data", `{"a":1e400,"k1":9007199254740993}`),
	}
	for _, refusal := range refusals {
		texts = append(texts, refusal.raw)
	}
	for _, body := range jsonBodies(t) {
		texts = append(texts, with("data", body), `{"data":`+body+","+with()[1:])
	}
	for _, raw := range texts {
		viewAgrees(t, &view, []byte(raw), wanted)
	}
}

func TestRandomViewsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := drawRaw(t)
		viewAgrees(t, new(event.View), raw, rapid.SliceOf(rapid.SampledFrom(wanted)).Draw(t, "paths"))
	})
}

// trickyNames are alike in what a hash or a comparison could confuse.
var trickyNames = []string{
	"", "a", "b", "aa", "a\x00", "\x00", "é", "ab\"c", "seven_7", "eight__8", "nine____9", "sixteen_letters_", "seventeen_letters",
	"the same beginning, one, the same end", "the same beginning, two, the same end", "data", "type", "1",
}

// drawTricky draws an object of tricky names, some of them written in escapes.
func drawTricky(t *rapid.T, depth int) string {
	var members []string
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(trickyNames), 0, 8, rapid.ID).Draw(t, "names") {
		value := ""
		if depth > 0 && rapid.Bool().Draw(t, "nested") {
			value = drawTricky(t, depth-1)
		} else {
			value = drawJSON(t, 0)
		}
		written, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		if name != "" && name[0] >= ' ' && name[0] < 0x7F && rapid.IntRange(0, 3).Draw(t, "escape") == 0 {
			written = fmt.Appendf(nil, `"\u%04x%s`, name[0], written[2:])
		}
		members = append(members, string(written)+":"+value)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestTrickyPlansAgree(t *testing.T) {
	t.Parallel()
	var view event.View
	rapid.Check(t, func(t *rapid.T) {
		data := drawTricky(t, 2)
		raw := with("data", data)
		if rapid.Bool().Draw(t, "type last") {
			raw = with("type", "", "data", data)
			raw = raw[:len(raw)-1] + `,"type":"com.example.sold"}`
		}
		names := rapid.SliceOfN(rapid.SampledFrom(trickyNames), 0, 4)
		paths := rapid.SliceOfN(rapid.Map(names, func(path []string) []string { return append([]string{"data"}, path...) }), 0, 20)
		viewAgrees(t, &view, []byte(raw), paths.Draw(t, "paths"))
	})
}

// TestDeepPath follows a path down to the deepest place that an event may have.
func TestDeepPath(t *testing.T) {
	t.Parallel()
	path, data := []string{"data"}, "7"
	for range event.MaxDepth - 1 {
		path, data = append(path, "a"), `{"a":`+data+"}"
	}
	plan := event.NewPlan([][]string{path, append(path, "a"), path[:9]})
	var view event.View
	if err := view.Read([]byte(with("data", data)), func([]byte) *event.Plan { return plan }); err != nil {
		t.Fatal(err)
	}
	if n, ok := view.Number(plan.Slot(path)); !ok || n != 7 {
		t.Errorf("the deepest number is %v, %v", n, ok)
	}
	if below := view.Kind(plan.Slot(append(path, "a"))); below != event.Absent {
		t.Errorf("below it lies kind %d", below)
	}
	if plan.Slots() != event.MaxDepth+1 || plan.Slot([]string{"data", "b"}) != -1 {
		t.Errorf("%d slots, %d for a path that is not there", plan.Slots(), plan.Slot([]string{"data", "b"}))
	}
}

// TestViewAllocatesNothing reads events of every kind into a view that has read
// them before.
func TestViewAllocatesNothing(t *testing.T) {
	var view event.View
	plan := event.NewPlan(append(wanted, []string{"data", "stalls"}, []string{"data", "paid"}))
	planFor := func([]byte) *event.Plan { return plan }
	for name, raw := range map[string]string{
		"sample":      sample,
		"type last":   `{"data":{"a":{"b":1.5}},` + with()[1:],
		"escapes":     with("customer", `"c-\u00e9"`, "subject", `"more than thirty-two bytes, some of them wide: é"`, "data", `{"\u0061":"\n","k1":"\ud83d\ude00"}`),
		"many names":  with("data", "{"+members("name_%d", 500, `{"a":1}`)+"}"),
		"data_base64": with("data_base64", `"eyJhIjp7ImIiOjF9fQ=="`),
		"long digits": with("data", `{"a":0.30000000000000004,"k1":9007199254740993}`),
	} {
		event := []byte(raw)
		read := func() {
			if err := view.Read(event, planFor); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for slot := range plan.Slots() {
				view.Number(slot)
				view.Text(slot)
			}
		}
		read()
		if allocs := testing.AllocsPerRun(10, read); allocs > 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// FuzzView holds a View against Decode and DecodeData, on any bytes and with any
// paths, one a line with their names between slashes.
func FuzzView(f *testing.F) {
	for _, body := range jsonBodies(f) {
		f.Add([]byte(with("data", body)), "data/a/b\nevent/id")
	}
	f.Add([]byte(sample), "data/rental\ndata/player/version\nevent/customer")
	f.Add([]byte(`{"data":{"\u0061":{"":[1]}},`+with("data_base64", "null")[1:]), "data/a\ndata/a/\nevent/type/x")
	f.Add([]byte(with("data_base64", `"eyJhIjp7ImIiOjF9fQ=="`)), "data/a/b\ndata")
	f.Fuzz(func(t *testing.T, raw []byte, lines string) {
		var paths [][]string
		for line := range strings.SplitSeq(lines, "\n") {
			if path := strings.Split(line, "/"); path[0] == "data" || path[0] == "event" {
				paths = append(paths, path)
			}
		}
		viewAgrees(t, new(event.View), raw, paths)
	})
}

// TestViewForgets reads an event after one that left something in every slot.
func TestViewForgets(t *testing.T) {
	t.Parallel()
	var view event.View
	plan := event.NewPlan([][]string{{"data", "a"}, {"event", "x"}, {"event", "customer"}})
	planFor := func([]byte) *event.Plan { return plan }
	if err := view.Read([]byte(with("data", `{"a":"\n"}`, "x", "1", "customer", `"c"`)), planFor); err != nil {
		t.Fatal(err)
	}
	if string(view.Text(plan.Slot([]string{"data", "a"}))) != "\n" || view.Kind(plan.Slot([]string{"event", "x"})) != event.Number {
		t.Fatal("the first event was not read")
	}
	if err := view.Read([]byte(with("id", "", "customer", `"c"`)), planFor); err == nil {
		t.Fatal("an event without id was read")
	}
	if err := view.Read([]byte(with()), planFor); err != nil {
		t.Fatal(err)
	}
	for _, path := range [][]string{{"data"}, {"data", "a"}, {"event", "x"}} {
		slot := plan.Slot(path)
		if kind := view.Kind(slot); kind != event.Absent || view.Text(slot) != nil || view.Raw(slot) != nil {
			t.Errorf("%q is of kind %d, want absent", path, kind)
		}
	}
	if customer := view.Text(plan.Slot([]string{"event", "customer"})); customer == nil || len(customer)+len(view.Customer()) > 0 {
		t.Errorf("customer %q, want an empty text", customer)
	}
}
