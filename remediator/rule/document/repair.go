package document

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// repairTabs replaces tabs in indentation, which YAML refuses, by the spaces
// that were most likely meant.
func (s *Source) repairTabs() {
	inBlock := -1 // indentation of the key whose block scalar the lines belong to
	for i, line := range s.lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if strings.TrimSpace(line) == "" {
			continue
		}
		if inBlock >= 0 && width(indent) > inBlock && !strings.Contains(indent, "\t") {
			continue
		}
		inBlock = -1
		if at := strings.IndexByte(indent, '\t'); at >= 0 {
			s.Errorf(Place{i + 1, at + 1}, "tab", "indent with spaces", "a tab indents the line; YAML allows only spaces")
			meant := s.meant(i)
			s.repaired[i] = strings.Repeat(" ", meant) + line[len(indent):]
			s.shifts[i+1] = shift{from: 1, by: meant - len(indent)}
			indent = strings.Repeat(" ", meant)
		}
		if blockHeader.MatchString(line) {
			inBlock = width(indent)
		}
	}
}

var blockHeader = regexp.MustCompile(`:\s+[|>][-+0-9]*\s*(#.*)?$`)

func width(indent string) int { return len(strings.ReplaceAll(indent, "\t", "  ")) }

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
	if !strings.HasSuffix(before, ":") && !blockHeader.MatchString(before) {
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
	root, err := s.read()
	for try := 0; err != nil; try++ {
		at := place(err)
		if try == maxTries {
			s.Errorf(at, "yaml", "", "too many mistakes to read on")
			s.Broken = true
			return nil
		}
		if !s.repair(at) {
			s.Errorf(at, "yaml", "", "%s", said(err))
			s.Broken = true
			if !s.drop(at) {
				return nil
			}
		}
		root, err = s.read()
	}
	return root
}

// place returns where YAML stopped. The column is counted from 1.
func place(err error) Place {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return Place{1, 1}
	}
	return Place{load.Mark.Line, load.Mark.Column}
}

func said(err error) string {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return "the file is not YAML: " + err.Error()
	}
	message := load.Message
	if load.ContextMsg != "" {
		message = load.ContextMsg + ": " + message
	}
	return "the line is not YAML: " + message
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
	for line := at.Line; line >= max(at.Line-1, 1); line-- {
		if line > len(s.repaired) {
			continue
		}
		before := s.repaired[line-1]
		for _, attempt := range []func(string) (repairedLine, bool){quoteFlow, quoteEntry} {
			fixed, ok := attempt(before)
			if !ok || !s.helps(line, fixed.text) {
				continue
			}
			s.Errorf(Place{line, fixed.col}, "yaml", "write it like this:\n"+fixed.shown, "%s", fixed.why)
			s.repaired[line-1] = fixed.text
			s.shifts[line] = shift{from: fixed.col, by: 1}
			return true
		}
	}
	return false
}

// helps reports whether YAML gets further than a line once it is replaced.
func (s *Source) helps(line int, text string) bool {
	before := s.repaired[line-1]
	s.repaired[line-1] = text
	_, err := s.read()
	s.repaired[line-1] = before
	return err == nil || place(err).Line > line+1
}

// repairedLine is a line that can be read, and how a person should write it.
type repairedLine struct {
	text, shown, why string
	col              int
}

// quoteEntry quotes the value of a key.
func quoteEntry(line string) (repairedLine, bool) {
	parts := entry.FindStringSubmatch(line)
	if parts == nil {
		return repairedLine{}, false
	}
	head, key, value := parts[1], parts[2], parts[3]
	indent := strings.Repeat(" ", len([]rune(head)))
	start := head + key + ": "
	return repairedLine{
		text:  start + "'" + strings.ReplaceAll(value, "'", "''") + "'",
		shown: start + ">-\n" + indent + "  " + value,
		why:   fmt.Sprintf("YAML does not read this value as a text: %s", trap(value)),
		col:   len([]rune(start)) + 1,
	}, true
}

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
	return "it holds signs that mean something in YAML"
}

// template is an unquoted value with ${{ }} inside of { } or [ ].
var template = regexp.MustCompile(`([:,\[{]\s*)([^\s"',\[\]{}][^"',\[\]{}]*)?(\$\{\{[^"]*?\}\}[^\s"',\[\]{}]*)`)

// quoteFlow quotes the values with ${{ }} inside of { } or [ ].
func quoteFlow(line string) (repairedLine, bool) {
	first := template.FindStringSubmatchIndex(line)
	if first == nil || !strings.ContainsAny(line[:first[0]+1], "[{") {
		return repairedLine{}, false
	}
	fixed := template.ReplaceAllString(line, `$1"$2$3"`)
	return repairedLine{
		text: fixed, shown: strings.TrimSpace(fixed),
		why: "inside { } or [ ] a value with ${{ }} is quoted",
		col: len([]rune(line[:first[3]])) + 1,
	}, true
}
