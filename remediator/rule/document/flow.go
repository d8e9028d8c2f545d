package document

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// collection is a line whose value is a { } or [ ] that ends on the line.
var collection = regexp.MustCompile(`^(\s*(?:- +)*(?:[A-Za-z_][A-Za-z0-9_.-]*:[ \t]+)?)(\{.*\}|\[.*\])[ \t]*(?:#.*)?\r?$`)

// quoteFlow quotes the values inside of { } or [ ] that hold signs which mean
// something there, and puts commas where a part plainly begins without one. It reads
// such a value as a person does: up to the comma or bracket that is outside of all
// brackets opened in it.
func quoteFlow(line string) (repairedLine, bool) {
	found := collection.FindStringSubmatchIndex(line)
	if found == nil {
		return repairedLine{}, false
	}
	f := flow{line: line, at: found[4], end: found[5]}
	if !f.collection() || f.at != f.end || len(f.edits) == 0 || readsWell(line[found[4]:found[5]]) {
		return repairedLine{}, false
	}
	var b strings.Builder
	at := 0
	for _, e := range f.edits {
		b.WriteString(line[at:e.from])
		b.WriteString(e.text)
		at = e.to
	}
	b.WriteString(line[at:])
	text := b.String()
	if !isFlow(text[found[4] : len(text)-len(line[found[5]:])]) {
		return repairedLine{}, false
	}
	first := f.edits[0]
	return repairedLine{
		text: text, shown: strings.TrimSpace(text),
		why:  first.why,
		col:  len([]rune(line[:first.at])) + 1,
		code: "yaml",
	}, true
}

// isFlow reports whether YAML reads a text by itself, but for an alias of what stands
// elsewhere.
func isFlow(text string) bool {
	var root yaml.Node
	err := yaml.Unmarshal([]byte(text), &root)
	return err == nil || strings.Contains(err.Error(), "unknown anchor")
}

// isCollection reports whether the value of a line is one { } or [ ]. In [1, 2][0] something
// stands behind it, which YAML does not know.
func isCollection(line string) bool {
	found := collection.FindStringSubmatchIndex(line)
	if found == nil {
		return false
	}
	f := flow{line: line, at: found[4], end: found[5]}
	return !f.collection() || f.at == f.end
}

// simple is what stands in { } and [ ] without quotes.
var simple = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// InFlow writes a text as a value within { } or [ ].
func InFlow(text string) string {
	if simple.MatchString(text) {
		return text
	}
	return quoted(text)
}

func quoted(value string) string {
	if !strings.ContainsAny(value, `"\`) {
		return `"` + value + `"`
	}
	return "'" + doubleQuotes(value) + "'"
}

// doubleQuotes writes a text as it stands in single quotes.
func doubleQuotes(text string) string { return strings.ReplaceAll(text, "'", "''") }

// flow reads a collection of one line.
type flow struct {
	line    string
	at, end int
	edits   []edit // of plain values that YAML would tear apart, and for commas
	merges  bool   // the key is <<, whose alias is no torn expression
}

// edit is what is put in place of a part of the line.
type edit struct {
	from, to int
	text     string
	at       int // where what is wrong begins
	why      string
}

// quote quotes a part of the line.
func (f *flow) quote(from, to int) {
	part := f.line[from:to]
	f.edits = append(f.edits, edit{from, to, quoted(part), from, "inside { } or [ ] a value with signs like these is quoted: " + quoteName(part)})
}

// comma puts a comma behind the part that ends at a place, or takes it there out of the
// part's quotes.
func (f *flow) comma(end int) {
	e := edit{end, end, ",", f.at, "a comma is missing before this part of the { } or [ ]"}
	if before := f.line[:end]; strings.HasSuffix(before, `,"`) || strings.HasSuffix(before, ",'") {
		e.from, e.text = end-2, before[end-1:]+","
	}
	f.edits = append(f.edits, e)
}

func (f *flow) blanks() {
	for f.at < f.end && (f.line[f.at] == ' ' || f.line[f.at] == '\t') {
		f.at++
	}
}

// collection reads { } or [ ] and stops behind it.
func (f *flow) collection() bool {
	closing := byte('}')
	if f.line[f.at] == '[' {
		closing = ']'
	}
	f.at++
	keyed := closing == ']' // what comes is no key
	closed := -1            // where the part before, in quotes or brackets, ended
	for f.at < f.end {
		f.blanks()
		if closed >= 0 && closed < f.at && f.begins(closing) {
			f.comma(closed)
			keyed = closing == ']'
		}
		closed = -1
		switch {
		case f.at >= f.end:
			return false
		case f.line[f.at] == closing:
			f.at++
			return true
		case f.line[f.at] == ',':
			f.at++
			keyed = closing == ']'
		case !keyed && f.key():
			keyed = true
		case strings.IndexByte("{[\"'", f.line[f.at]) >= 0:
			if !f.value(closing) {
				return false
			}
			closed = f.at
		case !f.value(closing):
			return false
		}
	}
	return false
}

// begins reports whether a part of a collection plainly begins here: a key in { }, what is
// no sign in [ ]. An operator goes on with the part before.
func (f *flow) begins(closing byte) bool {
	if f.at >= f.end {
		return false
	}
	if closing == '}' {
		return simpleKey.MatchString(f.line[f.at:f.end])
	}
	rest := f.line[f.at:f.end]
	return strings.IndexByte("{\"'", rest[0]) >= 0 || simpleStart.MatchString(rest) && !inOperator.MatchString(rest)
}

var (
	simpleKey   = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_.-]*:[ \t]+|(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')[ \t]*:[ \t]*)`)
	simpleStart = regexp.MustCompile(`^[A-Za-z0-9_]`)
	inOperator  = regexp.MustCompile(`^in[ \t]+[^ \t,\]]`)
)

// flowKey is a key as YAML reads it: a plain text up to a colon with a space behind it, or
// a text in quotes, whose colon needs no space.
var flowKey = regexp.MustCompile(`^(?:(?:[^\s,:?#&*!|>%@\[\]{}"'` + "`" + `-]|[-?:][^\s,\[\]{}])[^,\[\]{}]*?:[ \t]+|` +
	`(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')[ \t]*:[ \t]*)`)

// indexedKey is a key with an index, as data.list[0], which YAML does not read in { }.
var indexedKey = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_.]*(?:\[[^\[\]{},]*\][A-Za-z0-9_.]*)+):[ \t]+`)

// key reads a key and its colon.
func (f *flow) key() bool {
	rest := f.line[f.at:f.end]
	if found := indexedKey.FindStringSubmatchIndex(rest); found != nil {
		f.quote(f.at, f.at+found[3])
		f.at += found[1]
		return true
	}
	key := flowKey.FindString(rest)
	f.at += len(key)
	f.merges = strings.HasPrefix(key, mergeKey+":")
	return key != ""
}

func (f *flow) value(closing byte) bool {
	switch f.line[f.at] {
	case '{', '[':
		return f.collection()
	case '"', '\'':
		end := closeQuote(f.line, f.at)
		f.at = end + 1
		return end < f.end
	}
	from, depth := f.at, 0
	for ; f.at < f.end; f.at++ {
		switch c := f.line[f.at]; {
		case c == '"' || c == '\'':
			f.at = closeQuote(f.line, f.at)
		case depth == 0 && (c == ',' || c == closing):
			return f.plain(from)
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
		}
	}
	return false
}

func (f *flow) plain(from int) bool {
	value := strings.TrimRight(f.line[from:f.at], " \t")
	if f.merges {
		return true
	}
	if strings.ContainsAny(value, ",[]{}") || strings.Contains(value, ": ") || strings.Contains(value, " #") ||
		value != "" && strings.IndexByte("!&*|>%@`", value[0]) >= 0 {
		f.quote(from, from+len(value))
	}
	return true
}

// closeQuote returns where the quoted text that begins at i ends.
func closeQuote(line string, i int) int {
	quote := line[i]
	for i++; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quote == '"':
			i++
		case line[i] == quote && quote == '\'' && i+1 < len(line) && line[i+1] == quote:
			i++
		case line[i] == quote:
			return i
		}
	}
	return i
}

// QuoteEnd returns where the quoted text that a line begins with ends, -1 when
// it does not end on the line.
func QuoteEnd(line string) int {
	if end := closeQuote(line, 0); end < len(line) {
		return end
	}
	return -1
}

// IsPlain reports whether a text may stand in a block of YAML without quotes.
func IsPlain(text string) bool {
	if strings.TrimSpace(text) != text || strings.ContainsAny(text, "\n\t") {
		return false
	}
	switch strings.ToLower(text) {
	case "", "~", "null":
		return false
	}
	if strings.IndexByte("!&*[{\"'|>%@`#,?:-]}", text[0]) >= 0 {
		return false
	}
	return !strings.Contains(text, ": ") && !strings.Contains(text, " #") && !strings.HasSuffix(text, ":")
}
