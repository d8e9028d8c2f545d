package rehearse

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
	"github.com/makegood/makegood/remediator/window"
)

// Explanation says of each rule what it makes of one event and why. Windows
// hold this event alone, and no key was taken before. Every rule counts as live.
type Explanation struct {
	Event  string            `json:"event"`            // its id
	Stored *Stored           `json:"stored,omitempty"` // when it is about a remedy that was made
	Type   string            `json:"type"`
	Rules  []RuleExplanation `json:"rules"` // every rule, sorted by name
}

// RuleExplanation is about one rule.
type RuleExplanation struct {
	Rule       string                 `json:"rule"`
	File       string                 `json:"file"`
	Line       int                    `json:"line"`
	Matched    bool                   `json:"type_matched"`
	Window     string                 `json:"window,omitempty"` // what having counts, and how exactly
	Unless     string                 `json:"unless,omitempty"` // what the event waits for, or ends
	Conditions []ConditionExplanation `json:"conditions"`
	Decision   string                 `json:"decision,omitempty"` // empty when it makes no remedy
	Reason     string                 `json:"reason,omitempty"`
	Mode       string                 `json:"mode,omitempty"` // of the rule, when it decides: shadow, canary 5% or live; of a remedy that was made: shadow or live
	Actions    []string               `json:"actions,omitempty"`
	Why        string                 `json:"why,omitempty"` // the first thing that kept it from acting
}

// Results of a condition.
const (
	True      = "true"
	False     = "false"
	NoValue   = "error"      // it has no value, which counts as false
	NotJudged = "not judged" // something before it failed
)

// ConditionExplanation is about one of the conditions that && joins.
type ConditionExplanation struct {
	Part      string         `json:"part"` // if, having or unless
	Condition string         `json:"condition"`
	Result    string         `json:"result"`
	Error     string         `json:"error,omitempty"`
	Seen      map[string]any `json:"seen,omitempty"`   // what it read, by path or call
	Absent    []string       `json:"absent,omitempty"` // what it read that was not there, when it has a value all the same
}

// Explain says what the rules make of one event in structured mode. now, in
// nanoseconds since the Unix epoch, is the time of an event that has none. lateness is
// how late an event may come to one that waits for it.
func Explain(set *rule.Set, raw []byte, now int64, lateness time.Duration) (*Explanation, error) {
	if _, err := event.Check(raw, event.MaxBytes); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	ev, err := event.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	w, err := beginWatched(set, lateness)
	if err != nil {
		return nil, err
	}
	if ev.Time != 0 {
		now = ev.Time
	}
	o, err := w.event(eventInput(raw, now))
	if err != nil {
		return nil, err
	}
	e := &Explanation{Event: ev.ID, Type: ev.Type, Rules: []RuleExplanation{}}
	for _, r := range set.Rules {
		explained := o.explain(r, ev.Type)
		if r.Unless != nil {
			o.explainUnless(&explained, r)
		}
		e.Rules = append(e.Rules, explained)
	}
	if err := w.explainAbsence(o, set, e.Rules); err != nil {
		return nil, err
	}
	return e, nil
}

// Conditions says what a rule's conditions of an event come to, with the values that
// they read, without the windows: these are as nobody knows. It returns nil when the
// rule is not about events of this type.
func Conditions(set *rule.Set, name string, raw []byte, at int64) ([]ConditionExplanation, error) {
	ev, err := event.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	for _, c := range set.Clauses(ev.Type) {
		if c.Rule.Name != name || c.Ends {
			continue
		}
		explained := []ConditionExplanation{}
		conditions := c.Rule.Evaluate(rule.NewValues(&ev, at)).Conditions(c.Filter)
		if slices.ContainsFunc(conditions, func(c rule.Condition) bool { return c.Err != nil }) && meets(set, name, raw, at) {
			spare(conditions)
		}
		for _, condition := range conditions {
			explained = append(explained, explainCondition("if", condition))
		}
		return explained, nil
	}
	return nil, nil
}

// meets reports whether the matcher finds that an event meets the if of a rule.
func meets(set *rule.Set, name string, raw []byte, at int64) bool {
	result, err := match.New(set).Match(raw, at)
	return err == nil && slices.ContainsFunc(result.Hits, func(h match.Hit) bool { return h.Rule.Name == name })
}

func (o *outcome) explain(r *rule.Rule, eventType string) RuleExplanation {
	e := RuleExplanation{Rule: r.Name, File: r.File, Line: r.Line, Conditions: []ConditionExplanation{}}
	j := o.of(r.Name)
	if j == nil {
		e.Why = fmt.Sprintf("the rule is about %s, not about %s", strings.Join(r.Events, ", "), eventType)
		return e
	}
	e.Matched, e.Window = true, windowText(r)
	for _, c := range j.conditions {
		e.Conditions = append(e.Conditions, explainCondition("if", c))
	}
	for _, c := range j.having {
		e.Conditions = append(e.Conditions, explainCondition("having", c))
	}
	if !j.asked {
		for _, x := range r.HavingConditions {
			e.Conditions = append(e.Conditions, ConditionExplanation{Part: "having", Condition: x.Text, Result: NotJudged})
		}
	}
	if remedy := o.remedy(r.Name); remedy != nil {
		e.decided(r, remedy)
	}
	e.Why = o.why(j)
	return e
}

// windowText says what the window of a rule counts and how exactly.
func windowText(r *rule.Rule) string {
	if r.Window == nil {
		return ""
	}
	by := "all together"
	if r.Window.By != nil {
		by = "by " + r.Window.By.Text
	}
	side := "what the rounding leaves out does not count"
	if r.MovesMoney() {
		side = "where the rounding matters, nothing is paid"
	}
	text := fmt.Sprintf("%s, within %s; exact up to %d events of a key, then in steps of %s: %s",
		by, expression.WriteDuration(r.Window.Within), window.MaxExact, expression.WriteDuration(window.Step(r.Window.Within)), side)
	if slices.ContainsFunc(r.Aggregates, func(a rule.Aggregate) bool { return a.Func == "distinct" }) {
		text += fmt.Sprintf("; distinct exact up to %d values of a key, then estimated with a standard error of %.1f %%", window.MaxExact, 100*window.StandardError)
		if r.MovesMoney() {
			text += fmt.Sprintf(", paid at %d of them to the safe side", window.Errors)
		}
	}
	return text
}

func explainCondition(part string, c rule.Condition) ConditionExplanation {
	e := ConditionExplanation{Part: part, Condition: c.Text, Result: False, Seen: map[string]any{}, Absent: c.Absent}
	switch {
	case c.Err != nil:
		e.Result, e.Error = NoValue, cause(c.Said())
	case c.Value:
		e.Result = True
	}
	for name, value := range c.Seen {
		e.Seen[name] = plain(value)
	}
	return e
}

// stepText writes a step for people.
func stepText(s decide.Step) string {
	switch s.Kind {
	case rule.Refund:
		return fmt.Sprintf("refund %s of %s", s.Amount, s.Payment)
	case rule.Credit:
		return fmt.Sprintf("credit %s to %s", s.Amount, cmp.Or(s.Customer, "nobody"))
	case rule.Notify:
		return s.Name + " with " + s.Template + " by " + s.Via
	case rule.Webhook:
		return s.Name + " to " + s.Endpoint
	case rule.Andon:
		return fmt.Sprintf("pull %s %s", s.Cord, s.Level)
	}
	return s.Kind
}

// WriteText writes the explanation for people.
func (e *Explanation) WriteText(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "event %s of type %s\n", printable(e.Event), printable(e.Type))
	if s := e.Stored; s == nil {
		fmt.Fprintln(table, "judged by itself: windows hold no other event, and no once_per key is taken")
	} else {
		fmt.Fprintf(table, "remedy %s, made at %s of input %d\n", s.Remedy, s.At, s.Ordinal)
		how := "in force by " + printable(s.Author)
		if s.Bulk != "" {
			how = fmt.Sprintf("afterwards for %s, in bulk %s", printable(s.By), s.Bulk)
		}
		fmt.Fprintf(table, "by the rules %.12s, %s; the rule's text is %.12s\n", s.Set, how, s.Digest)
	}
	for _, r := range e.Rules {
		fmt.Fprintf(table, "\n%s (%s:%d)\n", r.Rule, r.File, r.Line)
		if r.Window != "" {
			fmt.Fprintf(table, "  window: %s\n", r.Window)
		}
		for _, c := range r.Conditions {
			read := readText(c.Seen, c.Absent)
			if c.Error != "" && read != "" {
				read += ", "
			}
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", c.Part, expression.Line(c.Condition), c.Result, read+c.Error)
		}
		if r.Unless != "" {
			fmt.Fprintf(table, "  unless: %s\n", r.Unless)
		}
		switch r.Decision {
		case "":
			fmt.Fprintf(table, "  no remedy: %s\n", r.Why)
		case decide.Act:
			fmt.Fprintf(table, "  act: %s\n", strings.Join(r.Actions, ", "))
		default:
			fmt.Fprintf(table, "  %s: %s\n", r.Decision, strings.TrimPrefix(r.Why, verbs[r.Decision]+": "))
			if len(r.Actions) > 0 {
				fmt.Fprintf(table, "  it would: %s\n", strings.Join(r.Actions, ", "))
			}
		}
		switch r.Mode {
		case "", string(rule.Live):
		case string(rule.Shadow):
			fmt.Fprintln(table, "  mode shadow: this is what it would do, and nothing is done")
		default:
			fmt.Fprintf(table, "  mode %s: for the other customers nothing is done\n", r.Mode)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write explanation: %w", err)
	}
	return nil
}
