package web

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/learn"
	"github.com/makegood/makegood/remediator/store/views"
)

// coesPerPage is how many COEs the list shows at a time.
const coesPerPage = 100

// coeList is the list of COEs.
type coeList struct {
	Status, About string
	Statuses      []string
	List          []views.COE
	Next          string // the address of older ones; empty when there are none
	Newest        bool
	May           bool // open one
}

func loadCOEs(c *Console, r *http.Request) (any, error) {
	asked := r.URL.Query()
	f := views.COEFilter{Status: asked.Get("status"), About: asked.Get("about"), Limit: coesPerPage}
	err := views.OneOf(asked, "status", decide.COEStatuses())
	if err != nil {
		return nil, unclear(err)
	}
	if f.Before, err = cursor(asked, "before"); err != nil {
		return nil, err
	}
	list, err := c.cfg.Ledger.COEs(r.Context(), f)
	if err != nil {
		return nil, err
	}
	page := coeList{Status: f.Status, About: f.About, Statuses: decide.COEStatuses(), List: list, Newest: f.Before == 0, May: mayGive(r, decide.CommandDraft)}
	if len(list) == f.Limit {
		query := url.Values{"before": {strconv.FormatUint(list[len(list)-1].Sequence, 10)}}
		for name, value := range map[string]string{"status": f.Status, "about": f.About} {
			if value != "" {
				query.Set(name, value)
			}
		}
		page.Next = asking("/coes", query)
	}
	return page, nil
}

// mayGive reports whether who makes a request may give a command, whatever it is about.
func mayGive(r *http.Request, command string) bool {
	return decide.MayGive(access.From(r.Context()).Roles, command) == ""
}

// maxRevisions is how many revisions the page of a COE lists, the newest.
const maxRevisions = 100

// coePage is a COE with what people can do about it.
type coePage struct {
	views.COE
	Text      learn.Text
	HTML      template.HTML
	View      *learn.View
	Revisions []decide.COEText
	Actions   []coeAction
	Earlier   int  // revisions that are not listed
	Blocked   bool // a finding keeps it from being published
	Newest    bool // it is the newest revision
	Wrote     bool // who looks is one of its authors

	MayWrite, MaySubmit, MayPublish, MayClose, MayPack bool
}

// coeAction is an action item, and whether its day is over.
type coeAction struct {
	coe.Action
	Overdue bool
}

// askedCOE reads which COE a request is about.
func askedCOE(r *http.Request) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("coe"))
	if err != nil {
		return id, Missing("There is no such COE: its id is not one.")
	}
	return id, nil
}

// ofCOE makes a Failure of why there is no answer about a COE.
func ofCOE(err error) error {
	var wrong learn.AskError
	switch {
	case errors.Is(err, learn.ErrNone):
		return Missing("There is no such COE, or no such revision of it.")
	case errors.As(err, &wrong):
		return &Failure{http.StatusUnprocessableEntity, "That cannot be done", "The reason: " + wrong.Error() + "."}
	}
	return err
}

// askedRevision reads a revision of the question; 0 is the newest.
func askedRevision(r *http.Request, name string) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, unclear(views.AskError(fmt.Sprintf("%s %.80q is no number of a revision", name, text)))
	}
	return n, nil
}

func loadCOE(c *Console, r *http.Request) (any, error) {
	id, err := askedCOE(r)
	if err != nil {
		return nil, err
	}
	revision, err := askedRevision(r, "revision")
	if err != nil {
		return nil, err
	}
	text, err := c.cfg.Shelf.Text(r.Context(), id, revision)
	if err != nil {
		return nil, ofCOE(err)
	}
	stands, err := c.cfg.Ledger.COE(r.Context(), id)
	if err != nil || stands == nil {
		return nil, errors.Join(err, ofCOE(learn.ErrNone))
	}
	page := coePage{COE: *stands, Text: *text, Newest: text.Revision == stands.Revision}
	if page.Revisions, err = c.cfg.Ledger.COETexts(r.Context(), id, 0); err != nil {
		return nil, err
	}
	page.Earlier = max(0, len(page.Revisions)-maxRevisions)
	page.Revisions = page.Revisions[page.Earlier:]
	how := learn.Shown{Unpublished: page.open()}
	if mayRead(access.From(r.Context()), []string{decide.RoleAuditor}) {
		how.LedgerPath = "/facts/"
	}
	if page.View, err = c.cfg.Shelf.View(r.Context(), text.Text, how); err != nil {
		return nil, err
	}
	page.HTML = template.HTML(page.View.HTML) // it is made by coe.Fragment, which leaves markup out
	page.Blocked = coe.Blocked(page.View.Findings)
	for _, a := range page.View.Document.Actions {
		due, err := time.Parse(time.DateOnly, a.Due)
		page.Actions = append(page.Actions, coeAction{a, err == nil && c.cfg.Now().After(due.AddDate(0, 0, 1))})
	}
	page.mark(r)
	return page, nil
}

// open reports whether a text of it may yet be published.
func (p *coePage) open() bool { return p.Status == decide.COEDraft || p.Status == decide.COEReview }

// mark says what who looks can do now.
func (p *coePage) mark(r *http.Request) {
	who := access.From(r.Context())
	for _, author := range p.Authors {
		p.Wrote = p.Wrote || decide.Same(author, who.Name)
	}
	p.MayWrite = p.open() && mayGive(r, decide.CommandRevise)
	p.MaySubmit = p.Status == decide.COEDraft && p.Revision > 0 && mayGive(r, decide.CommandSubmit)
	p.MayPublish = p.Status == decide.COEReview && mayGive(r, decide.CommandPublish)
	p.MayClose = p.Status != decide.COEClosed && p.Status != decide.COEPublished && mayGive(r, decide.CommandShelve)
	p.MayPack = mayRead(who, []string{decide.RoleAuditor})
}

// Of names what a COE is about.
func (p coePage) Of() string { return p.Cord + p.Rule }

// SourceLine is a line of the text, for a finding beside it; it is cut off.
func (p coePage) SourceLine(n int) string { return sourceLine(p.Text.Text, n) }

func sourceLine(text string, n int) string {
	for line := range strings.Lines(text) {
		if n--; n == 0 {
			return short(strings.TrimSpace(line))
		}
	}
	return ""
}

// coeChanges is what changed between two revisions.
type coeChanges struct {
	COE      uuid.UUID
	From, To int
	Lines    []changedLine
}

// changedLine is a line of a diff.
type changedLine struct{ Kind, Text string } // "added", "removed", "place", or "" where nothing changed

func loadCOEChanges(c *Console, r *http.Request) (any, error) {
	id, err := askedCOE(r)
	if err != nil {
		return nil, err
	}
	page := coeChanges{COE: id}
	if page.To, err = askedRevision(r, "to"); err != nil {
		return nil, err
	}
	if page.From, err = askedRevision(r, "from"); err != nil {
		return nil, err
	}
	text, err := c.cfg.Shelf.Text(r.Context(), id, page.To)
	if err != nil {
		return nil, ofCOE(err)
	}
	page.To = text.Revision
	if !r.URL.Query().Has("from") {
		page.From = max(page.To-1, 0)
	}
	diff, err := c.cfg.Shelf.Diff(r.Context(), id, page.From, page.To)
	if err != nil {
		return nil, ofCOE(err)
	}
	for line := range strings.Lines(diff) {
		page.Lines = append(page.Lines, changed(strings.TrimSuffix(line, "\n")))
	}
	return page, nil
}

func changed(line string) changedLine {
	switch {
	case strings.HasPrefix(line, "+++ "), strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "@@"):
		return changedLine{"place", line}
	case strings.HasPrefix(line, "+"):
		return changedLine{"added", line}
	case strings.HasPrefix(line, "-"):
		return changedLine{"removed", line}
	}
	return changedLine{"", line}
}
