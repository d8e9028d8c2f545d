package web

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/people"
)

// coeForm bounds a form with the text of a COE, in which each byte may take three, and
// each end of a line six.
const coeForm = 6*decide.MaxCOEText + maxForm

// coeEdit is the form in which a text is written.
type coeEdit struct {
	COE      uuid.UUID
	Revision int // that the writer has seen
	Text     string
	Reason   string
	Refused  string // why it was not saved; empty: it was not tried
	Checked  bool
	Findings []coe.Finding
}

// SourceLine is a line of the text, for a finding beside it; it is cut off.
func (p coeEdit) SourceLine(n int) string { return sourceLine(p.Text, n) }

func loadCOEEdit(c *Console, r *http.Request) (any, error) {
	id, err := askedCOE(r)
	if err != nil {
		return nil, err
	}
	text, err := c.cfg.Shelf.Text(r.Context(), id, 0)
	if err != nil {
		return nil, ofCOE(err)
	}
	return coeEdit{COE: id, Revision: text.Revision, Text: text.Text}, nil
}

// editOf reads the form in which a text is written. A browser ends lines in its own way.
func editOf(r *http.Request) (page coeEdit, err error) {
	if page.COE, err = askedCOE(r); err != nil {
		return page, err
	}
	page.Revision, err = strconv.Atoi(r.PostFormValue("revision"))
	if err != nil {
		return page, &Failure{http.StatusBadRequest, "The form is not complete", "Go back, load the page again and send the form again."}
	}
	page.Text, page.Reason = strings.ReplaceAll(r.PostFormValue("text"), "\r\n", "\n"), r.PostFormValue("reason")
	return page, nil
}

// saveCOE writes the next revision. What is refused is shown again, so that no word is
// lost.
func saveCOE(c *Console, r *http.Request) (to string, err error) {
	page, err := editOf(r)
	if err != nil {
		return "", err
	}
	_, err = c.give(r, decide.CommandBody{Command: decide.CommandRevise, Reason: page.Reason, COE: &decide.COE{ID: page.COE, Revision: page.Revision, Text: page.Text}})
	var refused *Failure
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		page.Refused = refused.Text
		return "", &again{refused.Status, "coeedit", page}
	}
	return after("/coes/"+page.COE.String(), decide.CommandRevise), err
}

// checkCOE shows a text with what keeps it from being published, and saves nothing.
func checkCOE(c *Console, r *http.Request) (to string, err error) {
	page, err := editOf(r)
	if err != nil {
		return "", err
	}
	if len(page.Text) > decide.MaxCOEText {
		page.Refused = "The text has " + number(len(page.Text)) + " bytes; at most " + number(decide.MaxCOEText) + " are allowed."
		return "", &again{http.StatusRequestEntityTooLarge, "coeedit", page}
	}
	page.Checked = true
	if page.Findings, _, err = c.cfg.Shelf.Check(r.Context(), page.Text); err != nil {
		return "", err
	}
	return "", &again{http.StatusOK, "coeedit", page}
}

// stepCOE gives a command about a revision as it is.
func stepCOE(command string) func(c *Console, r *http.Request) (string, error) {
	return func(c *Console, r *http.Request) (string, error) {
		id, err := askedCOE(r)
		if err != nil {
			return "", err
		}
		revision, err := strconv.Atoi(r.PostFormValue("revision"))
		if err != nil {
			return "", &Failure{http.StatusBadRequest, "The form is not complete", "Go back, load the page again and send the form again."}
		}
		body := decide.CommandBody{Command: command, Reason: r.PostFormValue("reason"), COE: &decide.COE{ID: id, Revision: revision}}
		to := after("/coes/"+id.String(), command)
		if command != decide.CommandPublish {
			_, err := c.give(r, body)
			return to, err
		}
		if body.COE.Weeks, err = strconv.Atoi(cmp.Or(r.PostFormValue("weeks"), "0")); err != nil {
			return "", &Failure{http.StatusBadRequest, "The weeks cannot be read", "Go back and write a whole number from 1 to 52."}
		}
		_, err = c.giveStamped(r, body, c.cfg.Shelf.Publishing(r.Context(), id, revision, mayGive(r, command)))
		return to, err
	}
}

// openCOE opens a COE with a draft of what the ledger says.
func openCOE(c *Console, r *http.Request) (string, error) {
	ask := coe.Ask{Title: r.PostFormValue("title")}
	switch about := strings.TrimSpace(r.PostFormValue("about")); r.PostFormValue("kind") {
	case "cord":
		ask.Cord = about
	default:
		ask.Rule = about
	}
	for name, at := range map[string]*time.Time{"since": &ask.Since, "until": &ask.Until} {
		text := strings.TrimSpace(r.PostFormValue(name))
		if text == "" {
			continue
		}
		var err error
		if *at, err = time.Parse(time.RFC3339, text); err != nil {
			if *at, err = time.Parse(time.DateOnly, text); err != nil {
				return "", &Failure{http.StatusBadRequest, "The period cannot be read", "Go back and write it like 2026-01-31 or 2026-01-31T12:00:00Z."}
			}
		}
	}
	body, stamp := c.cfg.Shelf.Opening(r.Context(), ask, mayGive(r, decide.CommandDraft))
	answer, err := c.giveStamped(r, body, stamp)
	if err != nil {
		return "", err
	}
	return after("/coes/"+answer.COE.String(), body.Command), nil
}

// giveStamped is give for a command that is completed by what the ledger says when it
// is given.
func (c *Console) giveStamped(r *http.Request, body decide.CommandBody, stamp func(*decide.CommandBody) error) (*decide.Answer, error) {
	answer, err := c.giveBy(r, body, func(p access.Principal, key string) (*decide.Answer, error) {
		return c.cfg.Desk.Stamped(r.Context(), p, people.ID(p, key), body, stamp)
	})
	return answer, ofCOE(err)
}
