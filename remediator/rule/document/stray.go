package document

import (
	"fmt"
	"regexp"
	"strings"
)

// strayEnd is what may stand by mistake behind the } or ] that ends a value: punctuation, as
// the comma of JSON, or one word. With both it looks like an expression, as [1, 2].size.
var strayEnd = regexp.MustCompile(`^(?:[^\w\s\[\](){}"'#]+|(\w+))$`)

// cutStray cuts what stands behind the { } or [ ] that a value is. As a text in quotes the
// value would be no mapping and no list any more.
func cutStray(line string) (repairedLine, bool) {
	found := opening.FindStringSubmatchIndex(line)
	if found == nil {
		return repairedLine{}, false
	}
	head := line[:found[4]]
	value, comment := splitComment(strings.TrimRight(line[found[4]:], " \t\r"))
	f := flow{line: value, end: len(value)}
	if !f.collection() {
		return repairedLine{}, false
	}
	stray := strings.TrimLeft(value[f.at:], " \t")
	parts := strayEnd.FindStringSubmatch(stray)
	if parts == nil {
		return repairedLine{}, false
	}
	text := head + value[:f.at] + comment
	if fixed, ok := quoteFlow(text); ok {
		text = fixed.text
	}
	return repairedLine{
		text: text, shown: strings.TrimSpace(text), code: "yaml",
		why:     fmt.Sprintf("%s stands behind the %c that ends the value", quoteName(stray), value[f.at-1]),
		col:     len([]rune(line[:found[4]+len(value)-len(stray)])) + 1,
		guessed: parts[1] != "",
	}, true
}

// cutCommas cuts the commas of { } and [ ] over several lines that part nothing: a second one,
// one that nothing stands before, and one behind the end, as in JSON. Left alone, YAML stops at
// what comes after them, which is in order.
func (s *Source) cutCommas() (cut bool) {
	bodies := s.bodies()
	for i := 0; i < len(s.repaired); i++ {
		found := opening.FindStringSubmatchIndex(s.repaired[i])
		if found == nil || bodies[i] {
			continue
		}
		last, here := s.cutCommasFrom(i, found[4])
		i, cut = last, cut || here
	}
	return cut
}

// cutCommasFrom does that in the value that begins at a place of a line, and returns the line
// on which it ends.
func (s *Source) cutCommasFrom(first, from int) (last int, cut bool) {
	depth, before := 0, byte(0)
	for last = first; last < len(s.repaired); last, from = last+1, 0 {
		end := endOf(s.repaired[last])
		for at := from; at < end; at++ {
			line := s.repaired[last]
			switch c := line[at]; {
			case c == ' ' || c == '\t':
				continue
			case c == '#' && strings.TrimSpace(line[:at]) == "":
				at = end
				continue
			case quotes(line, at):
				if last, at = s.closeQuoteFrom(last, at); last == len(s.repaired) {
					return last, cut
				}
				line, end = s.repaired[last], endOf(s.repaired[last])
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				depth--
			case c == ',' && depth > 0 && strings.IndexByte("{[,", before) < 0:
			case c == ',' && (depth > 0 || last > first):
				s.cutComma(last, at, depth, before)
				cut = true
				continue
			case depth == 0:
				return last, cut // another mistake, or an expression
			}
			before = line[min(at, len(line)-1)]
		}
		if depth <= 0 {
			return last, cut
		}
	}
	return last, cut
}

// closeQuoteFrom returns where the quoted text that begins at a place ends, which may be some
// lines below; the line behind the last where it does not.
func (s *Source) closeQuoteFrom(number, at int) (last, end int) {
	quote := s.repaired[number][at : at+1]
	if end = closeQuote(s.repaired[number], at); end < len(s.repaired[number]) {
		return number, end
	}
	for number++; number < len(s.repaired); number++ {
		line := quote + s.repaired[number]
		if end = closeQuote(line, 0); end < len(line) {
			return number, end - 1
		}
	}
	return number, 0
}

// cutComma reports a comma, and has a space in its place.
func (s *Source) cutComma(number, at, depth int, before byte) {
	line, says := s.repaired[number], "there is nothing before this comma"
	if depth <= 0 {
		says = fmt.Sprintf(`"," stands behind the %c that ends the value`, before)
	}
	s.Errorf(Place{number + 1, len([]rune(line[:at])) + 1}, "yaml", "remove it", "%s", says)
	s.repaired[number] = line[:at] + " " + line[at+1:]
}
