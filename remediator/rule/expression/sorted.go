package expression

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// sorted is an object whose fields are gone through in the order of their
// names. CEL goes through a map as Go does, in an order of the moment, so that
// a list made of an object's fields would be another one each time.
type sorted struct{ traits.Mapper }

// Iterator implements traits.Iterable.
func (s sorted) Iterator() traits.Iterator {
	var keys []ref.Val
	for it := s.Mapper.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, func(a, b ref.Val) int {
		if order := cmp.Compare(a.Type().TypeName(), b.Type().TypeName()); order != 0 {
			return order
		}
		if comparer, ok := a.(traits.Comparer); ok {
			if order, ok := comparer.Compare(b).(types.Int); ok {
				return int(order)
			}
		}
		return 0
	})
	return types.NewRefValList(adapter{}, keys).Iterator()
}

// unsorted is an object for who goes through its fields and does not ask in which order.
func unsorted(m traits.Mapper) traits.Mapper {
	if s, ok := m.(sorted); ok {
		return s.Mapper
	}
	return m
}

// IsZeroValue implements traits.Zeroer.
func (s sorted) IsZeroValue() bool { return s.Size() == types.IntZero }

// AggregateSize is what an operation on the whole object costs.
func (s sorted) AggregateSize(sizer types.AggregateSizer) uint32 {
	return s.Mapper.(types.AggregateSizeVisitor).AggregateSize(sizer)
}

// String writes the object as messages show it.
func (s sorted) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for it := s.Iterator(); it.HasNext() == types.True; {
		if b.Len() > 1 {
			b.WriteString(", ")
		}
		key := it.Next()
		var value any = s.Get(key)
		if value == types.NullValue {
			value = "null"
		}
		fmt.Fprintf(&b, "%v: %v", key, value)
	}
	b.WriteByte('}')
	return b.String()
}

// writtenOut is an object that an expression writes out.
type writtenOut struct {
	interpreter.InterpretableConstructor
}

// sortWrittenOut decorates what makes objects. They do not pass the adapter,
// which sorts those of an event.
func sortWrittenOut(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if c, ok := i.(interpreter.InterpretableConstructor); ok && c.Type() == types.MapType {
		return writtenOut{c}, nil
	}
	return i, nil
}

// Exec implements interpreter.InterpretableV2.
func (w writtenOut) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	made := w.InterpretableConstructor.Exec(frame)
	if object, ok := made.(traits.Mapper); ok {
		return sorted{object}
	}
	return made
}

// Eval implements interpreter.Interpretable.
func (w writtenOut) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, w.Exec)
}
