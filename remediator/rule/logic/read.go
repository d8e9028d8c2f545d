package logic

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Logic reads conditions.
type Logic struct{ parser *parser.Parser }

// New returns a logic, for any number of rules.
func New() (*Logic, error) {
	p, err := parser.NewParser(parser.Macros(parser.AllMacros...), parser.EnableOptionalSyntax(true), parser.EnableIdentEscapeSyntax(true), parser.PopulateMacroCalls(true))
	if err != nil {
		return nil, fmt.Errorf("build parser: %w", err)
	}
	return &Logic{p}, nil
}

// Reader reads the expressions of one rule.
type Reader struct {
	parser *parser.Parser
	lets   map[string]string
}

// Reader returns a reader that puts the lets, by their names, in place of the
// names: what two rules call differently is compared as what it is.
func (l *Logic) Reader(lets map[string]string) *Reader { return &Reader{l.parser, lets} }

// maxExpanded bounds an expression with its lets put in.
const maxExpanded = 64 << 10

// Expand returns an expression in one form, with the lets in it put in. One that
// cannot be read stays as it is.
func (r *Reader) Expand(expr string) string {
	parsed := r.parse(expr)
	if parsed == nil {
		return strings.TrimSpace(expr)
	}
	return parsed.write(parsed.Expr())
}

// tree is a parsed expression.
type tree struct{ *ast.AST }

// parse reads an expression with its lets put in; nil when it cannot.
func (r *Reader) parse(expr string) *tree {
	for range len(r.lets) + 1 { // a let may name others, each once at most
		parsed, issues := r.parser.Parse(common.NewTextSource(expr))
		if issues != nil && len(issues.GetErrors()) > 0 || parsed == nil {
			return nil
		}
		put, changed := r.put(expr, parsed)
		if !changed {
			selectFields(parsed)
			return &tree{parsed}
		}
		if expr = put; len(expr) > maxExpanded {
			return nil
		}
	}
	return nil
}

// selectFields makes data["order"] what it is the same as: data.order.
func selectFields(parsed *ast.AST) {
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Index {
			return
		}
		of, by := e.AsCall().Args()[0], e.AsCall().Args()[1]
		if v, _ := constant(by); v.kind == text && isSelectable(v.text) {
			e.SetKindCase(factory.NewSelect(e.ID(), of, v.text))
		}
	}))
}

// Names that may stand behind a dot, and those that look so and may not.
var (
	selectable   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	unselectable = []string{"true", "false", "null", "in"}
)

func isSelectable(name string) bool {
	return selectable.MatchString(name) && !slices.Contains(unselectable, name)
}

// put puts lets in place of their names.
func (r *Reader) put(expr string, parsed *ast.AST) (string, bool) {
	type span struct{ at, length int }
	var spans []span
	runes := []rune(expr)
	ast.PreOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.IdentKind || r.lets[e.AsIdent()] == "" {
			return
		}
		at, ok := parsed.SourceInfo().GetOffsetRange(e.ID())
		name := []rune(e.AsIdent())
		if ok && int(at.Start)+len(name) <= len(runes) && slices.Equal(runes[at.Start:int(at.Start)+len(name)], name) {
			spans = append(spans, span{int(at.Start), len(name)})
		}
	}))
	slices.SortFunc(spans, func(a, b span) int { return b.at - a.at })
	spans = slices.Compact(spans)
	for _, s := range spans {
		let := []rune("(" + r.lets[string(runes[s.at:s.at+s.length])] + ")")
		runes = slices.Concat(runes[:s.at], let, runes[s.at+s.length:])
	}
	return string(runes), len(spans) > 0
}

// write writes an expression in one form.
func (t *tree) write(e ast.Expr) string {
	written, err := parser.Unparse(e, t.SourceInfo())
	if err != nil {
		return fmt.Sprintf("expression %d", e.ID())
	}
	return written
}

// Read takes a condition apart. Of one that cannot be read nothing is known.
func (r *Reader) Read(condition string) Claim {
	parsed := r.parse(condition)
	if parsed == nil {
		return Claim{cases: []list{nil}, open: true}
	}
	return parsed.claim(parsed.Expr(), true)
}

// Is is the claim that a term is one of several texts.
func Is(term string, texts ...string) Claim {
	values := make([]value, len(texts))
	for i, t := range texts {
		values[i] = value{kind: text, text: t}
	}
	return only(literal{term, among, values})
}

// Begins is the claim that a term begins with a text.
func Begins(term, with string) Claim {
	return only(literal{term, prefix, []value{{kind: text, text: with}}})
}

// claim is what an expression claims when it is true, or when it is false.
func (t *tree) claim(e ast.Expr, is bool) Claim {
	switch e.Kind() {
	case ast.LiteralKind:
		if e.AsLiteral() == types.Bool(is) {
			return Always()
		}
		return Claim{}
	case ast.CallKind:
		if c, ok := t.call(e, is); ok {
			return c
		}
	}
	return only(literal{t.write(e), among, []value{truth(is)}})
}

func (t *tree) call(e ast.Expr, is bool) (Claim, bool) {
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalNot:
		return t.claim(args[0], !is), true
	case operators.LogicalAnd, operators.LogicalOr:
		left, right := t.claim(args[0], is), t.claim(args[1], is)
		if (name == operators.LogicalAnd) == is {
			return left.And(right), true
		}
		return left.or(right), true
	case operators.Conditional:
		then := t.claim(args[0], true).And(t.claim(args[1], is))
		return then.or(t.claim(args[0], false).And(t.claim(args[2], is))), true
	case operators.Equals, operators.NotEquals:
		return t.equality(args[0], args[1], (name == operators.Equals) == is)
	case operators.In:
		return t.membership(args[0], args[1], is)
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return t.order(orders[name], args[0], args[1], is)
	case "startsWith", "endsWith", "contains", "matches":
		if t.asksNoText(call) {
			return Claim{}, true
		}
		if affixes[name] == nil {
			return Claim{}, false
		}
		if with, ok := constant(args[0]); ok && with.kind == text && call.IsMemberFunction() {
			return only(literal{t.write(call.Target()), affixes[name][is], []value{with}}), true
		}
	}
	return Claim{}, false
}

var affixes = map[string]map[bool]op{"startsWith": {true: prefix, false: notPrefix}, "endsWith": {true: suffix, false: notSuffix}}

var orders = map[string]op{operators.Less: less, operators.LessEquals: atMost, operators.Greater: more, operators.GreaterEquals: atLeast}

// sides are a term and the constant that it is compared with; turned says that
// they stand the other way round.
func sides(left, right ast.Expr) (term ast.Expr, with value, turned, ok bool) {
	if with, ok = constant(right); ok {
		return left, with, false, true
	}
	with, ok = constant(left)
	return right, with, true, ok
}

func (t *tree) equality(left, right ast.Expr, is bool) (Claim, bool) {
	if is && t.apart(left, right) {
		return Claim{}, true
	}
	term, with, _, ok := sides(left, right)
	if !ok {
		return Claim{}, false
	}
	l := literal{t.write(term), outside, []value{with}}
	if is {
		l.op = among
	}
	return settled(l, term), true
}

func (t *tree) membership(left, right ast.Expr, is bool) (Claim, bool) {
	if right.Kind() != ast.ListKind {
		return Claim{}, false
	}
	l := literal{term: t.write(left), op: outside}
	if is {
		if t.outside(left, right) {
			return Claim{}, true
		}
		l.op = among
	}
	for _, element := range right.AsList().Elements() {
		v, ok := constant(element)
		if !ok {
			return Claim{}, false
		}
		l.values = append(l.values, v)
	}
	return settled(l, left), true
}

func (t *tree) order(by op, left, right ast.Expr, is bool) (Claim, bool) {
	if t.apart(left, right) {
		return Claim{}, true // an error, of which the negation is none the better
	}
	term, with, turned, ok := sides(left, right)
	if !ok {
		return Claim{}, false
	}
	if turned {
		by = mirrored[by]
	}
	if !is {
		if !isPlace(term) {
			return Claim{}, false // a computed number may be none (0/0), of which no order holds
		}
		by = opposite[by]
	}
	return settled(literal{t.write(term), by, []value{with}}, term), true
}

// settled answers at once what compares two constants.
func settled(l literal, term ast.Expr) Claim {
	v, ok := constant(term)
	switch {
	case !ok:
		return only(l)
	case l.holds(v):
		return Always()
	}
	return Claim{}
}

// isPlace reports whether an expression is a field of the event.
func isPlace(e ast.Expr) bool {
	for e.Kind() == ast.SelectKind && !e.AsSelect().IsTestOnly() {
		e = e.AsSelect().Operand()
	}
	return e.Kind() == ast.IdentKind
}

// constant returns the value of an expression that has one in every event.
func constant(e ast.Expr) (value, bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.Int:
			return value{kind: number, number: float64(v)}, true
		case types.Uint:
			return value{kind: number, number: float64(v)}, true
		case types.Double:
			return value{kind: number, number: float64(v)}, true
		case types.String:
			return value{kind: text, text: string(v)}, true
		case types.Bool:
			return truth(bool(v)), true
		case types.Null:
			return value{kind: null}, true
		}
	case ast.CallKind:
		call := e.AsCall()
		if len(call.Args()) == 1 && !call.IsMemberFunction() && call.Args()[0].Kind() == ast.LiteralKind {
			if said, ok := call.Args()[0].AsLiteral().(types.String); ok {
				return written(call.FunctionName(), string(said))
			}
		}
	}
	return value{}, false
}

// written returns what a conversion makes of a text.
func written(function, said string) (value, bool) {
	switch function {
	case "money":
		m, err := money.Parse(said)
		return value{kind: kind(moneyPrefix + m.Currency), whole: m.Minor}, err == nil
	case "duration":
		d, err := expression.ParseDuration(said)
		return value{kind: duration, whole: int64(d)}, err == nil
	case "timestamp":
		at, err := time.Parse(time.RFC3339Nano, said)
		return value{kind: timestamp, whole: at.Unix(), nanos: at.Nanosecond()}, err == nil
	}
	return value{}, false
}
