package expression

import (
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// equals answers a == b. CEL takes an error of comparing two elements for "they are equal",
// and that of != for "they differ". Here an error is one: money compared with anything but
// money of its currency, a whole number that nobody can hold. Among elements it is as with
// &&: one pair that differs decides.
func equals(a, b ref.Val) ref.Val {
	switch {
	case types.IsUnknownOrError(a):
		return a
	case types.IsUnknownOrError(b):
		return b
	case a == types.NullValue || b == types.NullValue:
		return types.Bool(a == b)
	}
	if _, ok := b.(amount); ok {
		a, b = b, a
	}
	switch x := a.(type) {
	case *types.Optional:
		y, ok := b.(*types.Optional)
		if !ok || !x.HasValue() || !y.HasValue() {
			return types.Bool(ok && x.HasValue() == y.HasValue())
		}
		return equals(x.GetValue(), y.GetValue())
	case traits.Mapper:
		return equalMaps(x, b)
	case traits.Lister:
		return equalLists(x, b)
	}
	return a.Equal(b)
}

func equalMaps(a traits.Mapper, other ref.Val) ref.Val {
	b, ok := other.(traits.Mapper)
	if !ok || a.Size() != b.Size() {
		return types.False
	}
	answer := equalFields(unsorted(a), b)
	if types.IsError(answer) { // which of several must not be by the order of a map
		answer = equalFields(a, b)
	}
	return answer
}

func equalFields(a, b traits.Mapper) ref.Val {
	var answer ref.Val = types.True
	for it := a.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		value, found := b.Find(key)
		if !found && !types.IsUnknownOrError(value) {
			return types.False
		}
		if answer = both(answer, equals(a.Get(key), value)); answer == types.False {
			return answer
		}
	}
	return answer
}

func equalLists(a traits.Lister, other ref.Val) ref.Val {
	b, ok := other.(traits.Lister)
	if !ok || a.Size() != b.Size() {
		return types.False
	}
	var answer ref.Val = types.True
	for i, j := a.Iterator(), b.Iterator(); i.HasNext() == types.True; {
		if answer = both(answer, equals(i.Next(), j.Next())); answer == types.False {
			return answer
		}
	}
	return answer
}

// both is a && b, of which a is not false.
func both(a, b ref.Val) ref.Val {
	if b == types.False || a == types.True {
		return b
	}
	return a
}

// contains answers x in a list or map: as == of any element would.
func contains(x, in ref.Val) ref.Val {
	if types.IsUnknownOrError(in) {
		return in
	}
	list, ok := in.(traits.Lister)
	if !ok {
		if container, ok := in.(traits.Container); ok {
			return container.Contains(x)
		}
		return types.MaybeNoSuchOverloadErr(in)
	}
	var answer ref.Val = types.False
	for it := list.Iterator(); it.HasNext() == types.True; {
		switch equal := equals(x, it.Next()); {
		case equal == types.True:
			return equal
		case answer == types.False:
			answer = equal
		}
	}
	return answer
}

// compared is ==, != or in with this equality.
type compared struct {
	interpreter.InterpretableCall
	overload string // by which it costs
	answer   func(a, b ref.Val) ref.Val
}

// decorate puts our parts into a program: equality, and objects that are sorted.
func decorate(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if call, ok := i.(interpreter.InterpretableCall); ok {
		switch call.Function() {
		case operators.Equals:
			return compared{call, overloads.Equals, equals}, nil
		case operators.NotEquals:
			return compared{call, overloads.NotEquals, differs}, nil
		case operators.In:
			return compared{call, inList, contains}, nil
		}
	}
	return sortWrittenOut(i)
}

func differs(a, b ref.Val) ref.Val {
	answer := equals(a, b)
	if is, ok := answer.(types.Bool); ok {
		return !is
	}
	return answer
}

// OverloadID implements interpreter.InterpretableCall. Where only the event tells what is
// compared the engine knows none.
func (c compared) OverloadID() string { return c.overload }

// Exec implements interpreter.InterpretableV2.
func (c compared) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	args := c.Args()
	a := args[0].Exec(frame)
	var b, answer ref.Val = types.UnknownType, a
	if !types.IsError(a) {
		b = args[1].Exec(frame)
		answer = c.answer(a, b)
	}
	if costs := frame.CostTracker(); costs != nil {
		costs.EvalBinary(frame, c.ID(), c, a, b, answer)
	}
	return answer
}

// Eval implements interpreter.Interpretable.
func (c compared) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, c.Exec)
}
