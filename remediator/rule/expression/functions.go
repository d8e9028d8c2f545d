package expression

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/makegood/makegood/remediator/money"
)

// functions declares the project's own functions.
func functions() cel.EnvOption {
	return options(
		cel.Function("money",
			cel.Overload("money_string", []*cel.Type{cel.StringType}, moneyType, cel.UnaryBinding(toMoney)),
			cel.Overload("money_map", []*cel.Type{textMap()}, moneyType, cel.UnaryBinding(toMoney)),
			cel.Overload("money_money", []*cel.Type{moneyType}, moneyType, cel.UnaryBinding(toMoney))),
		cel.Function("string",
			cel.Overload("money_to_string", []*cel.Type{moneyType}, cel.StringType,
				cel.UnaryBinding(func(v ref.Val) ref.Val { return v.ConvertToType(types.StringType) }))),
		percentFunction(),
		ofTwo("least", money.Least, math.Min),
		ofTwo("greatest", money.Greatest, math.Max),
		cel.Function("duration",
			cel.Overload("duration_string", []*cel.Type{cel.StringType}, cel.DurationType, cel.UnaryBinding(toDuration)),
			cel.Overload("duration_duration", []*cel.Type{cel.DurationType}, cel.DurationType,
				cel.UnaryBinding(func(v ref.Val) ref.Val { return v }))),
	)
}

func textMap() *cel.Type { return cel.MapType(cel.StringType, cel.DynType) }

func options(all ...cel.EnvOption) cel.EnvOption {
	return func(e *cel.Env) (*cel.Env, error) {
		var err error
		for _, option := range all {
			if e, err = option(e); err != nil {
				return nil, err
			}
		}
		return e, nil
	}
}

func percentFunction() cel.EnvOption {
	percent := cel.BinaryBinding(func(m, p ref.Val) ref.Val {
		whole := toMoney(m)
		of, ok := whole.(amount)
		if !ok {
			return whole
		}
		part, ok := number(p)
		if !ok {
			return types.NewErr("pct(…, %s): the percentage is not a number", typeOf(p).String())
		}
		return amountOrErr(of.Percent(part))
	})
	var all []cel.FunctionOpt
	for of, typ := range map[string]*cel.Type{"string": cel.StringType, "map": textMap(), "money": moneyType} {
		all = append(all,
			cel.Overload("pct_"+of+"_double", []*cel.Type{typ, cel.DoubleType}, moneyType, percent),
			cel.Overload("pct_"+of+"_int", []*cel.Type{typ, cel.IntType}, moneyType, percent))
	}
	return cel.Function("pct", all...)
}

// ofTwo declares a function that picks one of two amounts or of two numbers.
func ofTwo(name string, ofMoney func(a, b money.Money) (money.Money, error), ofNumbers func(a, b float64) float64) cel.EnvOption {
	pick := func(a, b ref.Val) ref.Val {
		if x, ok := a.(amount); ok {
			return x.combined("compare", b, ofMoney)
		}
		if y, ok := b.(amount); ok {
			return y.combined("compare", a, ofMoney)
		}
		x, okX := number(a)
		y, okY := number(b)
		if !okX || !okY {
			return types.NewErr("%s(%s, %s): want two amounts of money, or two numbers", name, typeOf(a).String(), typeOf(b).String())
		}
		return types.Double(ofNumbers(x, y))
	}
	two := func(id string, a, b, result *cel.Type) cel.FunctionOpt {
		return cel.Overload(name+id, []*cel.Type{a, b}, result)
	}
	return cel.Function(name,
		two("_money_money", moneyType, moneyType, moneyType),
		two("_double_double", cel.DoubleType, cel.DoubleType, cel.DoubleType),
		two("_int_int", cel.IntType, cel.IntType, cel.DoubleType),
		two("_int_double", cel.IntType, cel.DoubleType, cel.DoubleType),
		two("_double_int", cel.DoubleType, cel.IntType, cel.DoubleType),
		cel.SingletonBinaryBinding(pick))
}

// mixedArithmetic lets the checker see that an int and a double make a double.
// The rewriting wraps the int before anything is evaluated, so that no mixed
// operation is ever carried out.
func mixedArithmetic() cel.EnvOption {
	var all []cel.EnvOption
	for name, operator := range map[string]string{
		"add": operators.Add, "subtract": operators.Subtract,
		"multiply": operators.Multiply, "divide": operators.Divide,
	} {
		all = append(all, cel.Function(operator,
			cel.Overload(name+"_int64_double", []*cel.Type{cel.IntType, cel.DoubleType}, cel.DoubleType),
			cel.Overload(name+"_double_int64", []*cel.Type{cel.DoubleType, cel.IntType}, cel.DoubleType)))
	}
	return options(all...)
}

// inList is x in a list. It is no name that the engine knows, which would make a set of
// constants, and of a set nothing says that money is compared with a text.
const inList = "in_elements"

// equality declares == != and in for any two types. Which types may be compared
// is checked once the numbers are settled; what the planner makes of == and != is
// ours, see decorate.
func equality() cel.EnvOption {
	a, b, c := cel.TypeParamType("A"), cel.TypeParamType("B"), cel.TypeParamType("C")
	planned := cel.SingletonBinaryBinding(func(x, _ ref.Val) ref.Val { return types.MaybeNoSuchOverloadErr(x) })
	return options(
		cel.Function(operators.Equals, cel.Overload(overloads.Equals, []*cel.Type{a, b}, cel.BoolType), planned),
		cel.Function(operators.NotEquals, cel.Overload(overloads.NotEquals, []*cel.Type{a, b}, cel.BoolType), planned),
		cel.Function(operators.In,
			cel.Overload(inList, []*cel.Type{a, cel.ListType(b)}, cel.BoolType),
			cel.Overload(overloads.InMap, []*cel.Type{a, cel.MapType(b, c)}, cel.BoolType),
			cel.SingletonBinaryBinding(contains)))
}

func number(v ref.Val) (float64, bool) {
	switch v := v.(type) {
	case types.Double:
		return float64(v), true
	case types.Int:
		return float64(v), true
	}
	return 0, false
}

func toDuration(v ref.Val) ref.Val {
	text, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	d, err := ParseDuration(string(text))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Duration{Duration: d}
}

// maxDuration keeps every duration, and sums of a few, far from overflow.
const maxDuration = 36525 * 24 * time.Hour

// ParseDuration reads a duration like 30s, 10m, 6h, 7d or 1h30m: whole numbers
// with the units d, h, m, s and ms. Expressions may write a sign before it.
func ParseDuration(text string) (time.Duration, error) {
	rest, sign := text, time.Duration(1)
	if rest != "" && rest[0] == '-' {
		rest, sign = rest[1:], -1
	}
	if rest == "" {
		return 0, fmt.Errorf("parse duration %q: want a number and a unit, like 30s, 10m, 6h or 7d", text)
	}
	var total time.Duration
	for rest != "" {
		end := 0
		for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		n, err := strconv.ParseInt(rest[:end], 10, 64)
		if err != nil || strings.HasPrefix(rest[end:], ".") {
			return 0, fmt.Errorf("parse duration %q: want whole numbers with a unit, like 30s, 10m, 6h or 7d", text)
		}
		if rest = rest[end:]; rest == "" {
			return 0, fmt.Errorf("parse duration %q: no unit behind the number; the units are d, h, m, s and ms", text)
		}
		unit, length := unitOf(rest)
		if length == 0 {
			return 0, fmt.Errorf("parse duration %q: unknown unit; the units are d, h, m, s and ms", text)
		}
		if n > int64(maxDuration/unit) || total+time.Duration(n)*unit > maxDuration {
			return 0, fmt.Errorf("parse duration %q: longer than a hundred years", text)
		}
		total += time.Duration(n) * unit
		rest = rest[length:]
	}
	return sign * total, nil
}

// WriteDuration writes a duration as rules do, 1h and not 1h0m0s. What is less than a
// millisecond is left out.
func WriteDuration(d time.Duration) string {
	if d < 0 {
		return "-" + WriteDuration(-d)
	}
	var b strings.Builder
	for _, unit := range []string{"d", "h", "m", "s", "ms"} {
		length, _ := unitOf(unit)
		if n := d / length; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit)
			d -= n * length
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

func unitOf(text string) (unit time.Duration, length int) {
	if len(text) >= 2 && text[:2] == "ms" {
		return time.Millisecond, 2
	}
	if text == "" {
		return 0, 0
	}
	switch text[0] {
	case 'd':
		return 24 * time.Hour, 1
	case 'h':
		return time.Hour, 1
	case 'm':
		return time.Minute, 1
	case 's':
		return time.Second, 1
	}
	return 0, 0
}
