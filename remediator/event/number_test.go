package event

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// agreeOnNumber holds floatOf against strconv, bit by bit, and against integers
// of any size.
func agreeOnNumber(t rapid.TB, text string) {
	t.Helper()
	got, ok := floatOf([]byte(text))
	want, err := strconv.ParseFloat(text, 64)
	wantOK := err == nil
	if integer, isInteger := new(big.Int).SetString(text, 10); isInteger && integer.CmpAbs(big.NewInt(maxExact)) > 0 {
		wantOK = false
	}
	if ok != wantOK || ok && math.Float64bits(got) != math.Float64bits(want) {
		t.Fatalf("%s is %v (%x), %v; want %v (%x), %v", text, got, math.Float64bits(got), ok, want, math.Float64bits(want), wantOK)
	}
}

func TestNumbersAtBorders(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0", "0.0", "0e0", "0.1", "0.3", "2.675", "6120.5", "912.25", "9007199254740991", "9007199254740992", "9007199254740993",
		"9007199254740992.0", "9007199254740993.0", "900719925474099.3", "90071992547409.93", "0.9007199254740993", "0.09007199254740992",
		"0.00000000000000001", "0.000000000000000001", "123456789012345678", "12345678901234567.8", "99999999999999999999999", "18446744073709551616",
		"1e400", "1e308", "1.7976931348623157e308", "1.7976931348623159e308", "5e-324", "2e-324", "1e-400", "1E2", "1e+2", "4.35", "0.30000000000000004",
		"0." + strings.Repeat("3", 400), strings.Repeat("9", 400), "1" + strings.Repeat("0", 308),
	} {
		agreeOnNumber(t, text)
		agreeOnNumber(t, "-"+text)
	}
}

func TestNumbersAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		agreeOnNumber(t, rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number"))
		border := maxExact + rapid.Int64Range(-3, 3).Draw(t, "from the border")
		digits := strconv.FormatInt(border, 10)
		point := rapid.IntRange(1, len(digits)-1).Draw(t, "point")
		agreeOnNumber(t, digits[:point]+"."+digits[point:])
		agreeOnNumber(t, digits)
	})
}
