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
	e := orNothing(parsed.Expr())
	exact = parsed.write(e)
	for call := e; call.Kind() == ast.CallKind && call.AsCall().FunctionName() == "string" && len(call.AsCall().Args()) == 1; call = e {
		e = orNothing(call.AsCall().Args()[0])
	}
	return exact, parsed.write(e)
}

// orNothing is what an expression takes another value for, if that makes no key.
func orNothing(e ast.Expr) ast.Expr {
	for e.Kind() == ast.CallKind && e.AsCall().IsMemberFunction() && e.AsCall().FunctionName() == "orValue" && len(e.AsCall().Args()) == 1 {
		other, ok := constant(e.AsCall().Args()[0])
		if !ok || other.kind != null && (other.kind != text || other.text != "") {
			break
		}
		e = e.AsCall().Target()
	}
	return e
}
