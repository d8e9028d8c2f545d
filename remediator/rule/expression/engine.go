// Package expression compiles and evaluates the expressions of rules.
//
// Expressions are CEL with a few settled points that CEL leaves open: every
// JSON number is a double and whole numbers in an expression follow it, money
// is a type of its own and never implicit, durations know days, and the
// aggregates of a window are values handed in at evaluation. Package rule is
// its only caller; nothing of CEL is visible outside.
//
// A Program is evaluated in two ways that agree in everything. Eval asks CEL,
// over decoded maps. Bind gives the program the places of an event.Plan, and a
// Bound runs closures over them; what is too rare to be worth a closure, which
// closures.go lists, CEL evaluates over the same places.
package expression

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/ext"
)

// Limits of an expression. They bound what a rule author can make every event
// cost, and what a hostile file can make the loader cost.
const (
	MaxText   = 16 << 10
	maxDepth  = 60        // of nesting, as the parser counts it
	costLimit = 1_000_000 // of one evaluation, in CEL's units: some 10 ms
)

// Engine compiles expressions. It is immutable.
type Engine struct{ base *cel.Env }

// NewEngine returns an engine.
func NewEngine() (*Engine, error) {
	base, err := cel.NewCustomEnv(
		cel.StdLib(cel.StdLibSubset(excluded())),
		cel.OptionalTypes(),
		cel.CrossTypeNumericComparisons(true),
		cel.EnableMacroCallTracking(),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserExpressionSizeLimit(MaxText),
		cel.CustomTypeAdapter(adapter{}),
		ext.Strings(ext.StringsVersion(4)),
		ext.Math(),
		ext.Network(),
		cel.Variable("data", cel.DynType),
		cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable(slotNumbers, cel.ListType(cel.DoubleType)),
		cel.Variable(slotMoney, cel.ListType(moneyType)),
		cel.Variable(slotAny, cel.ListType(cel.DynType)),
		equality(),
		mixedArithmetic(),
		cel.Function(doubles, cel.Overload("doubles_of_any", []*cel.Type{cel.DynType}, cel.DynType, cel.UnaryBinding(doubled))),
		moneyOperators(),
		functions(),
	)
	if err != nil {
		return nil, fmt.Errorf("build expression environment: %w", err)
	}
	return &Engine{base: base}, nil
}

// excluded names what is taken out of standard CEL: its duration(), because
// ours knows days; equality, because its types would be checked before whole
// numbers are settled; and every function that reads the machine's time zone files,
// because two machines may have different ones and would decide differently.
func excluded() *env.LibrarySubset {
	zoned := map[string]string{
		overloads.TimeGetFullYear:     overloads.TimestampToYearWithTz,
		overloads.TimeGetMonth:        overloads.TimestampToMonthWithTz,
		overloads.TimeGetDayOfYear:    overloads.TimestampToDayOfYearWithTz,
		overloads.TimeGetDayOfMonth:   overloads.TimestampToDayOfMonthZeroBasedWithTz,
		overloads.TimeGetDate:         overloads.TimestampToDayOfMonthOneBasedWithTz,
		overloads.TimeGetDayOfWeek:    overloads.TimestampToDayOfWeekWithTz,
		overloads.TimeGetHours:        overloads.TimestampToHoursWithTz,
		overloads.TimeGetMinutes:      overloads.TimestampToMinutesWithTz,
		overloads.TimeGetSeconds:      overloads.TimestampToSecondsWithTz,
		overloads.TimeGetMilliseconds: overloads.TimestampToMillisecondsWithTz,
	}
	subset := &env.LibrarySubset{ExcludeFunctions: []*env.Function{
		{Name: overloads.TypeConvertDuration},
		{Name: operators.Equals}, {Name: operators.NotEquals}, {Name: operators.In},
	}}
	for name, overload := range zoned {
		subset.ExcludeFunctions = append(subset.ExcludeFunctions,
			&env.Function{Name: name, Overloads: []*env.Overload{{ID: overload}}})
	}
	return subset
}

// Variable is a let that expressions may name.
type Variable struct {
	Name string
	Type Type
}

// Scope is what the expressions of one rule may name.
type Scope struct {
	env   *cel.Env
	names []string
	kinds map[string]Type // of the lets
}

// Scope returns the scope with event, data and the lets given.
func (e *Engine) Scope(lets ...Variable) (*Scope, error) {
	s := &Scope{env: e.base, names: []string{"data", "event"}, kinds: make(map[string]Type)}
	if len(lets) == 0 {
		return s, nil
	}
	options := make([]cel.EnvOption, 0, len(lets))
	for _, let := range lets {
		options = append(options, cel.Variable(let.Name, let.Type.cel()))
		s.names = append(s.names, let.Name)
		s.kinds[let.Name] = let.Type
	}
	extended, err := e.base.Extend(options...)
	if err != nil {
		return nil, fmt.Errorf("declare lets: %w", err)
	}
	s.env = extended
	return s, nil
}

// lets lists the lets, in the order in which the rule declares them.
func (s *Scope) lets() []string { return s.names[2:] }

// Names lists what an expression of the scope may name: values and functions.
func (s *Scope) Names() []string {
	return append(slices.Clone(s.names), s.Functions()...)
}

// Functions lists the functions, aggregates included.
func (s *Scope) Functions() []string {
	names := slices.Clone(aggregateNames)
	for name := range s.env.Functions() {
		if isWord(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func isWord(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '.' {
			return false
		}
	}
	return name != ""
}
