package expression

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Aggregates is the name under which an evaluation asks for a Slots.
const Aggregates = "@aggregates"

// The lists that stand for the aggregates, one for each static type. All of
// them are the same Slots; a user cannot write these names.
const (
	slotNumbers = "@numbers"
	slotMoney   = "@money"
	slotAny     = "@any"
)

// IsAggregates reports whether a name asked of Vars stands for the aggregates.
func IsAggregates(name string) bool {
	return name == slotNumbers || name == slotMoney || name == slotAny
}

// Slots are the values of the aggregates: each a float64, a money.Money, or an error.
type Slots []any

func slotList(s Slots) ref.Val {
	values := make([]any, len(s))
	for i, v := range s {
		if err, ok := v.(error); ok {
			v = types.WrapErr(err)
		}
		values[i] = v
	}
	return types.NewDynamicList(adapter{}, values)
}

var aggregateNames = []string{"avg", "count", "distinct", "max", "min", "share", "sum"}

// Call is one aggregate as called: its function, argument and predicate, with
// their texts in CEL's canonical form.
type Call struct {
	Func, ArgText, IfText string
	Arg, If               *Program // nil: none
}

// Calls collects the aggregates that the expressions of a rule call. Identical
// calls share a slot.
type Calls struct{ List []Call }

func (c *Calls) slot(call Call) int {
	same := func(other Call) bool {
		return other.Func == call.Func && other.ArgText == call.ArgText && other.IfText == call.IfText
	}
	if i := slices.IndexFunc(c.List, same); i >= 0 {
		return i
	}
	c.List = append(c.List, call)
	return len(c.List) - 1
}

// maxAggregates bounds the aggregates of a rule: each costs memory per window.
const maxAggregates = 32

// replaceAggregates puts a slot in place of each aggregate.
func (u *unit) replaceAggregates(calls *Calls) {
	var found []ast.Expr
	u.visit(func(e ast.Expr) {
		if e.Kind() == ast.CallKind && !e.AsCall().IsMemberFunction() && slices.Contains(aggregateNames, e.AsCall().FunctionName()) {
			found = append(found, e)
		}
	})
	for _, e := range found {
		name := e.AsCall().FunctionName()
		if calls == nil {
			u.issueAtCall(e, "aggregates belong in having and in do of a rule with a window", "%s() cannot be used here", name)
			continue
		}
		u.replaceAggregate(e, calls)
	}
}

func (u *unit) replaceAggregate(e ast.Expr, calls *Calls) {
	name, args := e.AsCall().FunctionName(), e.AsCall().Args()
	takesArg := name != "count" && name != "share"
	least, most := 0, 1
	switch {
	case takesArg:
		least, most = 1, 2
	case name == "share":
		least = 1
	}
	if len(args) < least || len(args) > most {
		u.issueAtCall(e, usage(name), "%s() has %d arguments", name, len(args))
		return
	}
	call := Call{Func: name}
	if takesArg {
		call.Arg, call.ArgText = u.part(args[0])
		args = args[1:]
	}
	if len(args) == 1 {
		call.If, call.IfText = u.part(args[0])
	}
	if len(u.issues) > 0 || !u.fits(e, call) {
		return
	}
	index := calls.slot(call)
	if index >= maxAggregates {
		u.issue(e.ID(), "", "a rule calls at most %d different aggregates", maxAggregates)
	}
	if !slices.Contains(u.slots, index) {
		u.slots = append(u.slots, index)
	}
	factory := ast.NewExprFactory()
	list := factory.NewIdent(u.newID(e.ID()), slotName(call))
	position := factory.NewLiteral(u.newID(e.ID()), types.Int(index))
	e.SetKindCase(factory.NewCall(0, operators.Index, list, position))
}

func (u *unit) issueAtCall(e ast.Expr, hint, format string, args ...any) {
	u.issue(e.ID(), hint, format, args...)
	issue := &u.issues[len(u.issues)-1]
	issue.Offset = nameStart(u.text, issue.Offset, e.AsCall().FunctionName())
}

func usage(name string) string {
	switch name {
	case "count":
		return "write count() or count(PREDICATE)"
	case "share":
		return "write share(PREDICATE), the share of the inputs for which it holds"
	}
	return fmt.Sprintf("write %s(VALUE) or %s(VALUE, PREDICATE)", name, name)
}

func slotName(call Call) string {
	if call.Arg == nil || call.Func == "distinct" {
		return slotNumbers
	}
	switch call.Arg.Type {
	case Number, Whole:
		return slotNumbers
	case Money:
		return slotMoney
	}
	return slotAny
}

// fits reports arguments that could never count.
func (u *unit) fits(e ast.Expr, call Call) bool {
	if call.If != nil && call.If.Type != Bool && call.If.Type != Any {
		u.issueAtCall(e, usage(call.Func), "the predicate of %s() is a %s, not true or false", call.Func, call.If.Type)
		return false
	}
	if call.Arg == nil {
		return true
	}
	switch t := call.Arg.Type; t {
	case Bool, List, Null, Other:
		u.issueAtCall(e, "", "%s() does not take a %s", call.Func, t)
		return false
	case Map, Text, Timestamp, Duration:
		if call.Func != "distinct" && t != Text && t != Map || call.Func == "distinct" && t == Map {
			u.issueAtCall(e, asNumber(call), "%s() does not take a %s", call.Func, t)
			return false
		}
	}
	return true
}

// asNumber says how to take an aggregate of times or durations: of their seconds.
func asNumber(call Call) string {
	predicate := ""
	if call.If != nil {
		predicate = ", " + call.IfText
	}
	switch call.Arg.Type {
	case Timestamp:
		return fmt.Sprintf("take it of seconds, %s(int(%s)%s), and compare it with seconds: int(timestamp(…)), or a number as 3600", call.Func, call.ArgText, predicate)
	case Duration:
		return fmt.Sprintf("take it of seconds, %s((%s).getSeconds()%s), and compare it with seconds, as 3600", call.Func, call.ArgText, predicate)
	}
	return ""
}

// part compiles a part of the expression as a program of its own. The text is
// parsed again, which gives the same ids, so that mistakes in the part are
// reported at their place.
func (u *unit) part(e ast.Expr) (*Program, string) {
	text, err := cel.ExprToString(e, u.parsed.NativeRep().SourceInfo())
	if err != nil {
		u.issue(e.ID(), "", "read the argument: %v", err)
		return nil, ""
	}
	part, issues := u.scope.parse(u.text)
	if issues != nil {
		u.issues = append(u.issues, issues...)
		return nil, ""
	}
	root := part.parsed.NativeRep().Expr()
	var same ast.Expr
	part.visit(func(candidate ast.Expr) {
		if candidate.ID() == e.ID() {
			same = candidate
		}
	})
	root.SetKindCase(same)
	info := part.parsed.NativeRep().SourceInfo()
	if at, ok := info.GetOffsetRange(same.ID()); ok {
		info.SetOffsetRange(root.ID(), at)
	}
	part.replaceAggregates(nil)
	program, issues := part.finish()
	u.issues = append(u.issues, issues...)
	return program, text
}

// constantError is why a function fails with a constant text, whatever the event is.
func constantError(function string, text types.String) error {
	var v ref.Val
	switch function {
	case "money", "pct":
		v = toMoney(text)
	case "duration":
		v = toDuration(text)
	case "timestamp":
		v = text.ConvertToType(types.TimestampType)
		if types.IsError(v) {
			return fmt.Errorf("parse timestamp %q: want RFC 3339, like 2026-03-01T08:00:00Z", string(text))
		}
	case "matches":
		_, err := regexp.Compile(string(text))
		if why, ok := errors.AsType[*syntax.Error](err); ok {
			return fmt.Errorf("read pattern %q: %s", string(text), why.Code)
		}
		return err
	case "cidr", "containsCIDR":
		if _, ok := network(string(text)); !ok {
			return fmt.Errorf("%q is no network", string(text))
		}
	case "ip", "containsIP", "isCanonical": // ip.isCanonical, before the engine has joined its name
		if _, ok := Address([]byte(text)); !ok {
			return fmt.Errorf("%q is no IP address", string(text))
		}
	}
	if err, ok := v.(*types.Err); ok {
		return err
	}
	return nil
}
