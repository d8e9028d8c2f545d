// Package money counts money exactly: whole minor units of an ISO 4217
// currency, never a floating-point number.
//
// Rules, limits, connectors and the ledger all use it. An amount is written as
// "2.99 USD", or in JSON also as {"amount":"2.99","currency":"USD"}; both forms
// are strict, because a text that can be read in two ways pays the wrong sum.
// Arithmetic refuses to mix currencies and to overflow.
package money

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxText bounds a text that is parsed; the largest int64 with decimals and
// currency is shorter.
const maxText = 32

// Money is an amount in the minor unit of a currency: 299 and "USD" are 2.99 USD.
type Money struct {
	Minor    int64  `json:"minor" cbor:"1,keyasint"`
	Currency string `json:"currency" cbor:"2,keyasint"` // ISO 4217, three capitals
}

// Parse reads a text like "2.99 USD": digits, at most as many decimals as the
// currency has, one space, the currency. Signs are refused.
func Parse(text string) (Money, error) {
	if len(text) > maxText {
		return Money{}, fmt.Errorf("money text of %d bytes: write an amount like \"2.99 USD\"", len(text))
	}
	amount, currency, found := strings.Cut(text, " ")
	if !found || strings.Contains(currency, " ") {
		return Money{}, fmt.Errorf("money %q: write the amount, one space and the currency, like \"2.99 USD\"", text)
	}
	if _, first := exponents[amount]; first {
		return Money{}, fmt.Errorf("money %q: write the amount before the currency, like \"2.99 USD\"", text)
	}
	return New(amount, currency)
}

// New makes money of the decimal text of an amount, like "2.99", and a currency.
func New(amount, currency string) (Money, error) {
	exponent, known := exponents[currency]
	if !known {
		return Money{}, unknownCurrency(currency)
	}
	if len(amount) > maxText {
		return Money{}, fmt.Errorf("amount of %d bytes: write digits like \"2.99\"", len(amount))
	}
	if strings.HasPrefix(amount, "-") {
		return Money{}, fmt.Errorf("amount %q is negative: write an amount of zero or more", amount)
	}
	whole, decimals, point := strings.Cut(amount, ".")
	if !digits(whole) || point && !digits(decimals) {
		return Money{}, fmt.Errorf("amount %q: write digits and a decimal point only, like \"2.99\"", amount)
	}
	if len(decimals) > exponent {
		return Money{}, fmt.Errorf("amount %q has %d decimals: %s has %d", amount, len(decimals), currency, exponent)
	}
	minor, err := strconv.ParseInt(whole+decimals+strings.Repeat("0", exponent-len(decimals)), 10, 64)
	if err != nil {
		return Money{}, fmt.Errorf("amount %q %s is too large", amount, currency)
	}
	return Money{Minor: minor, Currency: currency}, nil
}

// String writes the money as Parse reads it: "2.99 USD".
func (m Money) String() string { return m.Amount() + " " + m.Currency }

// Amount writes the amount with all decimals of its currency and without the
// currency: "2.99".
func (m Money) Amount() string {
	sign, minor := "", uint64(m.Minor)
	if m.Minor < 0 {
		sign, minor = "-", -minor
	}
	text := strconv.FormatUint(minor, 10)
	exponent := exponents[m.Currency]
	if exponent == 0 {
		return sign + text
	}
	if short := exponent + 1 - len(text); short > 0 {
		text = strings.Repeat("0", short) + text
	}
	point := len(text) - exponent
	return sign + text[:point] + "." + text[point:]
}

// Add returns m + b.
func (m Money) Add(b Money) (Money, error) {
	if err := m.sameCurrency("add", b); err != nil {
		return Money{}, err
	}
	sum := m.Minor + b.Minor
	if (sum > m.Minor) != (b.Minor > 0) && b.Minor != 0 {
		return Money{}, fmt.Errorf("add %s and %s: the sum is too large", m, b)
	}
	return Money{Minor: sum, Currency: m.Currency}, nil
}

// Sub returns m − b, which may be negative.
func (m Money) Sub(b Money) (Money, error) {
	if err := m.sameCurrency("subtract", b); err != nil {
		return Money{}, err
	}
	difference := m.Minor - b.Minor
	if (difference < m.Minor) != (b.Minor > 0) && b.Minor != 0 {
		return Money{}, fmt.Errorf("subtract %s from %s: the difference is too large", b, m)
	}
	return Money{Minor: difference, Currency: m.Currency}, nil
}

// Cmp returns -1, 0 or +1 as m is less than, equal to or greater than b.
func (m Money) Cmp(b Money) (int, error) {
	if err := m.sameCurrency("compare", b); err != nil {
		return 0, err
	}
	switch {
	case m.Minor < b.Minor:
		return -1, nil
	case m.Minor > b.Minor:
		return 1, nil
	}
	return 0, nil
}

// Least returns the smaller of two amounts in one currency.
func Least(a, b Money) (Money, error) {
	order, err := a.Cmp(b)
	if err != nil {
		return Money{}, err
	}
	if order <= 0 {
		return a, nil
	}
	return b, nil
}

// Greatest returns the larger of two amounts in one currency.
func Greatest(a, b Money) (Money, error) {
	order, err := a.Cmp(b)
	if err != nil {
		return Money{}, err
	}
	if order >= 0 {
		return a, nil
	}
	return b, nil
}

// maxPlain is below the root of the largest int64: two of less are multiplied as they are.
const maxPlain = 1 << 31

// Percent returns p percent of m, rounded half away from zero to the minor
// unit. p counts as the shortest decimal that names it, so 0.1 is one tenth and
// not the binary number nearest to it; everything after that is whole numbers.
func (m Money) Percent(p float64) (Money, error) {
	if math.IsNaN(p) || math.IsInf(p, 0) || p < 0 {
		return Money{}, fmt.Errorf("%v percent of %s: write a percentage of zero or more", p, m)
	}
	if n := int64(min(p, maxPlain)); float64(n) == p && n < maxPlain && -maxPlain < m.Minor && m.Minor < maxPlain {
		product := n * m.Minor // most percentages are whole, and no amount that people owe overflows
		if product < 0 {
			return Money{Minor: (product - 50) / 100, Currency: m.Currency}, nil
		}
		return Money{Minor: (product + 50) / 100, Currency: m.Currency}, nil
	}
	whole, decimals, _ := strings.Cut(strconv.FormatFloat(math.Abs(p), 'f', -1, 64), ".")
	numerator, _ := new(big.Int).SetString(whole+decimals, 10)
	numerator.Mul(numerator, big.NewInt(m.Minor))
	denominator := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(2+len(decimals))), nil)

	quotient, rest := new(big.Int).QuoRem(numerator, denominator, new(big.Int))
	if rest.Lsh(rest, 1).CmpAbs(denominator) >= 0 {
		quotient.Add(quotient, big.NewInt(int64(numerator.Sign())))
	}
	if !quotient.IsInt64() {
		return Money{}, fmt.Errorf("%v percent of %s is too large", p, m)
	}
	return Money{Minor: quotient.Int64(), Currency: m.Currency}, nil
}

func (m Money) sameCurrency(verb string, b Money) error {
	if m.Currency != b.Currency {
		return fmt.Errorf("%s %s and %s: the currencies differ", verb, m, b)
	}
	return nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
