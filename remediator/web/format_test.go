package web

import (
	"testing"
	"time"
)

// TestAnchor holds that ids made of texts are ones that selectors can name, and that two
// texts have two.
func TestAnchor(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"rule:late": "rule_3alate", "product/TABLE-7": "product_2fTABLE-7", "a_2fb": "a_5f2fb", "é": "_c3_a9", "": ""} {
		if got := anchor(text); got != want {
			t.Errorf("%q is the id %q, want %q", text, got, want)
		}
	}
}

// TestAfter holds where a form leads to.
func TestAfter(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{"/andon": "/andon?done=close", "/integrity#differences": "/integrity?done=close#differences"} {
		if got := after(page, "close"); got != want {
			t.Errorf("after %s comes %s, want %s", page, got, want)
		}
	}
}

// TestSpans holds how times and numbers are said.
func TestSpans(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Minute: "1 min", 59 * time.Minute: "59 min", time.Hour: "1 h", 90 * time.Minute: "1 h 30 min", 24 * time.Hour: "1 d", 50 * time.Hour: "2 d 2 h", 200 * time.Hour: "8 d",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is said %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u202f000", -1234567: "-1\u202f234\u202f567"} {
		if got := number(n); got != want {
			t.Errorf("%d is said %q, want %q", n, got, want)
		}
	}
}
