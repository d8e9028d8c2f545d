package expression

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/makegood/makegood/remediator/money"
)

// moneyType is the type of amounts in expressions.
var moneyType = cel.ObjectType("money", traits.AdderType, traits.SubtractorType, traits.ComparerType)

// amount is money as a CEL value. It is never made of a text by itself.
type amount struct{ money.Money }

// moneyOperators declares what may be done with two amounts. The standard
// operators dispatch by trait, so the declarations need no functions.
func moneyOperators() cel.EnvOption {
	return func(e *cel.Env) (*cel.Env, error) {
		two := []*cel.Type{moneyType, moneyType}
		var err error
		for operator, overload := range map[string]cel.FunctionOpt{
			operators.Add:           cel.Overload("add_money", two, moneyType),
			operators.Subtract:      cel.Overload("subtract_money", two, moneyType),
			operators.Less:          cel.Overload("less_money", two, cel.BoolType),
			operators.LessEquals:    cel.Overload("less_equals_money", two, cel.BoolType),
			operators.Greater:       cel.Overload("greater_money", two, cel.BoolType),
			operators.GreaterEquals: cel.Overload("greater_equals_money", two, cel.BoolType),
		} {
			if e, err = cel.Function(operator, overload)(e); err != nil {
				return nil, err
			}
		}
		return e, nil
	}
}

// ConvertToNative implements ref.Val.
func (a amount) ConvertToNative(to reflect.Type) (any, error) {
	if to == reflect.TypeFor[money.Money]() {
		return a.Money, nil
	}
	return nil, fmt.Errorf("convert money to %v", to)
}

// ConvertToType implements ref.Val.
func (a amount) ConvertToType(to ref.Type) ref.Val {
	switch to.TypeName() {
	case types.StringType.TypeName():
		return types.String(a.String())
	case types.TypeType.TypeName():
		return moneyType
	}
	return types.NewErr("money is not convertible to %s", to.TypeName())
}

// Equal implements ref.Val. A comparison that cannot be true in any case is an
// error rather than false, because its negation would silently be true.
func (a amount) Equal(other ref.Val) ref.Val {
	return a.compared(other, func(order int) ref.Val { return types.Bool(order == 0) })
}

// Compare implements traits.Comparer.
func (a amount) Compare(other ref.Val) ref.Val {
	return a.compared(other, func(order int) ref.Val { return types.Int(order) })
}

func (a amount) compared(other ref.Val, answer func(int) ref.Val) ref.Val {
	b, ok := other.(amount)
	if !ok {
		return notMoney("compare", other)
	}
	order, err := a.Cmp(b.Money)
	if err != nil {
		return types.WrapErr(err)
	}
	return answer(order)
}

// Add implements traits.Adder.
func (a amount) Add(other ref.Val) ref.Val { return a.combined("add", other, money.Money.Add) }

// Subtract implements traits.Subtractor.
func (a amount) Subtract(other ref.Val) ref.Val {
	return a.combined("subtract", other, money.Money.Sub)
}

func (a amount) combined(verb string, other ref.Val, do func(a, b money.Money) (money.Money, error)) ref.Val {
	b, ok := other.(amount)
	if !ok {
		return notMoney(verb, other)
	}
	return amountOrErr(do(a.Money, b.Money))
}

// Type implements ref.Val.
func (a amount) Type() ref.Type { return moneyType }

// Value implements ref.Val.
func (a amount) Value() any { return a.Money }

func notMoney(verb string, other ref.Val) ref.Val {
	if types.IsUnknownOrError(other) {
		return other
	}
	return types.NewErr("%s money with a %s: write money(…) around it", verb, typeOf(other).String())
}

func amountOrErr(m money.Money, err error) ref.Val {
	if err != nil {
		return types.WrapErr(err)
	}
	return amount{m}
}

// toMoney makes money of a text or an object with amount and currency.
func toMoney(v ref.Val) ref.Val {
	switch v := v.(type) {
	case amount:
		return v
	case types.String:
		return amountOrErr(money.Parse(string(v)))
	case traits.Mapper:
		native, err := Native(v)
		if err != nil {
			return types.WrapErr(err)
		}
		return amountOrErr(money.FromJSON(native))
	}
	if types.IsUnknownOrError(v) {
		return v
	}
	return types.NewErr("money(%s): want a text like \"2.99 USD\" or an object with amount and currency", typeOf(v).String())
}
