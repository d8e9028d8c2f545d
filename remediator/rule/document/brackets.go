package document

import (
	"fmt"
	"regexp"
	"strings"
)

// opening is a line whose value begins with a bracket.
var opening = regexp.MustCompile(`^(\s*(?:- +)*)(?:[A-Za-z_][A-Za-z0-9_.-]*:[ \t]+)?([\[{].*)$`)

// closeBrackets closes { } and [ ] that do not end, where the next line plainly begins
// something new. Left alone, such a one swallows the lines behind it, and YAML complains about
// each of them.
func (s *Source) closeBrackets() (closed bool) {
	bodies := s.bodies()
	for i := 0; i < len(s.repaired); i++ {
		parts := opening.FindStringSubmatchIndex(s.repaired[i])
		if parts == nil || bodies[i] {
			continue
		}
		var open brackets
		last := i
		for line, from := i, parts[4]; ; from = 0 {
			if text := strings.TrimSpace(s.repaired[line][from:]); text != "" && text[0] != '#' {
				closed = s.closeQuoteIn(line, from) || closed
				open.read(s.repaired[line], line, from)
				last = line
			}
			if line++; line >= len(s.repaired) || len(open) == 0 || s.begins(line, parts[3]) {
				break
			}
		}
		i = last
		if _, template := closeTemplate(s.repaired[last]); template || len(open) == 0 {
			continue // a template that is not closed is another mistake
		}
		first, line := open[0], s.repaired[last]
		s.Errorf(Place{first.line + 1, first.col + 1}, "yaml", fmt.Sprintf("write %s at the end of line %d", open.ends(), last+1), "the %c is not closed", first.sign)
		end := endOf(line)
		s.repaired[last] = line[:end] + open.ends() + line[end:]
		closed, s.Broken = true, true // where it was to end is a guess
	}
	return closed
}

// begins reports whether a line begins something new beside or above what is indented as
// deeply.
func (s *Source) begins(line, indent int) bool {
	text := strings.TrimLeft(s.repaired[line], " ")
	return len(s.repaired[line])-len(text) <= indent && (keyLine.MatchString(text) || strings.HasPrefix(text, "- "))
}

// closeQuoteIn closes a text in quotes within brackets that does not end on its line, before
// the brackets that close there.
func (s *Source) closeQuoteIn(number, from int) bool {
	line := s.repaired[number]
	if number+1 < len(s.repaired) && !keyLine.MatchString(s.repaired[number+1]) && strings.TrimSpace(s.repaired[number+1]) != "" {
		return false
	}
	for i := from; i < len(line); i++ {
		if !quotes(line, i) {
			continue
		}
		end := closeQuote(line, i)
		if end < len(line) {
			i = end
			continue
		}
		s.Errorf(Place{number + 1, len([]rune(line[:i])) + 1}, "quote", "close it where the text ends", "the quote is not closed")
		at := max(len(strings.TrimRight(line, " \t\r}],")), i+1)
		s.repaired[number] = line[:at] + line[i:i+1] + line[at:]
		return true
	}
	return false
}

// quotes reports whether a quote at i begins a text: one within a word is an apostrophe.
func quotes(line string, i int) bool {
	return (line[i] == '"' || line[i] == '\'') && (i == 0 || strings.IndexByte(" \t[{,:(", line[i-1]) >= 0)
}

// endOf returns where what a line says ends, without its comment and white space.
func endOf(line string) int {
	text, _ := splitComment(line)
	return len(strings.TrimRight(text, " \t\r"))
}

// brackets are those that are open, outermost first.
type brackets []struct {
	sign      byte
	line, col int // from 0, the column in characters
}

// read goes on with a line.
func (b *brackets) read(line string, number, from int) {
	for i := from; i < endOf(line); i++ {
		switch c := line[i]; {
		case quotes(line, i):
			i = closeQuote(line, i)
		case c == '[' || c == '{':
			*b = append(*b, struct {
				sign      byte
				line, col int
			}{c, number, len([]rune(line[:i]))})
		case len(*b) > 0 && (*b)[len(*b)-1].sign+2 == c: // ] and } stand two behind [ and {
			*b = (*b)[:len(*b)-1]
		}
	}
}

// ends are the signs that close what is open.
func (b brackets) ends() string {
	text := make([]byte, len(b))
	for i, one := range b {
		text[len(b)-1-i] = one.sign + 2
	}
	return string(text)
}
