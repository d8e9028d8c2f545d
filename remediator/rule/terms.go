package rule

import (
	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/rule/document"
)

// terms reads what a pull asks for besides its level.
func (b *builder) terms(m *document.Mapping, level string) (t cord.Terms) {
	t.AnswerWithin, t.Box, t.Watch = b.optional(m, "answer_within"), b.optional(m, "box"), b.optional(m, "watch")
	if t.AnswerWithin > 0 && level == cord.Red {
		b.Errorf(m.Key("answer_within"), "andon", "write level: yellow, or leave answer_within out", "a red pull stops at once and waits for no answer")
	}
	if n := m.Get("release_when"); n != nil {
		b.releaseWhen(n, &t)
	}
	return t
}

func (b *builder) releaseWhen(n *yaml.Node, t *cord.Terms) {
	m := b.Mapping(n, "release_when", "rule", "quiet")
	if m == nil {
		return
	}
	if n := m.Need("quiet", "say for how long it must not have happened: quiet: 1h"); n != nil {
		t.Quiet = b.duration(n, "quiet")
	}
	if n := m.Get("rule"); n != nil {
		t.QuietRule = b.nameOf(n, "rule")
		b.quiet = append(b.quiet, quietRule{t.QuietRule, b.Path, document.At(n)})
	}
}

// quietRule is a rule that a cord waits for, and where it is named.
type quietRule struct {
	name string
	file string
	at   document.Place
}

// unknown is the problem of a name that no rule has.
func (q quietRule) unknown(names []string) Problem {
	return Problem{File: q.file, Line: q.at.Line, Col: q.at.Col, Severity: document.Error, Code: "unknown",
		Message: "release_when: no rule is called " + q.name, Hint: document.DidYouMean(q.name, names)}
}
