package ledger_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

func TestEntryBytes(t *testing.T) {
	t.Parallel()
	remedy := uuid.MustParse("8f14e45f-ceea-567f-a8b1-4c7d0f1a2b3c")
	action := uuid.MustParse("45c48cce-2e2d-5fbd-aa1a-fc51c7c6ad26")
	at := int64(978_341_400_250_000_000) // 2001-01-01T09:30:00.25Z
	cases := []struct {
		name  string
		entry ledger.Entry
		want  string
	}{
		{
			"all fields",
			ledger.Entry{Seq: 7, Fact: decide.Fact{Kind: "action", At: at, Ordinal: 4211, Version: 1, Remedy: remedy, Action: action, Rule: "late-flight", Body: json.RawMessage(`{"name":"refund"}`)}},
			`{"seq":7,"kind":"action","at":"2001-01-01T09:30:00.25Z","ordinal":4211,"version":1,"remedy":"8f14e45f-ceea-567f-a8b1-4c7d0f1a2b3c","action":"45c48cce-2e2d-5fbd-aa1a-fc51c7c6ad26","rule":"late-flight","body":{"name":"refund"}}`,
		},
		{
			"no references",
			ledger.Entry{Fact: decide.Fact{Kind: "genesis", Ordinal: 1, Version: 1, Body: json.RawMessage(`{}`)}},
			`{"seq":0,"kind":"genesis","at":"1970-01-01T00:00:00Z","ordinal":1,"version":1,"body":{}}`,
		},
		{
			"nothing is escaped that need not be",
			ledger.Entry{Fact: decide.Fact{Kind: "no-key", Ordinal: 1, Version: 1, Rule: "a<b>&\"\\\t\x01\u2028é", Body: json.RawMessage(`{"x":"<&>"}`)}},
			`{"seq":0,"kind":"no-key","at":"1970-01-01T00:00:00Z","ordinal":1,"version":1,"rule":"a<b>&\"\\\t\u0001` + "\u2028é" + `","body":{"x":"<&>"}}`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := string(c.entry.Encode()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			back, err := ledger.DecodeEntry([]byte(c.want))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(back.Encode(), []byte(c.want)) {
				t.Errorf("decoded and encoded again: got %s, want %s", back.Encode(), c.want)
			}
		})
	}
}

func TestDecodeEntryIsStrict(t *testing.T) {
	t.Parallel()
	good := `{"seq":7,"kind":"action","at":"2001-01-01T09:30:00Z","ordinal":4,"version":1,"rule":"r","body":{"a":1}}`
	if _, err := ledger.DecodeEntry([]byte(good)); err != nil {
		t.Fatal(err)
	}
	swap := func(old, new string) string {
		if strings.Count(good, old) != 1 {
			t.Fatalf("%q is not once in the good entry", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, bad := range map[string]string{
		"empty":                  "",
		"truncated":              good[:len(good)-1],
		"trailing newline":       good + "\n",
		"leading space":          " " + good,
		"space between fields":   swap(`,"kind"`, `, "kind"`),
		"space in body":          swap(`{"a":1}`, `{"a": 1}`),
		"body is an array":       swap(`{"a":1}`, `[1]`),
		"body is null":           swap(`{"a":1}`, `null`),
		"no body":                swap(`,"body":{"a":1}`, ``),
		"order of fields":        swap(`"ordinal":4,"version":1`, `"version":1,"ordinal":4`),
		"twice the same field":   swap(`"ordinal":4`, `"ordinal":4,"ordinal":4`),
		"unknown field":          swap(`"ordinal":4`, `"ordinal":4,"x":1`),
		"field in capitals":      swap(`"ordinal"`, `"Ordinal"`),
		"sequence with zeros":    swap(`"seq":7`, `"seq":07`),
		"negative sequence":      swap(`"seq":7`, `"seq":-7`),
		"sequence in text":       swap(`"seq":7`, `"seq":"7"`),
		"time not in UTC":        swap(`09:30:00Z`, `10:30:00+01:00`),
		"time with zero decimal": swap(`09:30:00Z`, `09:30:00.0Z`),
		"time out of range":      swap(`2001-01`, `2901-01`),
		"time null":              swap(`"2001-01-01T09:30:00Z"`, `null`),
		"version 0":              swap(`"version":1`, `"version":0`),
		"empty rule":             swap(`"rule":"r"`, `"rule":""`),
		"escape in the rule":     swap(`"rule":"r"`, `"rule":"\u0072"`),
		"empty remedy":           swap(`"rule"`, `"remedy":"00000000-0000-0000-0000-000000000000","rule"`),
		"remedy in capitals":     swap(`"rule"`, `"remedy":"8F14E45F-CEEA-567F-A8B1-4C7D0F1A2B3C","rule"`),
		"kind with a space":      swap(`"action"`, `"act ion"`),
		"kind empty":             swap(`"action"`, `""`),
		"rule not UTF-8":         swap(`"rule":"r"`, "\"rule\":\"\xff\""),
		"body not UTF-8":         swap(`{"a":1}`, "{\"a\":\"\xff\"}"),
		"body too large":         swap(`{"a":1}`, `{"a":"`+strings.Repeat("x", ledger.MaxBody)+`"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if e, err := ledger.DecodeEntry([]byte(bad)); err == nil {
				t.Errorf("accepted %q as %+v", bad, e)
			}
		})
	}
}

func TestEntrySizes(t *testing.T) {
	t.Parallel()
	body := func(n int) json.RawMessage {
		return json.RawMessage(`{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}`)
	}
	e := ledger.Entry{Seq: 1<<64 - 1, Fact: decide.Fact{
		Kind: strings.Repeat("k", 32), At: -1, Ordinal: 1<<64 - 1, Version: 1<<63 - 1,
		Remedy: uuid.Max, Action: uuid.Max, Rule: strings.Repeat("r", 600), Body: body(ledger.MaxBody),
	}}
	if err := e.Check(); err != nil {
		t.Errorf("the largest entry: %v", err)
	}
	if n := len(e.Encode()); n > ledger.MaxEntry {
		t.Errorf("the largest entry has %d bytes, at most %d are allowed", n, ledger.MaxEntry)
	}
	e.Rule = strings.Repeat("\x01", 200)
	if err := e.Check(); err == nil {
		t.Errorf("accepted an entry of %d bytes", len(e.Encode()))
	}
	e.Rule, e.Body = "r", body(ledger.MaxBody+1)
	if err := e.Check(); err == nil {
		t.Errorf("accepted a body of %d bytes", len(e.Body))
	}
}

// genEntry draws an entry that passes Check.
func genEntry() *rapid.Generator[ledger.Entry] {
	return rapid.Custom(func(t *rapid.T) ledger.Entry {
		id := rapid.Custom(func(t *rapid.T) uuid.UUID {
			return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		})
		body, err := json.Marshal(rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "body"))
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Entry{Seq: rapid.Uint64().Draw(t, "seq"), Fact: decide.Fact{
			Kind:    rapid.StringMatching(`[a-z][a-z-]{0,31}`).Draw(t, "kind"),
			At:      rapid.Int64().Draw(t, "at"),
			Ordinal: rapid.Uint64().Draw(t, "ordinal"),
			Version: rapid.IntMin(1).Draw(t, "version"),
			Remedy:  id.Draw(t, "remedy"),
			Action:  id.Draw(t, "action"),
			Rule:    rapid.String().Draw(t, "rule"),
			Body:    body,
		}}
	})
}

func TestEntryComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := genEntry().Draw(t, "entry")
		if err := want.Check(); err != nil {
			t.Fatal(err)
		}
		got, err := ledger.DecodeEntry(want.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Body, want.Body) {
			t.Fatalf("body: got %s, want %s", got.Body, want.Body)
		}
		got.Body, want.Body = nil, nil
		if got.Seq != want.Seq || got.Kind != want.Kind || got.At != want.At || got.Ordinal != want.Ordinal ||
			got.Version != want.Version || got.Remedy != want.Remedy || got.Action != want.Action || got.Rule != want.Rule {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

// FuzzDecodeEntry holds that whatever is accepted has one encoding only.
func FuzzDecodeEntry(f *testing.F) {
	f.Add([]byte(`{"seq":7,"kind":"action","at":"2001-01-01T09:30:00.25Z","ordinal":4211,"version":1,"remedy":"8f14e45f-ceea-567f-a8b1-4c7d0f1a2b3c","action":"45c48cce-2e2d-5fbd-aa1a-fc51c7c6ad26","rule":"late-flight","body":{"name":"refund"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ledger.DecodeEntry(data)
		if err != nil {
			return
		}
		if err := e.Check(); err != nil {
			t.Fatalf("accepted an entry that may not be sealed: %v", err)
		}
		if !bytes.Equal(e.Encode(), data) {
			t.Fatalf("accepted %q, which encodes to %q", data, e.Encode())
		}
		if !json.Valid(data) {
			t.Fatalf("accepted what is not JSON: %q", data)
		}
	})
}
