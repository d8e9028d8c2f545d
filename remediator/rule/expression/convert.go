package expression

import (
	"strconv"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/money"
)

// conversions make one value of another.
var conversions = map[string]func(operand) operand{
	"money":     moneyOf,
	"duration":  durationOf,
	"timestamp": timestampOf,
	"double":    doubleOf,
	"dyn":       func(a operand) operand { return a },
	"size":      sizeOf,
}

// function compiles a call of a function that gives a value.
func (c *compiler) function(call ast.CallExpr) operandFunc {
	name, args := call.FunctionName(), call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	values := make([]operandFunc, len(args))
	for i, arg := range args {
		if values[i] = c.operand(arg); values[i] == nil {
			return nil
		}
	}
	if name == "money" || name == "pct" {
		values[0] = c.amount(args[0], values[0])
	}
	c.cost.texts(1)
	switch convert := conversions[name]; {
	case convert != nil && len(values) == 1:
		if c.whole(args[0]) && name != "double" && name != "dyn" {
			return nil
		}
		return func(f *Frame) operand { return convert(values[0](f)) }
	case (name == "lowerAscii" || name == "upperAscii") && len(values) == 1:
		return cased(values[0], name == "lowerAscii")
	case name == "pct" || name == "least" || name == "greatest":
		do := pairs[name]
		return func(f *Frame) operand { return do(values[0](f), values[1](f)) }
	}
	return nil
}

func moneyOf(a operand) operand {
	switch {
	case a.kind.faulty() || a.kind == kindMoney:
		return a
	case a.kind == kindText:
		return moneyOperand(money.Parse(string(a.text)))
	case a.kind == kindNested:
		return unsaid
	}
	return failed
}

// amount lets money(data.paid) read a field that is an object.
func (c *compiler) amount(e ast.Expr, value operandFunc) operandFunc {
	at, ok := c.fieldRead(e)
	if !ok {
		return value
	}
	return func(f *Frame) operand {
		slot := int(f.slots[at])
		if f.view.Kind(slot) != event.Object {
			return value(f)
		}
		object, err := event.DecodeData(f.view.Raw(slot))
		if err != nil {
			return unsaid
		}
		return moneyOperand(money.FromJSON(object))
	}
}

func durationOf(a operand) operand {
	switch {
	case a.kind.faulty() || a.kind == kindDuration:
		return a
	case a.kind != kindText:
		return failed
	}
	d, err := ParseDuration(string(a.text))
	if err != nil {
		return failed
	}
	return operand{kind: kindDuration, whole: int64(d)}
}

func timestampOf(a operand) operand {
	switch {
	case a.kind.faulty() || a.kind == kindTime:
		return a
	case a.kind != kindText:
		return failed
	}
	if usualTime(a.text) {
		var t time.Time
		if t.UnmarshalText(a.text) == nil && t.Unix() > firstYear {
			return timeOperand(t)
		}
	}
	t, ok := types.String(a.text).ConvertToType(types.TimestampType).(types.Timestamp)
	if !ok {
		return failed
	}
	return timeOperand(t.Time)
}

// usualTime recognises the form of times on which the standard library, which
// needs no text of its own to read them, and CEL agree: Z for UTC, a point
// before fractions, and no leap second.
func usualTime(text []byte) bool {
	n := len(text)
	return n >= len("2006-01-02T15:04:05Z") && n <= len("2006-01-02T15:04:05.999999999Z") &&
		text[n-1] == 'Z' && text[10] == 'T' && text[17] < '6' && (text[19] == '.' || text[19] == 'Z')
}

func doubleOf(a operand) operand {
	switch {
	case a.kind.faulty() || a.kind == kindNumber:
		return a
	case a.kind != kindText:
		return failed
	}
	n, err := strconv.ParseFloat(string(a.text), 64)
	if err != nil {
		return failed
	}
	return numberOperand(n)
}

func sizeOf(a operand) operand {
	switch {
	case a.kind.faulty():
		return a
	case a.kind == kindText:
		return numberOperand(float64(utf8.RuneCount(a.text)))
	case a.kind == kindNested:
		return unsaid
	}
	return failed
}

// cased compiles lowerAscii and upperAscii, which change a text only where it
// has letters of the other case.
func cased(value operandFunc, lower bool) operandFunc {
	from, shift := byte('a'), byte('a'-'A')
	if lower {
		from = 'A'
	}
	return func(f *Frame) operand {
		a := value(f)
		switch {
		case a.kind.faulty():
			return a
		case a.kind != kindText:
			return failed
		}
		for i, c := range a.text {
			if c-from < 26 {
				changed := append([]byte(nil), a.text...)
				for ; i < len(changed); i++ {
					if changed[i]-from < 26 {
						changed[i] ^= shift
					}
				}
				return operand{kind: kindText, text: changed}
			}
		}
		return a
	}
}

// pairs are the functions of two amounts, or of two numbers.
var pairs = map[string]func(a, b operand) operand{
	"pct":      percent,
	"least":    func(a, b operand) operand { return picked(a, b, -1) },
	"greatest": func(a, b operand) operand { return picked(a, b, 1) },
}

func percent(a, b operand) operand {
	if no, ok := fault(a, b); ok {
		return no
	}
	switch whole := moneyOf(a); {
	case whole.kind.faulty():
		return whole
	case b.kind == kindNumber:
		return moneyOperand(whole.money().Percent(b.number))
	}
	return failed
}

// picked returns the operand that lies on a side of the other.
func picked(a, b operand, side int) operand {
	if no, ok := fault(a, b); ok {
		return no
	}
	if a.kind != b.kind || a.kind != kindMoney && a.kind != kindNumber {
		return failed
	}
	if a.kind == kindNumber && (a.number != a.number || b.number != b.number || a.number == b.number) {
		return unsaid // what is no number, and the sign of zero
	}
	order, fault := compare(a, b)
	switch {
	case fault != False:
		return failed
	case order*side >= 0:
		return a
	}
	return b
}
