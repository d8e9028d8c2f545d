package expression

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/makegood/makegood/remediator/money"
)

// What closures evaluate. A condition that is a question to one field, see
// Access, is a closure that looks at the field's place alone; others are closures
// over closures. Everything else is evaluated by CEL, over the same places of the
// event: the whole program, or, where it is a part of && || or ?: that another
// part decides, only when it has to be.
//
//	values      null, booleans, numbers, texts; money(…) duration(…) timestamp(…) of texts and fields
//	fields      data.a.b, data["a"], data.?a.?b, event.NAME, has(), the lets, the aggregates
//	logic       && || ! ?:
//	comparison  == != < <= > >= of any two of these; x in [constants]
//	numbers     + - * / and the sign; + and - also of texts, money, times, durations; double() size() of a text
//	texts       startsWith endsWith contains matches(constant) lowerAscii upperAscii
//	optional    orValue hasValue of a field; a field alone
//	money       pct least greatest
//	addresses   cidr(constant).containsIP(x)
//
// Left to CEL are: the macros all exists exists_one map filter and everything
// else that looks into lists and objects, lists and objects that are written
// out, whole-number arithmetic and %, conversions other than these, the math
// functions, the other functions of texts, times and addresses, patterns that
// are not constant, and texts so long that CEL's limit on the cost of an
// evaluation is in reach.

// compiler makes closures of one checked expression. Its methods return nil for
// what is left to CEL.
type compiler struct {
	checked *ast.AST
	reads   []read
	scope   *Scope
	cost    cost
}

// compileClosures fills in the program's closures and its access predicate.
func (p *Program) compileClosures(checked *ast.AST, scope *Scope) {
	c := &compiler{checked: checked, reads: p.reads, scope: scope}
	root := checked.Expr()
	switch p.Type {
	case Bool:
		p.truth = c.truth(root)
		p.operand = asOperand(p.truth)
	case Optional:
		p.operand = c.present(root)
	default:
		p.operand = c.operand(root)
		p.truth = asTruth(p.operand)
	}
	if p.maxText = c.cost.maxText(); p.maxText == 0 {
		p.truth, p.operand = nil, nil
	}
	p.access = c.access(root)
}

// truth compiles what is wanted as true or false.
func (c *compiler) truth(e ast.Expr) truthFunc {
	switch e.Kind() {
	case ast.SelectKind:
		if e.AsSelect().IsTestOnly() {
			return c.has(e)
		}
	case ast.CallKind:
		// Of elements a question says less than the expression does.
		if a := c.access(e); a != nil && a.Kind != AccessElement {
			return c.ask(a)
		}
		if f, ours := c.logic(e.AsCall()); ours {
			return f
		}
	}
	return asTruth(c.operand(e))
}

func asTruth(of operandFunc) truthFunc {
	if of == nil {
		return nil
	}
	return func(f *Frame) Truth { return of(f).truth() }
}

// logic compiles the operators and functions whose result is a boolean; ours is
// false for the others.
func (c *compiler) logic(call ast.CallExpr) (f truthFunc, ours bool) {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd:
		return c.joined(name, args, and), true
	case operators.LogicalOr:
		return c.joined(name, args, or), true
	case operators.LogicalNot:
		of := c.truth(args[0])
		if of == nil {
			return nil, true
		}
		return not(of), true
	case operators.Equals, operators.NotEquals:
		return c.equality(args, name == operators.NotEquals), true
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return c.ordering(name, args), true
	case operators.In:
		return c.membership(args), true
	case "startsWith", "endsWith", "contains", "matches", "containsIP":
		return c.textTest(call), true
	case "hasValue":
		return c.hasValue(call), true
	}
	return nil, false
}

// joined compiles the parts of && or ||, those of the same operator below it
// included. Parts that are left to CEL come last: they need no answer when
// another part decides.
func (c *compiler) joined(operator string, args []ast.Expr, join func([]truthFunc) truthFunc) truthFunc {
	var parts []truthFunc
	left := 0
	for _, arg := range flattened(operator, args) {
		if part := c.truth(arg); part != nil {
			parts = append(parts, part)
		} else {
			left++
		}
	}
	if len(parts) == 0 {
		return nil
	}
	if left > 0 {
		parts = append(parts, isUnsure)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return join(parts)
}

func flattened(operator string, args []ast.Expr) []ast.Expr {
	var all []ast.Expr
	for _, arg := range args {
		if arg.Kind() == ast.CallKind && arg.AsCall().FunctionName() == operator {
			all = append(all, flattened(operator, arg.AsCall().Args())...)
			continue
		}
		all = append(all, arg)
	}
	return all
}

// operand compiles what is wanted as a value.
func (c *compiler) operand(e ast.Expr) operandFunc {
	c.cost.step()
	if value, ok := c.constant(e); ok {
		return func(*Frame) operand { return value }
	}
	if f, ours := c.place(e); ours {
		return f
	}
	if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
		return asOperand(c.has(e))
	}
	if e.Kind() != ast.CallKind {
		return nil
	}
	call := e.AsCall()
	if f, ours := c.logic(call); ours {
		return asOperand(f)
	}
	if f, ours := c.arithmetic(call); ours {
		return f
	}
	switch call.FunctionName() {
	case operators.Conditional:
		return c.conditional(call.Args())
	case operators.Index:
		return c.aggregate(call.Args())
	case "orValue":
		return c.orValue(call)
	}
	return c.function(call)
}

func asOperand(of truthFunc) operandFunc {
	if of == nil {
		return nil
	}
	return func(f *Frame) operand {
		switch t := of(f); t {
		case False, True:
			return boolOperand(t == True)
		default:
			return t.fault()
		}
	}
}

// constant evaluates what no event changes.
func (c *compiler) constant(e ast.Expr) (operand, bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		return literal(e.AsLiteral())
	case ast.CallKind:
		call := e.AsCall()
		if len(call.Args()) != 1 || call.IsMemberFunction() {
			return operand{}, false
		}
		value, ok := c.constant(call.Args()[0])
		if !ok {
			return operand{}, false
		}
		switch call.FunctionName() {
		case operators.Negate:
			if c.whole(call.Args()[0]) && value.number == 0 {
				return value, true // a whole number has one zero
			}
			return negated(value), value.kind == kindNumber || value.kind == kindDuration
		case "money", "duration", "timestamp", "double":
			value = conversions[call.FunctionName()](value)
			return value, !value.kind.faulty()
		}
	}
	return operand{}, false
}

func literal(v ref.Val) (operand, bool) {
	switch v := v.(type) {
	case types.Null:
		return operand{}, true
	case types.Bool:
		return boolOperand(bool(v)), true
	case types.Double:
		return numberOperand(float64(v)), true
	case types.Int:
		return numberOperand(float64(v)), true
	case types.String:
		return operand{kind: kindText, text: []byte(v)}, true
	}
	return operand{}, false
}

// conditional compiles a ?:. A branch that is left to CEL matters only when it
// is taken.
func (c *compiler) conditional(args []ast.Expr) operandFunc {
	condition, then, otherwise := c.truth(args[0]), c.operand(args[1]), c.operand(args[2])
	if condition == nil || then == nil && otherwise == nil {
		return nil
	}
	left := func(*Frame) operand { return unsaid }
	if then == nil {
		then = left
	}
	if otherwise == nil {
		otherwise = left
	}
	return chosen(condition, then, otherwise)
}

func chosen(condition truthFunc, then, otherwise operandFunc) operandFunc {
	return func(f *Frame) operand {
		switch t := condition(f); t {
		case True:
			return then(f)
		case False:
			return otherwise(f)
		default:
			return t.fault()
		}
	}
}

// aggregate compiles the slot that stands for a call of an aggregate.
func (c *compiler) aggregate(args []ast.Expr) operandFunc {
	if args[0].Kind() != ast.IdentKind || !IsAggregates(args[0].AsIdent()) || args[1].Kind() != ast.LiteralKind {
		return nil
	}
	i, ok := args[1].AsLiteral().(types.Int)
	if !ok {
		return nil
	}
	return func(f *Frame) operand {
		if int(i) >= len(f.aggregates) {
			return unsaid
		}
		switch v := f.aggregates[i].(type) {
		case float64:
			return numberOperand(v)
		case money.Money:
			return moneyOperand(v, nil)
		}
		return unsaid // an error, whose text decides what it is
	}
}

// arithmetic compiles + - * / and the sign.
func (c *compiler) arithmetic(call ast.CallExpr) (f operandFunc, ours bool) {
	var do func(a, b operand) operand
	args := call.Args()
	switch call.FunctionName() {
	case operators.Add:
		do = plus
	case operators.Subtract:
		do = minus
	case operators.Multiply:
		do = times
	case operators.Divide:
		do = divided
	case operators.Negate:
		of := c.operand(args[0])
		if of == nil || c.whole(args[0]) {
			return nil, true
		}
		return func(f *Frame) operand { return negated(of(f)) }, true
	default:
		return nil, false
	}
	a, b := c.operand(args[0]), c.operand(args[1])
	if a == nil || b == nil || c.whole(args[0]) || c.whole(args[1]) {
		return nil, true // whole numbers overflow where doubles do not
	}
	c.cost.texts(1)
	return func(f *Frame) operand {
		sum := do(a(f), b(f))
		if len(sum.text) > f.maxText {
			return unsaid
		}
		return sum
	}, true
}

// whole reports whether the static type is a whole number.
func (c *compiler) whole(e ast.Expr) bool { return isWhole(c.checked.GetType(e.ID())) }
