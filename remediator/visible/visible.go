// Package visible makes texts from elsewhere fit to be shown beside others: what
// would hide in them, turn other text around or end a line becomes a character that
// can be seen.
//
// It is for the faces of the service: pages, tables for spreadsheets, documents and
// mail. What is sealed and what programs read stays as it is.
package visible

import (
	"strings"
	"unicode"
)

// Text makes a text visible and leaves it its lines and tabs.
func Text(text string) string { return mapped(text, "\n\t") }

// Line makes a text visible that is one line: the ends of lines in it and its tabs
// are seen too.
func Line(text string) string { return mapped(text, "") }

// Hides reports whether a character is none that can be seen: a control character, or
// one that changes the direction of writing, joins, or takes no room.
func Hides(c rune) bool {
	if c < unicode.MaxASCII { // most of all there is
		return c < ' '
	}
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || fills(c)
}

// fills reports whether a letter by its class is drawn as nothing.
func fills(c rune) bool { return c == '\u115f' || c == '\u1160' || c == '\u3164' || c == '\uffa0' }

// Pictures of control characters lie behind one another in Unicode.
const (
	pictures      = 0x2400
	pictureDelete = 0x2421
)

// mapped makes all visible but the characters of keep.
func mapped(text, keep string) string {
	before := ' '
	return strings.Map(func(c rune) rune {
		last := before
		before = c
		switch {
		case strings.ContainsRune(keep, c), joins(last, c):
			return c
		case c < ' ':
			return pictures + c
		case c == 0x7f:
			return pictureDelete
		case Hides(c):
			return unicode.ReplacementChar
		}
		return c
	}, text)
}

// joins reports whether a joiner stands where writing needs it: Persian and the
// scripts of India between letters, and signs that are put together. Behind the
// letters of Europe it would only hide.
func joins(last, c rune) bool {
	const firstOfAsia = '\u0590'
	return (c == '\u200c' || c == '\u200d') && last >= firstOfAsia && !Hides(last) && unicode.In(last, unicode.L, unicode.M, unicode.So)
}
