package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/views"
)

// remedyStep is an action of a remedy with what came of it.
type remedyStep struct {
	views.Action
	Request string // what each attempt asks for, as it is sealed; empty when nobody is asked
	Tries   []remedyTry
}

// remedyTry is one attempt of a step, or how it was seen to stand later.
type remedyTry struct {
	At       time.Time
	Sequence uint64
	Attempt  int // 0: it was seen later
	Status   string
	Code     string
	Ref      string
	Sent     string // the message, for who may see it; empty when there was none
}

func (p *remedyPage) tried(action uuid.UUID, t remedyTry) {
	for i := range p.Steps {
		if p.Steps[i].Action.Action == action {
			p.Steps[i].Tries = append(p.Steps[i].Tries, t)
		}
	}
}

// request adds to each step what its attempts ask for. Connectors build it from the
// sealed decision and from nothing else, so that all attempts of a step ask for the same.
func (p *remedyPage) request() error {
	if p.Decided == nil {
		return nil
	}
	for i := range p.Steps {
		for _, step := range p.Decided.Steps {
			if step.Action != p.Steps[i].Action.Action || step.Connector == "" {
				continue
			}
			var text bytes.Buffer
			to := json.NewEncoder(&text)
			to.SetEscapeHTML(false) // the page does
			to.SetIndent("", "  ")
			if err := to.Encode(step); err != nil {
				return fmt.Errorf("write the request of step %s: %w", step.Name, err)
			}
			p.Steps[i].Request = text.String()
		}
	}
	return nil
}

// sent adds a message to the attempt that sent it, whose outcome is the entry before it,
// and reports whether it is one.
func (p *remedyPage) sent(c ledger.Content) bool {
	if c.Kind != decide.EvidenceMail && c.Kind != decide.EvidenceWebhook {
		return false
	}
	var by *remedyTry
	for i := range p.Steps {
		for n := range p.Steps[i].Tries {
			if t := &p.Steps[i].Tries[n]; t.Sequence < c.Sequence && (by == nil || t.Sequence > by.Sequence) {
				by = t
			}
		}
	}
	if by != nil {
		by.Sent = cut(string(c.Plain), maxNote)
	}
	return by != nil
}

// Tells reports whether the step sends what a customer or a receiver is told.
func (s remedyStep) Tells() bool { return s.Template != "" || s.Endpoint != "" }
