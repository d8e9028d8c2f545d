package logic

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Advice says how to write what a condition compares or reckons with though no event has
// the two kinds beside each other; "" when there is no such thing in it.
func (r *Reader) Advice(condition string) string {
	parsed := r.parse(condition)
	if parsed == nil {
		return ""
	}
	advice, beside := "", map[int64]kinds{} // what is compared with a difference
	ast.PreOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind && compares(e.AsCall().FunctionName()) {
			a, b := e.AsCall().Args()[0], e.AsCall().Args()[1]
			beside[a.ID()], beside[b.ID()] = parsed.kinds(b), parsed.kinds(a)
		}
	}))
	ast.PostOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if advice == "" && e.Kind() == ast.CallKind {
			advice = parsed.advice(e.AsCall(), beside[e.ID()])
		}
	}))
	return advice
}

// advice is that for one call. beside are the kinds of what it is compared with.
func (t *tree) advice(call ast.CallExpr, beside kinds) string {
	args := call.Args()
	switch name := call.FunctionName(); {
	case compares(name):
		if t.apart(args[0], args[1]) {
			return t.other(args[0], args[1])
		}
	case name == operators.Add, name == operators.Subtract:
		if joined(t.kinds(args[0]), t.kinds(args[1]), name == operators.Subtract) == 0 {
			return t.summand(args[0], args[1], name == operators.Add || beside == ofTimestamp)
		}
	case name == operators.In:
		if args[1].Kind() == ast.ListKind && t.outside(args[0], args[1]) {
			return t.other(args[0], args[1].AsList().Elements()[0])
		}
	default:
		if t.asksNoText(call) {
			return "write string(" + t.write(call.Target()) + ")"
		}
	}
	return ""
}

// compares reports whether a function is an operator that holds two values of one kind
// against each other.
func compares(function string) bool {
	switch function {
	case operators.Equals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return true
	}
	return false
}

// apart reports whether two expressions are never of one kind.
func (t *tree) apart(a, b ast.Expr) bool { return t.kinds(a)&t.kinds(b) == 0 }

// outside reports whether an expression is of the kind of no element of a list.
func (t *tree) outside(e, list ast.Expr) bool {
	of := kinds(0)
	for _, element := range list.AsList().Elements() {
		of |= t.kinds(element)
	}
	return of != 0 && of&t.kinds(e) == 0
}

// asksNoText reports whether a call asks what is no text for a part of it.
func (t *tree) asksNoText(call ast.CallExpr) bool {
	switch call.FunctionName() {
	case "startsWith", "endsWith", "contains", "matches":
		return call.IsMemberFunction() && t.kinds(call.Target())&ofText == 0
	}
	return false
}

// conversions make what has one kind of a text, of these the most telling first.
var conversions = []struct {
	of   kinds
	name string
}{{ofTimestamp, "timestamp"}, {ofDuration, "duration"}, {ofMoney, "money"}}

// other says how to write the one of two sides which is to be of the kind of the other.
func (t *tree) other(a, b ast.Expr) string {
	for _, c := range conversions {
		switch {
		case t.kinds(a) == c.of:
			return t.likeOther(b, c.name)
		case t.kinds(b) == c.of:
			return t.likeOther(a, c.name)
		}
	}
	for _, sides := range [][2]ast.Expr{{a, b}, {b, a}} {
		if v, ok := constant(sides[0]); ok {
			return v.likened(t.kinds(sides[1]))
		}
	}
	return ""
}

// likened says how to write a constant as one of some kinds.
func (v value) likened(to kinds) string {
	if to&ofText != 0 {
		return "write " + strconv.Quote(v.said())
	}
	if _, err := strconv.ParseFloat(v.text, 64); err == nil && to&ofNumber != 0 {
		return "write " + v.text
	}
	if _, err := money.Parse(v.text); err == nil && to&ofMoney != 0 {
		return "write money(" + strconv.Quote(v.text) + ")"
	}
	return ""
}

// summand says how to write the side of a sum or difference that does not go with the other.
// later is set where a time is to be a duration later or earlier.
func (t *tree) summand(a, b ast.Expr, later bool) string {
	switch left, right := t.kinds(a), t.kinds(b); {
	case left == ofTimestamp && later, left == ofTimestamp && right == ofNumber, left == ofDuration && right != ofTimestamp:
		return t.likeOther(b, "duration")
	case right == ofDuration:
		return t.likeOther(a, "timestamp")
	}
	return t.other(a, b)
}

// likeOther says how to write a side of which the other one is what a conversion makes. An
// aggregate is of numbers or of money, so that what it is taken of becomes one, not the result.
func (t *tree) likeOther(e ast.Expr, to string) string {
	if e.Kind() != ast.CallKind || notAggregated[to] == 0 || !slices.Contains(aggregates, e.AsCall().FunctionName()) || len(e.AsCall().Args()) == 0 {
		if written := t.converted(e, to); written != "" {
			return "write " + written
		}
		return ""
	}
	args := e.AsCall().Args()
	of := t.write(args[0])
	if t.kinds(args[0]) != notAggregated[to] {
		of = t.converted(args[0], to)
	}
	if of == "" {
		return ""
	}
	predicate := ""
	if len(args) > 1 {
		predicate = ", " + t.write(args[1])
	}
	number, also := "int("+of+")", "compare it with seconds: int(timestamp(…)), or a number as 3600"
	if to == "duration" {
		number, also = of+".getSeconds()", "compare it with seconds, as 3600"
	}
	return fmt.Sprintf("an aggregate is of numbers or of money: write %s(%s%s), and %s", e.AsCall().FunctionName(), number, predicate, also)
}

// aggregates are those whose result is of what they are taken of.
var aggregates = []string{"avg", "max", "min", "sum"}

// notAggregated are the kinds that no aggregate is of, by what makes them.
var notAggregated = map[string]kinds{"timestamp": ofTimestamp, "duration": ofDuration}

// converted writes an expression as what a conversion makes of it; "" when it makes nothing
// of it, as of an aggregate, which takes no texts.
func (t *tree) converted(e ast.Expr, to string) string {
	if v, ok := constant(e); ok {
		return fmt.Sprintf("%s(%q)", to, v.as(to))
	}
	if e.Kind() == ast.CallKind && !e.AsCall().IsMemberFunction() {
		switch name := e.AsCall().FunctionName(); {
		case name == operators.Add, name == operators.Subtract:
			return t.convertedSides(e.AsCall(), to)
		case slices.Contains(aggregates, name):
			return ""
		}
	}
	return to + "(" + t.write(e) + ")"
}

// convertedSides writes a sum or a difference that is to be of some kind, with what its sides
// have to be for that.
func (t *tree) convertedSides(call ast.CallExpr, to string) string {
	left, right, sign := to, to, " + "
	subtracted := call.FunctionName() == operators.Subtract
	switch {
	case to == "timestamp":
		right = "duration"
	case to == "duration" && subtracted:
		left, right = "timestamp", "timestamp"
	}
	a, b := t.converted(call.Args()[0], left), t.converted(call.Args()[1], right)
	if to == "money" && (a == "") != (b == "") { // an aggregate may be of money already
		a, b = cmp.Or(a, t.write(call.Args()[0])), cmp.Or(b, t.write(call.Args()[1]))
	}
	if a == "" || b == "" {
		return ""
	}
	if subtracted {
		sign = " - "
	}
	if of := call.Args()[1]; of.Kind() == ast.CallKind && (of.AsCall().FunctionName() == operators.Add || of.AsCall().FunctionName() == operators.Subtract) {
		b = "(" + b + ")"
	}
	return a + sign + b
}

// said is a constant as a text.
func (v value) said() string {
	switch v.kind {
	case number:
		return strconv.FormatFloat(v.number, 'f', -1, 64)
	case boolean:
		return strconv.FormatBool(v.whole == 1)
	}
	return v.text
}

// as is a constant as the text of which a conversion makes a value; where it is none, one
// like it.
func (v value) as(to string) string {
	switch to {
	case "money":
		if _, err := money.Parse(v.text); err != nil {
			return "5.00 USD"
		}
	case "duration":
		if _, err := expression.ParseDuration(v.text); err != nil {
			return "1h"
		}
	default:
		if _, err := time.Parse(time.RFC3339, v.text); err == nil {
			return v.text
		}
		if day, err := time.Parse(time.DateOnly, v.text); err == nil {
			return day.Format(time.RFC3339)
		}
		return "2026-01-01T00:00:00Z"
	}
	return strings.TrimSpace(v.text)
}
