package document

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// opening is a line whose value begins with a bracket.
var opening = regexp.MustCompile(`^(\s*(?:- +)*)(?:[A-Za-z_][A-Za-z0-9_.-]*:[ \t]+)?([\[{].*)$`)

// closeBrackets closes { } and [ ] that do not end, where the next line plainly begins
// something new, or what stands around them ends. Left alone, such a one swallows the lines
// behind it, and YAML complains about each of them.
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
				closed = s.closeWithin(&open, line, from) || closed
				last = line
			}
			if line++; line >= len(s.repaired) || len(open) == 0 || s.begins(line, parts[3], last) {
				break
			}
		}
		i = last
		if _, template := closeTemplate(s.repaired[last]); template || len(open) == 0 {
			continue // a template that is not closed is another mistake
		}
		at := endOf(s.repaired[last])
		s.close(open[0], last, at, open.ends(), fmt.Sprintf("at the end of line %d", last+1))
		closed = true
	}
	return closed
}

// closeWithin reads a line and closes what is open where one around it ends.
func (s *Source) closeWithin(open *brackets, line, from int) (closed bool) {
	for {
		text := s.repaired[line]
		at, around := open.read(text, line, from)
		if _, template := closeTemplate(text); at < 0 || template {
			return closed
		}
		inner := (*open)[around:]
		where := fmt.Sprintf("before the %c in column %d", text[at], s.written(Place{line + 1, len([]rune(text[:at])) + 1}))
		*open = (*open)[:around]
		s.close(inner[len(inner)-1], line, at, inner.ends(), where)
		if s.repaired[line] != text[:at]+inner.ends()+text[at:] {
			*open = nil // the whole line was put right
			return true
		}
		closed, from = true, at+len(inner)
	}
}

// close reports a bracket that is not closed, and closes it with all in it at a place of a
// line. What a value holds that YAML does not read within brackets is quoted by the way.
func (s *Source) close(first bracket, line, at int, ends, where string) {
	text := s.repaired[line]
	text = text[:at] + ends + text[at:]
	hint := fmt.Sprintf("write %s %s", ends, where)
	if fixed, ok := quoteFlow(text); ok {
		text, hint = fixed.text, "write it like this:\n"+fixed.shown
	}
	s.Errorf(Place{first.line + 1, first.col + 1}, "yaml", hint, "the %c is not closed", first.sign)
	s.repaired[line] = text
	s.Broken = true // where it was to end is a guess
	for i := first.line; i <= line; i++ {
		s.guess(i)
	}
}

// begins reports whether a line begins something new beside or above what is indented as
// deeply. Behind a comma that ends the line before, a key with its value is still meant to be
// within.
func (s *Source) begins(line, indent, before int) bool {
	text := strings.TrimLeft(s.repaired[line], " ")
	if len(s.repaired[line])-len(text) > indent {
		return false
	}
	if last := s.repaired[before]; entry.MatchString(text) && strings.HasSuffix(last[:endOf(last)], ",") {
		return false
	}
	return keyLine.MatchString(text) || strings.HasPrefix(text, "- ")
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
		if next := nextKey.FindStringIndex(line[i:]); next != nil {
			at = i + next[0]
		}
		s.repaired[number] = line[:at] + line[i:i+1] + line[at:]
		s.guess(number)
		return true
	}
	return false
}

// nextKey is where behind a text within { } the next key begins.
var nextKey = regexp.MustCompile(`,[ \t]*[A-Za-z_][A-Za-z0-9_.-]*:[ \t]`)

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
type brackets []bracket

type bracket struct {
	sign      byte
	line, col int // from 0, the column in characters
}

// read goes on with a line, up to a sign that ends not the innermost bracket but one around
// it. It returns where that sign is, and how many brackets are open around the ones that it
// leaves open; -1 when there is none.
func (b *brackets) read(line string, number, from int) (at, around int) {
	for i := from; i < endOf(line); i++ {
		switch c := line[i]; {
		case quotes(line, i):
			i = closeQuote(line, i)
		case c == '[' || c == '{':
			*b = append(*b, bracket{c, number, len([]rune(line[:i]))})
		case c == ']' || c == '}':
			for k, one := range slices.Backward(*b) {
				if one.ends() != c {
					continue
				}
				if k+1 < len(*b) {
					return i, k + 1
				}
				*b = (*b)[:k]
				break
			}
		}
	}
	return -1, 0
}

func (b bracket) ends() byte { return b.sign + 2 } // ] and } stand two behind [ and {

// ends are the signs that close what is open.
func (b brackets) ends() string {
	text := make([]byte, len(b))
	for i, one := range b {
		text[len(b)-1-i] = one.ends()
	}
	return string(text)
}
