package document

import (
	"regexp"
	"slices"
	"strings"
)

// opened is a line that begins with a key, and what stands behind it.
var opened = regexp.MustCompile(`^(\s*(?:- +)*)([A-Za-z_][A-Za-z0-9_.-]*:)(?:[ \t]+(.*))?$`)

// repairLines recognises an expression over several lines that YAML does not read as one
// text, around the line where YAML stopped. It reports it as the block that it should be.
func (s *Source) repairLines(at Place) bool {
	first, last := s.linesOf(at.Line - 1)
	if first == last {
		return false
	}
	parts := opened.FindStringSubmatch(strings.TrimRight(s.repaired[first], " \t\r"))
	head, key, value := parts[1], parts[2], parts[3]
	begins := Place{first + 1, len([]rune(head+key)) + 2}
	comment := ""
	var texts []string
	if value == "" || value[0] == '#' {
		value, comment = "", strings.TrimRight(" "+value, " ")
		begins = Place{first + 2, leading(s.repaired[first+1]) + 1}
	} else {
		texts = append(texts, value)
	}
	for _, line := range s.repaired[first+1 : last+1] {
		texts = append(texts, strings.TrimSpace(line))
	}
	whole := strings.Join(texts, " ")
	if slices.ContainsFunc(texts, commented) || !trapped(whole) || !balanced(whole) || isCollection("k: "+whole) {
		return false
	}
	read := s.asText(first, last, head+key, value, comment)
	if !s.helps(at, first+1, read...) {
		return false
	}
	indent := "\n" + strings.Repeat(" ", len([]rune(head))+2)
	s.Errorf(begins, "yaml", "write it like this:\n"+head+key+" >-"+comment+indent+strings.Join(texts, indent),
		"YAML does not read this value as a text: %s", trap(whole))
	copy(s.repaired[first:], read)
	return true
}

// linesOf returns the lines, from 0, of the text around a line that a key begins: those
// below the key that are indented deeper and begin nothing. Both are the same where there
// is no such text.
func (s *Source) linesOf(line int) (first, last int) {
	line = min(line, len(s.repaired)-1)
	goesOn := func(i, indent int) bool {
		content := strings.TrimSpace(s.repaired[i])
		return content != "" && content[0] != '#' && !strings.HasPrefix(content, "- ") && !keyLine.MatchString(s.repaired[i]) && leading(s.repaired[i]) > indent
	}
	for first = line; first > 0 && goesOn(first, 0); {
		first--
	}
	parts := opened.FindStringSubmatch(strings.TrimRight(s.repaired[first], " \t\r"))
	if parts == nil {
		return line, line
	}
	for last = first; last+1 < len(s.repaired) && goesOn(last+1, len(parts[1])); {
		last++
	}
	behind := last + 1
	for behind < len(s.repaired) && isNothing(s.repaired[behind]) {
		behind++
	}
	if last < line || behind < len(s.repaired) && leading(s.repaired[behind]) > len(parts[1]) {
		return line, line // more stands below the key than a text
	}
	return first, last
}

// asText writes lines so that YAML reads them as one text, each where it stands: as a block
// where the text begins below its key, else in quotes.
func (s *Source) asText(first, last int, head, value, comment string) []string {
	lines := []string{head + " >-" + comment}
	if value != "" {
		lines[0] = head + " '" + doubleQuotes(value)
	}
	indent := strings.Repeat(" ", leading(s.repaired[first+1]))
	for _, line := range s.repaired[first+1 : last+1] {
		line = indent + strings.TrimSpace(line)
		if value != "" {
			line = doubleQuotes(line)
		}
		lines = append(lines, line)
	}
	if value != "" {
		lines[len(lines)-1] += "'"
	}
	return lines
}

func commented(text string) bool {
	_, comment := splitComment(text)
	return comment != ""
}

// trapped reports whether YAML takes a plain text for something else, and not for a text
// in quotes or a block, which are no plain ones.
func trapped(value string) bool {
	switch value[0] {
	case '"', '\'':
		return closeQuote(value, 0) < len(value)-1
	case '|', '>':
		return false
	}
	return trap(value) != unclear
}

// balanced reports whether every bracket that a text opens is closed.
func balanced(text string) bool {
	var open brackets
	open.read(strings.NewReplacer("(", "[", ")", "]").Replace(text), 0, 0)
	return len(open) == 0
}
