package expression

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// equality compiles == and !=.
func (c *compiler) equality(args []ast.Expr, differ bool) truthFunc {
	if a := c.equals(args[0], args[1]); a != nil && differ {
		return not(c.ask(a))
	}
	a, b := c.operand(args[0]), c.operand(args[1])
	if a == nil || b == nil {
		return nil
	}
	c.cost.texts(1)
	f := func(f *Frame) Truth { return equal(a(f), b(f)) }
	if differ {
		return not(f)
	}
	return f
}

// holds says which orders an operator means.
var holds = map[string]func(order int) bool{
	operators.Less:          func(order int) bool { return order < 0 },
	operators.LessEquals:    func(order int) bool { return order <= 0 },
	operators.Greater:       func(order int) bool { return order == 1 },
	operators.GreaterEquals: func(order int) bool { return order == 0 || order == 1 },
}

// ordering compiles < <= > >=. Where both sides reckon with numbers, as most do,
// they are compared as such, and all else is left to the general way.
func (c *compiler) ordering(operator string, args []ast.Expr) truthFunc {
	a, b := c.operand(args[0]), c.operand(args[1])
	if a == nil || b == nil {
		return nil
	}
	c.cost.texts(1)
	does := holds[operator]
	general := func(f *Frame) Truth {
		order, fault := compare(a(f), b(f))
		if fault != False {
			return fault
		}
		return truthOf(does(order))
	}
	x, y := c.numeric(args[0]), c.numeric(args[1])
	if x == nil || y == nil {
		return general
	}
	return func(f *Frame) Truth {
		n, ok := x(f)
		if !ok {
			return general(f)
		}
		m, ok := y(f)
		if !ok {
			return general(f)
		}
		return truthOf(does(sign(n, m)) && n == n && m == m)
	}
}

// numericFunc is an expression of numbers; false where it is none for the event.
type numericFunc func(*Frame) (float64, bool)

// numeric compiles fields, numbers and + - * / of them.
func (c *compiler) numeric(e ast.Expr) numericFunc {
	if value, ok := c.constant(e); ok {
		if value.kind != kindNumber {
			return nil
		}
		return func(*Frame) (float64, bool) { return value.number, true }
	}
	if at, ok := c.fieldRead(e); ok {
		return func(f *Frame) (float64, bool) { return f.view.Number(int(f.slots[at])) }
	}
	if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 || c.whole(e) {
		return nil
	}
	var do func(a, b float64) float64
	switch e.AsCall().FunctionName() {
	case operators.Add:
		do = func(a, b float64) float64 { return a + b }
	case operators.Subtract:
		do = func(a, b float64) float64 { return a - b }
	case operators.Multiply:
		do = func(a, b float64) float64 { return a * b }
	case operators.Divide:
		do = func(a, b float64) float64 { return a / b }
	default:
		return nil
	}
	a, b := c.numeric(e.AsCall().Args()[0]), c.numeric(e.AsCall().Args()[1])
	if a == nil || b == nil {
		return nil
	}
	return func(f *Frame) (float64, bool) {
		x, ok := a(f)
		if !ok {
			return 0, false
		}
		y, ok := b(f)
		return do(x, y), ok
	}
}

// fieldRead returns the read of a field that is selected plainly.
func (c *compiler) fieldRead(e ast.Expr) (at int, ok bool) {
	path, optional, ok := c.path(e)
	if !ok || optional > 0 || len(path) < 2 || e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
		return 0, false
	}
	if time, _ := isTime(path); time {
		return 0, false
	}
	at = findRead(c.reads, path)
	return at, at >= 0
}

// constants evaluates a list that is written out, of values that have one
// equality everywhere.
func (c *compiler) constants(list ast.Expr) ([]operand, bool) {
	if list.Kind() != ast.ListKind || len(list.AsList().OptionalIndices()) > 0 {
		return nil, false
	}
	var all []operand
	for _, element := range list.AsList().Elements() {
		value, ok := c.constant(element)
		if !ok || value.kind > kindText {
			return nil, false
		}
		all = append(all, value)
	}
	return all, true
}

// membership compiles x in a list of constants.
func (c *compiler) membership(args []ast.Expr) truthFunc {
	list, ok := c.constants(args[1])
	value := c.operand(args[0])
	if !ok || value == nil {
		return nil
	}
	c.cost.texts(1 + len(list))
	return func(f *Frame) Truth {
		x := value(f)
		if x.kind.faulty() {
			return x.kind.truth()
		}
		if x.kind == kindMoney {
			return unsure // where the list was written decides whether that is an error
		}
		for i := range list {
			if equal(x, list[i]) == True {
				return True
			}
		}
		return False
	}
}
