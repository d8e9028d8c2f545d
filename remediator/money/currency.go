package money

import (
	"fmt"
	"strings"
)

// Exponent returns the number of decimals of a currency, and whether it is an
// active currency of ISO 4217 that has a minor unit.
func Exponent(currency string) (int, bool) {
	exponent, known := exponents[currency]
	return exponent, known
}

// exponents holds the active currencies of ISO 4217 that have a minor unit;
// metals, bond units and test codes have none and cannot be paid.
var exponents = table(map[int]string{
	0: `BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF`,
	2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
		CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
		GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR
		LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD
		PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
		SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW
		ZWG`,
	3: `BHD IQD JOD KWD LYD OMR TND`,
	4: `CLF UYW`,
})

func table(byExponent map[int]string) map[string]int {
	currencies := make(map[string]int)
	for exponent, codes := range byExponent {
		for code := range strings.FieldsSeq(codes) {
			currencies[code] = exponent
		}
	}
	return currencies
}

func unknownCurrency(code string) error {
	if near := nearest(code); near != "" {
		return fmt.Errorf("unknown currency %q: did you mean %q?", short(code), near)
	}
	return fmt.Errorf("unknown currency %q: write an ISO 4217 code like \"USD\"", short(code))
}

// nearest returns the currency that code most likely means: the same letters in
// lower case, then two neighbours swapped, then one letter different. Ties go
// to the first of the alphabet, so that a message is the same in every run.
func nearest(code string) string {
	upper := strings.ToUpper(strings.TrimSpace(code))
	if len(upper) < 2 || len(upper) > 4 {
		return ""
	}
	best, bestCost := "", 3
	for candidate := range exponents {
		cost := distance(upper, candidate)
		if cost < bestCost || cost == bestCost && best != "" && candidate < best {
			best, bestCost = candidate, cost
		}
	}
	return best
}

// distance is 0 for equal texts, 1 for two neighbours swapped, 2 for one letter
// different, missing or added, 3 for anything else.
func distance(a, b string) int {
	if a == b {
		return 0
	}
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	a, b = a[start:], b[start:]
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	switch {
	case len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]:
		return 1
	case len(a) <= 1 && len(b) <= 1:
		return 2
	}
	return 3
}

// short keeps what an emitter sent from filling a message.
func short(text string) string {
	const most = 20
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
