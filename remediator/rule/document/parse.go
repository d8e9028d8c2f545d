package document

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Limits of a file. They bound what a hostile file can make the reader cost.
const (
	MaxBytes = 1 << 20
	maxLine  = 16 << 10 // bytes of a line
	maxDepth = 32       // of nesting
	maxTries = 20       // repairs of one file

	// maxReread bounds the text that is read again for repairs: a large file
	// gets fewer of them.
	maxReread = 2 << 20
)

// Parse reads the file and returns its content, repaired where that is
// possible; nil when there is none. Everything wrong is reported.
func (s *Source) Parse() *yaml.Node {
	text := strings.Join(s.lines, "\n")
	switch {
	case len(text) > MaxBytes:
		s.Errorf(Place{1, 1}, "size", "split the file", "the file has more than %d bytes", MaxBytes)
		return nil
	case !utf8.ValidString(text):
		s.invalidUTF8()
		return nil
	case s.tooLong() || s.tooDeep() || s.oddLineEnd() || s.control() || s.turned() || s.strayMark():
		return nil
	}
	s.leaveOutDirectives()
	if root, err := s.read(); err == nil {
		s.asWritten = root
	}
	s.repairTabs()
	s.repairValues()
	root := s.parseRepairing()
	s.parsed = true
	if root == nil || len(root.Content) == 0 {
		return nil
	}
	if !s.plain(root, 0) {
		return nil
	}
	return root.Content[0]
}

func (s *Source) invalidUTF8() {
	for i, line := range s.lines {
		col := 1
		for rest := line; rest != ""; col++ {
			r, size := utf8.DecodeRuneInString(rest)
			if r == utf8.RuneError && size == 1 {
				s.Errorf(Place{i + 1, col}, "utf8", "save the file as UTF-8", "the byte 0x%02X is not valid UTF-8", rest[0])
				return
			}
			rest = rest[size:]
		}
	}
}

// oddLineEnds are characters at which YAML ends a line and editors do not: behind
// one, every line that a problem names would be another than people see.
const oddLineEnds = "\r\u0085\u2028\u2029"

func (s *Source) oddLineEnd() bool {
	for i, line := range s.lines {
		if at := strings.IndexAny(strings.TrimSuffix(line, "\r"), oddLineEnds); at >= 0 {
			s.Errorf(Place{i + 1, utf8.RuneCountInString(line[:at]) + 1}, "line-end", "end lines with a line feed alone, or with carriage return and line feed",
				"a carriage return or another line end stands inside the line")
			return true
		}
	}
	return false
}

// control refuses what YAML allows nowhere. The parser does not say where it is.
func (s *Source) control() bool {
	for i, line := range s.lines {
		at := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' || r == '\ufffe' || r == '\uffff' })
		if at >= 0 {
			r, _ := utf8.DecodeRuneInString(line[at:])
			s.Errorf(Place{i + 1, utf8.RuneCountInString(line[:at]) + 1}, "yaml", fmt.Sprintf(`remove it; in a text in double quotes it is written "\u%04x"`, r),
				"the line holds the control character U+%04X", r)
			return true
		}
	}
	return false
}

// turns reports whether a character changes the direction in which the text behind it is
// shown: with them a line can look like another one than is read (CVE-2021-42574).
func turns(r rune) bool { return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' }

// turned refuses characters that turn text around, in comments too: who reviews a rule must
// see what it says.
func (s *Source) turned() (found bool) {
	for i, line := range s.lines {
		if strings.IndexFunc(line, turns) < 0 {
			continue
		}
		for col, r := range []rune(line) {
			if turns(r) {
				found = true
				s.Errorf(Place{i + 1, col + 1}, "turned", fmt.Sprintf(`remove it; in a text in double quotes it is written "\u%04x"`, r),
					"the character %U turns text around: the line is shown otherwise than it is read", r)
			}
		}
	}
	return found
}

// strayMark refuses a byte order mark that does not begin the file, as where files were
// joined. Nobody sees it, and YAML counts lines and columns otherwise behind it.
func (s *Source) strayMark() bool {
	const mark = "\ufeff"
	for i, line := range s.lines {
		begins := 0
		if i == 0 && strings.HasPrefix(line, mark) {
			begins = len(mark)
		}
		if at := strings.Index(line[begins:], mark); at >= 0 {
			s.Errorf(Place{i + 1, utf8.RuneCountInString(line[:begins+at]) + 1}, "yaml", `remove it; in a text in double quotes it is written "\ufeff"`,
				"the line holds the byte order mark U+FEFF, which may only begin a file")
			return true
		}
	}
	return false
}

// leaveOutDirectives reports lines like %YAML 1.2, which stand before a document, and
// reads on without them. The parser says only that it misses the beginning behind them.
func (s *Source) leaveOutDirectives() {
	for i, line := range s.lines {
		switch text := strings.TrimSpace(line); {
		case strings.HasPrefix(line, "%"):
			s.Errorf(Place{i + 1, 1}, "yaml", "leave the line out", "%.40s is a directive of YAML: it has no use here", text)
			s.repaired[i] = ""
		case text != "" && !strings.HasPrefix(text, "#"):
			return
		}
	}
}

func (s *Source) tooLong() bool {
	for i, line := range s.lines {
		if len(line) > maxLine {
			s.Errorf(Place{i + 1, 1}, "size", "break the line", "the line has %d bytes; at most %d are allowed", len(line), maxLine)
			return true
		}
	}
	return false
}

// tooDeep refuses deep nesting before the parser, which recurses, sees it. It
// counts brackets without regard to quotes and indentation generously.
func (s *Source) tooDeep() bool {
	depth := 0
	for i, line := range s.lines {
		for col, r := range line {
			switch r {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			if depth > 8*maxDepth {
				s.Errorf(Place{i + 1, col + 1}, "depth", "", "brackets are nested too deeply")
				return true
			}
		}
	}
	return false
}

// read parses the text as repaired so far.
func (s *Source) read() (*yaml.Node, error) {
	decoder := yaml.NewDecoder(strings.NewReader(strings.Join(s.repaired, "\n")))
	var root yaml.Node
	if err := decoder.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	var next yaml.Node
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		if err == nil {
			s.Errorf(At(&next), "documents", "put each document in a file of its own", "the file holds more than one YAML document")
			return &root, nil
		}
		return nil, err
	}
	return &root, nil
}

const aliasHint = "write the value out; an expression that starts with & or * is written as a block (>-)"

// plain refuses anchors, aliases, merge keys and nesting that no rule needs: a
// rule's text must hold all of the rule, since its digest names it.
func (s *Source) plain(n *yaml.Node, depth int) bool {
	if depth > maxDepth {
		s.Errorf(At(n), "depth", "", "nested deeper than %d levels", maxDepth)
		return false
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" && !s.anchored {
		s.Errorf(At(n), "alias", aliasHint,
			"anchors and aliases are not used here: a rule's text holds all of the rule")
		s.anchored = true
	}
	if n.Kind == yaml.AliasNode {
		return false
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && isMerge(child) {
			s.merges(At(child), "")
			return false
		}
		if !s.plain(child, depth+1) {
			return false
		}
	}
	return true
}
