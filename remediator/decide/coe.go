package decide

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/money"
)

// Statuses of a COE, the correction of an error.
const (
	COEDraft     = "draft"
	COEReview    = "review"    // waits for another person than those who wrote it
	COEPublished = "published" // the time in which it must not happen again runs
	COEEffective = "effective" // it did not happen again in that time
	COEClosed    = "closed"
)

// COEStatuses lists them, in their order.
func COEStatuses() []string {
	return []string{COEDraft, COEReview, COEPublished, COEEffective, COEClosed}
}

// What a COEFact says happened.
const (
	COEOpened   = "opened"
	COEAdded    = "added"    // more of what it is about, while it is open
	COERevised  = "revised"  // a person wrote a text
	COEReopened = "reopened" // it happened again
	// Of the rest the change is called as the status that it leads to.
)

// Causes of a COE that is opened, added to or opened again, besides a person.
const (
	CauseRed   = "red"       // its cord was pulled red
	CauseSpent = "coe_above" // the rule spent more than this limit of it
	CauseStep  = "step"      // a step of a rule asks for it
)

const (
	// MaxCOEText bounds the text of a COE in bytes: escaped six times over it is one
	// input of the log.
	MaxCOEText = 64 << 10
	// maxCOEs bounds the COEs that are remembered. Nothing opens one beyond it.
	maxCOEs = 5_000
	// maxAuthors bounds who may write one COE.
	maxAuthors = 64
	// coeMemory is how long after its closing a COE is opened again when the same
	// happens; later a new one is opened.
	coeMemory = int64(90 * 24 * time.Hour)
	week      = int64(7 * 24 * time.Hour)
	// coeWeeks is for how many weeks it must not happen again unless somebody says
	// otherwise, and maxCOEWeeks for how many at the most.
	coeWeeks    = 4
	maxCOEWeeks = 52
	scopeCOE    = "makegood.coe"
)

// COEFact is a step in the life of a COE. Its texts are kept beside the ledger, by
// their digests.
type COEFact struct {
	COE    uuid.UUID `json:"coe"`
	Change string    `json:"change"` // opened, added, revised, reopened, or the status it leads to
	Status string    `json:"status"` // after it
	Cord   string    `json:"cord,omitempty"`
	Rule   string    `json:"rule,omitempty"` // what it is about: a cord or a rule
	Cause  string    `json:"cause,omitempty"`
	Pull   uuid.UUID `json:"pull,omitzero"`
	Since  string    `json:"since,omitempty"` // RFC 3339: the period that it is about, when a person named one
	Until  string    `json:"until,omitempty"`

	Revision  int    `json:"revision,omitempty"` // from 1
	Digest    string `json:"digest,omitempty"`   // SHA-256 of its text, in hex
	TreeSize  uint64 `json:"tree_size,omitempty"`
	HoldUntil string `json:"hold_until,omitempty"` // published: it is effective then, unless it happens again
	By        string `json:"by,omitempty"`         // the person
}

// COE is what a person says about a COE in a command.
type COE struct {
	ID    uuid.UUID `json:"id,omitzero"`
	Cord  string    `json:"cord,omitempty"` // draft: what it is about
	Rule  string    `json:"rule,omitempty"`
	Since string    `json:"since,omitempty"`
	Until string    `json:"until,omitempty"`
	Text  string    `json:"text,omitempty"` // draft, revise
	// Revision is the one that the text replaces, or that is submitted or published:
	// another one was not seen by who says so.
	Revision int `json:"revision,omitempty"`
	Weeks    int `json:"weeks,omitempty"` // publish: for how long it must not happen again
	// TreeSize is the size of the ledger at which the text was checked. The API stamps it.
	TreeSize uint64 `json:"tree_size,omitempty"`
}

// COEText is a revision of a COE, which is kept beside the ledger.
type COEText struct {
	COE      uuid.UUID `json:"coe"`
	Revision int       `json:"revision"`
	Digest   string    `json:"digest"`
	By       string    `json:"by"`
	At       int64     `json:"at"`
	Text     string    `json:"text"`
}

// openCOE is a COE as the fold remembers it, under what it is about.
type openCOE struct {
	ID        uuid.UUID `cbor:"1,keyasint"`
	Cord      string    `cbor:"2,keyasint"`
	Rule      string    `cbor:"3,keyasint"`
	Status    string    `cbor:"4,keyasint"`
	Revision  int       `cbor:"5,keyasint"`
	Digest    string    `cbor:"6,keyasint"`
	Authors   []string  `cbor:"7,keyasint"`
	HoldUntil int64     `cbor:"8,keyasint"`
	ClosedAt  int64     `cbor:"9,keyasint"`
	Published int       `cbor:"10,keyasint"` // the revision that was, 0 for none
}

// aboutCord and aboutRule name what a COE is about. A path and a rule never have one
// name.
func aboutCord(path string) string { return "cord:" + path }
func aboutRule(name string) string { return "rule:" + name }

func (c *openCOE) about() string {
	if c.Cord != "" {
		return aboutCord(c.Cord)
	}
	return aboutRule(c.Rule)
}

// occurrence is why a COE is opened, or happens again.
type occurrence struct {
	cord, rule, cause    string
	refs                 Fact
	pull                 uuid.UUID
	at                   int64
	again                bool // it opens a published one again
	since, until, author string
}

// occurs opens the COE of a cord or a rule, adds to the one that is open, or opens a
// finished one again. A rehearsal writes none.
func (f *Fold) occurs(o occurrence) error {
	if f.cfg.Rehearsal {
		return nil
	}
	about := aboutRule(o.rule)
	if o.cord != "" {
		about, o.rule = aboutCord(o.cord), ""
	}
	c, change := f.state.COEs[about], COEAdded
	switch {
	case c == nil || c.Status == COEClosed && c.ClosedAt+coeMemory <= o.at:
		if c == nil && len(f.state.COEs) >= maxCOEs {
			return nil
		}
		c = &openCOE{ID: derive(scopeID(scopeCOE), fmt.Sprintf("%s\n%d\n%s", f.state.Position.LogID, f.state.Position.Ordinal, about)),
			Cord: o.cord, Rule: o.rule, Status: COEDraft}
		f.state.COEs[about], change = c, COEOpened
	case o.again && c.Status != COEDraft && c.Status != COEReview:
		c.Status, c.HoldUntil, c.ClosedAt, change = COEDraft, 0, 0, COEReopened
	}
	return f.addAt(o.at, KindCOE, o.refs, COEFact{COE: c.ID, Change: change, Status: c.Status, Cord: c.Cord, Rule: c.Rule,
		Cause: o.cause, Pull: o.pull, Since: o.since, Until: o.until, By: o.author})
}

// turnedRed is the occurrence that a cord turned red is.
func (f *Fold) turnedRed(s *cord.State, at int64) error {
	return f.occurs(occurrence{cord: s.Cord, cause: CauseRed, refs: Fact{Remedy: s.Remedy, Rule: s.Rule}, pull: s.Pull, at: at, again: true})
}

// askedByStep adds to a COE what a remedy's step says.
func (f *Fold) askedByStep(r *openRemedy, s *openStep) error {
	s.Status = stepDone
	f.say(r.Remedy, r.Rule, "", EvidenceReason, clipTo(s.Reason, maxNote))
	return f.occurs(occurrence{cord: s.Cord, rule: r.Rule, cause: CauseStep, refs: Fact{Remedy: r.Remedy, Action: s.Action, Rule: r.Rule}, at: f.at})
}

// spent looks whether charges took a rule's budget above its coe_above: that opens a
// COE, and crossing it opens a finished one again.
func (f *Fold) spent(ruleName string, remedy uuid.UUID, charges []charge) error {
	r := f.rules[ruleName]
	if f.cfg.Rehearsal || r == nil || len(r.Limits.COEAbove) == 0 || r.Limits.Budget == nil {
		return nil
	}
	name := budgetUsage(ruleName, true)
	var added []money.Money
	for _, c := range charges {
		if c.Usage == name && c.Remedies == 0 {
			added = plus(added, []money.Money{c.Amount})
		}
	}
	for _, amount := range added {
		limit, limited := amountIn(r.Limits.COEAbove, amount.Currency)
		if !limited {
			continue
		}
		used := f.state.Usage[name].Amounts.in(amount.Currency).Used(f.at, int64(r.Limits.Budget.Within))
		if used <= limit.Minor {
			continue
		}
		crossed := used-amount.Minor <= limit.Minor
		if f.state.COEs[aboutRule(ruleName)] != nil && !crossed {
			continue
		}
		if err := f.occurs(occurrence{rule: ruleName, cause: CauseSpent, refs: Fact{Remedy: remedy, Rule: ruleName}, at: f.at, again: true}); err != nil {
			return err
		}
	}
	return nil
}

// foldCOE takes what a person says about a COE.
func (f *Fold) foldCOE(c CommandBody) (refused string, err error) {
	said := c.COE
	if said == nil {
		return "no COE is named", nil
	}
	if c.Command == CommandDraft {
		return f.foldDraft(c)
	}
	o := f.coe(said.ID)
	if o == nil {
		return "no COE has this id, or it was closed long ago", nil
	}
	f.answer.COE, f.answer.Status = o.ID, o.Status
	if said.Revision != o.Revision {
		return otherRevision(o.Revision, said.Revision), nil
	}
	switch c.Command {
	case CommandRevise:
		return f.foldRevise(o, c)
	case CommandSubmit:
		return f.foldSubmit(o, c)
	case CommandPublish:
		return f.foldPublish(o, c)
	}
	return f.foldShelve(o, c)
}

// coe finds a COE by its id.
func (f *Fold) coe(id uuid.UUID) *openCOE {
	for _, o := range f.state.COEs {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// foldDraft opens a COE by hand.
func (f *Fold) foldDraft(c CommandBody) (refused string, err error) {
	said := *c.COE
	about := aboutRule(said.Rule)
	switch {
	case (said.Cord == "") == (said.Rule == ""):
		return "say what it is about: a cord or a rule", nil
	case said.Cord != "":
		about = aboutCord(said.Cord)
		if err := cord.CheckPath(said.Cord); err != nil {
			return "the path of the cord: " + err.Error(), nil
		}
	case len(said.Rule) > maxText:
		return "this is no name of a rule", nil
	}
	since, sinceErr := time.Parse(time.RFC3339, said.Since)
	until, untilErr := time.Parse(time.RFC3339, said.Until)
	if sinceErr != nil || untilErr != nil || !since.Before(until) {
		return "name a period: since, and a later until", nil
	}
	if refused := checkCOEText(said.Text); refused != "" {
		return refused, nil
	}
	switch open := f.state.COEs[about]; {
	case open != nil && (open.Status != COEClosed || open.ClosedAt+coeMemory > f.at):
		f.answer.COE, f.answer.Status = open.ID, open.Status
		return fmt.Sprintf("COE %s is about that already; its status is %s", open.ID, open.Status), nil
	case open == nil && len(f.state.COEs) >= maxCOEs:
		return fmt.Sprintf("%d COEs are open; close one first", maxCOEs), nil
	}
	if err := f.occurs(occurrence{cord: said.Cord, rule: said.Rule, cause: CausePerson, since: said.Since, until: said.Until, author: c.By, at: f.at}); err != nil {
		return "", err
	}
	o := f.state.COEs[about]
	if o == nil { // a rehearsal
		return "nothing is written in a rehearsal", nil
	}
	f.answer.COE, f.answer.Status = o.ID, o.Status
	return "", f.write(o, c)
}

func checkCOEText(text string) (refused string) {
	switch {
	case text == "":
		return "it has no text"
	case len(text) > MaxCOEText:
		return fmt.Sprintf("its text has %d bytes; at most %d are allowed", len(text), MaxCOEText)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return "its text is not UTF-8"
	}
	return ""
}

// write takes a person's text as the next revision.
func (f *Fold) write(o *openCOE, c CommandBody) error {
	sum := sha256.Sum256([]byte(c.COE.Text))
	o.Revision++
	o.Digest, o.Status = hex.EncodeToString(sum[:]), COEDraft
	if !slices.Contains(o.Authors, c.By) {
		o.Authors = append(o.Authors, c.By)
	}
	f.answer.Status, f.answer.Digest = o.Status, o.Digest
	f.out.COEs = append(f.out.COEs, COEText{COE: o.ID, Revision: o.Revision, Digest: o.Digest, By: c.By, At: f.at, Text: c.COE.Text})
	return f.add(KindCOE, Fact{}, f.change(o, COERevised, c))
}

// change is what a person did to a COE.
func (f *Fold) change(o *openCOE, change string, c CommandBody) COEFact {
	f.say(uuid.Nil, "", "", EvidenceNote, c.Reason)
	return COEFact{COE: o.ID, Change: change, Status: o.Status, Cord: o.Cord, Rule: o.Rule, Revision: o.Revision, Digest: o.Digest, By: c.By}
}

func (f *Fold) foldRevise(o *openCOE, c CommandBody) (refused string, err error) {
	refused = checkCOEText(c.COE.Text)
	switch {
	case o.Status != COEDraft && o.Status != COEReview:
		return fmt.Sprintf("it is %s, so its text stands; it is written on when it happens again", o.Status), nil
	case refused != "":
		return refused, nil
	case len(o.Authors) >= maxAuthors && !slices.Contains(o.Authors, c.By):
		return fmt.Sprintf("%d people wrote it already", maxAuthors), nil
	}
	return "", f.write(o, c)
}

// foldSubmit has a draft wait for another person.
func (f *Fold) foldSubmit(o *openCOE, c CommandBody) (refused string, err error) {
	switch {
	case o.Status != COEDraft:
		return fmt.Sprintf("it is %s, not a draft", o.Status), nil
	case o.Revision == 0:
		return "nobody wrote a text yet", nil
	case o.Revision == o.Published:
		return "it happened again since this text was published: write on first", nil
	}
	o.Status = COEReview
	f.answer.Status = o.Status
	return "", f.add(KindCOE, Fact{}, f.change(o, COEReview, c))
}

// foldPublish publishes a text that another person wrote and the API has checked.
func (f *Fold) foldPublish(o *openCOE, c CommandBody) (refused string, err error) {
	weeks := c.COE.Weeks
	if weeks == 0 {
		weeks = coeWeeks
	}
	switch {
	case o.Status != COEReview:
		return fmt.Sprintf("it is %s, not in review", o.Status), nil
	case among(o.Authors, c.By):
		return ownCOE, nil
	case c.COE.TreeSize == 0:
		return "its text was not checked", nil
	case weeks < 1 || weeks > maxCOEWeeks:
		return fmt.Sprintf("it may have to hold for 1 to %d weeks", maxCOEWeeks), nil
	}
	o.Status, o.Published, o.HoldUntil = COEPublished, o.Revision, f.at+int64(weeks)*week
	f.timeCOE(o)
	f.answer.Status = o.Status
	fact := f.change(o, COEPublished, c)
	fact.TreeSize, fact.HoldUntil = c.COE.TreeSize, stamp(o.HoldUntil)
	return "", f.add(KindCOE, Fact{}, fact)
}

func (f *Fold) timeCOE(o *openCOE) {
	if o.Status == COEPublished {
		f.setTimer(timer{deadline: o.HoldUntil, key: o.about(), of: timerCOE})
	}
}

// proven says that what a COE is about did not happen again in its time.
func (f *Fold) proven(o *openCOE, at int64) error {
	o.Status = COEEffective
	return f.addAt(at, KindCOE, Fact{}, COEFact{COE: o.ID, Change: COEEffective, Status: o.Status, Cord: o.Cord, Rule: o.Rule, Revision: o.Revision, Digest: o.Digest})
}

// foldShelve closes a COE that was effective, or one that was never an error.
func (f *Fold) foldShelve(o *openCOE, c CommandBody) (refused string, err error) {
	switch {
	case o.Status == COEClosed:
		return "it is closed", nil
	case o.Status == COEPublished:
		return fmt.Sprintf("its criterion must hold until %s; it is effective then, and can be closed", stamp(o.HoldUntil)), nil
	case o.Status != COEEffective && c.Reason == "":
		return "it is not effective: say why it is no error, or nothing to learn from", nil
	}
	o.Status, o.ClosedAt = COEClosed, f.at
	f.answer.Status = o.Status
	return "", f.add(KindCOE, Fact{}, f.change(o, COEClosed, c))
}

// sweepCOEs forgets the COEs that were closed long ago.
func (f *Fold) sweepCOEs() {
	maps.DeleteFunc(f.state.COEs, func(_ string, o *openCOE) bool { return o.Status == COEClosed && o.ClosedAt+coeMemory <= f.at })
}
