package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/store/views"
)

// remedyPage is one remedy, from its event to its proof.
type remedyPage struct {
	views.Remedy
	Story      string
	Money      []money.Money      // that its steps move, by currency; what they take back counts too
	Decided    *decide.RemedyFact // nil when nothing is sealed yet
	DecidedBy  uint64             // the entry that seals it
	Rule       *ruleText          // nil when the service made it without one
	Edited     bool               // since it was decided
	Conditions []rehearse.ConditionExplanation
	Limits     []remedyLimit
	Answers    []remedyAnswer
	Steps      []remedyStep
	Entries    []remedyEntry
	May        doings
	Refused    string // why who looks may not approve it
	SeesEvents bool   // who looks may see what events say
	Event      string // as it was received; empty when nobody may see it
	Notes      []remedyNote
	MoreNotes  int // that are not shown
	Erased     int // contents of evidence that nobody can read any more
	Proof      *integrity.Proof
}

// remedyNote is something that was written beside a remedy.
type remedyNote struct {
	Kind string
	At   time.Time
	Text string
}

// remedyLimit is a check of the decision, and what was left when it was made.
type remedyLimit struct {
	decide.Check
	Name string
	Left string
}

// remedyAnswer is what a person said to a held remedy.
type remedyAnswer struct {
	decide.ApprovalFact
	At       time.Time
	Sequence uint64
}

// remedyEntry is a sealed fact about the remedy.
type remedyEntry struct {
	Sequence uint64
	At       time.Time
	Kind     string
	Body     string // as it is sealed; empty for evidence
	Erased   bool
}

// findRemedy returns the remedy of a path.
func (c *Console) findRemedy(r *http.Request) (*views.Remedy, error) {
	id, err := uuid.Parse(r.PathValue("remedy"))
	if err != nil {
		return nil, Missing(fmt.Sprintf("%.80q is no id of a remedy.", r.PathValue("remedy")))
	}
	found, err := c.cfg.Ledger.Remedy(r.Context(), id)
	if err == nil && found == nil {
		return nil, Missing("No remedy has the id " + id.String() + ".")
	}
	return found, err
}

func loadRemedy(c *Console, r *http.Request) (any, error) {
	if err := views.OneOf(r.URL.Query(), "verify", []string{"now"}); err != nil {
		return nil, unclear(err)
	}
	found, err := c.findRemedy(r)
	if err != nil {
		return nil, err
	}
	p := access.From(r.Context())
	page := remedyPage{Remedy: *found, Story: story(*found), SeesEvents: p.Has(decide.EvidenceReaders()...), May: mayDo(p, found)}
	entries, err := c.cfg.Ledger.History(r.Context(), found.Remedy)
	if err != nil {
		return nil, err
	}
	erased, err := c.cfg.Ledger.Erased(r.Context(), entries)
	if err != nil {
		return nil, err
	}
	if err := page.chain(entries, erased); err != nil {
		return nil, err
	}
	if page.May.Answer {
		who, err := readAsked(entries)
		if err != nil {
			return nil, err
		}
		page.Refused = c.refused(p, who)
	}
	if page.SeesEvents {
		if err := page.evidence(c, r); err != nil {
			return nil, err
		}
	} else {
		page.Erased = len(erased)
	}
	if page.Decided != nil {
		if err := page.rule(c, r, entries); err != nil {
			return nil, err
		}
	}
	if r.URL.Query().Get("verify") != "" {
		page.Proof, err = integrity.Prove(r.Context(), c.cfg.Ledger, found.Remedy, c.cfg.Now())
	}
	return page, err
}

// chain reads what is sealed about the remedy into the page.
func (p *remedyPage) chain(entries []ledger.Entry, erased map[uint64]bool) error {
	for _, a := range p.Actions {
		p.Steps = append(p.Steps, remedyStep{Action: a})
	}
	p.Money = moneyOfActions(p.Actions)
	for _, e := range entries {
		shown := remedyEntry{Sequence: e.Seq, At: time.Unix(0, e.At).UTC(), Kind: e.Kind, Body: cut(string(e.Body), maxNote), Erased: erased[e.Seq]}
		if e.Kind == decide.KindEvidence {
			shown.Body = "" // it says nothing to people
		}
		p.Entries = append(p.Entries, shown)
		if err := p.link(e, shown.At); err != nil {
			return fmt.Errorf("read entry %d: %w", e.Seq, err)
		}
	}
	return p.request()
}

// link takes one entry into the chain.
func (p *remedyPage) link(e ledger.Entry, at time.Time) error {
	switch e.Kind {
	case decide.KindRemedy:
		var fact decide.RemedyFact
		if err := json.Unmarshal(e.Body, &fact); err != nil || fact.Mode != p.Mode {
			return err
		}
		p.Decided, p.DecidedBy, p.Limits = &fact, e.Seq, nil
		for _, check := range fact.Checks {
			l := remedyLimit{Check: check, Name: limitName(check.Check)}
			var err error
			if l.Left, err = leftOf(check); err != nil {
				return err
			}
			p.Limits = append(p.Limits, l)
		}
	case decide.KindApproval:
		a := remedyAnswer{At: at, Sequence: e.Seq}
		if err := json.Unmarshal(e.Body, &a.ApprovalFact); err != nil {
			return err
		}
		p.Answers = append(p.Answers, a)
	case decide.KindAction:
		var fact decide.ActionFact
		if err := json.Unmarshal(e.Body, &fact); err != nil {
			return err
		}
		p.tried(e.Action, remedyTry{At: at, Sequence: e.Seq, Attempt: fact.Attempt, Status: fact.Status, Code: fact.Code, Ref: fact.Ref})
	case decide.KindSeen:
		var fact decide.SeenFact
		if err := json.Unmarshal(e.Body, &fact); err != nil {
			return err
		}
		p.tried(e.Action, remedyTry{At: at, Sequence: e.Seq, Status: fact.Status, Code: fact.Code, Ref: fact.Ref})
	}
	return nil
}

// leftOf says what a limit had left before the remedy; empty when it does not tell.
func leftOf(c decide.Check) (string, error) {
	switch {
	case c.Limit != nil && c.Used != nil:
		rest, err := c.Limit.Sub(*c.Used)
		return rest.String(), err
	case c.Count != nil:
		return fmt.Sprint(c.Max - *c.Count), nil
	}
	return "", nil
}

// moneyOfActions adds up what actions move, by currency.
func moneyOfActions(actions []views.Action) []money.Money {
	var sums []money.Money
	for _, a := range actions {
		if a.Amount == nil {
			continue
		}
		at := slices.IndexFunc(sums, func(m money.Money) bool { return m.Currency == a.Amount.Currency })
		if at < 0 {
			sums = append(sums, *a.Amount)
			continue
		}
		sums[at].Minor += a.Amount.Minor
	}
	return sums
}

// A page stays light, whatever others wrote: so many bytes are shown of an event, of
// each note and entry and of a line of a rule, and so many notes.
const (
	maxEvent = 16 << 10
	maxNote  = 2 << 10
	maxLine  = 400
	maxNotes = 10
)

// evidence opens what is sealed under the customer's key.
func (p *remedyPage) evidence(c *Console, r *http.Request) error {
	contents, erased, err := c.cfg.Ledger.Evidence(r.Context(), p.Remedy.Remedy)
	if err != nil {
		return err
	}
	p.Erased = erased
	for _, content := range contents {
		if content.Kind == decide.EvidenceEvent {
			p.Event = string(content.Plain)
			continue
		}
		if p.sent(content) {
			continue
		}
		if len(p.Notes) == maxNotes {
			p.MoreNotes++
			continue
		}
		p.Notes = append(p.Notes, remedyNote{Kind: noteWord(content.Kind), At: content.At, Text: string(content.Plain)})
	}
	return nil
}

// Shown is the note as the page shows it.
func (n remedyNote) Shown() string { return cut(n.Text, maxNote) }

// EventText is the event as the page shows it.
func (p remedyPage) EventText() string { return cut(p.Event, maxEvent) }

// cut shortens a text to what a page shows.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes more)", strings.ToValidUTF8(text[:most], ""), len(text)-most)
}

// remedyWhy is the explanation of a remedy by the log.
type remedyWhy struct {
	views.Remedy
	Rule  *rehearse.RuleExplanation
	About *rehearse.Stored
}

// loadWhy folds the log up to the event of a remedy, which takes a while: it is a page
// of its own, that is fetched when somebody asks.
func loadWhy(c *Console, r *http.Request) (any, error) {
	found, err := c.findRemedy(r)
	if err != nil {
		return nil, err
	}
	explanation, err := c.cfg.Explain(r.Context(), found.Remedy)
	if err != nil {
		return nil, unanswered(err)
	}
	page := remedyWhy{Remedy: *found, About: explanation.Stored}
	if len(explanation.Rules) > 0 {
		page.Rule = &explanation.Rules[0]
	}
	return page, nil
}

// unanswered says why the log does not answer a question.
func unanswered(err error) error {
	var wrong history.AskError
	switch {
	case errors.As(err, &wrong):
		return &Failure{http.StatusUnprocessableEntity, "It cannot be explained by the log", wrong.Error()}
	case errors.Is(err, history.ErrBusy):
		return &Failure{http.StatusTooManyRequests, "Somebody else asks just now", err.Error()}
	}
	return err
}
