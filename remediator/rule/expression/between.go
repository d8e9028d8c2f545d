package expression

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// holdsBetween reports whether a condition that holds for each mix of the bounds of the
// aggregates in it holds for all that lies between. That is so of comparisons that && joins,
// and of those that || joins where no aggregate is asked to be above one value or below
// another.
func holdsBetween(e ast.Expr) bool {
	if !callsAggregates(e) {
		return true
	}
	if e.Kind() != ast.CallKind {
		return false
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.LogicalAnd:
		return !slices.ContainsFunc(args, func(arg ast.Expr) bool { return !holdsBetween(arg) })
	case operators.LogicalOr:
		return oneWay(e, map[int64]bool{})
	case operators.Equals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return reckons(args[0]) && reckons(args[1])
	}
	return false
}

// callsAggregates reports whether aggregates are in an expression.
func callsAggregates(e ast.Expr) bool {
	return len(ast.MatchDescendants(ast.NavigateExpr(nil, e), func(part ast.NavigableExpr) bool {
		return part.Kind() == ast.IdentKind && IsAggregates(part.AsIdent())
	})) > 0
}

// reckons reports whether the aggregates in an expression are only added and subtracted,
// multiplied with what calls none and divided by it, so that it moves one way with each.
func reckons(e ast.Expr) bool {
	if _, ok := slotOf(e); ok || !callsAggregates(e) {
		return true
	}
	if e.Kind() != ast.CallKind {
		return false
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.Add, operators.Subtract:
		return reckons(args[0]) && reckons(args[1])
	case operators.Multiply:
		return reckons(args[0]) && !callsAggregates(args[1]) || reckons(args[1]) && !callsAggregates(args[0])
	case operators.Divide:
		return reckons(args[0]) && !callsAggregates(args[1])
	}
	return false
}

// slotOf returns which aggregate an expression is.
func slotOf(e ast.Expr) (slot int64, ok bool) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Index {
		return 0, false
	}
	list, at := e.AsCall().Args()[0], e.AsCall().Args()[1]
	if list.Kind() != ast.IdentKind || !IsAggregates(list.AsIdent()) || at.Kind() != ast.LiteralKind {
		return 0, false
	}
	n, ok := at.AsLiteral().(types.Int)
	return int64(n), ok
}

// oneWay reports whether && and || join comparisons of single aggregates, each of which is
// asked to be above something everywhere, or below everywhere. up is which way, by aggregate.
func oneWay(e ast.Expr, up map[int64]bool) bool {
	if !callsAggregates(e) {
		return true
	}
	if e.Kind() != ast.CallKind {
		return false
	}
	args := e.AsCall().Args()
	name := e.AsCall().FunctionName()
	switch name {
	case operators.LogicalAnd, operators.LogicalOr:
		return !slices.ContainsFunc(args, func(arg ast.Expr) bool { return !oneWay(arg, up) })
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
	default:
		return false
	}
	slot, ok := slotOf(args[0])
	above, other := name == operators.Greater || name == operators.GreaterEquals, args[1]
	if !ok {
		slot, ok = slotOf(args[1])
		above, other = !above, args[0]
	}
	if !ok || callsAggregates(other) {
		return false
	}
	way, known := up[slot]
	up[slot] = above
	return !known || way == above
}
