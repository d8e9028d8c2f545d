package logic

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// Key writes a part of a once_per key in two forms, with lets put in. Where exact is one,
// two parts make one key of every event of which both make one: one that is absent, null or
// empty makes none, so that data.?order.orValue("") is data.order. Where alike is two, they
// make two: string(data.order) is data.order or not, by what is in it.
func (r *Reader) Key(part string) (exact, alike string) {
	parsed := r.parse(part)
	if parsed == nil {
		return strings.TrimSpace(part), strings.TrimSpace(part)
	}
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		switch call := e.AsCall(); call.FunctionName() {
		case operators.OptSelect, operators.OptIndex:
			if name, _ := constant(call.Args()[1]); name.kind == text && isSelectable(name.text) {
				e.SetKindCase(factory.NewSelect(e.ID(), call.Args()[0], name.text))
			}
		}
	}))
	e := parsed.orNothing(parsed.Expr())
	exact = parsed.write(e)
	for of := asOf(e); of != nil; of = asOf(e) {
		e = parsed.orNothing(of)
	}
	return exact, parsed.write(e)
}

// asOf is what an expression writes otherwise, as string(data.order) does; nil when it is
// nothing of the kind.
func asOf(e ast.Expr) ast.Expr {
	if e.Kind() != ast.CallKind {
		return nil
	}
	switch call := e.AsCall(); call.FunctionName() {
	case "string", "int", "double", "dyn":
		if len(call.Args()) == 1 {
			return call.Args()[0]
		}
	case "trim", "lowerAscii", "upperAscii":
		if call.IsMemberFunction() {
			return call.Target()
		}
	}
	return nil
}

// bare is an expression without all that writes it otherwise.
func bare(e ast.Expr) ast.Expr {
	for of := asOf(e); of != nil; of = asOf(e) {
		e = of
	}
	return e
}

// orNothing is what an expression takes another value for, if that makes no key:
// x of x.orValue(""), and of has(x) ? x : "".
func (t *tree) orNothing(e ast.Expr) ast.Expr {
	for e.Kind() == ast.CallKind {
		call := e.AsCall()
		args := call.Args()
		switch {
		case call.FunctionName() == "orValue" && call.IsMemberFunction() && len(args) == 1 && noKey(args[0]):
			e = call.Target()
		case call.FunctionName() == operators.Conditional && noKey(args[2]) && t.write(args[0]) == "has("+t.write(bare(args[1]))+")":
			e = args[1]
		default:
			return e
		}
	}
	return e
}

// noKey reports whether an expression is a constant that makes no key.
func noKey(e ast.Expr) bool {
	v, ok := constant(e)
	return ok && (v.kind == null || v.kind == text && v.text == "")
}
