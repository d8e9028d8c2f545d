package ledger

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// seeds are texts that are compact objects, and some that are nearly.
var seeds = []string{
	`{}`, `{"a":1}`, `{"a":-0.5e+10,"b":[true,false,null,"",{}],"":[]}`, `{"a":"plain and longer than eight, \\\"\u00e9 é"}`,
	`{"a":01}`, `{"a":1.}`, `{"a":.1}`, `{"a":-}`, `{"a":1e}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":[1,]}`, `{"a":tru}`, `{"a":nullx}`,
	`{"a":"\x"}`, `{"a":"\u12g4"}`, "{\"a\":\"a tab\tin a string\"}", `{"a": 1}`, `{"a":1} `, ` {"a":1}`, `{"a":1}{}`, `{"a":"`, `{"a":"\`, `{"a":"\u12`,
	"{\"a\":\"seven__\x1f\"}", "{\"\x7f\":\"\x80\xff\"}", `[1]`, `1`, `"a"`, ``, `{`, `{"a":[}`, `{"a":{]}`, `{"a":12]`,
}

// held reports what a body was held to before there was a faster way: it is the model.
func held(body []byte) bool {
	if len(body) == 0 || body[0] != '{' || !json.Valid(body) || !utf8.Valid(body) {
		return false
	}
	inString := false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '\\':
			i++
		case c == '"':
			inString = !inString
		case !inString && strings.IndexByte(" \t\n\r", c) >= 0:
			return false
		}
	}
	return true
}

// TestCompactObject changes texts at random, and compares what is said of them with
// what encoding/json says.
func TestCompactObject(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	letters := []byte("{}[]\",:\\/bfnrtu0129.-+eEaAtrufalsn \t\n\r\x00\x1f\x7f\x80\xc3\xa9\xff")
	sound := 0
	for n := range 100_000 {
		text := []byte(seeds[n%len(seeds)])
		if n >= len(seeds) {
			for range random.IntN(4) {
				at, c := random.IntN(len(text)+1), letters[random.IntN(len(letters))]
				if random.IntN(2) == 0 || at == len(text) {
					text = append(text[:at], append([]byte{c}, text[at:]...)...)
				} else {
					text[at] = c
				}
			}
		}
		want := held(text)
		if got := checkBody(text) == nil; got != want {
			t.Fatalf("%q is said to be sound: %v, want %v", text, got, want)
		}
		if want {
			sound++
		}
	}
	if sound < 1000 {
		t.Errorf("only %d texts were sound", sound)
	}
	for depth, want := range map[int]bool{maxDepth - 1: true, maxDepth: false} {
		deep := []byte(`{"a":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`)
		if got := isCompactObject(deep); got != want || json.Valid(deep) != want {
			t.Errorf("a text %d deep is sound: %v", depth+1, got)
		}
	}
}

// TestReadRemedy reads bodies as encoding/json does, however they are written.
func TestReadRemedy(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("8228c26f-042b-504d-9ce3-04e23c1b4085")
	written, err := json.Marshal(decide.RemedyFact{Remedy: id, Rule: "late", Account: "4711", Mode: "live", Decision: decide.Act, Of: id, Steps: []decide.Step{
		{Action: id, Name: "r", Kind: "refund", Connector: "shop", Payment: "p", Of: id, Amount: &money.Money{Minor: 500, Currency: "USD"}},
		{Action: id, Name: "c", Kind: "credit", After: "r", Customer: "c", ExpiresS: 60, Amount: &money.Money{Minor: -1, Currency: "USD"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var plain remedyBody
	if !plain.readPlain(written) {
		t.Errorf("%s is not read field by field", written)
	}
	bodies := []string{string(written), `{}`}
	for _, change := range [][2]string{
		{`"rule":"late"`, `"Rule":"late"`}, {`"rule":"late"`, `"rule":"l\u0061te"`}, {`"rule":"late"`, `"r\u0075le":"late"`}, {`"rule":"late"`, `"rule":null`},
		{`"rule":"late"`, `"rule":"a","rule":"b"`}, {`"rule":"late"`, `"rule":5`}, {`"steps":[`, `"steps":[{"kind":"x"}],"steps":[`}, {`"steps":[`, `"steps":[null,`},
		{`"steps":[`, `"steps":[],"other":[`}, {`"steps":[`, `"opened":{"key":"k"},"opened":{"at":1},"steps":[`}, {`"minor":500`, `"minor":5e2`}, {`"minor":500`, `"minor":"5"`},
		{`"amount":{"minor":500`, `"amount":{"minor":1},"amount":{"minor":500`}, {`"kind":"refund"`, `"kind":"andon","cord":"a/b","level":"red"`}, {`"mode":"live"`, `"mode":{"live":1}`},
		{`8228c26f-042b`, `8228C26F-042B`}, {`8228c26f-042b`, `urn:uuid:8228c26f-042b`}, {`8228c26f-042b`, `8228c26f+042b`}, {`"mode"`, `"\u017fteps":[],"mode"`}, {`"mode"`, `"ſteps":[],"mode"`},
	} {
		changed := strings.Replace(string(written), change[0], change[1], 1)
		if changed == string(written) {
			t.Errorf("there is no %s in %s", change[0], written)
		}
		bodies = append(bodies, changed)
	}
	for end := range written { // what was cut off is refused by both
		bodies = append(bodies, string(written[:end]))
	}
	for _, body := range bodies {
		var want remedyBody
		wantErr := json.Unmarshal([]byte(body), &want)
		if wantErr != nil {
			want = remedyBody{}
		}
		got, err := readRemedy([]byte(body))
		if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n is %+v, %v\nwant %+v, %v", body, got, err, want, wantErr)
		}
	}
}

// TestLeaf makes the same leaf in room that was used before as from an entry's bytes.
func TestLeaf(t *testing.T) {
	t.Parallel()
	var room []byte
	for _, body := range []string{`{"a":"a longer one"}`, `{}`} {
		e := Entry{Seq: 3, Fact: decide.Fact{Kind: "x", Body: []byte(body)}}
		var leaf [32]byte
		if leaf, room = e.leaf(room); leaf != LeafHash(e.Encode()) {
			t.Errorf("the leaf of %s is another", e.Encode())
		}
	}
}
