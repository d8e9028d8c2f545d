package expression

import (
	"cmp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
	"cel.dev/cel-go/parser"
)

// NoOverload is how CEL begins to say that an operation does not take what it was given.
// It does not say which operation that is, nor what.
const NoOverload = "no such overload"

// IsMismatch reports whether an expression has no value because an operation in it does not
// take the types of its values.
func IsMismatch(err error) bool { return err != nil && strings.Contains(err.Error(), NoOverload) }

// Mismatch says which operation of an expression it was, as written, and the types that it
// does not take; false when none is found. It evaluates the expression once more and
// keeps the value of each part, which only who asks shall pay for.
func (s *Scope) Mismatch(text string, calls *Calls, vars Vars) (says string, found bool) {
	written, issues := s.parse(text) // compiling changes what it parsed
	u, _ := s.parse(text)
	if issues != nil {
		return "", false
	}
	u.replaceAggregates(calls)
	checked := u.check()
	if checked == nil {
		return "", false
	}
	program, err := s.env.Program(checked, cel.CostLimit(costLimit), compareCosts, cel.EvalOptions(cel.OptTrackState), cel.CustomDecoratorV2(decorate))
	if err != nil {
		return "", false
	}
	_, details, err := program.Eval(vars)
	if !IsMismatch(err) || details == nil {
		return "", false
	}
	failed := failing(checked.NativeRep().Expr(), details.State())
	if failed.Kind() != ast.CallKind {
		return "", false
	}
	var names []string
	for _, operand := range operands(failed) {
		value, ok := details.State().Value(operand.ID())
		if !ok && operand.Kind() == ast.LiteralKind {
			value, ok = operand.AsLiteral(), true
		}
		if !ok {
			return "", false
		}
		names = append(names, nameOf(value))
	}
	says, hint := explainTypes(operator(failed.AsCall().FunctionName()), "("+strings.Join(names, ", ")+")")
	if place := written.write(failed.ID()); place != "" && place != written.write(written.parsed.NativeRep().Expr().ID()) {
		says = place + ": " + says
	}
	if hint != "" {
		says += "; " + hint
	}
	return says, true
}

// failing returns the innermost part that an error comes from.
func failing(e ast.Expr, state interpreter.EvalState) ast.Expr {
	var parts []ast.Expr
	switch e.Kind() {
	case ast.CallKind:
		parts = arguments(e)
	case ast.SelectKind:
		parts = []ast.Expr{e.AsSelect().Operand()}
	case ast.ListKind:
		parts = e.AsList().Elements()
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		parts = []ast.Expr{c.IterRange(), c.LoopStep(), c.Result()}
	}
	// A name is looked at last: that of a sum so far holds what an element before this one
	// failed with.
	slices.SortStableFunc(parts, func(a, b ast.Expr) int { return cmp.Compare(isName(a), isName(b)) })
	for _, part := range parts {
		if value, ok := state.Value(part.ID()); ok && types.IsError(value) {
			return failing(part, state)
		}
	}
	return e
}

func isName(e ast.Expr) int {
	if e.Kind() == ast.IdentKind {
		return 1
	}
	return 0
}

// arguments are what a call is given, the object of a method first.
func arguments(e ast.Expr) []ast.Expr {
	if call := e.AsCall(); call.IsMemberFunction() {
		return append([]ast.Expr{call.Target()}, call.Args()...)
	}
	return slices.Clone(e.AsCall().Args())
}

// operands are what a call is applied to. Of a conditional that is what decides: it takes
// whatever the others are, one of which has no value.
func operands(e ast.Expr) []ast.Expr {
	all := arguments(e)
	if e.AsCall().FunctionName() == operators.Conditional {
		all = all[:1]
	}
	return all
}

// macros are functions that only a macro calls, by the name of that.
var macros = map[string]string{"math.@max": "math.greatest", "math.@min": "math.least"}

// operator is how messages call a function: _>_ is >.
func operator(function string) string {
	if written := macros[function]; written != "" {
		return written
	}
	return strings.Trim(strings.ReplaceAll(function, "_", " "), " @")
}

// nameOf is the type of a value in our words. Of a value the kind of number does not matter.
func nameOf(value ref.Val) string {
	switch t := fromCEL(value.Type().(*types.Type)); t {
	case Whole:
		return string(Number)
	case Other:
		return value.Type().TypeName()
	default:
		return string(t)
	}
}

// write writes a part of the expression; "" when the part is not in its text.
func (u *unit) write(id int64) string {
	text := ""
	u.visit(func(e ast.Expr) {
		if e.ID() == id {
			if written, err := parser.Unparse(e, u.parsed.NativeRep().SourceInfo()); err == nil {
				text = written
			}
		}
	})
	return text
}
