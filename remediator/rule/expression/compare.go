package expression

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/makegood/makegood/remediator/event"
)

// equality compiles == and !=. The common case, a field and a constant, looks
// at the field's place only.
func (c *compiler) equality(args []ast.Expr, differ bool) truthFunc {
	f := c.fieldEquals(args[0], args[1])
	if f == nil {
		f = c.fieldEquals(args[1], args[0])
	}
	if f == nil {
		a, b := c.operand(args[0]), c.operand(args[1])
		if a == nil || b == nil {
			return nil
		}
		c.cost.texts(1)
		f = func(f *Frame) Truth { return equal(a(f), b(f)) }
	}
	if differ {
		return not(f)
	}
	return f
}

func (c *compiler) fieldEquals(place, constant ast.Expr) truthFunc {
	at, ok := c.fieldRead(place)
	if !ok {
		return nil
	}
	value, ok := c.constant(constant)
	if !ok {
		return nil
	}
	c.cost.step()
	reads := c.reads
	switch value.kind {
	case kindText:
		c.cost.texts(1)
		return equalsText(at, string(value.text), reads)
	case kindNumber:
		number := value.number
		return func(f *Frame) Truth {
			slot := int(f.slots[at])
			if f.view.Kind(slot) == event.Number {
				if n, ok := f.view.Number(slot); ok {
					return truthOf(n == number)
				}
				return OtherError
			}
			return f.unlike(at, reads)
		}
	case kindBool, kindNull:
		want := event.Null
		if value.kind == kindBool {
			want = event.False + event.Kind(value.number)
		}
		return func(f *Frame) Truth {
			if f.view.Kind(int(f.slots[at])) == want {
				return True
			}
			return f.unlike(at, reads)
		}
	}
	return nil
}

func equalsText(at int, text string, reads []read) truthFunc {
	return func(f *Frame) Truth {
		slot := int(f.slots[at])
		if f.view.Kind(slot) == event.Text {
			got := f.view.Text(slot)
			if len(got) > f.maxText {
				return unsure
			}
			return truthOf(string(got) == text)
		}
		return f.unlike(at, reads)
	}
}

// unlike is what == says of a field that has not the type of the constant.
func (f *Frame) unlike(at int, reads []read) Truth {
	slot := int(f.slots[at])
	switch f.view.Kind(slot) {
	case event.Absent:
		fault, _ := f.missing(at, reads)
		return fault.truth()
	case event.Number:
		if _, ok := f.view.Number(slot); !ok {
			return OtherError
		}
	}
	return False
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

// holds says which orders an operator means.
var holds = map[string]func(order int) bool{
	operators.Less:          func(order int) bool { return order < 0 },
	operators.LessEquals:    func(order int) bool { return order <= 0 },
	operators.Greater:       func(order int) bool { return order > 0 },
	operators.GreaterEquals: func(order int) bool { return order >= 0 },
}

// ordering compiles < <= > >=.
func (c *compiler) ordering(operator string, args []ast.Expr) truthFunc {
	a, b := c.operand(args[0]), c.operand(args[1])
	if a == nil || b == nil {
		return nil
	}
	c.cost.texts(1)
	if at, ok := c.fieldRead(args[0]); ok {
		if limit, ok := c.constant(args[1]); ok && limit.kind == kindNumber {
			return numberOrder(operator, at, limit.number, a)
		}
	}
	if at, ok := c.fieldRead(args[1]); ok {
		if limit, ok := c.constant(args[0]); ok && limit.kind == kindNumber {
			return numberOrder(mirrored[operator], at, limit.number, b)
		}
	}
	does := holds[operator]
	return func(f *Frame) Truth {
		order, fault := compare(a(f), b(f))
		if fault != False {
			return fault
		}
		return truthOf(order != unordered && does(order))
	}
}

// numberOrder compares a field with a constant number: the field's place alone
// decides, and only what is no number needs its value.
func numberOrder(operator string, at int, limit float64, value operandFunc) truthFunc {
	other := func(f *Frame) Truth {
		if got := value(f); got.kind.faulty() {
			return got.kind.truth()
		}
		return OtherError
	}
	number := func(f *Frame) (float64, bool) { return f.view.Number(int(f.slots[at])) }
	switch operator {
	case operators.Less:
		return func(f *Frame) Truth {
			if n, ok := number(f); ok {
				return truthOf(n < limit)
			}
			return other(f)
		}
	case operators.LessEquals:
		return func(f *Frame) Truth {
			if n, ok := number(f); ok {
				return truthOf(n <= limit)
			}
			return other(f)
		}
	case operators.Greater:
		return func(f *Frame) Truth {
			if n, ok := number(f); ok {
				return truthOf(n > limit)
			}
			return other(f)
		}
	}
	return func(f *Frame) Truth {
		if n, ok := number(f); ok {
			return truthOf(n >= limit)
		}
		return other(f)
	}
}

// manyConstants is from how many constants on a list is looked up rather than
// gone through.
const manyConstants = 8

// constants is a list that is written out.
type constants struct {
	list    []operand
	texts   map[string]struct{} // nil while they are few
	numbers map[float64]struct{}
}

func (c *compiler) constants(list ast.Expr) (constants, bool) {
	if list.Kind() != ast.ListKind || len(list.AsList().OptionalIndices()) > 0 {
		return constants{}, false
	}
	var all constants
	for _, element := range list.AsList().Elements() {
		value, ok := c.constant(element)
		if !ok || value.kind > kindText {
			return constants{}, false
		}
		all.list = append(all.list, value)
	}
	if len(all.list) > manyConstants {
		all.texts, all.numbers = make(map[string]struct{}), make(map[float64]struct{})
		for _, value := range all.list {
			switch value.kind {
			case kindText:
				all.texts[string(value.text)] = struct{}{}
			case kindNumber:
				all.numbers[value.number] = struct{}{}
			}
		}
	}
	return all, true
}

func (in *constants) has(value operand) bool {
	if in.texts != nil {
		switch value.kind {
		case kindText:
			_, found := in.texts[string(value.text)]
			return found
		case kindNumber:
			_, found := in.numbers[value.number]
			return found
		}
	}
	for i := range in.list {
		if equal(value, in.list[i]) == True {
			return true
		}
	}
	return false
}

// membership compiles x in a list of constants.
func (c *compiler) membership(args []ast.Expr) truthFunc {
	list, ok := c.constants(args[1])
	value := c.operand(args[0])
	if !ok || value == nil {
		return nil
	}
	if len(list.list) == 0 {
		return func(*Frame) Truth { return False } // CEL does not even look at x
	}
	c.cost.texts(1 + len(list.list))
	return func(f *Frame) Truth {
		x := value(f)
		if x.kind.faulty() {
			return x.kind.truth()
		}
		if x.kind == kindMoney {
			return unsure // where the list was written decides whether that is an error
		}
		return truthOf(list.has(x))
	}
}
