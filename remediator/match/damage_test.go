package match_test

import (
	"encoding/json"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// Values that make an event none, wherever they stand in it.
var badValues = []string{
	"01", "-01", "1.", ".5", "+1", "-", "1e", "1e+", "0x1", "NaN", "tru", "nul", "", // no numbers, and no names
	`"a`, `"\x"`, `"\u00g0"`, "\"a\nb\"", "\"\x00\"", `'a'`, `a`, // no texts
	"\"\xff\"", "\"\xc3\x28\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "\"\xf4\x90\x80\x80\"", "{\"\xff\":1}", // no UTF-8
	`"\ud83d"`, `"\ude00"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`, `{"\ud83d":1}`, // halves of a character
	`{"d":1,"d":1}`, `{"d":1,"n":2,"\u0064":3}`, `[{"é":1,"\u00e9":1}]`, `{"d":{"n":[{"d":1,"d":2}]}}`, // a key twice
	"[1,]", "[,1]", "[1 2]", `{"d":1,}`, `{"d"}`, `{"d":}`, `{1:2}`, "[1}", "[", "{", "]", // no lists, and no objects
}

// damaged makes an event one that must be refused, in a place that rules read or in another.
// It says so by what was done, or by what encoding/json says where any byte was changed.
func damaged(t *rapid.T, raw []byte) (bad []byte, refused bool) {
	switch rapid.IntRange(0, 6).Draw(t, "damage") {
	case 0:
		return raw[:rapid.IntRange(0, len(raw)-1).Draw(t, "cut")], true
	case 1:
		return append(raw, pick(t, []string{"x", "}", ",", "{}", "\x00", " 1", "\xff", "\ufeff"})...), true
	case 2:
		again := pick(t, []string{`"id":"1",`, `"\u0069d":"2",`, `"type":"com.example.x",`, `"data":{},"data":{},`})
		return []byte(strings.Replace(string(raw), "{", "{"+again, 1)), true
	case 3, 4:
		member := `"` + pick(t, []string{"a", "b", "n", "l", "c", "m", "gone"}) + `":` + pick(t, badValues)
		if text := string(raw); strings.Contains(text, `"data":{`) {
			return []byte(strings.Replace(text, `"data":{`, `"data":{`+member+",", 1)), true
		}
		return []byte(strings.Replace(string(raw), "{", `{"data":{`+member+"},", 1)), true
	}
	at := rapid.IntRange(0, len(raw)-1).Draw(t, "at")
	odd := rapid.SampledFrom([]byte("\"\\{}[]:,. 0e-\x00\x1fnu")).Draw(t, "byte")
	switch rapid.IntRange(0, 2).Draw(t, "how") {
	case 0:
		raw = slices.Insert(raw, at, odd)
	case 1:
		raw = slices.Delete(raw, at, at+1)
	default:
		raw[at] = odd
	}
	return raw, !json.Valid(raw)
}
