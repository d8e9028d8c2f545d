package rule_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// TestLanguageTables evaluates every cell of the tables of docs/expressions.md
// whose first column is data of an event: the head says what is evaluated.
func TestLanguageTables(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	var head []string
	tables, cells := 0, 0
	for _, line := range strings.Split(string(text), "\n") {
		row := cellsOf(line)
		switch {
		case len(row) == 0:
			head = nil
		case row[0] == "data of the event":
			head = row
			tables++
		case head != nil && !strings.HasPrefix(row[0], "-"):
			for i, cell := range row[1:] {
				cells++
				if got := cellOf(t, code(row[0]), head[i+1]); got != cell {
					t.Errorf("%s of %s: the document says %s, it is %s", head[i+1], row[0], cell, got)
				}
			}
		}
	}
	if tables != 2 || cells < 100 {
		t.Errorf("found %d tables with %d cells", tables, cells)
	}
}

// TestLanguageNamesFunctions holds docs/expressions.md to the functions that
// there are.
func TestLanguageNamesFunctions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	engine, err := expression.NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	scope, err := engine.Scope()
	if err != nil {
		t.Fatal(err)
	}
	functions := scope.Functions()
	if len(functions) < 80 {
		t.Errorf("found %d functions only", len(functions))
	}
	for _, name := range functions {
		if !strings.Contains(string(text), "`"+name+"`") && !strings.Contains(string(text), "`"+name+"(") {
			t.Errorf("docs/expressions.md does not name %s", name)
		}
	}
}

// cellsOf takes a line of a table apart; | in code is written \|.
func cellsOf(line string) []string {
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	var cells []string
	for _, cell := range strings.Split(strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00"), "|") {
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "\x00", "|"))
	}
	return cells
}

// code returns what stands between backquotes.
func code(cell string) string {
	_, cell, _ = strings.Cut(cell, "`")
	cell, _, _ = strings.Cut(cell, "`")
	return cell
}

// cellOf evaluates what a column asks, over the event's places and over maps.
func cellOf(t *testing.T, data, column string) string {
	t.Helper()
	raw := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"/s","type":"t.x","data":%s}`, data)
	ev, err := event.Decode([]byte(raw))
	if err != nil {
		return "refused"
	}
	r := ruleFor(t, code(column))
	clause := r.clause
	plan := event.NewPlan(clause.AppendReads(nil))
	var view event.View
	if err := view.Read([]byte(raw), func([]byte) *event.Plan { return plan }); err != nil {
		t.Fatal(err)
	}
	var frame expression.Frame
	frame.Event(&view, 1)
	decoded := clause.Rule.Evaluate(rule.NewValues(&ev, 1))
	if r.column == "do" {
		return r.say(decoded) // steps are carried out over maps alone
	}
	got, want := r.say(clause.Bind(plan).Evaluate(new(rule.Evaluation), &frame)), r.say(decoded)
	if got != want {
		t.Errorf("%s of %s: %s over places, %s over maps", column, data, got, want)
	}
	return want
}

// asked is a rule that evaluates a column of the tables.
type asked struct {
	column string // condition, key, aggregate or do
	clause rule.Clause
}

func ruleFor(t *testing.T, text string) asked {
	t.Helper()
	a := asked{column: "condition"}
	body := fmt.Sprintf("if: %q", text)
	step := "r"
	switch {
	case strings.HasPrefix(text, "once_per: "):
		a.column, body = "key", text
	case strings.HasPrefix(text, "sum("), strings.HasPrefix(text, "distinct("):
		a.column, body = "aggregate", fmt.Sprintf("window: {within: 1d}, having: %q", "count() > 0 || "+text+" != null")
	case strings.HasPrefix(text, "${{"):
		a.column, body, step = "do", "if: true", text
	}
	set, err := rule.Load([]rule.File{{Path: "r.yaml", Text: fmt.Sprintf("rules: [{rule: r, owner: o, why: w, event: t.x, %s, do: [{andon: {pull: a/b, level: red, reason: %q}}]}]", body, step)}})
	if err != nil {
		t.Fatal(err)
	}
	a.clause = set.Clauses("t.x")[0]
	return a
}

func (a asked) say(e *rule.Evaluation) string {
	switch a.column {
	case "key":
		key, why := e.Key()
		if why != "" {
			return "none, " + why
		}
		_, key, _ = strings.Cut(key, ":")
		return "`" + key + "`"
	case "do":
		actions, err := e.Actions(nil)
		if err != nil {
			return "held"
		}
		return "`" + actions[0].Reason + "`"
	case "aggregate":
		return adds(a.clause.Rule.Aggregates[len(a.clause.Rule.Aggregates)-1], e)
	}
	switch holds, err := e.Meets(a.clause.Filter); {
	case err != nil:
		return "error"
	default:
		return fmt.Sprint(holds)
	}
}

// adds says what an event adds to an aggregate.
func adds(aggregate rule.Aggregate, e *rule.Evaluation) string {
	value, err := e.Value(aggregate.Arg)
	if err != nil {
		return "nothing"
	}
	if aggregate.Func == "distinct" {
		text, why := rule.Canonical(value)
		if why != "" {
			return "nothing"
		}
		return "`" + text + "`"
	}
	if n, ok := value.(float64); ok {
		return fmt.Sprintf("`%.0f`", n)
	}
	m, err := money.FromJSON(value)
	if err != nil {
		return "nothing"
	}
	return "`" + m.String() + "`"
}
