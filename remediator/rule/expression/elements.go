package expression

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// elements recognises the questions to the elements of a list: 'a' in data.l,
// data.l.exists(x, x == 'a') and data.l.exists(x, x.b in ['a', 'c']).
func (c *compiler) elements(e ast.Expr) *Access {
	switch e.Kind() {
	case ast.CallKind:
		value, ok := c.constant(e.AsCall().Args()[0])
		if !ok || value.kind != kindText {
			return nil
		}
		return c.question(e.AsCall().Args()[1], Access{Kind: AccessElement, Texts: []string{string(value.text)}})
	case ast.ComprehensionKind:
		predicate := exists(e.AsComprehension())
		if predicate == nil || predicate.Kind() != ast.CallKind {
			return nil
		}
		a := c.element(predicate.AsCall(), e.AsComprehension().IterVar())
		if a == nil {
			return nil
		}
		return c.question(e.AsComprehension().IterRange(), *a)
	}
	return nil
}

// exists returns the predicate of list.exists(x, predicate), nil for other macros.
func exists(loop ast.ComprehensionExpr) ast.Expr {
	start, step, result := loop.AccuInit(), loop.LoopStep(), loop.Result()
	if loop.HasIterVar2() || start.Kind() != ast.LiteralKind || start.AsLiteral() != types.False ||
		result.Kind() != ast.IdentKind || result.AsIdent() != loop.AccuVar() ||
		step.Kind() != ast.CallKind || step.AsCall().FunctionName() != operators.LogicalOr {
		return nil
	}
	before := step.AsCall().Args()[0]
	if before.Kind() != ast.IdentKind || before.AsIdent() != loop.AccuVar() {
		return nil
	}
	return step.AsCall().Args()[1]
}

// element recognises x == 'a' and x in ['a', 'b'], where x is an element or a
// field of it.
func (c *compiler) element(call ast.CallExpr, variable string) *Access {
	args := call.Args()
	a := Access{Kind: AccessElement}
	switch call.FunctionName() {
	case operators.Equals:
		if _, ok := c.constant(args[0]); ok {
			args = []ast.Expr{args[1], args[0]}
		}
		value, ok := c.constant(args[1])
		if !ok || value.kind != kindText {
			return nil
		}
		a.Texts = []string{string(value.text)}
	case operators.In:
		all, ok := c.constants(args[1])
		if !ok || len(all) == 0 {
			return nil
		}
		for _, value := range all {
			if value.kind != kindText {
				return nil
			}
			a.Texts = append(a.Texts, string(value.text))
		}
	default:
		return nil
	}
	for at := args[0]; ; {
		switch {
		case at.Kind() == ast.IdentKind && at.AsIdent() == variable:
			return &a
		case at.Kind() != ast.SelectKind || at.AsSelect().IsTestOnly():
			return nil
		}
		a.Element = append([]string{at.AsSelect().FieldName()}, a.Element...)
		at = at.AsSelect().Operand()
	}
}
