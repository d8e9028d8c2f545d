package rehearse

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// suite is a file of tests that stands beside rules.
type suite struct {
	*document.Source
	tests []test
}

// test sends events to the rules and says what they make of them. Each case of a
// test is one.
type test struct {
	name  string
	at    document.Place
	sends []send
	demand
	broken bool // it, or its file, has mistakes: it is not run
}

// demand is what a test says of the remedies.
type demand struct {
	expect []expectation
	whole  bool // expect is written: it lists every remedy
	nots   []negation
	golden *yaml.Node // names a file with the decisions in full; nil: none
}

// send is an event, or nothing, and when it arrives, counted from the start of the test.
type send struct {
	at    document.Place
	after time.Duration
	sets  []*yaml.Node // in their order; that of a case comes last
	event *yaml.Node   // either this or file
	file  *yaml.Node
	timed bool // after was written for this event

	repeat int           // how often it arrives
	every  time.Duration // from one time to the next
}

// passes reports whether nothing arrives but time passes.
func (s *send) passes() bool { return s.event == nil && s.file == nil }

// expectation is one remedy that must be made.
type expectation struct {
	at             document.Place
	rule           string
	decision       string
	reason         string // empty: any
	actions        []expectedAction
	decidesActions bool // actions is written: it lists every step
}

// expectedAction is one step; only the fields that are written are looked at.
type expectedAction struct {
	at     document.Place
	kind   string
	fields map[string]string
}

// negation is a rule that must make no remedy, because of one condition.
type negation struct {
	at, becauseAt document.Place
	rule, because string
}

// isTests reports whether a file holds tests of rules.
func isTests(file string) bool {
	return strings.HasSuffix(file, "_test.yaml") || strings.HasSuffix(file, "_test.yml")
}

// Split divides the files of a rules folder into the rules, and everything that
// belongs to their tests: the files of tests and the events that these name.
func Split(files []rule.File) (rules, tests []rule.File) {
	for _, file := range files {
		isYAML := strings.HasSuffix(file.Path, ".yaml") || strings.HasSuffix(file.Path, ".yml")
		switch {
		case isTests(file.Path) || strings.HasSuffix(file.Path, ".json"):
			tests = append(tests, file)
		case isYAML:
			rules = append(rules, file)
		}
	}
	return rules, tests
}

// Named returns which files the tests among files name, events and golden files, by the
// paths at which the tests look for them.
func Named(files []rule.File) map[string]bool {
	named := map[string]bool{}
	for _, file := range files {
		if !isTests(file.Path) {
			continue
		}
		s := readSuite(file)
		for _, t := range s.tests {
			for _, one := range t.sends {
				if one.file != nil {
					named[s.beside(one.file)] = true
				}
			}
			if t.golden != nil {
				named[s.beside(t.golden)] = true
			}
		}
	}
	return named
}

// beside returns the path of a file that is named by its way from the folder of the tests.
func (s *suite) beside(name *yaml.Node) string { return path.Join(path.Dir(s.Path), name.Value) }

// readSuite reads a file of tests. What is wrong is reported in the source.
func readSuite(file rule.File) *suite {
	s := &suite{Source: document.NewSource(file.Path, file.Text)}
	root := s.Parse()
	if root == nil {
		if len(s.Problems) == 0 {
			s.Errorf(document.Place{Line: 1, Col: 1}, "empty", "begin it with tests:", "the file holds no tests")
		}
		return s
	}
	m := s.Mapping(root, "the file", "tests")
	if m == nil {
		return s
	}
	list := s.list(m.Need("tests", "begin the file with tests: and a list below"))
	if len(list) == 0 && len(s.Problems) == 0 {
		s.Errorf(document.At(root), "empty", "write a test, or remove the file", "the file holds no tests")
	}
	names := map[string]bool{}
	torn := s.Errors() > 0 // who knows what the tests of such a file are
	for _, n := range list {
		for _, t := range s.test(n) {
			t.broken = t.broken || torn
			if names[t.name] && t.name != "" {
				s.Errorf(t.at, "duplicate", "give it a name of its own", "a test before has the name %q", t.name)
				t.broken = true
			}
			names[t.name] = true
			s.tests = append(s.tests, t)
		}
	}
	return s
}

// test reads a test, or a table of them.
func (s *suite) test(n *yaml.Node) []test {
	t, before := test{at: document.At(n)}, s.Errors()
	m := s.Mapping(n, "a test", "name", "send", "expect", "not", "golden", "cases")
	if m == nil {
		t.broken = true
		return []test{t}
	}
	t.name = s.need(m, "name", "say what it shows: name: a minute less is nothing")
	after := time.Duration(0)
	for _, item := range s.list(m.Need("send", "write send: and a list of events")) {
		one := s.send(item, after)
		after = one.after + time.Duration(one.repeat-1)*one.every
		t.sends = append(t.sends, one)
	}
	if lastEvent(t.sends) < 0 && m.Has("send") {
		s.Errorf(m.Key("send"), "empty", "send an event, or a file with one", "the test sends nothing, so it shows nothing")
	}
	if !m.Has("cases") {
		t.demand = s.demand(m, "the test")
		t.broken = s.Errors() > before
		return []test{t}
	}
	for _, key := range []string{"expect", "not", "golden"} {
		if m.Has(key) {
			s.Errorf(m.Key(key), "cases", "move it into the cases", "a test with cases has %s of its own", key)
		}
	}
	t.broken = s.Errors() > before
	return s.cases(m, t)
}

// demand reads what is expected of a test or a case.
func (s *suite) demand(m *document.Mapping, what string) demand {
	d := demand{whole: m.Has("expect"), golden: m.Get("golden")}
	for _, item := range s.list(m.Get("expect")) {
		d.expect = append(d.expect, s.expectation(item))
	}
	for _, item := range s.list(m.Get("not")) {
		d.nots = append(d.nots, s.negation(item))
	}
	if !d.whole && len(d.nots) == 0 && !m.Has("golden") {
		s.Errorf(document.At(m.Node), "empty", "write expect: with every remedy (expect: [] for none), or not: with a rule and the condition that keeps it from firing",
			"%s expects nothing, so it cannot fail", what)
	}
	return d
}

func (s *suite) send(n *yaml.Node, before time.Duration) send {
	one := send{at: document.At(n), after: before, repeat: 1}
	m := s.Mapping(n, "a send", "at", "event", "file", "set", "repeat", "every")
	if m == nil {
		return one
	}
	one.event, one.file = m.Get("event"), m.Get("file")
	if set := m.Get("set"); set != nil {
		one.sets = []*yaml.Node{set}
	}
	if at := m.Get("at"); at != nil {
		one.timed = true
		if after, ok := s.duration(at, "write the time since the test began: at: +2h", "time since the test began"); ok {
			one.after = after
		}
		if one.after < before {
			s.Errorf(document.At(at), "duration", "send lists events in the order in which they arrive; when one happened is its own time: set: {time: …}",
				"%q is before the time of the event above it", at.Value)
		}
	}
	alone := one.timed && len(m.Names()) == 1
	if (one.event == nil) == (one.file == nil) && !alone {
		s.Errorf(one.at, "event", "write event: with the event, or file: with the name of a JSON file beside this one; at: alone lets time pass",
			"each item of send is one event or one file")
	}
	s.repeats(m, &one)
	return one
}

// maxRepeat bounds what one line of a test can cost.
const maxRepeat = 10_000

// repeats reads how often an event is sent.
func (s *suite) repeats(m *document.Mapping, one *send) {
	if n := m.Get("repeat"); n != nil {
		count, err := strconv.Atoi(n.Value)
		if err != nil || count < 1 || count > maxRepeat {
			s.Errorf(document.At(n), "number", "write how often it is sent: repeat: 3", "repeat: %q is no number from 1 to %d", n.Value, maxRepeat)
			count = 1
		}
		one.repeat = count
	}
	if n := m.Get("every"); n != nil {
		one.every, _ = s.duration(n, "write the time from one to the next: every: 1m", "time between two events")
		if !m.Has("repeat") {
			s.Errorf(m.Key("every"), "missing", "say how often: repeat: 3", "every says how far apart, but not how many")
		}
	}
}

// duration reads a time span that may be nothing; one that cannot be read is reported.
func (s *suite) duration(n *yaml.Node, hint, what string) (time.Duration, bool) {
	d, err := expression.ParseDuration(strings.TrimPrefix(n.Value, "+"))
	if err != nil || d < 0 {
		s.Errorf(document.At(n), "duration", hint, "%q is no %s", n.Value, what)
		return 0, false
	}
	return d, true
}

func (s *suite) expectation(n *yaml.Node) expectation {
	e := expectation{at: document.At(n), decision: decide.Act}
	if n.Kind == yaml.ScalarNode && n.Value != "" { // its name alone: the rule acts
		e.rule = n.Value
		return e
	}
	m := s.Mapping(n, "an expected remedy", "rule", "decision", "reason", "actions")
	if m == nil {
		return e
	}
	e.rule = s.need(m, "rule", "name the rule that makes the remedy")
	e.reason = s.text(m.Get("reason"))
	if n := m.Get("decision"); n != nil {
		decisions := []string{decide.Act, decide.Hold, decide.Suppress}
		if e.decision = s.text(n); !slices.Contains(decisions, e.decision) {
			s.Errorf(document.At(n), "value", document.DidYouMean(e.decision, decisions), "%q is no decision", e.decision)
		}
	}
	e.decidesActions = m.Has("actions")
	for _, item := range s.list(m.Get("actions")) {
		e.actions = append(e.actions, s.action(item))
	}
	return e
}

// fieldsOf lists what of each kind of step can be looked at.
var fieldsOf = map[string][]string{
	rule.Refund: {"payment", "amount"},
	rule.Credit: {"customer", "amount", "expires"},
	rule.Notify: {"template", "via"},
	// What a receiver is told is not in a decision, which holds no texts.
	rule.Webhook: {"to"},
	rule.Andon:   {"pull", "level"},
	rule.COE:     {"cord"},
}

// kinds are the kinds of step in the order in which they are looked for.
var kinds = []string{rule.Refund, rule.Credit, rule.Notify, rule.Webhook, rule.Andon, rule.COE}

// action reads an expected step: its kind with the fields that are looked at.
func (s *suite) action(n *yaml.Node) expectedAction {
	a := expectedAction{at: document.At(n)}
	m := s.Mapping(n, "an expected action", append([]string{"name"}, kinds...)...)
	if m == nil {
		return a
	}
	a.fields = map[string]string{}
	if n := m.Get("name"); n != nil {
		a.fields["name"] = s.text(n)
	}
	for _, kind := range kinds {
		if !m.Has(kind) {
			continue
		}
		if a.kind != "" {
			s.Errorf(a.at, "step", "begin each action with a - of its own", "an action is both %s and %s", a.kind, kind)
		}
		a.kind = kind
		inner := s.Mapping(m.Get(kind), kind, fieldsOf[kind]...)
		if inner == nil {
			continue
		}
		for _, name := range inner.Names() {
			a.fields[name] = s.text(inner.Get(name))
		}
	}
	if a.kind == "" {
		s.Errorf(a.at, "step", "write refund:, credit:, notify:, webhook:, andon: or coe:", "an expected action says no kind")
	}
	return a
}

func (s *suite) negation(n *yaml.Node) negation {
	not := negation{at: document.At(n)}
	m := s.Mapping(n, "an entry of not", "rule", "because")
	if m == nil {
		return not
	}
	not.rule = s.need(m, "rule", "name the rule that makes no remedy")
	not.because = s.need(m, "because", "name the one condition that keeps the rule from firing: because: data.delay_min >= 180")
	not.becauseAt = m.Key("because")
	return not
}

// need returns the text of a key that must be there.
func (s *suite) need(m *document.Mapping, key, hint string) string {
	n := m.Need(key, hint)
	text := s.text(n)
	if n != nil && n.Kind == yaml.ScalarNode && text == "" {
		s.Errorf(document.At(n), "missing", hint, "%s is empty", key)
	}
	return text
}

// list returns the items of a list; nil for no node.
func (s *suite) list(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		s.Errorf(document.At(n), "type", "begin each item with a dash", "expected a list")
		return nil
	}
	return n.Content
}

// text returns the text of a scalar; "" for no node.
func (s *suite) text(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	text, _ := s.Scalar(n, "the value", "write a text")
	return text
}
