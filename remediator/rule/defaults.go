package rule

import (
	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
)

// defaultKeys are what a file may say for all its rules: who answers for them and
// pays, how much, and whether they act. What a rule is about, what it does and why
// is its own.
var defaultKeys = []string{"owner", "account", "limits", "storm", "mode"}

// defaults are what a file says for its rules. A rule's own key replaces that of
// the file; limits are merged limit by limit.
type defaults struct {
	m    *document.Mapping // nil: they cannot be read
	line int               // on which they begin
	text string            // as written: a part of each rule's text
}

// defaults reads and checks the defaults of a file; nil when it has none.
func (l *loader) defaults(source *document.Source, file *document.Mapping) *defaults {
	n := file.Get("defaults")
	if n == nil && !file.Has("defaults") {
		return nil
	}
	d := &defaults{line: file.Key("defaults").Line}
	if n == nil {
		return d
	}
	m := source.Mapping(n, "defaults", defaultKeys...)
	if m == nil {
		return d
	}
	b := &builder{Source: source, engine: l.engine, r: &Rule{}, m: m}
	for _, key := range []string{"owner", "account"} {
		if n := m.Get(key); n != nil {
			source.Scalar(n, key, "write a text")
		}
	}
	b.limits()
	b.storm()
	b.mode()
	d.m = m
	end := source.Lines() + 1
	if rules := file.Key("rules").Line; file.Has("rules") && rules > d.line {
		end = rules
	}
	d.text = ruleText(source, n, end)
	return d
}

// before returns the line before which the list of rules ends.
func (d *defaults) before(list *yaml.Node, end int) int {
	if d != nil && d.line > list.Line {
		return d.line
	}
	return end
}

// digest digests a rule's text together with the defaults of its file.
func (d *defaults) digest(text string) string {
	if d == nil {
		return digestText(text)
	}
	return digestTexts([]string{d.text, text})
}

// inherit gives the rule what its file says for all.
func (b *builder) inherit() {
	if b.defaults == nil {
		return
	}
	if b.defaults.m == nil {
		b.m.Presume(defaultKeys...)
		return
	}
	if n := b.defaults.m.Get("limits"); n != nil && n.Kind == yaml.MappingNode {
		b.limited = b.Mapping(n, "limits", limitKeys...)
	}
	b.m.Inherit(b.defaults.m, defaultKeys...)
}
