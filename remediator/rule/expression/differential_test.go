package expression_test

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule/expression"
)

var cases = flag.Int("expression.cases", 0, "how many evaluations the differential test makes at least of each operator and function; 0: some")

// letTexts are the lets of the scope in which drawn expressions stand.
var letTexts = []struct{ name, text string }{
	{"late", "timestamp(data.at) - timestamp('2026-03-01T08:00:00Z')"}, {"ratio", "data.n / data.h"}, {"name", "data.?s.orValue('nobody')"},
	{"due", "money(data.paid)"}, {"flag", "data.yes"},
}

// setting is a scope with lets and their programs.
type setting struct {
	scope *expression.Scope
	lets  []*expression.Program
}

func newSetting(t testing.TB) setting {
	t.Helper()
	var s setting
	var declared []expression.Variable
	for _, let := range letTexts {
		p, issues := scope(t, declared...).Compile(let.text, nil)
		if issues != nil {
			t.Fatalf("%s: %+v", let.text, issues)
		}
		s.lets = append(s.lets, p)
		declared = append(declared, expression.Variable{Name: let.name, Type: p.Type})
	}
	s.scope = scope(t, declared...)
	return s
}

// sides judges one program on one event by the closures and by CEL with
// decoded maps.
type sides struct {
	setting
	plan  *event.Plan
	bound []expression.Bound // of the lets
	view  event.View
	frame expression.Frame
}

func newSides(t testing.TB, s setting, programs ...*expression.Program) *sides {
	t.Helper()
	var paths [][]string
	for _, p := range slices.Concat(s.lets, programs) {
		paths = p.AppendReads(paths)
	}
	both := &sides{setting: s, plan: event.NewPlan(paths)}
	for _, let := range s.lets {
		both.bound = append(both.bound, let.Bind(both.plan))
	}
	return both
}

const takenAt = 1_772_352_000_000_000_000 // when the log took the events

func (s *sides) read(t testing.TB, raw string, aggregates expression.Slots) vars {
	t.Helper()
	if err := s.view.Read([]byte(raw), func([]byte) *event.Plan { return s.plan }); err != nil {
		t.Fatalf("read %s: %v", raw, err)
	}
	s.frame.Event(&s.view, takenAt)
	s.frame.Enter(s.bound)
	s.frame.Aggregate(aggregates)
	ev, err := event.Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	data, err := event.DecodeData(ev.Data)
	if err != nil {
		t.Fatal(err)
	}
	if data == nil {
		data = map[string]any{}
	}
	v := vars{"data": data, "event": expression.Attributes(&ev, takenAt), expression.Aggregates: aggregates}
	for i, let := range s.lets {
		v[letTexts[i].name] = let.Value(v)
	}
	return v
}

// difference compares the two sides; "" when they agree.
func (s *sides) difference(p *expression.Program, v vars) (difference string, truth expression.Truth) {
	b := p.Bind(s.plan)
	want, wantErr := p.Eval(v)
	got, gotErr := b.Eval(&s.frame)
	if (wantErr == nil) != (gotErr == nil) || wantErr == nil && !same(got, want) || wantErr != nil && wantErr.Error() != gotErr.Error() {
		return fmt.Sprintf("Eval: got %v (%T), %v; want %v (%T), %v", got, got, gotErr, want, want, wantErr), 0
	}
	truth = expression.OtherError
	switch holds, ok := want.(bool); {
	case expression.IsAbsent(wantErr):
		truth = expression.AbsentError
	case ok && holds:
		truth = expression.True
	case ok:
		truth = expression.False
	}
	if got := b.Truth(&s.frame); got != truth {
		return fmt.Sprintf("Truth: got %v, want %v (%v, %v)", got, truth, want, wantErr), truth
	}
	return "", truth
}

// same compares values; what is no number is the same as itself.
func same(a, b any) bool {
	x, okX := a.(float64)
	y, okY := b.(float64)
	if okX && okY {
		return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
	}
	return reflect.DeepEqual(a, b) || fmt.Sprint(a) == fmt.Sprint(b) && strings.Contains(fmt.Sprint(a), "NaN")
}

// tally counts the results of an operator or function.
type tally struct{ holds, fails, errors, ours int }

func (t *tally) all() int { return t.holds + t.fails + t.errors }

// manyCases is how many make it sure that each result of an operator comes often enough.
const manyCases = 10_000

// leastShare is of how many results one is true, false or an error at the least, of each
// operator and function. None is without an error: where it has none itself, what it
// is asked of has.
const leastShare = 10

// judge fails where an operator or function comes to one result almost never.
func (t *tally) judge(in *testing.T, name string) {
	in.Helper()
	for what, n := range map[string]int{"true": t.holds, "false": t.fails, "an error": t.errors} {
		if n*leastShare < t.all() {
			in.Errorf("%d of %d results of %s are %s: less than one of %d", n, t.all(), name, what, leastShare)
		}
	}
}

func (t *tally) add(truth expression.Truth, ours bool) {
	if ours {
		t.ours++
	}
	switch {
	case truth.Failed():
		t.errors++
	case truth == expression.True:
		t.holds++
	default:
		t.fails++
	}
}

// TestClosuresAgreeWithCEL draws conditions of every operator and function, and
// events, and holds closures against CEL with decoded maps. It fails when
// something was not drawn often enough, or the results lean to one side.
func TestClosuresAgreeWithCEL(t *testing.T) {
	quota, events := 200, 10
	if *cases > 0 {
		quota, events = *cases, 25
	}
	if testing.Short() {
		quota = 20
	}
	s := newSetting(t)
	g := newGenerator(uint64(quota))
	counts := make(map[string]*tally)
	var total tally
	for _, f := range forms {
		counts[f.name] = new(tally)
	}
	for round := 0; slices.ContainsFunc(slices.Collect(maps.Values(counts)), func(c *tally) bool { return c.all() < quota }); round++ {
		if round > 200*quota {
			t.Fatal("some operator or function cannot be drawn")
		}
		for _, f := range forms {
			if count := counts[f.name]; count.all() < quota {
				judge(t, s, g, f, events, count)
			}
		}
	}
	for name, count := range counts {
		if quota >= manyCases {
			count.judge(t, name)
		}
		total.holds, total.fails, total.errors, total.ours = total.holds+count.holds, total.fails+count.fails, total.errors+count.errors, total.ours+count.ours
		if closures := slices.Contains(compiled, name); closures && count.ours*3 < count.all() && !testing.Short() {
			t.Errorf("closures evaluated %s in %d cases of %d only", name, count.ours, count.all())
		}
	}
	t.Log("\n" + table(counts, total))
	for what, n := range map[string]int{"true": total.holds, "false": total.fails, "an error": total.errors} {
		if n*10 < total.all() {
			t.Errorf("%d of %d results are %s: less than a tenth", n, total.all(), what)
		}
	}
}

// compiled are the operators and functions that closures evaluate.
var compiled = []string{"!", "!=", "&&", "||", "?:", "<", "<=", "==", ">", ">=", "in", "+", "-", "*", "/", ".?", "has", "startsWith", "endsWith", "contains", "matches",
	"lowerAscii", "upperAscii", "orValue", "hasValue", "money", "pct", "least", "greatest", "duration", "timestamp", "double", "containsIP", "avg", "count", "distinct", "max", "min", "share", "sum"}

// judge draws one condition of a form and evaluates it for some events.
func judge(t *testing.T, s setting, g *generator, f form, events int, count *tally) {
	t.Helper()
	text := g.condition(f, 2)
	calls := &expression.Calls{}
	p, issues := s.scope.Compile(text, calls)
	if issues != nil {
		return // the types do not fit
	}
	both := newSides(t, s, p)
	for range events {
		raw := g.event()
		slots := make(expression.Slots, len(calls.List))
		for i := range slots {
			slots[i] = pick(g, []any{3.0, 0.5, 0.0, 100.0, money.Money{Minor: 300, Currency: "USD"}, fmt.Errorf("no value")})
		}
		difference, truth := both.difference(p, both.read(t, raw, slots))
		if difference != "" {
			t.Fatalf("%s\nof %s: %s", text, raw, difference)
		}
		count.add(truth, p.Bind(both.plan).Ours(&both.frame))
	}
}

func table(counts map[string]*tally, total tally) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "operator or function\tevaluated\ttrue\tfalse\terror\tby closures\t")
	line := func(name string, c *tally) {
		share := func(n int) string { return fmt.Sprintf("%d %%", (100*n+c.all()/2)/max(1, c.all())) }
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t\n", name, c.all(), share(c.holds), share(c.fails), share(c.errors), share(c.ours))
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		line(name, counts[name])
	}
	line("all", &total)
	w.Flush()
	return b.String()
}

// TestEveryFunctionIsDrawn holds that the generator knows every function of the
// language.
func TestEveryFunctionIsDrawn(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, f := range forms {
		known[f.name] = true
	}
	functions := scope(t).Functions()
	if len(functions) < 50 {
		t.Fatalf("only %d functions", len(functions))
	}
	for _, name := range functions {
		if !known[name] {
			t.Errorf("%s is never drawn: add a form", name)
		}
	}
}
