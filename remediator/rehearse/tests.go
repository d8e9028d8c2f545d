package rehearse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Tests is what the tests beside rules came to.
type Tests struct {
	Tests      []TestResult  `json:"tests"` // in the order of the files
	Conditions []Coverage    `json:"conditions"`
	Problems   rule.Problems `json:"problems"` // why tests failed, and what is wrong with their files

	// decided is what became of the remedies that tests which passed expect, by rule, each once.
	decided map[string][]decided
}

// decided is what became of a remedy.
type decided struct{ decision, reason string }

// pays reports whether such a remedy shows what its rule pays: it is paid, or would be
// but for a limit or an approval. What is held for another reason may hold no amount at all.
func (d decided) pays() bool {
	switch d.reason {
	case decide.ReasonPerRemedy, decide.ReasonPerCustomer, decide.ReasonBudget, decide.ReasonApprove:
		return d.decision == decide.Hold
	}
	return d.decision == decide.Act
}

func (d decided) String() string { return d.decision + " (" + d.reason + ")" }

// TestResult is what one test came to.
type TestResult struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Rules are those that the test names, and those that it sends events, in order of name.
	Rules []string `json:"rules"`

	Problems rule.Problems `json:"-"` // why it failed; Tests.Problems has them too
	// What was expected and what was got, line by line, where remedies were compared
	// and are not the same. SideBySide shows them.
	Expected []string `json:"expected,omitempty"`
	Got      []string `json:"got,omitempty"`
	// Golden is the test's golden file as it should be; nil when it is, or there is none.
	Golden *Golden `json:"-"`
}

// Coverage counts the tests that passed and show one condition of a rule.
type Coverage struct {
	Rule      string `json:"rule"`
	Condition string `json:"condition"` // empty for a rule without any; ConditionUnless
	Holds     int    `json:"holds"`     // the rule made an expected remedy, and it held
	Fails     int    `json:"fails"`     // it alone kept the rule from firing
}

// Lacks says which side of the condition no test shows, empty when both are shown. A
// rule without a condition has one side.
func (c Coverage) Lacks() string {
	switch both := c.Condition == ""; {
	case c.Holds == 0 && c.Fails == 0 && !both:
		return "no test"
	case c.Holds == 0:
		return "no test in which it holds"
	case c.Fails == 0 && !both:
		return "no test in which it alone is false"
	}
	return ""
}

// Passed reports whether there were tests and all of them passed.
func (t *Tests) Passed() bool {
	return len(t.Tests) > 0 && !t.Problems.Failed()
}

// Test runs the tests among files, which also hold the events that they name,
// against a set of rules: those whose names are wanted, all when wanted is nil.
// Each test begins anew. It ends early with the error of ctx.
func Test(ctx context.Context, set *rule.Set, files []rule.File, wanted func(name string) bool) (*Tests, error) {
	return testsOf(ctx, set, files, false, func(t *test) bool { return wanted == nil || wanted(t.name) })
}

// testsOf is Test for the tests that are wanted, and for a part of a set.
func testsOf(ctx context.Context, set *rule.Set, files []rule.File, part bool, wanted func(*test) bool) (*Tests, error) {
	t := &Tests{Tests: []TestResult{}, Conditions: conditionsOf(set), Problems: rule.Problems{}, decided: map[string][]decided{}}
	texts := map[string]string{}
	for _, file := range files {
		texts[file.Path] = file.Text
	}
	absent, matcher, goldens := absences{}, match.New(set), map[string]string{}
	for _, file := range files {
		if !isTests(file.Path) {
			continue
		}
		s := readSuite(file)
		for i := range s.tests {
			if !wanted(&s.tests[i]) {
				continue
			}
			r := &run{suite: s, test: &s.tests[i], set: set, matcher: matcher, files: texts, goldens: goldens, failed: s.tests[i].broken, part: part}
			before := len(s.Problems)
			if err := r.play(ctx); err != nil {
				return nil, fmt.Errorf("run test %q of %s: %w", r.test.name, file.Path, err)
			}
			t.Problems = append(t.Problems, absent.found(set, r.outcomes)...)
			if !r.failed {
				t.cover(r)
			}
			t.Tests = append(t.Tests, r.result(s.Problems[before:]))
		}
		t.Problems = append(t.Problems, s.Problems...)
	}
	t.Problems.Sort()
	return t, nil
}

// result is what the run came to.
func (r *run) result(problems rule.Problems) TestResult {
	result := TestResult{File: r.Path, Line: r.test.at.Line, Name: r.test.name, Passed: !r.failed, Rules: r.about(), Problems: problems, Golden: r.golden}
	if r.failed && !slices.Equal(r.wanted, r.got) {
		result.Expected, result.Got = r.wanted, r.got
	}
	return result
}

// absences are the conditions that were warned of, by rule and text.
type absences map[[2]string]bool

// found warns of conditions with ! or != that an event gave no value, for want of
// a field: who wrote them surely meant them to hold then.
func (known absences) found(set *rule.Set, outcomes []*outcome) rule.Problems {
	var problems rule.Problems
	for _, o := range outcomes {
		for _, j := range o.judged {
			all := slices.Concat(j.conditions, j.having)
			for _, c := range all {
				key := [2]string{j.rule.Name, c.Text}
				if !c.Negates || !expression.IsAbsent(c.Err) || known[key] || c.GuardedBy(all...) {
					continue
				}
				known[key] = true
				s := sourceOf(set, j.rule)
				s.Warnf(placeOf(s, j.rule), "absent", "write data.?field.orValue(…), so that the condition has a value without the field",
					"the tests send the rule %s an event of which this condition is neither true nor false: %s (%v)", j.rule.Name, expression.Line(c.Text), c.Err)
				problems = append(problems, s.Problems...)
			}
		}
	}
	return problems
}

// placeOf returns where a rule begins.
func placeOf(s *document.Source, r *rule.Rule) document.Place {
	return document.Place{Line: r.Line, Col: max(strings.Index(s.Line(r.Line), "rule:"), 0) + 1}
}

// conditionsOf lists all conditions of all rules.
func conditionsOf(set *rule.Set) []Coverage {
	all := []Coverage{}
	for _, r := range set.Rules {
		texts := conditionTexts(r)
		if len(texts) == 0 {
			all = append(all, Coverage{Rule: r.Name})
		}
		for _, text := range texts {
			all = append(all, Coverage{Rule: r.Name, Condition: text})
		}
	}
	return all
}

// conditionTexts lists the conditions that keep a rule from firing, each once:
// those for one type of event alone come in the order of the types. They are on one
// line each, without comments.
func conditionTexts(r *rule.Rule) []string {
	var texts []string
	add := func(conditions []*rule.Expr) {
		for _, c := range conditions {
			if !slices.ContainsFunc(texts, func(text string) bool { return same(text, c.Text) }) {
				texts = append(texts, expression.Line(c.Text))
			}
		}
	}
	for i := range r.Filters {
		add(r.Filters[i].Conditions)
	}
	add(r.HavingConditions)
	if r.Unless != nil {
		texts = append(texts, ConditionUnless)
	}
	return texts
}

// cover counts what a test that passed has shown.
func (t *Tests) cover(passed *run) {
	expects := func(name string) bool {
		return slices.ContainsFunc(passed.test.expect, func(e expectation) bool { return e.rule == name }) ||
			passed.test.golden != nil && slices.ContainsFunc(passed.remedies, func(m decide.RemedyFact) bool { return m.Rule == name })
	}
	for i := range t.Conditions {
		c := &t.Conditions[i]
		if expects(c.Rule) && passed.held(c) {
			c.Holds++
		}
		if slices.ContainsFunc(passed.test.nots, func(n negation) bool { return n.rule == c.Rule && same(n.because, c.Condition) }) {
			c.Fails++
		}
	}
	for _, m := range passed.remedies {
		d := decided{m.Decision, m.Reason}
		if expects(m.Rule) && !slices.Contains(t.decided[m.Rule], d) {
			t.decided[m.Rule] = append(t.decided[m.Rule], d)
		}
	}
}

// held reports whether a condition held for an event of the test: one for a type of
// its own is not shown by an event of another type.
func (r *run) held(c *Coverage) bool {
	if c.Condition == "" || c.Condition == ConditionUnless {
		return true
	}
	return slices.ContainsFunc(r.outcomes, func(o *outcome) bool {
		j := o.of(c.Rule)
		return j != nil && slices.ContainsFunc(slices.Concat(j.conditions, j.having), func(judged rule.Condition) bool {
			return judged.Value && same(judged.Text, c.Condition)
		})
	})
}

// same compares expressions without regard to comments, and to white space outside of texts.
func same(a, b string) bool { return squeeze(expression.Line(a)) == squeeze(expression.Line(b)) }

func squeeze(text string) string {
	var b strings.Builder
	quote := rune(0)
	escaped := false
	for _, r := range text {
		switch {
		case quote != 0:
			if r == quote && !escaped {
				quote = 0
			}
			escaped = r == '\\' && !escaped
		case r == '"' || r == '\'':
			quote = r
		case unicode.IsSpace(r):
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Demand returns what tests must still show before the rules of a set that move
// money may be live: of each rule one remedy that is expected and paid, or held for a
// limit or an approval, and of each condition that it alone keeps the rule from firing.
func Demand(set *rule.Set, tests *Tests) rule.Problems {
	problems := rule.Problems{}
	for _, r := range set.Rules {
		problems = append(problems, demandOf(set, tests, r)...)
	}
	problems.Sort()
	return problems
}

// demandOf is Demand for one rule.
func demandOf(set *rule.Set, tests *Tests, r *rule.Rule) rule.Problems {
	if !r.Pays() {
		return nil
	}
	s := sourceOf(set, r)
	at := placeOf(s, r)
	if got := tests.decided[r.Name]; !slices.ContainsFunc(got, decided.pays) {
		why := "no test that passes expects a remedy of it"
		if len(got) > 0 {
			why = "no remedy of it that the tests expect is paid, or held for a limit or an approval; the first is: " + got[0].String()
		}
		s.Errorf(at, "untested", "write a test beside it:\nexpect: [{rule: "+r.Name+"}]", "the rule %s is %s and moves money, but %s", r.Name, r.Mode, why)
	}
	for _, c := range coverageOf(tests, r) {
		if c.Condition != "" && c.Fails == 0 {
			s.Errorf(at, "untested", "write a test beside it:\nnot:\n  - rule: "+r.Name+"\n    because: >-\n      "+c.Condition,
				"the rule %s is %s and moves money, but no test that passes shows that it does not fire because of: %s", r.Name, r.Mode, c.Condition)
		}
	}
	return s.Problems
}

func coverageOf(tests *Tests, r *rule.Rule) []Coverage {
	var of []Coverage
	for _, c := range tests.Conditions {
		if c.Rule == r.Name {
			of = append(of, c)
		}
	}
	return of
}

// sourceOf returns the file of a rule, to report problems in.
func sourceOf(set *rule.Set, r *rule.Rule) *document.Source {
	for _, file := range set.Files {
		if file.Path == r.File {
			return document.NewSource(file.Path, file.Text)
		}
	}
	return document.NewSource(r.File, "")
}
