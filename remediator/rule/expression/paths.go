package expression

import (
	"fmt"
	"regexp"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Path is a place in the event or its data that an expression reads, as far as
// the expression's text alone decides it.
type Path struct {
	Root   string // data or event
	Fields []string
	Start  int // of the root in the text, in runes
	Offset int // of its last field in the text, in runes
}

// identifier is a name that stands behind a dot as it is.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// String writes the path as expressions do: data.order, data["order-id"].
func (p Path) String() string {
	text := p.Root
	for _, field := range p.Fields {
		if identifier.MatchString(field) {
			text += "." + field
		} else {
			text += fmt.Sprintf("[%q]", field)
		}
	}
	return text
}

// Within reports whether the path leads to a place, or to one in it.
func (p Path) Within(other Path) bool {
	return p.Root == other.Root && len(p.Fields) >= len(other.Fields) && slices.Equal(p.Fields[:len(other.Fields)], other.Fields)
}

// collect fills in which paths and lets the program reads.
func (u *unit) collect(p *Program) {
	inner, ofMacro := make(map[int64]bool), make(map[int64]bool) // parts of a longer path, and what a macro adds
	var ends []ast.Expr
	ast.PreOrderVisit(u.parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.CallKind:
			function := e.AsCall().FunctionName()
			p.Negates = p.Negates || function == operators.NotEquals || function == operators.LogicalNot && !ofMacro[e.ID()]
		case ast.ComprehensionKind: // that of exists goes on while nothing is found: who wrote it wrote no !
			ast.PreOrderVisit(e.AsComprehension().LoopCondition(), ast.NewExprVisitor(func(e ast.Expr) { ofMacro[e.ID()] = true }))
		}
		operand, _, ok := field(e)
		if ok || e.Kind() == ast.IdentKind {
			if !inner[e.ID()] {
				ends = append(ends, e)
			}
		}
		if ok {
			inner[operand.ID()] = true
		}
	}))
	for _, e := range ends {
		path, ok := u.path(e)
		if !ok {
			continue
		}
		if e.ID() == u.parsed.NativeRep().Expr().ID() {
			p.Field = &path
		}
		if path.Root != "data" && path.Root != "event" {
			if slices.Contains(u.scope.names, path.Root) && !slices.Contains(p.Lets, path.Root) {
				p.Lets = append(p.Lets, path.Root)
			}
			continue
		}
		same := func(other Path) bool { return len(other.Fields) == len(path.Fields) && path.Within(other) }
		if !slices.ContainsFunc(p.Paths, same) {
			p.Paths = append(p.Paths, path)
		}
	}
}

// field takes apart a selection of a field: a.b, a.?b or a["b"].
func field(e ast.Expr) (operand ast.Expr, name string, ok bool) {
	switch e.Kind() {
	case ast.SelectKind:
		return e.AsSelect().Operand(), e.AsSelect().FieldName(), true
	case ast.CallKind:
		call := e.AsCall()
		function := call.FunctionName()
		if function != operators.OptSelect && function != operators.Index && function != operators.OptIndex {
			return nil, "", false
		}
		if call.Args()[1].Kind() != ast.LiteralKind {
			return nil, "", false
		}
		text, isText := call.Args()[1].AsLiteral().(types.String)
		return call.Args()[0], string(text), isText
	}
	return nil, "", false
}

func (u *unit) path(e ast.Expr) (Path, bool) {
	path := Path{Offset: u.offset(e.ID())}
	if e.Kind() == ast.SelectKind {
		path.Offset++ // CEL places a selection at its dot
	}
	for {
		if e.Kind() == ast.IdentKind {
			path.Root, path.Start = e.AsIdent(), u.offset(e.ID())
			slices.Reverse(path.Fields)
			return path, true
		}
		operand, name, ok := field(e)
		if !ok {
			return Path{}, false
		}
		path.Fields = append(path.Fields, name)
		e = operand
	}
}
