package document

import (
	"slices"
	"strings"
)

// repairComment recognises a text over several lines with a comment in it, below which
// YAML reads no more of the text. It reports the comment and leaves it out in memory.
func (s *Source) repairComment(at Place) bool {
	below := at.Line - 1
	if below >= len(s.repaired) || below < 1 || opened.MatchString(s.repaired[below]) {
		return false
	}
	first := below
	for first > 0 && strings.HasPrefix(strings.TrimSpace(s.repaired[first-1]), "#") {
		first--
	}
	begins := Place{first + 1, 0}
	lines := slices.Repeat([]string{""}, below-first)
	if len(lines) > 0 {
		begins.Col = leading(s.repaired[first]) + 1
	} else {
		first--
		text, comment := splitComment(s.repaired[first])
		if comment == "" {
			return false
		}
		begins, lines = Place{first + 1, len([]rune(text)) + 2}, []string{text}
	}
	if !s.helps(at, first+1, lines...) {
		return false
	}
	s.Errorf(begins, "yaml", "put the comment above the key of the text",
		"a comment ends the text above it, and more of the text stands below")
	copy(s.repaired[first:], lines)
	return true
}
