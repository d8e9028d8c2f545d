package rule_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule"
)

// TestFormatOfOtherLayouts formats the rules and tests of the library in other layouts:
// other indents, quotes and blocks, lists and objects in a line or over several, white
// space and comments between them. What such a file says is what the library says, so none
// is refused, it stays what it says, no comment is lost, and a second time changes nothing.
func TestFormatOfOtherLayouts(t *testing.T) {
	t.Parallel()
	const rounds = 8
	files := library(t)
	random := rand.New(rand.NewPCG(3, 1))
	laid := 0
	for range rounds {
		for _, file := range files {
			text := otherLayout(random, file)
			if text == "" {
				continue
			}
			laid++
			if wrong := formats(text); wrong != "" {
				t.Fatalf("%s\nit was\n%s", wrong, text)
			}
		}
	}
	if laid < rounds*len(files)/2 {
		t.Errorf("%d of %d have another layout", laid, rounds*len(files))
	}
}

// formats says what is wrong with a text formatted, "" for nothing.
func formats(text string) string {
	got, err := rule.Format("a.yaml", text)
	if err != nil {
		return fmt.Sprintf("it is refused: %v", err)
	}
	_, found := rule.Check([]rule.File{{Path: "a.yaml", Text: text}})
	if _, now := rule.Check([]rule.File{{Path: "a.yaml", Text: got}}); now.Failed() && !found.Failed() {
		return fmt.Sprintf("it has mistakes: %s\n%s", now.Format(), got)
	}
	before, _ := readYAML(text)
	after, err := readYAML(got)
	if err != nil || before != after {
		return fmt.Sprintf("it says something else (%v):\n%s", err, got)
	}
	for _, comment := range marked.FindAllString(text, -1) {
		if strings.Count(got, comment) != strings.Count(text, comment) {
			return fmt.Sprintf("%s is lost:\n%s", comment, got)
		}
	}
	if again, err := rule.Format("a.yaml", got); err != nil || again != got {
		return fmt.Sprintf("a second time: %v\n%s\nwas\n%s", err, again, got)
	}
	return ""
}

// otherLayout writes a file in another layout, in which YAML reads the same; "" where it
// found none.
func otherLayout(random *rand.Rand, file string) string {
	want, _ := readYAML(file)
	text := file
	if random.IntN(4) > 0 {
		text = dumped(random, file)
	}
	same := func(text string) bool {
		got, err := readYAML(text)
		return err == nil && got == want
	}
	if !same(text) {
		return ""
	}
	for number := range random.IntN(8) {
		if edited := respaced(random, text, fmt.Sprintf("# mark%d", number)); same(edited) {
			text = edited
		}
	}
	if random.IntN(8) == 0 {
		if edited := pick(random, "---\n", "--- # mark90\n", "# mark91\n---\n\n", "\n\n") + text + pick(random, "", "...\n", "# mark92", "\n\n  # mark93\n", "   "); same(edited) {
			text = edited
		}
	}
	if ends := strings.ReplaceAll(text, "\n", "\r\n"); random.IntN(8) == 0 && same(ends) {
		return ends
	}
	return text
}

// dumped writes what YAML reads in a file anew; "" where it cannot.
func dumped(random *rand.Rand, file string) string {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(file), &root); err != nil {
		return ""
	}
	restyle(random, &root, 0)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2 + random.IntN(4))
	if random.IntN(2) == 0 {
		enc.CompactSeqIndent()
	}
	if err := enc.Encode(&root); err != nil {
		return ""
	}
	return b.String()
}

// restyle gives some of the nodes another style.
func restyle(random *rand.Rand, n *yaml.Node, depth int) {
	if n.Kind == yaml.ScalarNode && random.IntN(5) == 0 && n.ShortTag() == "!!str" {
		styles := []yaml.Style{0, yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle}
		n.Style = styles[random.IntN(len(styles))]
	}
	if n.Kind != yaml.ScalarNode && random.IntN(4) == 0 && depth > 2 {
		n.Style ^= yaml.FlowStyle
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if random.IntN(12) == 0 {
				child.Style = []yaml.Style{yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle}[random.IntN(2)]
			}
			continue
		}
		restyle(random, child, depth+1)
	}
}

// respaced adds white space, line breaks and comments at one place.
func respaced(random *rand.Rand, text, mark string) string {
	switch random.IntN(3) {
	case 0:
		at := random.IntN(len(text))
		for _, c := range []string{", ", "{", "[", "}", "]", ": "} {
			if i := strings.Index(text[at:], c); i >= 0 && random.IntN(2) == 0 {
				at += i + random.IntN(2)*len(c)
				break
			}
		}
		return text[:at] + pick(random, "\n", "\n\n", " ", " "+mark+"\n", "\n"+mark+"\n", "\n    ", "\n        ", "\n            ", "\n              "+mark+"\n          ") + text[at:]
	case 1:
		lines := strings.Split(text, "\n")
		at := random.IntN(len(lines))
		lines[at] = changedLine(random, lines[at], mark)
		return strings.Join(lines, "\n")
	}
	lines := strings.Split(text, "\n")
	at := random.IntN(len(lines))
	if parts := plain.FindStringSubmatch(lines[at]); parts != nil {
		lines[at] = changedValue(random, parts[1]+parts[2]+":", strings.Repeat(" ", len(parts[1])), parts[3], mark)
	}
	return strings.Join(lines, "\n")
}
