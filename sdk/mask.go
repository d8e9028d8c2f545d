package makegood

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What stands in an event for what was found in a text.
const (
	maskedMail = "[email]"
	maskedCard = "[card]"
)

// mask replaces e-mail addresses and payment card numbers in a text.
func mask(text string) string {
	if at := strings.IndexByte(text, '@'); at >= 0 {
		text = maskMails(text, at)
	}
	if mayHoldCard(text) {
		text = maskCards(text)
	}
	return text
}

// isMail reports whether an e-mail address stands in a text.
func isMail(text string) bool {
	at := strings.IndexByte(text, '@')
	return at >= 0 && maskMails(text, at) != text
}

// maskMails replaces what looks like an address around each @ from at on: a
// name, and a domain of two labels or more.
func maskMails(text string, at int) string {
	for at >= 0 {
		start, end := at, at+1
		for start > 0 && isMailByte(text[start-1]) {
			start--
		}
		dot := -1
		for end < len(text) && (isWordByte(text[end]) || text[end] == '-' || text[end] == '.') {
			if text[end] == '.' && end > at+1 {
				dot = end
			}
			end++
		}
		if end == dot+1 { // a full stop behind the address
			end--
			dot = strings.LastIndexByte(text[at:end], '.') + at
		}
		from := at + 1
		if start < at && dot > at && end-dot > 2 {
			text = text[:start] + maskedMail + text[end:]
			from = start + len(maskedMail)
		}
		next := strings.IndexByte(text[from:], '@')
		if next < 0 {
			break
		}
		at = from + next
	}
	return text
}

// appendStars writes a star for each letter and digit of a text but the last four
// of a text that has more than eight.
func appendStars(b []byte, text string) []byte {
	runes := []rune(text)
	kept := len(runes)
	if kept > 8 {
		kept -= 4
	}
	for i, r := range runes {
		switch {
		case i >= kept:
			b = appendText(b, string(r))
		case r == utf8.RuneError, unicode.IsLetter(r), unicode.IsDigit(r):
			b = append(b, '*')
		default:
			b = appendText(b, string(r))
		}
	}
	return b
}

// isWordByte reports whether c may stand in a label of a domain; bytes of other
// scripts may.
func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

func isMailByte(c byte) bool { return isWordByte(c) || strings.IndexByte("._%+-'", c) >= 0 }

// Lengths of card numbers (ISO/IEC 7812) that are in use.
const (
	shortestCard = 13
	longestCard  = 19
)

// mayHoldCard reports whether a text is worth a closer look. Of any thirteen bytes
// that belong to a card number one stands at every twelfth place of the text, and
// of any two neighbours one is a digit.
func mayHoldCard(text string) bool {
	for i := shortestCard - 2; i < len(text)-1; i += shortestCard - 1 {
		if text[i]-'0' <= 9 || text[i-1]-'0' <= 9 || text[i+1]-'0' <= 9 {
			return true
		}
	}
	return false
}

// maskCards replaces what can only be a card number: a run of digits, in groups
// that single spaces or hyphens part, of a length and beginning that a scheme
// has, and with the right check digit. Other long numbers are left alone: they are
// ids of orders and payments.
func maskCards(text string) string {
	for i := 0; i < len(text); {
		if text[i] < '0' || text[i] > '9' {
			i++
			continue
		}
		var digits [longestCard]byte
		n, end := 0, i
		for j := i; j < len(text); j++ {
			c := text[j]
			if c >= '0' && c <= '9' {
				if n < longestCard {
					digits[n] = c
				}
				n, end = n+1, j+1
			} else if c != ' ' && c != '-' || end != j {
				break
			}
		}
		if n <= longestCard && (i == 0 || !isWordByte(text[i-1])) && (end == len(text) || !isWordByte(text[end])) && isCard(string(digits[:n])) {
			text = text[:i] + maskedCard + text[end:]
			end = i + len(maskedCard)
		}
		i = end
	}
	return text
}

// isCard reports whether digits are a card number by length, beginning (as the
// schemes publish their ranges) and check digit.
func isCard(digits string) bool {
	n := len(digits)
	if n < shortestCard || n > longestCard {
		return false
	}
	sum := 0
	for i := range n {
		d := int(digits[i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if (n-i)%2 == 0 { // Luhn: every second digit from the right counts twice
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0 && isScheme(digits)
}

// isCardNumber reports whether a whole number has the digits of a card. Numbers of
// more digits than most cards have are ids of databases: of those one in a hundred
// would look like a card of nineteen.
func isCardNumber(n int64) bool {
	return n >= 1e12 && n < 1e16 && isCard(strconv.FormatInt(n, 10))
}

// isCardFloat reports the same of a number that came as a double.
func isCardFloat(f float64) bool {
	return f >= 1e12 && f < 1e16 && f == math.Trunc(f) && isCardNumber(int64(f))
}

func isScheme(digits string) bool {
	four := 0
	for _, c := range []byte(digits[:4]) {
		four = four*10 + int(c-'0')
	}
	n, two := len(digits), four/100
	switch {
	case four/1000 == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case two == 34 || two == 37: // American Express
		return n == 15
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720: // Mastercard
		return n == 16
	case four == 6011, two == 65, four/10 >= 644 && four/10 <= 649, two == 62: // Discover, UnionPay
		return n >= 16
	case four >= 3528 && four <= 3589: // JCB
		return n >= 16
	case two == 36 || two == 38 || two == 39 || four/10 >= 300 && four/10 <= 305: // Diners Club
		return n == 14
	}
	return false
}
