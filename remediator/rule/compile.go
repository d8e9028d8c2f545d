package rule

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// compile compiles an expression of the file. within is where it begins in the
// node's value, in bytes; calls is nil where aggregates are not allowed.
func (b *builder) compile(n *yaml.Node, text string, within int, calls *expression.Calls) *Expr {
	if b.scope == nil {
		return nil
	}
	start := utf8.RuneCountInString(n.Value[:within])
	if at, hides := b.hides(n, text, start); hides {
		b.Errorf(at, "expression", "write | instead of >- and of quotes, which keeps the lines apart, or take the comment out",
			"the comment behind // hides what stands below it, since YAML makes one line of them")
		return nil
	}
	program, issues := b.scope.Compile(text, calls)
	for _, issue := range issues {
		if b.letsUnread && issue.Unknown != "" && !issue.Called {
			continue
		}
		hint := issue.Hint
		if issue.Unknown != "" {
			hint = b.unknownHint(issue.Unknown, issue.Called)
			if field := hyphened(text, issue.Offset, issue.Unknown); field != "" {
				hint = "a field with a hyphen in its name is written data.`" + field + "`"
			}
		}
		if lost := b.lostComment(n); issue.Syntax && lost != "" {
			hint = lost
		}
		b.Errorf(b.Within(n, start+issue.Offset), "expression", hint, "%s", issue.Message)
	}
	if program == nil {
		return nil
	}
	b.attributes(n, start, program)
	return &Expr{Text: strings.TrimSpace(text), program: program}
}

// hides reports whether a comment of an expression goes on over the end of its line in
// the file, because YAML folded that line with those below it, and where it begins. start
// is where the expression begins in the node's value, in characters.
func (b *builder) hides(n *yaml.Node, text string, start int) (at document.Place, hides bool) {
	if n.Style == yaml.LiteralStyle {
		return at, false
	}
	for {
		comment, begin := expression.Comment(text)
		if comment == "" {
			return at, false
		}
		start += utf8.RuneCountInString(text[:begin])
		last := utf8.RuneCountInString(strings.TrimSpace(comment)) - 1
		if at = b.Within(n, start); b.Within(n, start+last).Line != at.Line {
			return at, true
		}
		start += utf8.RuneCountInString(comment)
		text = text[begin+len(comment):]
	}
}

// hyphened returns the name of a field that - makes two of: data.late-min; else "".
func hyphened(text string, offset int, name string) string {
	before := string([]rune(text)[:offset])
	if found := fieldBefore.FindStringSubmatch(before); found != nil {
		return found[1] + "-" + name
	}
	return ""
}

var fieldBefore = regexp.MustCompile(`\bdata\.([A-Za-z_]\w*)-$`)

// familiar are names of other languages, and what stands for them here.
var familiar = map[string]string{
	"any": "list.exists(x, condition)", "some": "list.exists(x, condition)", "exists": "list.exists(x, condition)",
	"every": "list.all(x, condition)", "all": "list.all(x, condition)", "map": "list.map(x, value)", "filter": "list.filter(x, condition)",
	"len": "size(x)", "length": "size(x)", "lower": "text.lowerAscii()", "toLowerCase": "text.lowerAscii()", "upper": "text.upperAscii()",
	"now": "event.time, since a rule has no clock", "includes": "value in list", "round": "math.round(x)", "floor": "math.floor(x)", "abs": "math.abs(x)",
	"None": "null", "NULL": "null", "nil": "null", "undefined": "null", "True": "true", "False": "false",
}

// unknownHint says what a name that nothing declares probably means.
func (b *builder) unknownHint(name string, called bool) string {
	if meant := familiar[name]; meant != "" {
		return "write " + meant
	}
	if near := document.Nearest(name, b.scope.Names()); near != "" {
		return "did you mean " + near + "?"
	}
	if called {
		return "functions: " + strings.Join(b.scope.Functions(), " ")
	}
	return "a field of the event's data is written data." + name + ", a text \"" + name + "\""
}

// lostComment recognises an expression that YAML cut off at " #".
func (b *builder) lostComment(n *yaml.Node) string {
	if n.Style != 0 || n.LineComment == "" {
		return ""
	}
	return "YAML takes everything behind \" #\" for a comment; write it like this:\n>-\n  " + n.Value + " " + n.LineComment
}

// expr reads a node that is one expression.
func (b *builder) expr(n *yaml.Node, what string, calls *expression.Calls) *Expr {
	const hint = "write one expression, for example data.order"
	text, ok := b.Scalar(n, what, hint)
	if !ok {
		return nil
	}
	if inner, ok := strings.CutPrefix(strings.TrimSpace(text), "${{"); ok && strings.HasSuffix(inner, "}}") {
		b.Errorf(document.At(n), "template", "write "+strings.TrimSpace(strings.TrimSuffix(inner, "}}")),
			"%s is an expression already: ${{ }} belongs in the texts of do", what)
		return nil
	}
	return b.compile(n, text, 0, calls)
}

// condition reads an expression that is true or false.
func (b *builder) condition(n *yaml.Node, what string, calls *expression.Calls) *Expr {
	x := b.expr(n, what, calls)
	if x != nil && x.program.Type != expression.Bool && x.program.Type != expression.Any {
		b.Errorf(document.At(n), "type", "compare it with something, for example … > 0", "%s is a %s, not true or false", what, x.program.Type)
		return nil
	}
	return x
}

// keyExpr reads an expression whose value names something.
func (b *builder) keyExpr(n *yaml.Node, what string) *Expr {
	x := b.expr(n, what, nil)
	if x == nil {
		return nil
	}
	switch t := x.program.Type; t {
	case expression.Bool, expression.List, expression.Map, expression.Null, expression.Other:
		b.Errorf(document.At(n), "type", "use what names one thing, like data.order", "%s is a %s, which names nothing", what, t)
		return nil
	}
	return x
}

// template reads a text of do with ${{ }} in it.
func (b *builder) template(n *yaml.Node, what string) template {
	const hint = `write a text, with what comes from the event in ${{ }}, like "${{ data.order }}"`
	text, ok := b.Scalar(n, what, hint)
	if !ok {
		return nil
	}
	spans, unclosed := splitTemplate(text)
	if unclosed >= 0 {
		b.Errorf(b.Within(n, utf8.RuneCountInString(text[:unclosed])), "template", "close it: "+strings.TrimRight(text[unclosed:], " }")+" }}", "${{ is not closed")
		return nil
	}
	var t template
	for _, s := range spans {
		if !s.isExpr {
			t = append(t, part{literal: s.text})
			continue
		}
		var calls *expression.Calls
		if b.m.Has("window") {
			calls = &b.calls
		}
		if x := b.compile(n, s.text, s.at, calls); x != nil {
			t = append(t, part{expr: x})
		}
	}
	if text, ok := t.constant(); ok {
		b.warnBare(n, text, what)
	}
	return t
}

var bare = regexp.MustCompile(`^\s*(\$?\{{1,2}\s*)?((data|event)\.[A-Za-z0-9_.?]+)\s*\}{0,2}\s*$`)

// warnBare refuses a constant that was surely meant as an expression.
func (b *builder) warnBare(n *yaml.Node, text, what string) {
	if found := bare.FindStringSubmatch(text); found != nil {
		b.Errorf(document.At(n), "template", `write "${{ `+found[2]+` }}"`, "%s is the text %q itself, not the value of %s", what, text, found[2])
	}
}

// lets compiles the lets so that each comes after those that it names.
func (b *builder) lets() {
	names, nodes := b.letNodes()
	any := make([]expression.Variable, len(names))
	for i, name := range names {
		any[i] = expression.Variable{Name: name, Type: expression.Any}
	}
	if !b.rescope(any) {
		return
	}
	exprs := make(map[string]*Expr)
	for i, name := range names {
		if x := b.expr(nodes[i], name, nil); x != nil {
			exprs[name] = x
		}
	}
	var done []expression.Variable
	for range names {
		for i, name := range names {
			if exprs[name] == nil || declared(done, name) || !ready(exprs[name], done, names) {
				continue
			}
			if !b.rescope(done) {
				return
			}
			// Compiled again, now that the types of the lets in it are known.
			if x := b.expr(nodes[i], name, nil); x != nil {
				b.r.Lets = append(b.r.Lets, Let{Name: name, Expr: x})
				done = append(done, expression.Variable{Name: name, Type: x.program.Type})
				continue
			}
			exprs[name] = nil
		}
	}
	b.cycles(names, nodes, exprs, done)
	for _, v := range any {
		if !declared(done, v.Name) {
			done = append(done, v)
		}
	}
	b.rescope(done)
}

func (b *builder) cycles(names []string, nodes []*yaml.Node, exprs map[string]*Expr, done []expression.Variable) {
	for i, name := range names {
		if exprs[name] == nil || declared(done, name) {
			continue
		}
		if known := func(other string) bool { return exprs[other] == nil }; slices.ContainsFunc(exprs[name].program.Lets, known) {
			continue // it names a let that has been reported already
		}
		b.Errorf(document.At(nodes[i]), "cycle", "let one of them stand by itself", "the let %s needs itself, by way of %s",
			name, strings.Join(exprs[name].program.Lets, ", "))
		return
	}
}

func declared(done []expression.Variable, name string) bool {
	return slices.ContainsFunc(done, func(v expression.Variable) bool { return v.Name == name })
}

func ready(x *Expr, done []expression.Variable, names []string) bool {
	return !slices.ContainsFunc(x.program.Lets, func(name string) bool {
		return slices.Contains(names, name) && !declared(done, name)
	})
}

func (b *builder) rescope(lets []expression.Variable) bool {
	scope, err := b.engine.Scope(lets...)
	if err != nil {
		b.Errorf(b.m.Key("let"), "let", "", "%v", err)
		return false
	}
	b.scope = scope
	return true
}

const maxLets = 32

var letForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

func (b *builder) letNodes() (names []string, nodes []*yaml.Node) {
	n := b.m.Get("let")
	if n == nil {
		b.letsUnread = b.m.Has("let")
		return nil, nil
	}
	m := b.Mapping(n, "let")
	if m == nil {
		b.letsUnread = true
		return nil, nil
	}
	taken := []string{"data", "event", "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for",
		"function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}
	for _, name := range m.Names() {
		switch value := m.Get(name); {
		case !letForm.MatchString(name):
			b.Errorf(m.Key(name), "name", "letters, digits and _, like late_by", "%q is not a name that expressions can use", name)
		case slices.Contains(taken, name) || slices.Contains(b.reserved(), name):
			b.Errorf(m.Key(name), "name", "choose another name", "%q has a meaning in expressions already", name)
		case len(names) == maxLets:
			b.Errorf(m.Key(name), "let", "", "more than %d lets", maxLets)
			return names, nodes
		case value != nil:
			names, nodes = append(names, name), append(nodes, value)
		}
	}
	return names, nodes
}

func (b *builder) reserved() []string {
	scope, err := b.engine.Scope()
	if err != nil {
		return nil
	}
	return scope.Names()
}
