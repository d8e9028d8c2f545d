package expression

import (
	"cel.dev/cel-go/cel"
	celcost "cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// compareCosts has comparisons cost what our equality does: a step for each pair of
// elements, at any depth. CEL reckons a tenth of one for each element on top, and nothing
// for those within; and of an overload that it does not know, one step in all.
var compareCosts = cel.CostTrackerOptions(
	celcost.OverloadTracker(overloads.Equals, equalsCost), celcost.OverloadTracker(overloads.NotEquals, equalsCost),
	celcost.OverloadTracker(inList, inCost),
)

func equalsCost(args []ref.Val, _ ref.Val) *uint64 { return new(pairCost(args[0], args[1])) }

func inCost(args []ref.Val, _ ref.Val) *uint64 {
	list, ok := args[1].(traits.Lister)
	if !ok {
		return new(uint64(1)) // a name of an object
	}
	if !isContainer(args[0]) && textCost(args[0]) == 0 {
		return new(1 + uint64(list.Size().(types.Int)))
	}
	steps := uint64(1)
	for it := list.Iterator(); it.HasNext() == types.True; {
		steps += pairCost(args[0], it.Next())
	}
	return &steps
}

func isContainer(v ref.Val) bool {
	switch v.(type) {
	case traits.Lister, traits.Mapper:
		return true
	}
	return false
}

// pairCost is what comparing two values costs.
func pairCost(a, b ref.Val) uint64 {
	switch x := a.(type) {
	case traits.Lister:
		if y, ok := b.(traits.Lister); ok && x.Size() == y.Size() {
			return weight(x)
		}
	case traits.Mapper:
		if y, ok := b.(traits.Mapper); ok && x.Size() == y.Size() {
			return weight(x)
		}
	default:
		return 1 + min(textCost(a), textCost(b))
	}
	return 1
}

// weight is what comparing a value with one that is equal to it costs.
func weight(v ref.Val) uint64 {
	steps := uint64(1)
	switch v := v.(type) {
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True; {
			steps += weight(it.Next())
		}
	case traits.Mapper:
		for it := unsorted(v).Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			steps += 1 + textCost(key) + weight(v.Get(key))
		}
	default:
		steps += textCost(v)
	}
	return steps
}

// textCost is a tenth of the length of a text, as CEL reckons.
func textCost(v ref.Val) uint64 {
	switch v := v.(type) {
	case types.String:
		return uint64(len(v) / 10)
	case types.Bytes:
		return uint64(len(v) / 10)
	}
	return 0
}
