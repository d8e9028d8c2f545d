package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// contentCheck reads the entries in order and finds what cannot have been
// decided so: it judges what was sealed, not whether it was changed since.
type contentCheck struct {
	last     Entry
	remedies map[uuid.UUID]*remedyState
	steps    map[uuid.UUID]*stepState
	bulks    map[uuid.UUID]*bulkState
	awaited  map[uuid.UUID]uint64 // remedies that entries of this ordinal name before they are decided
	gaps     gapCheck
	coes     coeCheck
	period   periodCheck

	reconciled reconcileCheck

	days     []Period
	kinds    map[string]uint64
	findings []Finding
	unlisted int
}

// remedyState is what must be remembered of a remedy.
type remedyState struct {
	live, shadow bool // its key is taken
	waiting      bool // for approvals
	ended        bool
	undone       bool // of a step at least
	fell         bool // a refund of it was seen to fail after it was taken on
	account      string
	bulk         uuid.UUID // that holds it with others
}

// stepState is what must be remembered of a step of a live remedy.
type stepState struct {
	remedy *remedyState
	kind   string
	amount *money.Money // decided, or moved when that was less
	undoes uuid.UUID    // the action that it takes back; uuid.Nil when it pays
	paid   bool
	undone bool
	status string // that the provider last gave it, once it was paid
}

func newContentCheck() *contentCheck {
	return &contentCheck{
		remedies: map[uuid.UUID]*remedyState{}, steps: map[uuid.UUID]*stepState{},
		bulks: map[uuid.UUID]*bulkState{}, awaited: map[uuid.UUID]uint64{}, gaps: gapCheck{}, coes: coeCheck{}, period: periodCheck{errors: map[string]bool{}}, kinds: map[string]uint64{},
		reconciled: newReconcileCheck(),
	}
}

func (c *contentCheck) find(seq uint64, format string, args ...any) {
	if len(c.findings) >= maxKept {
		c.unlisted++
		return
	}
	at := int64(seq)
	c.findings = append(c.findings, Finding{Place: PlaceEntry, Sequence: &at, Problem: fmt.Sprintf(format, args...), weight: content})
}

// add takes the next entry.
func (c *contentCheck) add(e Entry) {
	c.kinds[e.Kind]++
	c.checkOrder(e)
	if e.Ordinal != c.last.Ordinal {
		c.checkAwaited()
		c.checkReconciled()
	}
	c.checkReferences(e)
	var remedy remedyBody // read once: no other kind is as frequent and as long
	var err error
	if e.Kind == decide.KindRemedy {
		remedy, err = readRemedy(e.Body)
	}
	if fromEvent(e, remedy) {
		c.period.count(e, remedy)
	}
	switch e.Kind {
	case decide.KindRemedy:
		if err == nil {
			c.addRemedy(e, remedy)
		}
	case decide.KindApproval:
		err = c.addApproval(e)
	case decide.KindAction:
		err = c.addAction(e)
	case decide.KindSeen:
		err = c.addSeen(e)
	case decide.KindEnd:
		err = c.addEnd(e)
	case decide.KindBulk:
		err = c.addBulk(e)
	case decide.KindReconciliation:
		err = c.addReconciliation(e)
	case decide.KindDifference:
		err = c.addDifference(e)
	case decide.KindGap:
		err = c.addGap(e)
	case decide.KindCOE:
		err = c.addCOE(e)
	case decide.KindProgress:
		err = c.addProgress(e)
	}
	if err != nil {
		c.find(e.Seq, "its body cannot be read: %v", err)
	}
	c.last = e
}

// fromEvent reports whether an entry says what became of an event. Remedies that
// people asked for came of none.
func fromEvent(e Entry, remedy remedyBody) bool {
	return e.Kind != decide.KindRemedy || !strings.HasPrefix(e.Rule, "makegood.") && remedy.Bulk == uuid.Nil
}

// mayHave reports whether a body may have a field, as long as its name is not found to
// be absent: most bodies need not be decoded for it. A name that is written with
// escapes is found too, and encoding/json does not heed the case of names.
func mayHave(body []byte, name string) bool {
	return bytes.Contains(bytes.ToLower(body), []byte(name)) || bytes.Contains(body, []byte(`\u`))
}

// checkOrder holds that time, ordinals and versions go one way.
func (c *contentCheck) checkOrder(e Entry) {
	switch {
	case (e.Kind == decide.KindGenesis) != (e.Seq == 0):
		c.find(e.Seq, "it is of kind %s; the first entry is the genesis, and no other", e.Kind)
	case e.Ordinal < c.last.Ordinal:
		c.find(e.Seq, "it is of ordinal %d, after one of ordinal %d", e.Ordinal, c.last.Ordinal)
	case c.last.Kind != "" && e.At < c.last.At:
		c.find(e.Seq, "it is of %s, after one of %s", stamp(e.At), stamp(c.last.At))
	case c.last.Kind != "" && e.Version != c.last.Version && (e.Kind != decide.KindVersion || e.Version < c.last.Version):
		c.find(e.Seq, "it is of version %d, after one of version %d, and no version began", e.Version, c.last.Version)
	}
}

// checkReferences holds that an entry about a remedy comes after its decision,
// or, of a pull and its evidence, with it.
func (c *contentCheck) checkReferences(e Entry) {
	if e.Remedy == uuid.Nil || c.remedies[e.Remedy] != nil {
		return
	}
	switch e.Kind {
	case decide.KindEvidence, decide.KindPull:
		if _, ok := c.awaited[e.Remedy]; !ok {
			c.awaited[e.Remedy] = e.Seq
		}
	case decide.KindAction, decide.KindApproval, decide.KindEnd, decide.KindDuplicate, decide.KindSeen:
		c.find(e.Seq, "it is about remedy %s, which was not decided", e.Remedy)
	}
}

func (c *contentCheck) checkAwaited() {
	for remedy, seq := range c.awaited {
		if c.remedies[remedy] == nil {
			c.find(seq, "it is about remedy %s, which was not decided", remedy)
		}
		delete(c.awaited, remedy)
	}
}

// addRemedy holds that a key is taken once, and remembers the steps.
func (c *contentCheck) addRemedy(e Entry, body remedyBody) {
	if body.Remedy != e.Remedy || body.Rule != e.Rule {
		c.find(e.Seq, "its columns say remedy %s of rule %q, its body remedy %s of rule %q", e.Remedy, e.Rule, body.Remedy, body.Rule)
		return
	}
	r := c.remedies[e.Remedy]
	if r == nil {
		r = &remedyState{account: body.Account}
		c.remedies[e.Remedy] = r
	}
	live := body.Mode == "live"
	switch {
	case r.live || r.shadow && !live:
		c.find(e.Seq, "remedy %s was decided before", e.Remedy)
	case body.Decision == decide.Suppress:
	case !live:
		r.shadow = true
	default:
		r.live, r.account, r.waiting = true, body.Account, body.Decision == decide.Hold
		for _, s := range body.Steps {
			c.steps[s.Action] = &stepState{remedy: r, kind: s.Kind, amount: s.Amount, undoes: s.Of}
		}
		if r.bulk = body.Bulk; r.bulk != uuid.Nil {
			c.addToBulk(e, body)
		}
		c.checkOrigin(e.Seq, body)
	}
}

func (c *contentCheck) addApproval(e Entry) error {
	var body decide.ApprovalFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	switch r := c.remedies[e.Remedy]; {
	case r == nil || body.Answer != "approve":
	case body.Held != "":
		r.bulk = uuid.Nil // people look at it by itself
	case body.Have >= body.Need:
		r.waiting = false
		c.checkBulk(e, r)
	}
	return nil
}

// addAction holds that money moves once for a step, never more than was
// decided, and not before a person agreed where one must.
func (c *contentCheck) addAction(e Entry) error {
	var body decide.ActionFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	s := c.steps[e.Action]
	if s == nil || s.remedy != c.remedies[e.Remedy] {
		c.find(e.Seq, "it is about action %s, which is not a step of a live remedy %s", e.Action, e.Remedy)
		return nil
	}
	if body.Status != decide.Succeeded && body.Status != decide.Pending {
		return nil
	}
	switch {
	case s.remedy.ended && !s.paid:
		c.find(e.Seq, "action %s was carried out after its remedy ended", e.Action)
	case s.remedy.waiting:
		c.find(e.Seq, "action %s was carried out while its remedy waits for a person", e.Action)
	case s.paid:
		c.find(e.Seq, "action %s was carried out before", e.Action)
	case body.Amount != nil && (s.amount == nil || s.amount.Currency != body.Amount.Currency || body.Amount.Minor > s.amount.Minor):
		c.find(e.Seq, "action %s moved %s, decided was %s", e.Action, body.Amount, amountText(s.amount))
	}
	s.paid, s.status = true, body.Status
	if body.Amount != nil {
		s.amount = body.Amount
	}
	if s.undoes != uuid.Nil {
		c.undo(e, s)
	}
	return nil
}

// addProgress holds the counts of a period to its facts, and adds them to its
// day.
func (c *contentCheck) addProgress(e Entry) error {
	var body decide.ProgressFact
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	for _, problem := range c.period.close(e, body) {
		c.find(e.Seq, "%s", problem)
	}
	// The period ended before the time of the fact, which may be midnight.
	day := time.Unix(0, e.At-1).UTC().Format(time.DateOnly)
	if n := len(c.days); n == 0 || c.days[n-1].Day != day {
		c.days = append(c.days, Period{Day: day})
	}
	sum := &c.days[len(c.days)-1]
	sum.Inputs += body.Inputs
	sum.Counts = addCounts(sum.Counts, body.Counts)
	sum.ForgottenEvents += body.EventsForgotten
	for _, lost := range body.WindowsLost {
		sum.LostWindows, sum.LostParts = sum.LostWindows+lost.Windows, sum.LostParts+lost.Parts
	}
	return nil
}

func addCounts(a, b decide.Counts) decide.Counts {
	return decide.Counts{
		Received: a.Received + b.Received, Duplicates: a.Duplicates + b.Duplicates, NoMatch: a.NoMatch + b.NoMatch,
		Judged: a.Judged + b.Judged, Remedies: a.Remedies + b.Remedies, Late: a.Late + b.Late, NoKey: a.NoKey + b.NoKey,
		Errors: a.Errors + b.Errors,
	}
}

// fate is the most that an event came to by its facts; it is counted as that.
type fate int

const (
	fateNone fate = iota
	fateDuplicate
	fateNoKey
	fateLate
	fateRemedy
)

// periodCheck counts what the facts between two progress facts say of events.
type periodCheck struct {
	ordinal uint64 // of the event under way
	became  fate
	events  [fateRemedy + 1]uint64
	errors  map[string]bool // rules that could not be judged
	through uint64          // of the progress before
}

// count takes one fact. An event is an ordinal: of its facts the one that came
// farthest counts.
func (p *periodCheck) count(e Entry, remedy remedyBody) {
	became := fateNone
	switch {
	case waited(e, remedy): // for its counterpart, after its event was counted
	case e.Kind == decide.KindRemedy:
		became = fateRemedy
	case e.Kind == decide.KindLate:
		became = fateLate
	case e.Kind == decide.KindNoKey:
		became = fateNoKey
	case e.Kind == decide.KindDuplicate:
		became = fateDuplicate
	case e.Kind == decide.KindError:
		p.errors[e.Rule] = true
	}
	if became == fateNone {
		return
	}
	if e.Ordinal != p.ordinal {
		p.flush()
		p.ordinal = e.Ordinal
	}
	p.became = max(p.became, became)
}

// waited reports whether a fact is about an event whose counterpart did not come:
// its ordinal is that of whatever input the deadline passed with.
func waited(e Entry, remedy remedyBody) bool {
	if e.Kind != decide.KindDuplicate {
		return remedy.Opened != nil
	}
	if !mayHave(e.Body, `"opened"`) {
		return false
	}
	var body struct {
		Opened *decide.Opened `json:"opened"`
	}
	return json.Unmarshal(e.Body, &body) == nil && body.Opened != nil
}

func (p *periodCheck) flush() {
	p.events[p.became]++
	p.became = fateNone
}

// close ends the period and returns what its counts do not agree with.
func (p *periodCheck) close(e Entry, body decide.ProgressFact) (problems []string) {
	p.flush()
	fail := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if sum := body.Duplicates + body.NoMatch + body.Judged + body.Remedies + body.Late + body.NoKey + body.Errors; sum != body.Received {
		fail("%d events were received, and %d accounted for", body.Received, sum)
	}
	if body.Through < p.through || body.Through >= e.Ordinal || body.Inputs > body.Through-p.through || body.Received > body.Inputs {
		fail("%d inputs with %d events, from ordinal %d to %d, sealed at %d, is not possible",
			body.Inputs, body.Received, p.through+1, body.Through, e.Ordinal)
	}
	if p.ordinal > body.Through {
		fail("its period ends at ordinal %d, but there are facts of the event %d", body.Through, p.ordinal)
	}
	for _, c := range []struct {
		name        string
		counted, is uint64
	}{
		{"with a remedy", body.Remedies, p.events[fateRemedy]},
		{"too late", body.Late, p.events[fateLate]},
		{"without a key", body.NoKey, p.events[fateNoKey]},
	} {
		if c.counted != c.is {
			fail("it counts %d events %s, the facts since the progress before are of %d", c.counted, c.name, c.is)
		}
	}
	if p.events[fateDuplicate] > body.Judged+body.Errors {
		fail("it counts %d events judged without a remedy, there are facts of %d", body.Judged, p.events[fateDuplicate])
	}
	for _, r := range body.RuleErrors {
		if !p.errors[r.Rule] || r.Errors == 0 {
			fail("it counts %d errors of rule %q, of which there is no fact", r.Errors, r.Rule)
		}
		delete(p.errors, r.Rule)
	}
	for _, rule := range slices.Sorted(maps.Keys(p.errors)) {
		fail("there is an error of rule %q, which it does not count", rule)
	}
	*p = periodCheck{errors: map[string]bool{}, through: body.Through}
	return problems
}

func amountText(m *money.Money) string {
	if m == nil {
		return "nothing"
	}
	return m.String()
}

func stamp(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339Nano) }
