package expression_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// writer draws expressions as people write them: with brackets where none are needed and
// none where the operators bind by themselves, with comments, and with operators in texts.
type writer struct{ *rand.Rand }

func (w writer) pick(from ...string) string { return from[w.IntN(len(from))] }

func (w writer) expression(depth int) string {
	if depth == 0 {
		return w.pick("a", "b.c", `d["x && y"]`, "'it\\'s || (<'", `r"\"`, "f(x || y, z == 1)", "l.exists(i, i < 1 && i in m)", "o.?p.orValue(1)", "m[?'k']", "[1 < 2, 3]", "-1", "'''a ' == b'''", "inner", "{'k': a ? b : c}", "min.in_", "d.`a//b`", `"""x\""""`, `'''y\''''`)
	}
	next := func() string { return w.expression(w.IntN(depth)) }
	switch space := w.pick(" ", " ", " ", "\n", " // b || (c < \"d\n"); w.IntN(8) {
	case 0, 1:
		return next() + space + w.pick("&&", "||") + space + next()
	case 2, 3:
		return next() + space + w.pick("==", "!=", "<", "<=", ">", ">=", "in") + space + next()
	case 4:
		return w.pick("!", "! ", "!!") + next()
	case 5:
		return next() + " " + w.pick("+", "/", "%") + " " + next()
	case 6:
		return next() + " ? " + next() + " : " + next()
	}
	return "(" + next() + w.pick("", " ", " // ) ||\n") + ")"
}

// oracle is how CEL reads expressions.
type oracle struct {
	testing.TB
	env *cel.Env
}

// read returns the expression that a text is, nil when it is none.
func (o oracle) read(text string) ast.Expr {
	parsed, issues := o.env.Parse(text)
	if issues.Err() != nil {
		return nil
	}
	return parsed.NativeRep().Expr()
}

// write writes an expression that CEL read in one form.
func (o oracle) write(e ast.Expr) string {
	text, err := cel.ExprToString(e, ast.NewSourceInfo(nil))
	if err != nil {
		o.Fatal(err)
	}
	return text
}

// leaves are what an operator joins.
func (o oracle) leaves(e ast.Expr, operator string) []string {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operator {
		return []string{o.write(e)}
	}
	var all []string
	for _, arg := range e.AsCall().Args() {
		all = append(all, o.leaves(arg, operator)...)
	}
	return all
}

// rewrite writes texts in the one form.
func (o oracle) rewrite(texts ...string) []string {
	var all []string
	for _, text := range texts {
		e := o.read(text)
		if e == nil {
			return append(all, "no expression: "+text)
		}
		all = append(all, o.write(e))
	}
	return all
}

var compares = map[string]string{operators.Less: "<", operators.LessEquals: "<=", operators.Greater: ">", operators.GreaterEquals: ">=", operators.Equals: "==", operators.NotEquals: "!="}

var denies = map[string]string{"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}

// comparison is what Comparison is to find; chained says that it may find nothing, because
// the left side is a comparison itself.
func (o oracle) comparison(e ast.Expr) (want []string, chained bool) {
	not := false
	for e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.LogicalNot {
		e, not = e.AsCall().Args()[0], !not
	}
	if e.Kind() != ast.CallKind {
		return nil, false
	}
	operator, ok := compares[e.AsCall().FunctionName()]
	if !ok {
		return nil, false
	}
	if not {
		operator = denies[operator]
	}
	args := e.AsCall().Args()
	if args[0].Kind() == ast.CallKind {
		name := args[0].AsCall().FunctionName()
		chained = compares[name] != "" || name == operators.In
	}
	return []string{o.write(args[0]), operator, o.write(args[1])}, chained
}

// TestSplitAsCELReads holds that a text is taken apart as CEL reads it.
func TestSplitAsCELReads(t *testing.T) {
	t.Parallel()
	env, err := cel.NewEnv(cel.OptionalTypes(), cel.ClearMacros(), cel.EnableIdentifierEscapeSyntax())
	if err != nil {
		t.Fatal(err)
	}
	o, w := oracle{t, env}, writer{rand.New(rand.NewPCG(1, 7))}
	read := map[string]int{}
	for range 2_000 {
		text := w.expression(4)
		e := o.read(text)
		if e == nil {
			continue
		}
		twice := strings.Contains(strings.ReplaceAll(expression.Line(text), "! ", "!"), "!!") // CEL forgets both, and so what they stand before
		if got, want := o.rewrite(expression.Conditions(text)...), o.leaves(e, operators.LogicalAnd); !twice && !slices.Equal(got, want) {
			t.Fatalf("the conditions of\n%s\nare %q, want %q", text, got, want)
		}
		if got, want := o.rewrite(expression.Alternatives(text)...), o.leaves(e, operators.LogicalOr); !twice && !slices.Equal(got, want) {
			t.Fatalf("the alternatives of\n%s\nare %q, want %q", text, got, want)
		}
		if got := o.rewrite(expression.Line(text)); strings.Contains(expression.Line(text), "// b") || got[0] != o.write(e) {
			t.Fatalf("on one line\n%s\nis %q, want %q", text, got, o.write(e))
		}
		want, chained := o.comparison(e)
		left, operator, right, ok := expression.Comparison(text)
		if !ok {
			if want != nil && !chained {
				t.Fatalf("the comparison of\n%s\nis none, want %q", text, want)
			}
			continue
		}
		if got := []string{o.rewrite(left)[0], operator, o.rewrite(right)[0]}; !slices.Equal(got, want) {
			t.Fatalf("the comparison of\n%s\nis %q, want %q", text, got, want)
		}
		read[operator]++
	}
	for _, operator := range compares {
		if read[operator] < 10 {
			t.Errorf("%s was compared %d times", operator, read[operator])
		}
	}
}
