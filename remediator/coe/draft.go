package coe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/visible"
)

// toWrite begins each paragraph of a draft that only people can write. A text with one
// is not published.
const toWrite = "To write:"

// recalled ends what people remember and no fact says.
const recalled = "(recalled)"

const (
	maxTimeline   = 40 // lines that a draft has
	maxRules      = 20 // that it counts; with maxCurrencies its queries stay below maxNumbers
	maxCurrencies = 5  // of each rule
)

// Dimensions of contributing factors. A COE has factors of more than one.
var Dimensions = []string{"discovery", "decisions", "organisation", "working conditions", "communication", "technology", "warning signs", "knowledge"}

// Ask is what a draft is about.
type Ask struct {
	Cord, Rule   string // one of them
	Title        string // empty: what it is about
	Since, Until time.Time
	Size         uint64 // of the ledger
	// Sets are rule sets by their digests: those that Deciding names. One that cannot be
	// read any more is not among them.
	Sets map[string]*rule.Set
	// Standing were the rules in force when the period ended, or, with Later, are those
	// of today, as there were none then; nil: there are none.
	Standing *rule.Set
	Later    bool
	Related  []Related
}

// Related is another COE that has something to do with it.
type Related struct{ COE, About, Status string }

// Scope is what a draft looks at.
func (a *Ask) Scope() Scope {
	var s Scope
	s.Add(a.query(Moment))
	return s
}

// query returns a query about what the draft is about.
func (a *Ask) query(name string) Query {
	return Query{Name: name, Cord: a.Cord, Rule: a.Rule, Since: a.Since, Until: a.Until, Size: a.Size}
}

// rulesOf lists the rules that are part of what a draft is about, up to maxRules, and
// counts the others.
func (b *Book) rulesOf(a Ask) (names []string, more int) {
	if a.Rule != "" {
		return []string{a.Rule}, 0
	}
	names = slices.Sorted(maps.Keys(b.pulledBy(a.Cord, a.Size)))
	more = max(0, len(names)-maxRules)
	return names[:len(names)-more], more
}

// drafting is a draft on its way.
type drafting struct {
	*Ask
	b       *Book
	text    strings.Builder
	defined []string // the queries, in order
	rules   []string // that are part of it, up to maxRules
	more    int      // rules that are part of it, too
	drawn   int      // graphs
}

// Draft writes a draft of what a book, read with the scope of the ask, says.
func Draft(b *Book, ask Ask) string {
	d := &drafting{Ask: &ask, b: b}
	d.rules, d.more = b.rulesOf(ask)
	d.head()
	d.happened()
	d.data()
	d.impact()
	d.people()
	d.related()
	d.quote()
	d.text.WriteString("\n")
	for _, line := range d.defined {
		d.text.WriteString(line + "\n")
	}
	return d.text.String()
}

func (d *drafting) line(format string, args ...any) { fmt.Fprintf(&d.text, format+"\n", args...) }

// number writes a query's value with words behind it, as a link to the query.
func (d *drafting) number(label string, q Query, words string) string {
	value, _ := d.b.Value(q)
	if value == "1" {
		words = strings.TrimSuffix(words, "s")
	}
	d.defined = append(d.defined, fmt.Sprintf("[%s]: %s:%s", label, schemeQuery, q))
	return fmt.Sprintf("[%s%s][%s]", value, words, label)
}

func (d *drafting) head() {
	about := "the cord " + code(d.Cord)
	if d.Cord == "" {
		about = "the rule " + code(d.Rule)
	}
	title := oneLine(d.Title)
	if title == "" {
		title = "What we learn from " + strings.ReplaceAll(about, "`", "")
	}
	d.line("# %s", title)
	d.line("\nAbout %s, %s to %s, by the first `%d` entries of the ledger.", about, moment(d.Since), moment(d.Until), d.Size)
	d.line("\n## Summary\n\n%s last of all, what happened, to whom, why it mattered and what is done about it.", toWrite)
}

func moment(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// code writes a name so that nothing in it is Markdown.
func code(name string) string {
	return "`" + strings.ReplaceAll(visible.Line(name), "`", "?") + "`"
}

// oneLine writes a title so that it stays one, and nothing in it is Markdown.
func oneLine(text string) string {
	text = visible.Line(strings.Join(strings.Fields(text), " "))
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*_{}[]<>#|!~&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// happened writes the timeline, and when the moments of the error were.
func (d *drafting) happened() {
	d.line("\n## What happened\n")
	lines := d.timeline()
	if len(lines) > maxTimeline {
		lines = slices.Concat(lines[:maxTimeline/2], lines[len(lines)-maxTimeline/2:])
	}
	for _, l := range lines {
		d.line("- %s: %s [fact %d](%s:%d)", moment(l.at), l.words, l.seq, schemeLedger, l.seq)
	}
	if len(lines) == 0 {
		d.line("%s the timeline; the ledger says nothing of this time. Each line is a time, what happened, and where that is known from.", toWrite)
	}
	d.line("\n### Times\n")
	for _, of := range Moments {
		q := d.query(Moment)
		q.Of = of
		if _, there := d.b.Value(q); there {
			d.line("- %s: %s", of, d.number(of, q, ""))
			continue
		}
		d.line("- %s: %s the ledger does not know; write a time, and %s behind it.", of, toWrite, recalled)
	}
}

// lineOf is a line of the timeline.
type lineOf struct {
	at    time.Time
	seq   uint64
	words string
}

// timeline lists what happened to the cord, what people did, and of each rule the
// first and the last remedy.
func (d *drafting) timeline() []lineOf {
	var lines []lineOf
	for _, c := range d.b.cords {
		if d.query(Moment).in(c.seq, c.at) && (d.Cord == "" || c.cord == d.Cord) {
			lines = append(lines, lineOf{c.at, c.seq, c.words()})
		}
	}
	for _, t := range d.b.touched {
		if d.query(Moment).in(t.seq, t.at) && (t.rule == "" || slices.Contains(d.rules, t.rule)) {
			lines = append(lines, lineOf{t.at, t.seq, fmt.Sprintf("%s by %s.", map[string]string{
				decide.KindApproval: "a held remedy was answered", decide.KindPause: "money was paused", decide.KindResume: "money was let flow again"}[t.kind], code(t.by))})
		}
	}
	for _, name := range d.rules {
		q := d.query(Remedies)
		q.Rule, q.Cord = name, ""
		rows := d.b.chosen(q)
		if len(rows) > 0 {
			lines = append(lines, lineOf{rows[0].at, rows[0].seq, fmt.Sprintf("rule %s decided its first remedy of this time: %s.", code(name), rows[0].decision)})
		}
		if last := len(rows) - 1; last > 0 {
			lines = append(lines, lineOf{rows[last].at, rows[last].seq, fmt.Sprintf("rule %s decided its last remedy of this time: %s.", code(name), rows[last].decision)})
		}
	}
	slices.SortFunc(lines, func(a, b lineOf) int { return int(int64(a.seq) - int64(b.seq)) })
	return lines
}

// words says what happened to a cord.
func (c *cordRow) words() string {
	by := "rule " + code(c.rule)
	if c.by != "" {
		by = code(c.by)
	}
	switch {
	case c.kind == decide.KindAnswered:
		return fmt.Sprintf("%s came to %s.", by, code(c.cord))
	case c.kind == decide.KindRelease:
		return fmt.Sprintf("%s released %s.", by, code(c.cord))
	case c.kind == decide.KindEscalated:
		return fmt.Sprintf("%s stayed pulled longer than its box; it was escalated.", code(c.cord))
	case c.cause == decide.CauseUnanswered:
		return fmt.Sprintf("nobody came to %s in time; it turned %s.", code(c.cord), c.level)
	case !c.opened:
		return fmt.Sprintf("%s pulled %s, which was %s.", by, code(c.cord), c.level)
	}
	return fmt.Sprintf("%s pulled %s to %s.", by, code(c.cord), c.level)
}

// steps are the lengths of a graph's bars, of which the first that fits is taken.
var steps = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

const barsWanted = 60

func (d *drafting) data() {
	d.line("\n## Data\n")
	step := steps[len(steps)-1]
	for _, s := range slices.Backward(steps) {
		if d.Until.Sub(d.Since)/s <= barsWanted {
			step = s
		}
	}
	draw := func(q Query, what, unit string) {
		if d.drawn++; d.drawn > maxGraphs {
			return
		}
		q.Step = step
		d.line("![%s, %s per %s, %s to %s](%s:%s)\n", what, unit, durationText(step), moment(q.Since), moment(q.Until), schemeGraph, q)
	}
	every := d.query(Events)
	every.Rule, every.Cord = "", ""
	draw(every, "Events received", "events")
	if d.Cord != "" {
		draw(d.query(Pulls), "Pulls of "+oneLine(d.Cord), "pulls")
	}
	for _, name := range d.rules {
		q := d.query(Remedies)
		q.Rule, q.Cord = name, ""
		draw(q, "Remedies of "+oneLine(name), "remedies")
		q.Name = Share
		draw(q, "Bad share: remedies of "+oneLine(name)+" in a hundred events", "percent")
		for _, currency := range d.currencies(name) {
			q.Name, q.Currency = Money, currency
			draw(q, "Money moved by "+oneLine(name), currency)
		}
	}
	if d.drawn > maxGraphs {
		d.line("%d graphs more are left out.", d.drawn-maxGraphs)
	}
}

// currencies lists the currencies in which a rule's remedies pay, up to maxCurrencies.
func (d *drafting) currencies(name string) []string {
	found := map[string]bool{}
	q := d.query(Remedies)
	q.Rule, q.Cord = name, ""
	for _, r := range d.b.chosen(q) {
		for _, m := range r.steps {
			found[m.Currency] = true
		}
	}
	all := slices.Sorted(maps.Keys(found))
	return all[:min(len(all), maxCurrencies)]
}

func (d *drafting) impact() {
	d.line("\n## Impact\n")
	for _, name := range d.rules {
		q := d.query(Customers)
		q.Rule, q.Cord = name, ""
		customers := d.number(name+"-customers", q, " customers")
		q.Name = Remedies
		remedies := d.number(name+"-remedies", q, " remedies")
		q.Name = Share
		d.line("- %s had %s by the rule %s, %s of all events.", customers, remedies, code(name), d.number(name+"-share", q, ""))
		for _, currency := range d.currencies(name) {
			q.Name, q.Currency = Money, currency
			d.line("- %s was given back by the rule %s.", d.number(name+"-"+strings.ToLower(currency), q, ""), code(name))
		}
	}
	if d.Cord != "" {
		d.line("- The cord %s was pulled %s and was red for %s.", code(d.Cord), d.number("pulls", d.query(Pulls), " times"), d.number("stopped", d.query(Stopped), ""))
	}
	if d.more > 0 {
		d.line("\n%s what `%d` more rules that pulled the cord did, which are not counted here.", toWrite, d.more)
	}
	d.line("\n%s what it meant for these customers, for those who got nothing, and for the business.", toWrite)
}

// people writes the sections that only people can fill.
func (d *drafting) people() {
	d.line("\n## Contributing factors\n\n%s at least two, of different dimensions (%s), none of which ends at a person:", toWrite, strings.Join(Dimensions, ", "))
	d.line("\n1. **technology**: …\n2. **warning signs**: …")
	d.line("\n## Lessons\n\n%s what surprised us, and what we know now.", toWrite)
	d.line("\n## What worked\n\n%s what kept it from being worse.", toWrite)
	d.line("\n## Actions\n\n| Action | Kind | Owner | Due | Priority | Done when | Factor |\n|---|---|---|---|---|---|---|")
	for _, kind := range Kinds {
		d.line("| … | %s | | | | | |", kind)
	}
}

func (d *drafting) related() {
	d.line("\n## Related\n")
	for _, r := range d.Related {
		d.line("- COE %s about %s, %s", code(r.COE), code(r.About), r.Status)
	}
	if len(d.Related) == 0 {
		d.line("%s who else has these factors; or: None, confirmed by NAME.", toWrite)
	}
}
