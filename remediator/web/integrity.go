package web

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/views"
)

const (
	// comparisonsShown is how many comparisons with providers the page shows.
	comparisonsShown = 20
	// differencesShown is how many open differences it shows, the oldest.
	differencesShown = 100
	// verifyForm bounds a form with checkpoints.
	verifyForm = 1 << 20
)

// integrityPage says how well the ledger can be relied on.
type integrityPage struct {
	integrity.State
	Comparisons []decide.ReconciliationFact
	Differences []views.Difference
	More        bool // differences than are shown
	MayVerify   bool
	MayClose    bool
}

// verifiers are who may have the whole ledger verified.
func verifiers() []string { return []string{decide.RoleAuditor, decide.RoleOperator} }

func loadIntegrity(c *Console, r *http.Request) (any, error) {
	page := integrityPage{MayVerify: mayRead(access.From(r.Context()), verifiers()), MayClose: mayGive(r, decide.CommandClose)}
	var err error
	if page.State, err = c.cfg.Integrity.State(r.Context()); err != nil {
		return nil, err
	}
	if page.Comparisons, err = c.cfg.Ledger.Reconciliations(r.Context(), 0, comparisonsShown); err != nil {
		return nil, err
	}
	page.Differences, err = c.cfg.Ledger.Differences(r.Context(), views.DifferenceFilter{Status: decide.DifferenceOpen, Limit: differencesShown + 1})
	if len(page.Differences) > differencesShown {
		page.Differences, page.More = page.Differences[:differencesShown], true
	}
	return page, err
}

// Percent is how much of the ledger a verification under way has read.
func (p integrityPage) Percent() uint64 {
	const all = 100
	if p.Verification.Size == 0 {
		return 0
	}
	return min(p.Verification.Done*all/p.Verification.Size, all)
}

// Since is how many entries are younger than the newest checkpoint that is kept somewhere.
func (p integrityPage) Since(k integrity.Kept) uint64 {
	if p.Checkpoint == nil {
		return 0
	}
	return p.Checkpoint.Size - min(k.Size, p.Checkpoint.Size)
}

// Kinds are the kinds of the entries that were verified, in order.
func (p integrityPage) Kinds() []string {
	var kinds []string
	for kind := range p.Verification.Report.Entries {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// Span writes for how long the log is kept.
func (p integrityPage) Span() string { return span(time.Duration(p.Retention) * time.Second) }

// verifyLedger has the whole ledger verified in the background.
func verifyLedger(c *Console, r *http.Request) (to string, err error) {
	who := access.From(r.Context())
	if !mayRead(who, verifiers()) {
		return "", lacking(who, verifiers())
	}
	err = c.cfg.Integrity.Verify(who.Name, r.PostFormValue("pin"), r.PostFormValue("checkpoints"))
	var wrong integrity.AskError
	switch {
	case errors.As(err, &wrong):
		err = &Failure{http.StatusBadRequest, "The checkpoints cannot be read", "Go back and paste them whole: " + wrong.Error() + "."}
	case errors.Is(err, integrity.ErrRunning):
		err = &Failure{http.StatusConflict, "It is under way", "The ledger is being verified, for somebody else and against something else. Ask again when that has ended."}
	}
	return "/integrity#verification", err
}

// closeDifference closes a difference between the ledger and a provider.
func closeDifference(c *Console, r *http.Request) (to string, err error) {
	id, err := uuid.Parse(r.PathValue("difference"))
	if err != nil {
		return "", Missing("There is no such difference: its id is not one.")
	}
	_, err = c.give(r, decide.CommandBody{Command: decide.CommandClose, Difference: id, Reason: r.PostFormValue("reason")})
	return after("/integrity#differences", decide.CommandClose), err
}

// factPage is an entry of the ledger.
type factPage struct {
	ledger.Row
	At       time.Time
	LeafText string // in hexadecimal
	Text     string // its body, indented and cut off; empty when it is not for people
	Cut      bool
}

func loadFact(c *Console, r *http.Request) (any, error) {
	seq, err := strconv.ParseInt(r.PathValue("sequence"), 10, 64)
	if err != nil || seq < 0 {
		return nil, Missing("There is no such fact: its sequence is no number.")
	}
	src, release, err := c.cfg.Ledger.Source(r.Context())
	if err != nil {
		return nil, err
	}
	defer release()
	rows, err := src.Entries(r.Context(), seq-1, 1)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || rows[0].Seq != seq {
		return nil, Missing("The ledger has no entry " + strconv.FormatInt(seq, 10) + " yet.")
	}
	page := factPage{Row: rows[0], At: time.Unix(0, rows[0].At).UTC(), LeafText: hex.EncodeToString(rows[0].Leaf)}
	var text bytes.Buffer
	if json.Indent(&text, rows[0].Body, "", "  ") == nil {
		page.Text, page.Cut = cut(text.String(), maxEvent), text.Len() > maxEvent
	}
	return page, nil
}
