package makegood

import (
	"strings"
	"testing"
)

// TestPlainTextIsFoundByteByByte compares the word-wise look at texts with the
// table, for every byte at every place in texts of all lengths around a word.
func TestPlainTextIsFoundByteByByte(t *testing.T) {
	t.Parallel()
	checked := 0
	for n := 1; n <= 26; n++ {
		for at := range n {
			for c := range 256 {
				s := strings.Repeat("~", at) + string([]byte{byte(c)}) + strings.Repeat(" ", n-at-1)
				if isPlain(s) != plain[c] {
					t.Fatalf("isPlain(%q) is %v", s, !plain[c])
				}
				checked++
			}
		}
	}
	if checked != 26*27/2*256 || !isPlain("") {
		t.Fatalf("checked %d texts", checked)
	}
}
