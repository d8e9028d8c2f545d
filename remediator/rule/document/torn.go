package document

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Written returns the content as YAML reads the file as written, without any repair; nil
// when YAML cannot. It is known after Parse.
func (s *Source) Written() *yaml.Node {
	if s.asWritten == nil || len(s.asWritten.Content) == 0 {
		return nil
	}
	return s.asWritten.Content[0]
}

// Differs compares what people wrote with what is to be written for them, and returns the
// first node that says something else there, nil when none does. Values that YAML tore
// apart may differ: nobody meant what they say.
func Differs(written, rewritten *yaml.Node) *yaml.Node {
	if isMisread(written) {
		return nil
	}
	if written.Kind != rewritten.Kind || written.Value != rewritten.Value {
		return written
	}
	torn, at := tears(written), 0
	for i, child := range written.Content {
		if torn[i] {
			continue
		}
		differs := child
		for ; at < len(rewritten.Content) && differs != nil; at++ {
			if differs = Differs(child, rewritten.Content[at]); differs != nil && len(torn) == 0 {
				return differs
			}
		}
		if differs != nil {
			return differs
		}
	}
	if at < len(rewritten.Content) && len(torn) == 0 {
		return written
	}
	return nil
}

// misread collects the lines, from 1, on which YAML reads a value as what nobody means.
func misread(n *yaml.Node, lines map[int]bool) {
	if isMisread(n) {
		lines[n.Line] = true
	}
	for i := range tears(n) {
		lines[n.Content[i].Line] = true
	}
	for _, child := range n.Content {
		misread(child, lines)
	}
}

// readsWell reports whether YAML can read a text and misreads nothing in it.
func readsWell(text string) bool {
	var root yaml.Node
	if yaml.Unmarshal([]byte(text), &root) != nil {
		return false
	}
	lines := make(map[int]bool)
	misread(&root, lines)
	return len(lines) == 0
}

// isMisread reports whether a value begins with a ! that YAML took for a tag, as !data.x, or
// is a condition within [ ] that it took for a key and its value, as x ? y : z.
func isMisread(n *yaml.Node) bool {
	if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2 {
		key := n.Content[0]
		return At(key) == At(n) && key.Style == 0 && strings.Contains(key.Value, " ? ")
	}
	return n.Kind == yaml.ScalarNode && n.Style&yaml.TaggedStyle != 0 && !ownTag.MatchString(n.ShortTag())
}

// ownTag is one of YAML itself at the beginning of a value, which may be meant.
var ownTag = regexp.MustCompile(`^!!(?:str|int|float|bool|null|timestamp|binary)(?:\s|$)`)

// tears returns which parts of a { } or [ ] are pieces of one value that YAML tore apart at
// a comma: between them stands what ( began and ) ends, as in f(a, b).
func tears(n *yaml.Node) map[int]bool {
	var torn map[int]bool
	if n.Style&yaml.FlowStyle == 0 {
		return nil
	}
	depth, from := 0, 0
	for i, part := range n.Content {
		if part.Kind != yaml.ScalarNode || part.Style != 0 {
			continue
		}
		before := depth
		if depth = max(depth+parentheses(part.Value), 0); before == 0 {
			from = i
		} else if depth == 0 {
			if torn == nil {
				torn = make(map[int]bool)
			}
			for k := from; k <= i; k++ {
				torn[k] = true
			}
			if n.Kind == yaml.MappingNode && i%2 == 0 {
				torn[i+1] = true // the nothing that the last piece is the key of
			}
		}
	}
	return torn
}

// parentheses returns how many more ( than ) stand outside of the quotes of a text.
func parentheses(value string) int {
	depth := 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quotes(value, i):
			i = closeQuote(value, i)
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
	}
	return depth
}
