package document

import (
	"fmt"
	"strings"
)

// reindent recognises a key that YAML cannot place because it does not begin where
// the keys beside it do, on the line where YAML stopped. It reports how far the line
// is to be indented, and reads it so from now on, with the lines behind it that are
// indented as it is.
func (s *Source) reindent(at Place) bool {
	if at.Line < 1 || at.Line > len(s.repaired) {
		return false
	}
	i := at.Line - 1
	line := s.repaired[i]
	indent, meant := leading(line), min(s.meant(i), maxIndent)
	if !keyLine.MatchString(line) || strings.HasPrefix(line[indent:], "-") || indent == meant || meant == 0 {
		return false
	}
	if !s.helps(at, at.Line, strings.Repeat(" ", meant)+line[indent:]) {
		return false
	}
	s.Errorf(Place{at.Line, indent + 1}, "yaml", "indent it by "+spaces(meant)+", as the keys beside it",
		"the line is indented by %s, which fits no line above it", spaces(indent))
	for ; i < len(s.repaired) && leading(s.repaired[i]) == indent && keyLine.MatchString(s.repaired[i]); i++ {
		s.repaired[i] = strings.Repeat(" ", meant) + s.repaired[i][indent:]
	}
	return true
}

func leading(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

func spaces(n int) string {
	if n == 1 {
		return "1 space"
	}
	return fmt.Sprintf("%d spaces", n)
}
