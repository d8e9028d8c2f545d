package money_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/money"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want money.Money
		fail string // part of the error
	}{
		{text: "2.99 USD", want: money.Money{Minor: 299, Currency: "USD"}},
		{text: "2.9 USD", want: money.Money{Minor: 290, Currency: "USD"}},
		{text: "2 USD", want: money.Money{Minor: 200, Currency: "USD"}},
		{text: "0.00 USD", want: money.Money{Minor: 0, Currency: "USD"}},
		{text: "0.05 EUR", want: money.Money{Minor: 5, Currency: "EUR"}},
		{text: "1200 JPY", want: money.Money{Minor: 1200, Currency: "JPY"}},
		{text: "1.234 KWD", want: money.Money{Minor: 1234, Currency: "KWD"}},
		{text: "1.2345 CLF", want: money.Money{Minor: 12345, Currency: "CLF"}},
		{text: "92233720368547758.07 USD", want: money.Money{Minor: math.MaxInt64, Currency: "USD"}},
		{text: "92233720368547758.08 USD", fail: "too large"},
		{text: "99999999999999999999 USD", fail: "too large"},
		{text: strings.Repeat("9", 100) + " USD", fail: "money text of 104 bytes"},
		{text: "2.999 USD", fail: `amount "2.999" has 3 decimals: USD has 2`},
		{text: "2.990 USD", fail: "3 decimals"},
		{text: "1.0 JPY", fail: "JPY has 0"},
		{text: "-2.99 USD", fail: "negative"},
		{text: "+2.99 USD", fail: "digits and a decimal point"},
		{text: "2. USD", fail: "digits and a decimal point"},
		{text: ".99 USD", fail: "digits and a decimal point"},
		{text: "2.9.9 USD", fail: "digits and a decimal point"},
		{text: "1,000.00 USD", fail: "digits and a decimal point"},
		{text: "1e3 USD", fail: "digits and a decimal point"},
		{text: "NaN USD", fail: "digits and a decimal point"},
		{text: "٢ USD", fail: "digits and a decimal point"},
		{text: " USD", fail: "digits and a decimal point"},
		{text: "2.99USD", fail: "one space"},
		{text: "2.99  USD", fail: "one space"},
		{text: " 2.99 USD", fail: "one space"},
		{text: "2.99 USD ", fail: "one space"},
		{text: "2.99\tUSD", fail: "one space"},
		{text: "2.99", fail: "one space"},
		{text: "", fail: "one space"},
		{text: "USD 2.99", fail: "before the currency"},
		{text: "2.99 usd", fail: `unknown currency "usd": did you mean "USD"?`},
		{text: "2.99 UDS", fail: `did you mean "USD"?`},
		{text: "2.99 EURO", fail: `did you mean "EUR"?`},
		{text: "2.99 US", fail: `did you mean "USD"?`},
		{text: "2.99 $", fail: `write an ISO 4217 code`},
		{text: "2.99 XAU", fail: "unknown currency"},
		{text: "2.99 QQQ", fail: "write an ISO 4217 code"},
	}
	for _, test := range tests {
		got, err := money.Parse(test.text)
		if test.fail != "" {
			if err == nil || !strings.Contains(err.Error(), test.fail) {
				t.Errorf("Parse(%q) = %v, %v; want an error with %q", test.text, got, err, test.fail)
			}
			continue
		}
		if err != nil || got != test.want {
			t.Errorf("Parse(%q) = %v, %v; want %v", test.text, got, err, test.want)
		}
	}
}

func TestFromJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		json, want, fail string
	}{
		{json: `"2.99 USD"`, want: "2.99 USD"},
		{json: `{"amount":"2.99","currency":"USD"}`, want: "2.99 USD"},
		{json: `{"amount":"500","currency":"JPY"}`, want: "500 JPY"},
		{json: `{"amount":2.99,"currency":"USD"}`, fail: `"amount" is 2.99: write it as a text`},
		{json: `{"amount":"2.99"}`, fail: `no "currency"`},
		{json: `{"currency":"USD"}`, fail: `no "amount"`},
		{json: `{"amount":"2.99","currency":"USD","minor":299,"b":1}`, fail: `unknown field "b"`},
		{json: `{"amount":"2.99","currency":"UDS"}`, fail: `did you mean "USD"?`},
		{json: `2.99`, fail: "number 2.99"},
		{json: `null`, fail: "null"},
		{json: `true`, fail: "type bool"},
		{json: `["2.99 USD"]`, fail: "type []interface"},
		{json: `{`, fail: "read money"},
	}
	for _, test := range tests {
		got, err := money.FromJSON(json.RawMessage(test.json))
		if test.fail != "" {
			if err == nil || !strings.Contains(err.Error(), test.fail) {
				t.Errorf("FromJSON(%s) = %v, %v; want an error with %q", test.json, got, err, test.fail)
			}
			continue
		}
		if err != nil || got.String() != test.want {
			t.Errorf("FromJSON(%s) = %v, %v; want %s", test.json, got, err, test.want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]money.Money{
		"0.00 USD":                  {Currency: "USD"},
		"0.07 USD":                  {Minor: 7, Currency: "USD"},
		"0.0007 UYW":                {Minor: 7, Currency: "UYW"},
		"-0.07 USD":                 {Minor: -7, Currency: "USD"},
		"-7 JPY":                    {Minor: -7, Currency: "JPY"},
		"-92233720368547758.08 USD": {Minor: math.MinInt64, Currency: "USD"},
	} {
		if got := m.String(); got != want {
			t.Errorf("%#v is %q, want %q", m, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		of   string
		p    float64
		want string
	}{
		{"281.12 USD", 25, "70.28 USD"},
		{"0.02 USD", 25, "0.01 USD"}, // half a cent goes up
		{"0.01 USD", 49.999999999, "0.00 USD"},
		{"0.01 USD", 50, "0.01 USD"},
		{"1.00 USD", 0.5, "0.01 USD"},
		{"10.00 USD", 1.05, "0.11 USD"}, // binary 1.05 is a little above; 10.5 cents exactly
		{"10.00 USD", 0.145, "0.01 USD"},
		{"1000.00 USD", 0.2345, "2.35 USD"}, // 234.5 cents; binary 0.2345 lies below
		{"100 JPY", 0.5, "1 JPY"},
		{"1.000 KWD", 33.3333333333, "0.333 KWD"},
		{"5.00 USD", 0, "0.00 USD"},
		{"5.00 USD", math.Copysign(0, -1), "0.00 USD"},
		{"5.00 USD", 5e-324, "0.00 USD"},
		{"5.00 USD", 250, "12.50 USD"},
		{"0.00 USD", math.MaxFloat64, "0.00 USD"},
		{"92233720368547758.07 USD", 100, "92233720368547758.07 USD"},
	}
	for _, test := range tests {
		got, err := mustParse(t, test.of).Percent(test.p)
		if err != nil || got.String() != test.want {
			t.Errorf("%v%% of %s = %v, %v; want %s", test.p, test.of, got, err, test.want)
		}
	}
	got, err := money.Money{Minor: -1, Currency: "USD"}.Percent(50)
	if err != nil || got.Minor != -1 {
		t.Errorf("50%% of -0.01 USD = %v, %v; want -0.01 USD: halves go away from zero", got, err)
	}
	for _, p := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, -5e-324} {
		if got, err := mustParse(t, "1.00 USD").Percent(p); err == nil {
			t.Errorf("%v%% of 1.00 USD = %v, want an error", p, got)
		}
	}
	for _, p := range []float64{100.01, math.MaxFloat64} {
		if got, err := mustParse(t, "92233720368547758.07 USD").Percent(p); err == nil {
			t.Errorf("%v%% of the most = %v, want an error", p, got)
		}
	}
}

func TestArithmeticRefuses(t *testing.T) {
	t.Parallel()
	one, euro := mustParse(t, "0.01 USD"), mustParse(t, "0.01 EUR")
	most := money.Money{Minor: math.MaxInt64, Currency: "USD"}
	least := money.Money{Minor: math.MinInt64, Currency: "USD"}
	operations := map[string]func() error{
		"add currencies":      func() error { _, err := one.Add(euro); return err },
		"subtract currencies": func() error { _, err := one.Sub(euro); return err },
		"compare currencies":  func() error { _, err := one.Cmp(euro); return err },
		"least currencies":    func() error { _, err := money.Least(one, euro); return err },
		"greatest currencies": func() error { _, err := money.Greatest(one, euro); return err },
		"add overflow":        func() error { _, err := most.Add(one); return err },
		"add underflow":       func() error { _, err := least.Add(least); return err },
		"subtract underflow":  func() error { _, err := least.Sub(one); return err },
		"subtract overflow":   func() error { _, err := most.Sub(least); return err },
	}
	for name, operation := range operations {
		if operation() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCurrencies(t *testing.T) {
	t.Parallel()
	for currency, want := range map[string]int{"USD": 2, "JPY": 0, "KWD": 3, "UYW": 4, "ISK": 0, "HUF": 2, "TND": 3} {
		if got, known := money.Exponent(currency); !known || got != want {
			t.Errorf("Exponent(%s) = %d, %v; want %d", currency, got, known, want)
		}
	}
	for _, currency := range []string{"", "usd", "XXX", "XTS", "XAU", "DEM"} {
		if got, known := money.Exponent(currency); known {
			t.Errorf("Exponent(%q) = %d; want it unknown", currency, got)
		}
	}
}

func TestWrittenMoneyReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t, 0)
		if got, err := money.Parse(m.String()); err != nil || got != m {
			t.Fatalf("Parse(%q) = %v, %v; want %#v", m.String(), got, err, m)
		}
		object := map[string]any{"amount": m.Amount(), "currency": m.Currency}
		if got, err := money.FromJSON(object); err != nil || got != m {
			t.Fatalf("FromJSON(%v) = %v, %v; want %#v", object, got, err, m)
		}
	})
}

func TestArithmeticAgreesWithBigIntegers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := draw(t, math.MinInt64)
		b := money.Money{Minor: rapid.Int64().Draw(t, "b"), Currency: a.Currency}
		x, y := big.NewInt(a.Minor), big.NewInt(b.Minor)
		sum, err := a.Add(b)
		agrees(t, "sum", sum, err, new(big.Int).Add(x, y))
		difference, err := a.Sub(b)
		agrees(t, "difference", difference, err, new(big.Int).Sub(x, y))
		if got, err := a.Cmp(b); err != nil || got != x.Cmp(y) {
			t.Fatalf("Cmp = %d, %v; want %d", got, err, x.Cmp(y))
		}
		least, _ := money.Least(a, b)
		greatest, _ := money.Greatest(a, b)
		if least.Minor != min(a.Minor, b.Minor) || greatest.Minor != max(a.Minor, b.Minor) {
			t.Fatalf("Least, Greatest = %v, %v of %v and %v", least, greatest, a, b)
		}
	})
}

// TestPercentAgreesWithRationals states the rule in another way: the result
// times 100 differs from m × p by at most half a minor unit, upwards on a tie.
func TestPercentAgreesWithRationals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t, 0)
		p := rapid.OneOf(
			rapid.Float64Range(0, 200),
			rapid.Map(rapid.IntRange(0, 100_000), func(n int) float64 { return float64(n) / 1000 }),
			rapid.Map(rapid.IntRange(0, 200), func(n int) float64 { return float64(n) }),
		).Draw(t, "p")
		exact, _ := new(big.Rat).SetString(strconv.FormatFloat(p, 'g', -1, 64))
		exact.Mul(exact, big.NewRat(m.Minor, 100))
		exact.Add(exact, big.NewRat(1, 2))
		floor := new(big.Int).Div(exact.Num(), exact.Denom())
		got, err := m.Percent(p)
		agrees(t, "percent", got, err, floor)
	})
}

func agrees(t *rapid.T, what string, got money.Money, err error, want *big.Int) {
	if (err == nil) != want.IsInt64() || err == nil && got.Minor != want.Int64() {
		t.Fatalf("%s = %v, %v; want %v", what, got, err, want)
	}
}

func draw(t *rapid.T, least int64) money.Money {
	return money.Money{
		Minor:    rapid.Int64Min(least).Draw(t, "minor"),
		Currency: rapid.SampledFrom([]string{"USD", "EUR", "JPY", "KWD", "CLF"}).Draw(t, "currency"),
	}
}

func mustParse(t testing.TB, text string) money.Money {
	t.Helper()
	m, err := money.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
