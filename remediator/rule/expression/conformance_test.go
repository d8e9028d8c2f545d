package expression_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/expr"
	_ "cel.dev/expr/conformance/proto2" // messages that some cases name
	_ "cel.dev/expr/conformance/proto3"
	conformance "cel.dev/expr/conformance/test"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// unfit are the files of CEL's conformance cases about what the language does
// not have.
var unfit = map[string]string{
	"proto2": "messages of protocol buffers", "proto2_ext": "messages of protocol buffers", "proto3": "messages of protocol buffers", "dynamic": "messages of protocol buffers",
	"wrappers": "messages of protocol buffers", "enums": "messages of protocol buffers", "unknowns": "unknown values", "block_ext": "blocks, which optimizers write",
	"type_deduction": "what the checker deduces, without an answer", "bindings_ext": "cel.bind: rules have let", "encoders_ext": "base64 of bytes", "macros2": "macros with two variables",
	"namespace": "names with dots", "plumbing": "how the cases themselves are run",
}

// departures are the points in which an expression means something else than
// the case expects, by what its text matches.
var departures = []struct {
	text *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(` ?/ ?(0|n)\b`), "a quotient is a double, and division by zero is infinite"},
	{regexp.MustCompile(`(math\.\w+|format)\(\[?dyn\(`), "dyn() of a whole number is a double"},
	{regexp.MustCompile(`\?null_key\.invalid|\?true\]\.absent`), "an optional selection below what has no fields is absent"},
	{regexp.MustCompile(`[iI]ndexOf\('a', 30\)`), "cel-go: a search that begins behind the end finds nothing"},
	{regexp.MustCompile(`^\{true:1,false:2,true:3\}|^\{0: 1, 0u: 2\}`), "cel-go: a key that is written twice is no error"},
}

// refusals group what the compiler says of expressions that are none of the
// language.
var refusals = []struct {
	message *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`nothing is called "\.?cel\.`), "messages of protocol buffers"}, {regexp.MustCompile(`^bytes have no use`), "bytes"}, {regexp.MustCompile(`beyond ±2\^53`), "whole numbers beyond ±2^53"}, {regexp.MustCompile(`does not take timestamp\.\(text\)`), "time zones, which machines may know differently"},
	{regexp.MustCompile(`^parse (duration|timestamp)|overflow|type conversion error|^% works|uwhole number`), "a mistake that shows when a rule is loaded, or units of time below ms"},
}

// TestConformance runs the cases of CEL's specification that apply: closures and
// CEL give one answer for each, and it is the one that the case expects, unless
// the language departs from CEL there.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("some thousand cases: make test runs them")
	}
	t.Parallel()
	run := conformanceRun{notRun: make(map[string]int), departs: make(map[string]int)}
	for _, file := range conformanceFiles(t) {
		for _, section := range file.GetSection() {
			for _, test := range section.GetTest() {
				run.total++
				run.judge(t, file.GetName(), section.GetName(), test)
			}
		}
	}
	t.Logf("%d cases: %d apply, of which %d give the expected answer and %d another by design\n%s\nby design:\n%s",
		run.total, run.applied, run.agreed, run.applied-run.agreed, listed("not run: ", run.notRun), listed("", run.departs))
	if run.applied < 1000 {
		t.Errorf("only %d cases apply", run.applied)
	}
	document, err := os.ReadFile("../../../docs/expressions.md")
	if says := fmt.Sprintf("%d of %d do, and %d give", run.applied, run.total, run.agreed); err != nil || !strings.Contains(string(document), says) {
		t.Errorf("docs/expressions.md does not say that %s the expected answer, %v", says, err)
	}
	for _, counts := range []map[string]int{run.notRun, run.departs} {
		for why, n := range counts {
			if line := fmt.Sprintf("| %d | %s |", n, why); !strings.Contains(string(document), line) {
				t.Errorf("docs/expressions.md has no line %s", line)
			}
		}
	}
	for _, d := range departures {
		if run.departs[d.why] == 0 {
			t.Errorf("no case departs because %s", d.why)
		}
	}
}

func listed(prefix string, counts map[string]int) string {
	var lines []string
	for _, name := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return counts[b] - counts[a] }) {
		lines = append(lines, fmt.Sprintf("%s%4d %s", prefix, counts[name], name))
	}
	return strings.Join(lines, "\n")
}

// conformanceFiles reads the cases from the module of CEL's protocol buffers,
// which has them beside the code.
func conformanceFiles(t *testing.T) []*conformance.SimpleTestFile {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "cel.dev/expr").Output()
	if err != nil {
		t.Fatalf("find the cases: %v", err)
	}
	names, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "tests", "simple", "testdata", "*.textproto"))
	if err != nil || len(names) < 20 {
		t.Fatalf("found %d files of cases, %v", len(names), err)
	}
	var files []*conformance.SimpleTestFile
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file := &conformance.SimpleTestFile{}
		if err := prototext.Unmarshal(text, file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files = append(files, file)
	}
	return files
}

type conformanceRun struct {
	total, applied, agreed int
	notRun, departs        map[string]int // by reason
}

func (r *conformanceRun) judge(t *testing.T, file, section string, test *conformance.SimpleTest) {
	reason := unfit[file]
	if reason == "" && (test.GetDisableCheck() || test.GetCheckOnly() || test.GetContainer() != "" || test.GetDisableMacros()) {
		reason = "how an expression is parsed or checked"
	}
	if reason != "" {
		r.notRun[reason]++
		return
	}
	data := make(map[string]any)
	for name, bound := range test.GetBindings() {
		value, ok := plainValue(bound.GetValue())
		if _, isObject := bound.GetValue().GetKind().(*expr.Value_ObjectValue); !ok || isObject {
			r.notRun["variables that JSON cannot hold"]++
			return
		}
		data[name] = value
	}
	want, failure, ok := expected(test)
	if !ok {
		r.notRun["answers of types that rules do not have: bytes, types, maps by number"]++
		return
	}
	got, err, refused := evaluate(t, test.GetExpr(), data)
	if refused != "" {
		r.notRun[refused]++
		return
	}
	r.applied++
	if (err != nil) == failure && (failure || sameNative(got, want)) {
		r.agreed++
		return
	}
	why := departure(test.GetExpr())
	r.departs[why]++
	if why == "" {
		t.Errorf("%s/%s/%s: %s: got %v, %v; want %v, error %v", file, section, test.GetName(), test.GetExpr(), got, err, want, failure)
	}
}

// departure says by which point an expression means something else than in CEL.
func departure(text string) string {
	for _, d := range departures {
		if d.text.MatchString(text) {
			return d.why
		}
	}
	return ""
}

// evaluate runs an expression by closures and by CEL, which must agree. refused
// says why the expression is none of the language.
func evaluate(t *testing.T, text string, data map[string]any) (value any, err error, refused string) {
	var s setting
	var declared []expression.Variable
	for _, name := range slices.Sorted(maps.Keys(data)) {
		p, issues := scope(t).Compile("data."+name, nil)
		if issues != nil || strings.Contains(name, ".") {
			return nil, nil, "names that are no names of a let"
		}
		s.lets = append(s.lets, p)
		declared = append(declared, expression.Variable{Name: name, Type: expression.Any})
	}
	s.scope = scope(t, declared...)
	p, issues := s.scope.Compile(text, nil)
	if issues != nil {
		for _, r := range refusals {
			if r.message.MatchString(issues[0].Message) {
				return nil, nil, r.why
			}
		}
		t.Errorf("%s: %+v", text, issues)
		return nil, nil, "refused"
	}
	raw, err := json.Marshal(map[string]any{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": data})
	if err != nil {
		return nil, nil, "variables that JSON cannot hold"
	}
	both := newSides(t, s, p)
	v := both.read(t, string(raw), nil)
	for i, name := range slices.Sorted(maps.Keys(data)) {
		v[name] = s.lets[i].Value(v)
	}
	if difference, _ := both.difference(p, v); difference != "" {
		t.Errorf("%s: %s", text, difference)
	}
	value, err = p.Eval(v)
	return value, err, ""
}

// expected returns the answer of a case; ok is false for one that no rule can
// have.
func expected(test *conformance.SimpleTest) (value any, failure, ok bool) {
	switch test.GetResultMatcher().(type) {
	case nil:
		return true, false, true
	case *conformance.SimpleTest_Value:
		value, ok = plainValue(test.GetValue())
		return value, false, ok
	case *conformance.SimpleTest_TypedResult:
		value, ok = plainValue(test.GetTypedResult().GetResult())
		return value, false, ok
	case *conformance.SimpleTest_EvalError, *conformance.SimpleTest_AnyEvalErrors:
		return nil, true, true
	}
	return nil, false, false
}

// plainValue turns a value of a case into what Eval gives.
func plainValue(v *expr.Value) (any, bool) {
	switch v := v.GetKind().(type) {
	case *expr.Value_NullValue:
		return nil, true
	case *expr.Value_BoolValue:
		return v.BoolValue, true
	case *expr.Value_Int64Value:
		return float64(v.Int64Value), true
	case *expr.Value_Uint64Value:
		return float64(v.Uint64Value), true
	case *expr.Value_DoubleValue:
		return v.DoubleValue, true
	case *expr.Value_StringValue:
		return v.StringValue, true
	case *expr.Value_ListValue:
		list := []any{}
		for _, element := range v.ListValue.GetValues() {
			value, ok := plainValue(element)
			if !ok {
				return nil, false
			}
			list = append(list, value)
		}
		return list, true
	case *expr.Value_MapValue:
		fields := make(map[string]any)
		for _, entry := range v.MapValue.GetEntries() {
			name, isText := entry.GetKey().GetKind().(*expr.Value_StringValue)
			value, ok := plainValue(entry.GetValue())
			if !ok || !isText {
				return nil, false
			}
			fields[name.StringValue] = value
		}
		return fields, true
	case *expr.Value_ObjectValue:
		return plainMessage(v.ObjectValue.UnmarshalNew())
	}
	return nil, false
}

func plainMessage(message proto.Message, err error) (any, bool) {
	switch m := message.(type) {
	case *timestamppb.Timestamp:
		return m.AsTime(), err == nil
	case *durationpb.Duration:
		return m.AsDuration(), err == nil
	}
	return nil, false
}

func sameNative(got, want any) bool {
	x, okX := got.(float64)
	y, okY := want.(float64)
	if okX && okY {
		return x == y || math.IsNaN(x) && math.IsNaN(y)
	}
	at, okAt := got.(time.Time)
	if other, ok := want.(time.Time); ok && okAt {
		return at.Equal(other)
	}
	return reflect.DeepEqual(got, want)
}
