package document

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// repairTabs replaces tabs in indentation, which YAML refuses, by the spaces
// that were most likely meant.
func (s *Source) repairTabs() {
	if !slices.ContainsFunc(s.repaired, func(line string) bool { return strings.Contains(line, "\t") }) {
		return
	}
	bodies, tabbed := s.bodies(), map[int]string{}
	for i, line := range s.repaired {
		if bodies[i] {
			continue // behind the spaces that indent it, a tab is one of the text
		}
		text := strings.TrimLeft(line, " \t")
		indent := line[:len(line)-len(text)]
		if at := strings.IndexByte(indent, '\t'); at >= 0 && strings.TrimSpace(text) != "" {
			s.Errorf(Place{i + 1, at + 1}, "tab", "indent with spaces", "a tab indents the line; YAML allows only spaces")
			tabbed[i] = strings.ReplaceAll(indent, "\t", " ") + text
			s.repaired[i] = strings.Repeat(" ", min(s.meant(i), maxIndent)) + text
		}
	}
	if s.asWritten == nil || len(tabbed) == 0 {
		return
	}
	// What YAML reads all the same must not be torn by a guess: to it a tab is a column.
	if _, err := s.read(); err != nil {
		for i, line := range tabbed {
			s.repaired[i] = line
		}
	}
}

// repairValues quotes what YAML would tear apart inside of { } and [ ], and
// values that start with !, which it takes for a tag. It does so before YAML
// reads the lines, since many of them can be read: as something else than what
// they look like. In a file that can be read as a whole only those are looked at
// that YAML misread: the others say what they say.
func (s *Source) repairValues() {
	var looked func(line int) bool
	if root := s.Written(); root != nil {
		lines := make(map[int]bool)
		misread(root, lines)
		looked = func(line int) bool { return lines[line+1] }
	} else {
		bodies := s.bodies()
		looked = func(line int) bool { return !bodies[line] }
	}
	for i, line := range s.repaired {
		if strings.TrimSpace(line) == "" || !looked(i) {
			continue
		}
		if fixed, ok := quoteFlow(line); ok {
			s.accept(i+1, fixed)
		} else if fixed, ok := quoteEntry(line); ok && fixed.tagged {
			s.accept(i+1, fixed)
		}
	}
}

// accept reports what is wrong with a line and reads it repaired from now on.
func (s *Source) accept(line int, fixed repairedLine) {
	s.Errorf(Place{line, fixed.col}, fixed.code, "write it like this:\n"+fixed.shown, "%s", fixed.why)
	s.repaired[line-1] = fixed.text
	s.Broken = s.Broken || fixed.guessed
}

// maxIndent bounds the guess: tabs below tabs would go ever further right.
const maxIndent = 2 * maxDepth

// meant guesses the indentation of a line that was indented with tabs: deeper
// than a line that opens something, else as the line before.
func (s *Source) meant(i int) int {
	before := ""
	for j := i - 1; j >= 0 && before == ""; j-- {
		before = strings.TrimRight(s.repaired[j], " \t\r")
	}
	indent := len(before) - len(strings.TrimLeft(before, " "))
	if dash := strings.TrimLeft(before, " "); strings.HasPrefix(dash, "- ") {
		indent += 2
	}
	if !strings.HasSuffix(before, ":") && !opensBlock(before) {
		return indent
	}
	if i+1 < len(s.lines) {
		after := s.lines[i+1]
		if n := len(after) - len(strings.TrimLeft(after, " ")); n > indent && !strings.HasPrefix(after, "\t") {
			return n
		}
	}
	return indent + 2
}

// parseRepairing parses; where YAML cannot be read it reports why, repairs or
// drops the line, and parses again.
func (s *Source) parseRepairing() *yaml.Node {
	root, err := s.asWritten, error(nil)
	if root == nil || !slices.Equal(s.repaired, s.lines) {
		root, err = s.read()
	}
	for _, closed := range []func() bool{s.closeQuotes, s.closeBrackets, s.cutCommas} {
		if err != nil && closed() {
			root, err = s.read()
		}
	}
	tries := min(maxTries, 3+maxReread/(1+len(strings.Join(s.lines, "\n"))))
	for try := 0; err != nil; try++ {
		at := place(err)
		if try == tries {
			s.Errorf(at, "yaml", "", "too many mistakes to read on")
			s.Broken = true
			return nil
		}
		if !s.mergeNothing(at, err) && !s.repair(at) && !s.repairComment(at) && !s.reindent(at) {
			s.refuse(at, err)
			s.Broken = true
			if !s.drop(at) {
				return nil
			}
		}
		root, err = s.read()
	}
	return root
}

// refuse reports what YAML says of a place.
func (s *Source) refuse(at Place, err error) {
	if runes := []rune(s.readLine(at.Line)); at.Col <= len(runes) && strings.ContainsRune("]}", runes[at.Col-1]) {
		s.Errorf(at, "yaml", "remove it, or open what it closes", "there is nothing that this %c closes", runes[at.Col-1])
		return
	}
	s.Errorf(at, "yaml", meantBy(err), "%s", said(err))
}

// place returns where YAML stopped. The column is counted from 1. It sees that a
// key has no colon only on a line behind it.
func place(err error) Place {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return Place{1, 1}
	}
	if load.ContextMsg == "while scanning a simple key" && load.ContextMark.Line > 0 {
		return Place{load.ContextMark.Line, load.ContextMark.Column}
	}
	return Place{load.Mark.Line, load.Mark.Column}
}

func said(err error) string {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return "the file is not YAML: " + err.Error()
	}
	for _, m := range mistakes {
		if strings.Contains(load.Message, m.yaml) {
			return m.says
		}
	}
	message := load.Message
	if load.ContextMsg != "" {
		message = load.ContextMsg + ": " + message
	}
	return "the line is not YAML: " + message
}

// mistakes are the common ones at which YAML stops: its words, ours, and what is
// mostly meant.
var mistakes = []struct{ yaml, says, meant string }{
	{"mapping values are not allowed", "a key begins here, inside of the value above it", alike},
	{"did not find expected key", "the line does not begin where the keys above it do", alike},
	{"did not find expected '-' indicator", "the line does not begin where the entries of the list above it do", alike},
	{"could not find expected ':'", "the line is no key: value", "write a colon and a space behind the key, and a text of several lines below >-"},
	{"unknown anchor", "an alias of YAML stands here, and no place has its name", aliasHint},
	{"did not find expected ',' or", "the { } or [ ] does not end where it should", "close the { } or [ ], and put a comma between its parts"},
}

const alike = "indent all keys of a rule alike, two spaces deeper than its dash"

// meantBy says what is mostly wrong where YAML stops; "" when that differs.
func meantBy(err error) string {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return ""
	}
	for _, m := range mistakes {
		if strings.Contains(load.Message, m.yaml) {
			return m.meant
		}
	}
	return ""
}

// drop blanks the line that cannot be read.
func (s *Source) drop(at Place) bool {
	for line := min(at.Line, len(s.repaired)); line >= 1; line-- {
		if strings.TrimSpace(s.repaired[line-1]) != "" {
			s.repaired[line-1] = ""
			return true
		}
	}
	return false
}

// entry is a key with a value on one line.
var entry = regexp.MustCompile(`^(\s*(?:- +)*)([A-Za-z_][A-Za-z0-9_.-]*):[ \t]+(\S.*?)[ \t\r]*$`)

// repair recognises an expression that YAML takes for something else, on the
// line where YAML stopped or just above it. It reports the line as it should be
// written and quotes the value in memory.
func (s *Source) repair(at Place) bool {
	if s.repairLines(at) {
		return true
	}
	for line := at.Line; line >= max(at.Line-1, 1); line-- {
		if line > len(s.repaired) {
			continue
		}
		before := s.repaired[line-1]
		for _, attempt := range []func(string) (repairedLine, bool){closeTemplate, nestEntry, cutStray, quoteEntry} {
			fixed, ok := attempt(before)
			if !ok || !s.helps(at, line, fixed.text) {
				continue
			}
			s.accept(line, fixed)
			return true
		}
	}
	return false
}

// helps reports whether YAML gets further than before once a line is replaced, and those
// behind it.
func (s *Source) helps(stopped Place, line int, texts ...string) bool {
	before := slices.Clone(s.repaired[line-1 : line-1+len(texts)])
	copy(s.repaired[line-1:], texts)
	_, err := s.read()
	copy(s.repaired[line-1:], before)
	now, last := place(err), line+len(texts)-1
	return err == nil || now.Line > last && (now.Line > stopped.Line || now.Line == stopped.Line && now.Col > stopped.Col)
}

// repairedLine is a line that can be read, and how a person should write it.
type repairedLine struct {
	text, shown, why, code string
	col                    int
	tagged                 bool // the value starts with !
	guessed                bool // it lacks something that may have meant something
}

// quoteEntry quotes the value of a key.
func quoteEntry(line string) (repairedLine, bool) {
	parts := entry.FindStringSubmatch(line)
	if parts == nil || isCollection(line) {
		return repairedLine{}, false
	}
	head, key := parts[1], parts[2]
	value, comment := splitComment(parts[3])
	if value[0] == '"' && closeQuote(value, 0) == len(value)-1 {
		return escaped(head+key+": ", value, comment)
	}
	if open := value[0] == '[' || value[0] == '{'; open && (strings.Count(value, "[") != strings.Count(value, "]") || strings.Count(value, "{") != strings.Count(value, "}")) {
		return repairedLine{}, false // a collection over several lines
	}
	indent := strings.Repeat(" ", len([]rune(head)))
	start := head + key + ": "
	return repairedLine{
		text:   start + "'" + doubleQuotes(value) + "'" + comment,
		shown:  start + ">-" + comment + "\n" + indent + "  " + value,
		why:    fmt.Sprintf("YAML does not read this value as a text: %s", trap(value)),
		col:    len([]rune(start)) + 1,
		code:   "yaml",
		tagged: value[0] == '!' && !ownTag.MatchString(value),
	}, true
}

// nested is a key below which keys stand, with one of them behind it on its line.
var nested = regexp.MustCompile(`^(\s*(?:- +)*(?:defaults|let|limits|per_customer|budget|storm|window|unless|refund|credit|notify|webhook|andon|coe):[ \t]+)([a-z_]+: .*)$`)

// nestEntry puts a key that stands behind the key above it in { }.
func nestEntry(line string) (repairedLine, bool) {
	parts := nested.FindStringSubmatch(strings.TrimRight(line, " \t\r"))
	if parts == nil {
		return repairedLine{}, false
	}
	value, comment := splitComment(parts[2])
	text := parts[1] + "{" + value + "}" + comment
	if fixed, ok := quoteFlow(text); ok {
		text = fixed.text
	}
	return repairedLine{text: text, shown: strings.TrimSpace(text), why: "a key begins behind another on its line", code: "yaml", col: len([]rune(parts[1])) + 1}, true
}

// splitComment takes the comment behind a value off it, with the space before. A # in the
// quotes of a text is none.
func splitComment(value string) (text, comment string) {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' || c == '\'':
			i = closeQuote(value, i)
		case c == '#' && i > 0 && (value[i-1] == ' ' || value[i-1] == '\t'):
			text = strings.TrimRight(value[:i], " \t")
			return text, " " + value[i:]
		}
	}
	return value, ""
}

const unclear = "it holds signs that mean something in YAML"

// trap names what in a plain value YAML takes for something else.
func trap(value string) string {
	switch c := value[0]; c {
	case '!', '&', '*', '[', '{', '"', '\'', '|', '>', '%', '@', '`':
		return fmt.Sprintf("it starts with %c", c)
	}
	for _, sign := range []string{": ", " #"} {
		if strings.Contains(value, sign) {
			return fmt.Sprintf("it contains %q", sign)
		}
	}
	return unclear
}

// closeTemplate closes a ${{ that is not.
func closeTemplate(line string) (repairedLine, bool) {
	open := strings.LastIndex(line, "${{")
	if open < 0 || strings.Contains(line[open:], "}}") {
		return repairedLine{}, false
	}
	end := open + 3
	for end < len(line) && strings.IndexByte(`}"',`, line[end]) < 0 {
		end++
	}
	text := line[:end] + "}}" + strings.TrimPrefix(line[end:], "}")
	if fixed, ok := quoteFlow(text); ok {
		text = fixed.text
	} else if fixed, ok := quoteFlow(line[:end] + "}}" + line[end:]); ok {
		text = fixed.text // the one } belongs to the mapping
	}
	return repairedLine{text: text, shown: strings.TrimSpace(text), why: "${{ is not closed", code: "template", col: len([]rune(line[:open])) + 1}, true
}

var keyLine = regexp.MustCompile(`^\s*(?:- +)*[A-Za-z_][A-Za-z0-9_.-]*:(\s|$)`)

// closeQuotes closes texts that begin with a quote and do not end, where the
// next line plainly begins something new. Left alone, such a text swallows the
// lines behind it, and YAML complains about a place far from the mistake.
func (s *Source) closeQuotes() (closed bool) {
	for i, line := range s.repaired {
		parts := entry.FindStringSubmatch(line)
		if parts == nil || i+1 >= len(s.repaired) || !keyLine.MatchString(s.repaired[i+1]) {
			continue
		}
		value := parts[3]
		if (value[0] != '"' && value[0] != '\'') || closeQuote(value, 0) < len(value) {
			continue
		}
		col := len([]rune(parts[1]+parts[2])) + 3
		s.Errorf(Place{i + 1, col}, "quote", "close it at the end of the line", "the quote is not closed")
		s.repaired[i] = strings.TrimRight(line, " \t\r") + value[:1]
		closed = true
	}
	return closed
}
