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
