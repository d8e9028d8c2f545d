package visible

import (
	"unicode"

	"golang.org/x/text/width"
)

// Columns returns how many columns a text of one line takes where each character has one
// or two, as in a terminal: what stands beside or below it is placed by that. The text
// has no tabs, whose room depends on what is before them; Line shows them as characters.
func Columns(text string) int {
	columns := 0
	before := ' '
	for _, c := range text {
		switch {
		case before == joiner, takesNoRoom(c): // joined signs are drawn as one
		case isWide(c):
			columns += 2
		default:
			columns++
		}
		before = c
	}
	return columns
}

const joiner = '\u200d'

// takesNoRoom reports whether a character is drawn upon the one before it.
func takesNoRoom(c rune) bool {
	const firstVowel, lastFinal = '\u1160', '\u11ff' // of Korean syllables that are taken apart
	return c >= '\u0300' && (unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf) || c >= firstVowel && c <= lastFinal)
}

func isWide(c rune) bool {
	kind := width.LookupRune(c).Kind()
	return kind == width.EastAsianWide || kind == width.EastAsianFullwidth
}
