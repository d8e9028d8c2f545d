package expression_test

import (
	"testing"

	"github.com/makegood/makegood/remediator/rule/expression"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"data.a > 1": "data.a > 1",
		" data.a > 1 || // one\n  data.b > 2 // \"two\n": "data.a > 1 || data.b > 2",
		"(data.n > 1\n) || (data.n > 3 // many\n)":       "(data.n > 1) || (data.n > 3)",
		"data.s == \"a  // b\n\" &&\n\tdata.n / 2 > 3":   "data.s == \"a  // b\n\" && data.n / 2 > 3",
		"// nothing":      "",
		"data.s == 'open": "data.s == 'open",
	} {
		if got := expression.Line(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
