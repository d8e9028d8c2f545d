package rehearse

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// NearMisses are the events for which a rule did not fire by one condition alone.
type NearMisses struct {
	Rule    string         `json:"rule"`
	Judged  int            `json:"judged"` // events of its types, in the period
	Missed  map[string]int `json:"missed"` // events that missed by one condition, by condition
	NoValue []Unvalued     `json:"no_value,omitempty"`
	Late    int            `json:"late,omitempty"` // events that came later than the lateness, where the rule looks at their time
	Nearest []NearMiss     `json:"nearest"`        // the nearest first; those of which no distance is known last, by time
}

// Unvalued is a condition that alone has no value for some events: they may have been
// sent in another form than the rule expects.
type Unvalued struct {
	Condition string `json:"condition"`
	Events    int    `json:"events"`
	Source    string `json:"source"` // of the last of them
	Event     string `json:"event"`
	Error     string `json:"error"`

	last *rule.Condition // as it was judged for that event
}

// NearMiss is one event.
type NearMiss struct {
	At       string `json:"at"`
	Source   string `json:"source"`
	Event    string `json:"event"`
	Customer string `json:"customer,omitempty"`
	Part     string `json:"part"` // if, having or unless
	FailedCondition
	// Alternatives are those of a condition that || joins. The least of their distances
	// is the condition's.
	Alternatives []FailedCondition `json:"alternatives,omitempty"`
}

// Near lists the events of a period that missed a rule by one condition, at most so
// many. Windows are those of a rehearsal, in which the rule fires where it would.
func Near(set *rule.Set, name string, past Past, most int) (*NearMisses, error) {
	r := set.Rule(name)
	if r == nil {
		var names []string
		for _, known := range set.Rules {
			names = append(names, known.Name)
		}
		return nil, fmt.Errorf("there is no rule %q: %s", name, document.DidYouMean(name, names))
	}
	w, err := beginWatched(set, past.lateness())
	if err != nil {
		return nil, err
	}
	w.watcher.only = name
	n := &nearness{rule: r, judged: map[[16]byte]bool{}, readings: map[string]*rule.Reading{}, most: most, found: &NearMisses{Rule: name, Missed: map[string]int{}, Nearest: []NearMiss{}}}
	var first int64
	var whole bool
	for in, err := range past.read(past.warmingOf(r), &first, &whole) {
		if err != nil {
			return nil, err
		}
		o, err := w.judge(in)
		if err != nil {
			return nil, err
		}
		if o.late[name] && past.has(in.At) {
			n.found.Late++
		}
		j := o.of(name)
		if again := j != nil && n.again(j.event); again || !past.has(in.At) {
			continue // what is sent twice is judged once
		}
		if j != nil {
			if err := n.add(j, in, w.fold.KeyTaken); err != nil {
				return nil, err
			}
		}
		for i := range o.met {
			if o.met[i].Rule == name {
				n.addMet(&o.met[i], in.At)
			}
		}
	}
	n.cut()
	for i := range n.found.NoValue {
		u := &n.found.NoValue[i]
		u.Error, u.last = cause(u.last.Said()), nil // only the last of them is looked into
	}
	return n.found, nil
}

// nearness collects near misses of one rule.
type nearness struct {
	rule     *rule.Rule
	readings map[string]*rule.Reading // by condition
	most     int
	found    *NearMisses
	judged   map[[16]byte]bool // events, by a hash of their source and id
}

// again reports whether an event was judged before.
func (n *nearness) again(ev [2]string) bool {
	sum := sha256.Sum256([]byte(ev[0] + "\x00" + ev[1]))
	key := [16]byte(sum[:16])
	before := n.judged[key]
	n.judged[key] = true
	return before
}

// add looks at how the rule judged one event. taken says whether a once_per key is taken.
func (n *nearness) add(j *judgement, in input.Input, taken func(r *rule.Rule, key string) bool) error {
	n.found.Judged++
	var missed *rule.Condition
	part, parts := "", []string{"if", "having"}
	for p, list := range [][]rule.Condition{j.conditions, j.having} {
		for i := range list {
			switch {
			case list[i].Value:
			case missed != nil:
				return nil // by more than one
			default:
				missed, part = &list[i], parts[p]
			}
		}
	}
	if missed == nil || part == "if" && (n.rule.Window != nil || n.rule.Unless != nil) {
		return nil // nobody knows what having would have said, or whether it would have waited in vain
	}
	if key, noKey := j.evaluation.Key(); noKey != "" && len(n.rule.OncePer) > 0 || taken(n.rule, key) {
		return nil // the condition is not all that kept the rule from firing
	}
	ev, err := event.Decode(in.Body)
	if err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	if ev.SampledRate > 1 && n.rule.Window != nil && n.rule.MovesMoney() {
		return nil
	}
	if missed.Err != nil {
		n.addUnvalued(missed, &ev)
		return nil
	}
	miss := NearMiss{At: stampOr(in.At), Source: ev.Source, Event: ev.ID, Customer: ev.Customer, Part: part}
	if err := n.measure(j, *missed, &miss); err != nil {
		return err
	}
	n.keep(miss)
	return nil
}

// addUnvalued counts an event for which a condition has no value.
func (n *nearness) addUnvalued(missed *rule.Condition, ev *event.Event) {
	at := slices.IndexFunc(n.found.NoValue, func(u Unvalued) bool { return u.Condition == missed.Text })
	if at < 0 {
		at = len(n.found.NoValue)
		n.found.NoValue = append(n.found.NoValue, Unvalued{Condition: missed.Text})
	}
	u := &n.found.NoValue[at]
	u.Events++
	u.Source, u.Event, u.last = ev.Source, ev.ID, missed
}

// addMet adds an event whose counterpart came in time, at a log time. Of the time that
// it was allowed, what was left is the distance.
func (n *nearness) addMet(m *decide.Met, at int64) {
	took, allowed := time.Duration(m.Came-m.At), time.Duration(m.Deadline-m.At)
	miss := NearMiss{At: stampOr(at), Source: m.Source, Event: m.Event, Customer: m.Customer, Part: ConditionUnless, FailedCondition: FailedCondition{
		Condition: ConditionUnless,
		Seen:      map[string]any{"event.time": stampOr(m.At), "unless event.time": stampOr(m.Came)},
		Shortfall: Shortfall{Compared: "time until " + strings.Join(n.rule.Unless.Events, " or "), Left: plain(took), Needs: "> " + shown(allowed)},
	}}
	if allowed > 0 {
		miss.MissedBy, miss.Distance = missedBy(took, allowed)
	}
	n.keep(miss)
}

// keep counts a miss, and keeps it while it is among the nearest.
func (n *nearness) keep(miss NearMiss) {
	n.found.Missed[miss.Condition]++
	n.found.Nearest = append(n.found.Nearest, miss)
	if len(n.found.Nearest) >= 2*n.most+chunkEvents {
		n.cut()
	}
}

// measure says how far an event was from meeting the condition that it missed.
func (n *nearness) measure(j *judgement, missed rule.Condition, miss *NearMiss) error {
	read := n.readings[missed.Text]
	if read == nil {
		var err error
		if read, err = n.rule.Read(missed.Text); err != nil {
			return err
		}
		n.readings[missed.Text] = read
	}
	shortfall := shortfallOf(j.evaluation, read)
	for _, a := range read.Alternatives {
		miss.Alternatives = append(miss.Alternatives, failedCondition(j.evaluation.Judge(a), shortfallOf(j.evaluation, a)))
	}
	if len(miss.Alternatives) > 0 {
		shortfall = Shortfall{Distance: shortfall.Distance} // what was compared is theirs to say
	}
	miss.FailedCondition = failedCondition(missed, shortfall)
	return nil
}

// cut keeps the nearest.
func (n *nearness) cut() {
	slices.SortStableFunc(n.found.Nearest, func(a, b NearMiss) int {
		switch {
		case a.Distance == nil && b.Distance == nil:
			return 0
		case a.Distance == nil:
			return 1
		case b.Distance == nil:
			return -1
		}
		return cmp.Compare(*a.Distance, *b.Distance)
	})
	n.found.Nearest = n.found.Nearest[:min(len(n.found.Nearest), n.most)]
}

// WriteText writes near misses for people.
func (n *NearMisses) WriteText(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s judged %d events\n", n.Rule, n.Judged)
	for _, condition := range slices.Sorted(maps.Keys(n.Missed)) {
		fmt.Fprintf(table, "%d missed by this alone: %s\n", n.Missed[condition], expression.Line(condition))
	}
	for _, u := range n.NoValue {
		fmt.Fprintf(table, "%d for which this alone has no value: %s; of %s: %s\n", u.Events, expression.Line(u.Condition), printable(u.Event), printable(u.Error))
	}
	if n.Late > 0 {
		fmt.Fprintf(table, "%d events that came later than the lateness\n", n.Late)
	}
	for _, m := range n.Nearest {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.At, printable(m.Event), printable(m.Customer), m.why())
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write near misses: %w", err)
	}
	return nil
}

// why writes what failed, for people: of a condition that || joins each alternative.
func (m *NearMiss) why() string {
	if len(m.Alternatives) == 0 {
		return m.text()
	}
	var all []string
	for i := range m.Alternatives {
		all = append(all, m.Alternatives[i].text())
	}
	return strings.Join(all, "; or ")
}
