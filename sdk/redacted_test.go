package makegood_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
)

// sameButRedacted compares two events like same. Where something was redacted, what
// differs must look like it: a mark in the place of what was found, or a key that is
// left out.
func sameButRedacted(t testing.TB, got, want event.Event, redacted int64) {
	t.Helper()
	if redacted > 0 {
		for name, value := range want.Extensions() {
			text, isText := got.Extensions()[name].(string)
			if isText && isMarked(text) {
				value = text
			}
			want.SetExtension(name, value)
		}
		want.DataEncoded = redactedData(got.Data(), want.Data())
	}
	same(t, got, want)
}

// isMarked reports whether something was found in a text.
func isMarked(text string) bool {
	return strings.Contains(text, "[email]") || strings.Contains(text, "[card]")
}

// redactedData is want, and got where redaction explains the difference.
func redactedData(got, want []byte) []byte {
	g, isJSON := decoded(got)
	w, wasJSON := decoded(want)
	if !isJSON || !wasJSON {
		if isMarked(string(got)) {
			return got
		}
		return want
	}
	text, err := json.Marshal(explained(g, w))
	if err != nil {
		panic(err) // it was decoded from JSON
	}
	return text
}

func decoded(text []byte) (value any, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return value, decoder.Decode(&value) == nil
}

func explained(got, want any) any {
	switch w := want.(type) {
	case string:
		if g, ok := got.(string); ok && isMarked(g) {
			return g
		}
	case json.Number:
		if f, err := strconv.ParseFloat(string(w), 64); err == nil && f >= 1e12 && f < 1e16 && got == "[card]" {
			return got
		}
	case []any:
		if g, ok := got.([]any); ok && len(g) == len(w) {
			for i := range w {
				w[i] = explained(g[i], w[i])
			}
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return want
		}
		for key := range w {
			if value, told := g[key]; told {
				w[key] = explained(value, w[key])
			} else {
				delete(w, key)
			}
		}
	}
	return want
}
