package expression

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// bounded finds out whether a condition that holds for each mix of the bounds of the
// aggregates in it holds for all that lies between.
type bounded struct {
	divisors map[int]bool // aggregates that must be above nothing for that
}

// holdsBetween reports whether a condition is of such a form, and the aggregates that must
// be above nothing at both of their bounds then.
func holdsBetween(e ast.Expr) (holds bool, above []int) {
	b := bounded{map[int]bool{}}
	return b.holds(e, true), slices.Sorted(maps.Keys(b.divisors))
}

// holds is for a condition, or for that it does not hold: comparisons that && joins, and
// those that || joins where no aggregate is asked to be above one value or below another.
func (b bounded) holds(e ast.Expr, asked bool) bool {
	if !callsAggregates(e) {
		return true
	}
	if e.Kind() != ast.CallKind {
		return false
	}
	args := e.AsCall().Args()
	all := func(args []ast.Expr) bool {
		return !slices.ContainsFunc(args, func(arg ast.Expr) bool { return !b.holds(arg, asked) })
	}
	switch name := e.AsCall().FunctionName(); name {
	case operators.LogicalNot:
		return b.holds(args[0], !asked)
	case operators.Conditional: // what decides is one thing at all bounds
		return !callsAggregates(args[0]) && all(args[1:])
	case operators.LogicalAnd, operators.LogicalOr:
		if asked == (name == operators.LogicalAnd) {
			return all(args)
		}
		return oneWay(e, map[int64]bool{})
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return b.compares(args[0], args[1])
	case operators.Equals:
		return asked && b.compares(args[0], args[1])
	}
	return false
}

// compares reports whether the difference of two sides lies between what it is at the
// bounds. Of one side a function may be compared that moves one way with what it is of.
func (b bounded) compares(left, right ast.Expr) bool {
	switch {
	case reckons(left) && reckons(right):
		return true
	case !callsAggregates(right):
		return b.moves(left)
	case !callsAggregates(left):
		return b.moves(right)
	}
	return false
}

// moves reports whether an expression moves one way with each aggregate in it.
func (b bounded) moves(e ast.Expr) bool {
	if e.Kind() != ast.CallKind {
		return false
	}
	args := e.AsCall().Args()
	switch name := e.AsCall().FunctionName(); {
	case name == "int", name == "double":
		return len(args) == 1 && reckons(args[0])
	case name == "pct":
		return reckons(args[0]) && !callsAggregates(args[1])
	case name == operators.Multiply:
		return b.moves(args[0]) && !callsAggregates(args[1]) || b.moves(args[1]) && !callsAggregates(args[0])
	case name == operators.Divide:
		// Above a divisor that is above nothing, a / b >= c is a >= b * c.
		slot, is := slotOf(args[1])
		if is = is && reckons(args[0]); is {
			b.divisors[int(slot)] = true
		}
		return is
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

// oneWay reports whether && and || join comparisons each of which holds the sooner the
// further an aggregate in it is up, or down: the same way in all of them. up is which way,
// by aggregate.
func oneWay(e ast.Expr, up map[int64]bool) bool {
	if !callsAggregates(e) {
		return true
	}
	if e.Kind() != ast.CallKind {
		return false
	}
	args := e.AsCall().Args()
	switch name := e.AsCall().FunctionName(); name {
	case operators.LogicalAnd, operators.LogicalOr:
		return !slices.ContainsFunc(args, func(arg ast.Expr) bool { return !oneWay(arg, up) })
	case operators.Less, operators.LessEquals:
		return goes(args[0], false, up) && goes(args[1], true, up)
	case operators.Greater, operators.GreaterEquals:
		return goes(args[0], true, up) && goes(args[1], false, up)
	}
	return false
}

// goes notes which way aggregates have to move for a sum of them to be above, or below, and
// reports whether that is known of each and the same as before.
func goes(e ast.Expr, above bool, up map[int64]bool) bool {
	if !callsAggregates(e) {
		return true
	}
	if slot, ok := slotOf(e); ok {
		way, known := up[slot]
		up[slot] = above
		return !known || way == above
	}
	if e.Kind() != ast.CallKind {
		return false
	}
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.Add:
		return goes(args[0], above, up) && goes(args[1], above, up)
	case operators.Subtract:
		return goes(args[0], above, up) && goes(args[1], !above, up)
	case operators.Multiply:
		return isPositive(args[1]) && goes(args[0], above, up) || isPositive(args[0]) && goes(args[1], above, up)
	case operators.Divide:
		return isPositive(args[1]) && goes(args[0], above, up)
	}
	return false
}

// isPositive reports whether an expression is a number above nothing, as written.
func isPositive(e ast.Expr) bool {
	if e.Kind() != ast.LiteralKind {
		return false
	}
	n, ok := number(e.AsLiteral())
	return ok && n > 0
}
