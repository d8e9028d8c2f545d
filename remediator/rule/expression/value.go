package expression

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/makegood/makegood/remediator/money"
)

// Type is the static type of an expression, as far as rules care.
type Type string

// The types. Any stands for a value whose type only the event decides.
const (
	Any       Type = "any"
	Bool      Type = "boolean"
	Number    Type = "number"
	Whole     Type = "whole number"
	Text      Type = "text"
	Money     Type = "money"
	Timestamp Type = "timestamp"
	Duration  Type = "duration"
	List      Type = "list"
	Map       Type = "map"
	Null      Type = "null"
	Optional  Type = "optional"
	Other     Type = "other"
)

func fromCEL(t *types.Type) Type {
	switch t.Kind() {
	case types.DynKind, types.AnyKind:
		return Any
	case types.BoolKind:
		return Bool
	case types.DoubleKind:
		return Number
	case types.IntKind, types.UintKind:
		return Whole
	case types.StringKind:
		return Text
	case types.TimestampKind:
		return Timestamp
	case types.DurationKind:
		return Duration
	case types.ListKind:
		return List
	case types.MapKind:
		return Map
	case types.NullTypeKind:
		return Null
	case types.StructKind:
		if t.TypeName() == moneyType.TypeName() {
			return Money
		}
	case types.OpaqueKind:
		if t.TypeName() == "optional_type" {
			return Optional
		}
	}
	return Other
}

// cel returns the type that a let of this type is declared with. What a let
// holds of lists, maps and optionals is not followed: it is dyn.
func (t Type) cel() *cel.Type {
	switch t {
	case Bool:
		return cel.BoolType
	case Number:
		return cel.DoubleType
	case Whole:
		return cel.IntType
	case Text:
		return cel.StringType
	case Money:
		return moneyType
	case Timestamp:
		return cel.TimestampType
	case Duration:
		return cel.DurationType
	case Optional:
		return cel.OptionalType(cel.DynType)
	}
	return cel.DynType
}

// String returns the type as messages print it.
func (t Type) String() string { return string(t) }

func typeOf(v ref.Val) Type {
	switch v := v.(type) {
	case amount:
		return Money
	case *types.Optional:
		return Optional
	case traits.Mapper:
		return Map
	case traits.Lister:
		return List
	default:
		if t, ok := v.Type().(*types.Type); ok {
			return fromCEL(t)
		}
	}
	return Other
}

// adapter turns values of decoded JSON, and money, into CEL values. Every
// number is a double; a whole number that a double cannot hold is an error,
// because two different ids would otherwise compare equal.
type adapter struct{}

// NativeToValue implements types.Adapter.
func (a adapter) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case map[string]any:
		return sorted{types.NewStringInterfaceMap(a, v)}
	case []any:
		return types.NewDynamicList(a, v)
	case json.Number:
		return types.NewErr("the whole number %s is beyond ±2^53: ids are texts", string(v))
	case money.Money:
		return amount{v}
	case Slots:
		return slotList(v)
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

// holdsWhole reports whether there may be whole numbers in what a value holds.
func holdsWhole(t *types.Type) bool {
	held := t.Parameters()
	if t.Kind() == types.MapKind {
		held = held[1:] // a number finds a key whatever its type
	}
	return slices.ContainsFunc(held, func(of *types.Type) bool { return isWhole(of) || holdsWhole(of) })
}

// doubles is the function that settling puts around lists and objects of whole numbers where
// nobody knows any more what they hold. A user cannot write its name.
const doubles = "@doubles"

// doubled makes doubles of the whole numbers that a value holds.
func doubled(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Int:
		return types.Double(v)
	case types.Uint:
		return types.Double(v)
	case *types.Optional:
		if v.HasValue() {
			return types.OptionalOf(doubled(v.GetValue()))
		}
	case traits.Mapper:
		all := make(map[ref.Val]ref.Val)
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			all[key] = doubled(v.Get(key))
		}
		return sorted{types.NewRefValMap(adapter{}, all)}
	case traits.Lister:
		all := []ref.Val{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			all = append(all, doubled(it.Next()))
		}
		return types.NewRefValList(adapter{}, all)
	}
	return v
}

// Native turns a CEL value into plain Go: nil, bool, float64, string,
// money.Money, time.Time, time.Duration, []any or map[string]any. An empty
// optional is nil, as a null is.
func Native(v ref.Val) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Double:
		return float64(v), nil
	case types.Int:
		return float64(v), nil
	case types.Uint:
		return float64(v), nil
	case types.String:
		return string(v), nil
	case amount:
		return v.Money, nil
	case types.Timestamp:
		return v.UTC(), nil
	case types.Duration:
		return v.Duration, nil
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return Native(v.GetValue())
	case *types.Err:
		return nil, v
	case traits.Mapper:
		return nativeMap(v)
	case traits.Lister:
		return nativeList(v)
	}
	return nil, fmt.Errorf("a %s is not a value that a rule can use", typeOf(v).String())
}

func nativeMap(m traits.Mapper) (any, error) {
	out := make(map[string]any)
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("a map with a %s as key is not a value that a rule can use", typeOf(key).String())
		}
		value, err := Native(m.Get(key))
		if err != nil {
			return nil, err
		}
		out[string(name)] = value
	}
	return out, nil
}

func nativeList(l traits.Lister) (any, error) {
	out := []any{}
	for it := l.Iterator(); it.HasNext() == types.True; {
		value, err := Native(it.Next())
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

// IsAbsent reports whether an evaluation failed because a field is absent.
func IsAbsent(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "no such key")
}

// Failure makes of an error a value that fails whatever uses it.
func Failure(err error) any { return types.WrapErr(err) }
