package event

import (
	"net/url"
	"testing"

	"pgregory.net/rapid"
)

// TestPlainReferences holds what is not parsed against the parser.
func TestPlainReferences(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[A-Za-z0-9._~/-]{0,20}`).Draw(t, "reference")
		if _, err := url.Parse(text); err != nil || !uriReference([]byte(text)) {
			t.Fatalf("%q: parsed with %v, held to be a reference: %v", text, err, uriReference([]byte(text)))
		}
	})
}
