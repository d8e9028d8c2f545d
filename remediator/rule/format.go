package rule

import (
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
)

// Format returns a rule file, or one of tests, as it should be written: spaces for tabs,
// one blank line between rules or tests, no white space at the ends of lines, and expressions
// without quotes: plain, or as a block (>-) where YAML would misread them. Comments,
// indentation, other quotes, order and what the file says stay as they are. A file that cannot be read is refused with a
// *Problems.
func Format(path, text string) (string, error) {
	source := document.NewSource(path, text)
	root := source.Parse()
	guessed := func(p Problem) bool { return p.Code != "tab" && p.Code != "yaml" }
	if source.Broken || slices.ContainsFunc(source.Problems, guessed) || root == nil && len(source.Problems) > 0 {
		return "", &source.Problems
	}
	if root == nil {
		return strings.TrimSpace(text) + "\n", nil
	}
	f := &formatter{source: source, lines: source.Repaired()}
	for i, line := range f.lines {
		f.lines[i] = strings.TrimSuffix(line, "\r")
	}
	f.blocks(root) // before lines are replaced
	f.expressions(root)
	f.layout(root)
	formatted := f.String()
	if changed := changed(source, text, root, formatted); changed != nil {
		source.Problems = append(source.Problems, changed...)
		return "", &source.Problems
	}
	return formatted, nil
}

// changed says where the file says something else once it is formatted, nil when it
// does nowhere. A file that YAML can read must go on to say what it reads there.
func changed(source *document.Source, text string, root *yaml.Node, formatted string) Problems {
	again := document.NewSource(source.Path, formatted)
	after := again.Parse()
	at := root
	if after != nil && len(again.Problems) == 0 {
		at = document.Differs(root, after)
		if written := source.Written(); written != nil && at == nil {
			at = document.Differs(written, after)
		}
	}
	if at == nil {
		return nil
	}
	said := document.NewSource(source.Path, text) // nodes stand where they stand in it
	said.Errorf(document.At(at), "yaml", "mend it by hand, and format the file then", "tidied, the file would say something else here")
	return said.Problems
}

// formatter holds the lines of a file. A line may be replaced by several.
type formatter struct {
	source *document.Source
	lines  []string
	body   map[int]bool // lines, from 0, of block scalars, whose white space counts
	gaps   map[int]bool // blank lines, from 0, within plain and quoted texts, which count
	first  map[int]bool // lines, from 0, on which a rule or a test begins
	keeps  map[int]bool // lines, from 0, that end a block to which a blank line below would belong

	// keepsEnd is set when the file ends within a block whose last line breaks count.
	keepsEnd bool
}

// String joins the lines: at most one blank line in a row, one before each rule or test unless
// it would belong to the text above.
func (f *formatter) String() string {
	var out []string
	blank := func() bool { return len(out) == 0 || out[len(out)-1] == "" }
	for i, line := range f.lines {
		if !f.body[i] {
			line = strings.TrimRight(line, " \t\r")
		}
		if line == "" && !f.body[i] && !f.gaps[i] && blank() {
			continue
		}
		if f.first[i] && !f.keeps[i-1] && !blank() {
			out = append(out, "")
		}
		out = append(out, line)
	}
	text := strings.Join(out, "\n")
	if f.keepsEnd {
		return text
	}
	return strings.TrimRight(text, "\n") + "\n"
}

// expressions rewrites the expressions of rules and tests that are not written plain.
func (f *formatter) expressions(root *yaml.Node) {
	for _, node := range listOf(root, "tests") {
		f.because(node)
		for _, one := range listOf(node, "cases") {
			f.because(one)
		}
	}
	for _, node := range listOf(root, "rules") {
		for _, key := range []string{"if", "having", "once_per"} {
			f.expression(node, key)
		}
		f.entries(node)
		f.unless(document.Value(node, "unless"))
		f.expression(document.Value(node, "once_per"), "key")
		f.expression(document.Value(node, "window"), "by")
		if let := document.Value(node, "let"); let != nil && let.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(let.Content); i += 2 {
				f.expression(let, let.Content[i].Value)
			}
		}
	}
}

// because rewrites the conditions that a test or a case names.
func (f *formatter) because(node *yaml.Node) {
	for _, not := range listOf(node, "not") {
		f.expression(not, "because")
	}
}

func (f *formatter) unless(node *yaml.Node) {
	for _, key := range []string{"if", "by", "until"} {
		f.expression(node, key)
	}
	f.entries(node)
}

// entries rewrites the conditions of the types that event lists.
func (f *formatter) entries(node *yaml.Node) {
	list := document.Value(node, "event")
	if list == nil {
		return
	}
	for _, entry := range document.Items(list) {
		f.expression(entry, "if")
	}
}

// expression rewrites the value of a key: plain where YAML reads it plain, else
// as a block. Values inside of { } and over several lines stay, and those with
// characters that nobody would see without the escapes.
func (f *formatter) expression(parent *yaml.Node, key string) {
	n := document.Value(parent, key)
	if n == nil || n.Kind != yaml.ScalarNode || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 ||
		parent.Style&yaml.FlowStyle != 0 || strings.ContainsFunc(n.Value, unseen) || strings.TrimSpace(n.Value) != n.Value || n.Value == "" {
		return
	}
	line := f.lines[n.Line-1]
	runes := []rune(line)
	head := string(runes[:n.Column-1])
	if !strings.HasSuffix(strings.TrimSpace(head), key+":") {
		return // the key is in quotes, or on another line
	}
	end := document.QuoteEnd(string(runes[n.Column-1:]))
	if _, was, _ := strings.Cut(f.source.Line(n.Line), key+":"); end < 0 && n.Style == yaml.SingleQuotedStyle && !strings.HasPrefix(strings.TrimSpace(was), "'") {
		f.mended(n, head, key)
		return
	}
	if end < 0 {
		return
	}
	comment := strings.TrimSpace(string(runes[n.Column-1:])[end+1:])
	if comment != "" && comment[0] != '#' {
		return
	}
	written := n.Value
	if !document.IsPlain(written) {
		indent := strings.Repeat(" ", indentation(head, key)+2)
		written = ">-"
		if comment != "" {
			written, comment = written+" "+comment, ""
		}
		written += "\n" + indent + n.Value
		f.outdent(n.Line, indentation(head, key))
	}
	if comment != "" {
		written += " " + comment
	}
	f.lines[n.Line-1] = strings.TrimRight(head, " ") + " " + written
}

// mended rewrites a text over several lines that stands in quotes only since it was
// repaired: as a block.
func (f *formatter) mended(n *yaml.Node, head, key string) {
	last := n.Line + f.further(n)
	indent := strings.Repeat(" ", indentation(head, key)+2)
	for i := n.Line - 1; i < last; i++ {
		text := f.lines[i]
		if i == n.Line-1 {
			text = string([]rune(text)[n.Column:])
		}
		text = strings.TrimSpace(text)
		if i == last-1 {
			text = strings.TrimSuffix(text, "'")
		}
		f.lines[i] = indent + strings.ReplaceAll(text, "''", "'")
	}
	f.lines[n.Line-1] = strings.TrimRight(head, " ") + " >-\n" + f.lines[n.Line-1]
	f.outdent(last, indentation(head, key))
}

// unseen reports whether a character is shown as nothing, or as another is.
func unseen(r rune) bool {
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// outdent moves comments from a line on out of the block that is to be written above
// them: indented as deeply, they would belong to it.
func (f *formatter) outdent(line, indent int) {
	for ; line < len(f.lines); line++ {
		text := strings.TrimSpace(f.lines[line])
		if text != "" && text[0] != '#' {
			return
		}
		if before := len(f.lines[line]) - len(strings.TrimLeft(f.lines[line], " ")); text != "" && before > indent {
			f.lines[line] = strings.Repeat(" ", indent) + text
		}
	}
}

// indentation returns where a key begins in its line.
func indentation(head, key string) int {
	return len([]rune(head[:strings.LastIndex(head, key+":")]))
}

// blocks marks the lines of block scalars, and those left blank in other texts.
func (f *formatter) blocks(root *yaml.Node) {
	f.body, f.gaps, f.first, f.keeps = make(map[int]bool), make(map[int]bool), make(map[int]bool), make(map[int]bool)
	var scalars []*yaml.Node
	var above []int // where the key or the dash of each begins in its line
	var walk func(n *yaml.Node, indent int)
	walk = func(n *yaml.Node, indent int) {
		if n.Kind == yaml.ScalarNode {
			scalars, above = append(scalars, n), append(above, indent)
		}
		for _, child := range n.Content {
			walk(child, n.Column-1)
		}
	}
	walk(root, -1)
	for i, n := range scalars {
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
			for line := n.Line; line < n.Line+f.further(n); line++ {
				f.gaps[line] = strings.TrimSpace(f.lines[line]) == ""
			}
			continue
		}
		end := len(f.lines)
		if i+1 < len(scalars) {
			end = scalars[i+1].Line - 1
		}
		header, _, _ := strings.Cut(string([]rune(f.lines[n.Line-1])[n.Column-1:]), "#")
		end = f.blockEnd(n, header, above[i], end)
		keepsBlanks := strings.Contains(header, "+")
		for end > n.Line && !keepsBlanks && strings.TrimSpace(f.lines[end-1]) == "" {
			end--
		}
		f.keeps[end-1] = keepsBlanks
		f.keepsEnd = end == len(f.lines) && !strings.Contains(header, "-")
		for line := n.Line; line < end; line++ {
			f.body[line] = true
		}
	}
}

// blockEnd returns the line, from 0, behind a block and before a line: what is indented
// less than its text, or no more than its key, is a comment below it.
func (f *formatter) blockEnd(n *yaml.Node, header string, above, before int) int {
	indent := -1 // that of the text, which is that of its first line unless the header says it
	if digit := strings.IndexAny(header, "123456789"); digit >= 0 {
		indent = max(above, 0) + int(header[digit]-'0')
	}
	for line := n.Line; line < before; line++ {
		text := strings.TrimLeft(f.lines[line], " ")
		if strings.TrimSpace(text) == "" {
			continue
		}
		begins := len(f.lines[line]) - len(text)
		if indent < 0 {
			indent = max(begins, above+1)
		}
		if begins < indent {
			return line
		}
	}
	return before
}

// further returns on how many more lines than its first a plain or quoted text
// stands.
func (f *formatter) further(n *yaml.Node) int {
	if n.Value == "" {
		return 0
	}
	from := string([]rune(f.lines[n.Line-1])[n.Column-1:])
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		text := from + "\n" + strings.Join(f.lines[n.Line:], "\n")
		return strings.Count(text[:max(document.QuoteEnd(text), 0)], "\n")
	}
	// A plain text is written as it reads, but for the white space.
	rest := len(strings.Join(strings.Fields(n.Value), "")) - len(strings.Join(strings.Fields(from), ""))
	more := 0
	for ; rest > 0 && n.Line+more < len(f.lines); more++ {
		rest -= len(strings.Join(strings.Fields(f.lines[n.Line+more]), ""))
	}
	return more
}

// layout marks where a rule or a test begins, together with the comments right above it.
func (f *formatter) layout(root *yaml.Node) {
	for _, key := range []string{"rules", "tests"} {
		for i, node := range listOf(root, key) {
			first := node.Line - 1
			for first > 0 && strings.HasPrefix(strings.TrimSpace(f.lines[first-1]), "#") && !f.body[first-1] {
				first--
			}
			if i > 0 {
				f.first[first] = true
			}
		}
	}
}

// listOf returns the items of a list that is written one below the other.
func listOf(parent *yaml.Node, key string) []*yaml.Node {
	list := document.Value(parent, key)
	if list == nil || list.Kind != yaml.SequenceNode || list.Style&yaml.FlowStyle != 0 {
		return nil
	}
	return list.Content
}
