package expression

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// maxSettling bounds the passes of settle. Each pass wraps every operand whose
// type is known by then, so the passes needed are at most the nesting's depth.
const maxSettling = 2 * maxDepth

// settle checks the types, wraps whole numbers in double() where they meet a
// number or a value of unknown type, and checks again until nothing changes.
// What a value of unknown type turns out to be is then always a double, since
// data holds no others.
func (u *unit) settle() *cel.Ast {
	for range maxSettling {
		checked, found := u.scope.env.Check(u.parsed)
		if found.Err() != nil {
			u.issues = append(u.issues, fromCELIssues(u.text, found)...)
			return nil
		}
		changed := false
		u.visit(func(e ast.Expr) {
			changed = u.settleOne(e, checked.NativeRep()) || changed
		})
		if !changed && len(u.issues) == 0 {
			u.checkEquality(checked.NativeRep())
		}
		if !changed || len(u.issues) > 0 {
			return checked
		}
	}
	u.issues = append(u.issues, Issue{Message: "the expression is nested too deeply"})
	return nil
}

func (u *unit) visit(do func(ast.Expr)) {
	ast.PostOrderVisit(u.parsed.NativeRep().Expr(), ast.NewExprVisitor(do))
}

func (u *unit) settleOne(e ast.Expr, checked *ast.AST) (changed bool) {
	switch e.Kind() {
	case ast.ListKind:
		return u.widenHeld(checked, e.AsList().Elements())
	case ast.MapKind:
		var values []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			values = append(values, entry.AsMapEntry().Value())
		}
		return u.widenHeld(checked, values)
	case ast.CallKind:
		return u.settleCall(e, checked)
	}
	return false
}

func (u *unit) settleCall(e ast.Expr, checked *ast.AST) (changed bool) {
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.Divide:
		// A quotient is a double even of two whole numbers: 200 / 1000 is 0.2.
		return u.widen(checked, args) || u.wrap(checked, args[0])
	case operators.Add, operators.Subtract, operators.Multiply, "math.@max", "math.@min":
		return u.widen(checked, args)
	case operators.Conditional:
		return u.widen(checked, args[1:])
	case "orValue", "dyn", "optional.of", "optional.ofNonZeroValue":
		if call.FunctionName() == "orValue" && !holdsAny(checked.GetType(call.Target().ID())) {
			return false
		}
		return u.wrap(checked, args[0])
	case operators.Modulo:
		if slices.ContainsFunc(args, func(a ast.Expr) bool { return !isWhole(checked.GetType(a.ID())) }) {
			u.issue(e.ID(), "write int(…) around both sides, for example int(data.n) % 2", "%% works on whole numbers only")
		}
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return moneyFirst(e, checked)
	}
	return false
}

// widenHeld wraps the whole numbers among the values of a list or an object that is written
// out, unless the checker knows what type each of them has: it does where all have the same.
func (u *unit) widenHeld(checked *ast.AST, values []ast.Expr) (changed bool) {
	if len(values) == 0 {
		return false
	}
	first := checked.GetType(values[0].ID())
	if !slices.ContainsFunc(values, func(e ast.Expr) bool { return !checked.GetType(e.ID()).IsExactType(first) }) {
		return u.widen(checked, values)
	}
	for _, e := range values {
		changed = u.wrap(checked, e) || changed
	}
	return changed
}

// widen wraps the whole numbers among values that stand for the same thing,
// when another of them is or may be a double.
func (u *unit) widen(checked *ast.AST, values []ast.Expr) (changed bool) {
	mixed := slices.ContainsFunc(values, func(e ast.Expr) bool {
		kind := checked.GetType(e.ID()).Kind()
		return kind == types.DynKind || kind == types.DoubleKind
	})
	if !mixed {
		return false
	}
	for _, e := range values {
		changed = u.wrap(checked, e) || changed
	}
	return changed
}

// wrap puts double() around a whole number, or around those in a list or map that
// is written out, and @doubles() around what else gives a list or a map of them. It changes
// the expression in place, so that the new call keeps the place in the text.
func (u *unit) wrap(checked *ast.AST, e ast.Expr) (changed bool) {
	switch e.Kind() {
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			changed = u.wrap(checked, element) || changed
		}
		return changed
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			changed = u.wrap(checked, entry.AsMapEntry().Value()) || changed
		}
		return changed
	}
	switch is := checked.GetType(e.ID()); {
	case isWhole(is):
		u.toDouble(e)
	case holdsWhole(is):
		u.call(doubles, e)
	default:
		return false
	}
	return true
}

func (u *unit) toDouble(e ast.Expr) {
	factory := ast.NewExprFactory()
	if e.Kind() == ast.LiteralKind {
		if n, ok := e.AsLiteral().(types.Int); ok {
			e.SetKindCase(factory.NewLiteral(0, types.Double(n)))
			return
		}
	}
	u.call("double", e)
}

// call puts a call of a function around an expression.
func (u *unit) call(function string, e ast.Expr) {
	factory := ast.NewExprFactory()
	inner := factory.NewUnspecifiedExpr(u.newID(e.ID()))
	inner.SetKindCase(e)
	e.SetKindCase(factory.NewCall(0, function, inner))
}

// newID returns an id that stands at the same place of the text as another.
func (u *unit) newID(like int64) int64 {
	id := u.nextID
	u.nextID++
	info := u.parsed.NativeRep().SourceInfo()
	if at, ok := info.GetOffsetRange(like); ok {
		info.SetOffsetRange(id, at)
	}
	return id
}

func isWhole(t *types.Type) bool {
	return t.Kind() == types.IntKind || t.Kind() == types.UintKind
}

func holdsAny(optional *types.Type) bool {
	params := optional.Parameters()
	if len(params) == 0 {
		return true
	}
	return params[0].Kind() == types.DynKind || params[0].Kind() == types.DoubleKind
}

var mirrored = map[string]string{
	operators.Less: operators.Greater, operators.Greater: operators.Less,
	operators.LessEquals: operators.GreaterEquals, operators.GreaterEquals: operators.LessEquals,
}

// moneyFirst turns a comparison round when only its right side is money, which says what
// it was compared with.
func moneyFirst(e ast.Expr, checked *ast.AST) (changed bool) {
	call := e.AsCall()
	left, right := call.Args()[0], call.Args()[1]
	if fromCEL(checked.GetType(right.ID())) != Money || fromCEL(checked.GetType(left.ID())) != Any {
		return false
	}
	e.SetKindCase(ast.NewExprFactory().NewCall(0, mirrored[call.FunctionName()], right, left))
	return true
}

// maxExact is the largest whole number up to which a double holds every one.
const maxExact = 1 << 53

// checkLiterals reports constants that no evaluation could use.
func (u *unit) checkLiterals() {
	u.visit(func(e ast.Expr) {
		switch e.Kind() {
		case ast.LiteralKind:
			if n, ok := e.AsLiteral().(types.Int); ok && (n > maxExact || n < -maxExact) {
				u.issueBeyond(e, fmt.Sprint(int64(n)))
			}
			if _, ok := e.AsLiteral().(types.Bytes); ok {
				// As a key of a map they would stop the engine while it prepares the expression.
				u.issue(e.ID(), "write the text without b in front of it", "bytes have no use in a rule")
			}
			if d, ok := e.AsLiteral().(types.Double); ok && math.IsInf(float64(d), 0) {
				u.issue(e.ID(), "", "the number is too large")
			} else if ok {
				u.checkWhole(e, float64(d))
			}
		case ast.CallKind:
			u.checkConstant(e)
		}
	})
}

// numberWritten is a number that is written with a point or an exponent, and its digits before
// and behind the point.
var numberWritten = regexp.MustCompile(`^-?\s*(\d*)\.?(\d+)(?:[eE][+-]?\d+)?`)

// longestID bounds what is written with an exponent and may be an id.
const longestID = 1e22

// checkWhole reports a whole number, written with a point or an exponent, of which a double does
// not hold all digits: it would be another id than the one that is meant. 1e300 is no id, and
// neither is the largest double.
func (u *unit) checkWhole(e ast.Expr, d float64) {
	if math.Abs(d) < maxExact {
		return
	}
	text := []rune(u.text)
	written := numberWritten.FindStringSubmatch(string(text[min(u.offset(e.ID()), len(text)):]))
	if written == nil || strings.ContainsAny(written[0], "eE") && math.Abs(d) > longestID {
		return
	}
	digits, _ := new(big.Int).SetString(written[1]+written[2], 10)
	meant, ok := new(big.Rat).SetString(strings.Join(strings.Fields(written[0]), ""))
	if ok && meant.IsInt() && digits.Cmp(big.NewInt(maxExact)) > 0 && meant.Cmp(new(big.Rat).SetFloat64(d)) != 0 {
		u.issueBeyond(e, written[0])
	}
}

func (u *unit) issueBeyond(e ast.Expr, number string) {
	u.issue(e.ID(), "ids are texts: send and compare them in quotes", "the whole number %s is beyond ±2^53", number)
}

// checkConstant evaluates money("…"), cidr("…") and whatever else constantError knows with
// a constant text, so that a typing error shows when the rule is loaded and not in the
// middle of the night.
func (u *unit) checkConstant(e ast.Expr) {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if len(args) == 0 {
		return
	}
	arg := args[0]
	if name == "matches" {
		arg = args[len(args)-1] // it may stand alone, with the text in front of the pattern
	}
	if arg.Kind() != ast.LiteralKind {
		return
	}
	text, ok := arg.AsLiteral().(types.String)
	if !ok {
		return
	}
	if err := constantError(name, text); err != nil {
		u.issue(arg.ID(), usages[name], "%v", err)
	}
}
