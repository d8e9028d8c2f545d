package expression

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// presettle makes one type of what the checker, which comes next, would refuse: the
// branches of a conditional of which the text alone shows that one is a double and the other
// a whole number, and what an optional holds and what stands for it when it is empty.
func (u *unit) presettle() {
	u.visit(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		var same []ast.Expr
		switch name := call.FunctionName(); {
		case name == operators.Conditional:
			same = call.Args()[1:]
			if !slices.ContainsFunc(same, func(b ast.Expr) bool { return u.kind(b) == Number }) {
				return
			}
		case isOptionalOf(call), name == "orValue" && call.IsMemberFunction() && makesOptional(call.Target()):
			same = call.Args()
		}
		for _, value := range same {
			if u.kind(value) == Whole {
				u.toDouble(value)
			}
		}
	})
}

// makesOptional reports whether an optional is made of a value in an expression, which is
// a double when it is a number.
func makesOptional(e ast.Expr) bool {
	return len(ast.MatchDescendants(ast.NavigateExpr(nil, e), func(part ast.NavigableExpr) bool {
		return part.Kind() == ast.CallKind && isOptionalOf(part.AsCall())
	})) > 0
}

// isOptionalOf reports whether a call is optional.of or its like. The checker, which comes
// later, finds that optional is no value of which of is a function.
func isOptionalOf(call ast.CallExpr) bool {
	name := call.FunctionName()
	if call.IsMemberFunction() && call.Target().Kind() == ast.IdentKind {
		name = call.Target().AsIdent() + "." + name
	}
	return name == "optional.of" || name == "optional.ofNonZeroValue"
}

// kind is Number or Whole when the text alone shows it, else Any.
func (u *unit) kind(e ast.Expr) Type {
	switch e.Kind() {
	case ast.LiteralKind:
		return literalKind(e)
	case ast.IdentKind:
		return u.scope.kinds[e.AsIdent()]
	case ast.CallKind:
		return u.callKind(e.AsCall())
	case ast.ComprehensionKind: // optMap binds a name, and what follows is the result
		return u.kind(e.AsComprehension().Result())
	}
	return Any
}

func literalKind(e ast.Expr) Type {
	switch e.AsLiteral().(type) {
	case types.Int:
		return Whole
	case types.Double:
		return Number
	}
	return Any
}

func (u *unit) callKind(call ast.CallExpr) Type {
	args := call.Args()
	switch call.FunctionName() {
	case "double", operators.Divide:
		return Number
	case "int", "size":
		return Whole
	case operators.Index:
		if args[0].Kind() == ast.IdentKind && args[0].AsIdent() == slotNumbers {
			return Number
		}
	case operators.Negate:
		return u.kind(args[0])
	case operators.Conditional:
		return join(u.kind(args[1]), u.kind(args[2]))
	case operators.Add, operators.Subtract, operators.Multiply:
		return join(u.kind(args[0]), u.kind(args[1]))
	}
	return Any
}

func join(a, b Type) Type {
	switch {
	case a == Number && (b == Number || b == Whole), a == Whole && b == Number:
		return Number
	case a == Whole && b == Whole:
		return Whole
	}
	return Any
}

// checkEquality reports comparisons of two types that are never equal.
func (u *unit) checkEquality(checked *ast.AST) {
	u.visit(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		operator, ok := map[string]string{operators.Equals: "==", operators.NotEquals: "!=", operators.In: "in"}[call.FunctionName()]
		if !ok {
			return
		}
		left, right := checked.GetType(call.Args()[0].ID()), checked.GetType(call.Args()[1].ID())
		if operator != "in" && (isMadeOf(left, Money) || isMadeOf(right, Money)) {
			// What an event holds is no money, so that most such comparisons are errors for every event.
			u.issue(e.ID(), "compare the amounts one by one: money(…) == money(…)", "%s does not compare lists and objects with money in them", operator)
			return
		}
		if a, b := namedWithin(checked, call.Args()[0]), namedWithin(checked, call.Args()[1]); strings.Contains(a, string(Optional)) != strings.Contains(b, string(Optional)) {
			message, hint := explainTypes(operator, "("+a+", "+b+")")
			u.issue(e.ID(), hint, "%s", message)
			return
		}
		if operator == "in" {
			within := right.Parameters()
			if len(within) == 0 {
				return // only the event decides what the list, or map, holds
			}
			right = within[0]
		}
		if a, b := fromCEL(left), fromCEL(right); !comparable(a, b) {
			message, hint := explainTypes(operator, "("+string(a)+", "+string(b)+")")
			u.issue(e.ID(), hint, "%s", message)
		}
	})
}

// isMadeOf reports whether a list, or an object, is known to have values of a type.
func isMadeOf(t *types.Type, what Type) bool {
	return slices.ContainsFunc(t.Parameters(), func(of *types.Type) bool { return fromCEL(of) == what || isMadeOf(of, what) })
}

// namedWithin names the type of an expression, and says of a list or an object whether
// an optional is in it. An optional is equal to optionals alone, which no field of an
// event is: whoever compares it means what it holds.
func namedWithin(checked *ast.AST, e ast.Expr) string {
	name := string(fromCEL(checked.GetType(e.ID())))
	if within := isMadeOf(checked.GetType(e.ID()), Optional) || writesOptional(checked, e); within && name != string(Optional) {
		return name + " with " + string(Optional)
	}
	return name
}

// writesOptional reports whether one of the values of a list or an object that is
// written out is an optional. The checker names no type of those that differ.
func writesOptional(checked *ast.AST, e ast.Expr) bool {
	var values []ast.Expr
	switch e.Kind() {
	case ast.ListKind:
		for i, value := range e.AsList().Elements() {
			if !slices.Contains(e.AsList().OptionalIndices(), int32(i)) {
				values = append(values, value)
			}
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			if entry := entry.AsMapEntry(); !entry.IsOptional() {
				values = append(values, entry.Value())
			}
		}
	}
	return slices.ContainsFunc(values, func(v ast.Expr) bool {
		return fromCEL(checked.GetType(v.ID())) == Optional || writesOptional(checked, v)
	})
}

// comparable reports whether values of two types may be equal.
func comparable(a, b Type) bool {
	open := func(t Type) bool { return t == Any || t == Null || t == Other }
	numeric := func(t Type) bool { return t == Number || t == Whole }
	return a == b || open(a) || open(b) || numeric(a) && numeric(b)
}
