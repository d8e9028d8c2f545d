// Package learn has the service's COEs at hand: it drafts them from the ledger, checks
// them against it, and packs them with their proofs.
//
// Package coe knows how; this package reads the ledger for it, for the API and the
// pages. A COE that opened by itself has no text until a person writes one: it is
// drafted anew whenever somebody looks, by the ledger of then.
package learn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

// Ledger is what is read of the ledger's store. It is safe for concurrent use.
type Ledger interface {
	COEs(ctx context.Context, f views.COEFilter) ([]views.COE, error)
	// COE and Remedy return nil when there is none.
	COE(ctx context.Context, id uuid.UUID) (*views.COE, error)
	Remedy(ctx context.Context, id uuid.UUID) (*views.Remedy, error)
	// COETexts lists revisions, or the one that is named with its text.
	COETexts(ctx context.Context, id uuid.UUID, revision int) ([]decide.COEText, error)
	// Checkpoint returns nil before the first.
	Checkpoint(ctx context.Context) ([]byte, error)
	// Source returns the ledger as it lies in its tables, until release is called.
	Source(ctx context.Context) (src ledger.Source, release func(), err error)
	// RuleFiles returns the files of a rule set that was ever in force, by its digest.
	RuleFiles(ctx context.Context, digest string) ([]rule.File, error)
	// RuleSetBefore returns the digest of the rule set that was put in force last before
	// a time; empty: none was.
	RuleSetBefore(ctx context.Context, at time.Time) (digest string, err error)
	// KnownRuleFiles returns which of some SHA-256 are of files of rules that were in
	// force at some time.
	KnownRuleFiles(ctx context.Context, digests []string) (map[string]bool, error)
	// Prove makes a receipt of entries, whatever they are about.
	Prove(ctx context.Context, entries []ledger.Entry) (*ledger.Receipt, error)
}

// Config of a Shelf.
type Config struct {
	Ledger Ledger
	// Now ends a period that has no end. Defaults to time.Now.
	Now func() time.Time
}

// Shelf is where the COEs stand.
type Shelf struct {
	cfg    Config
	memory memory
	turn   chan struct{} // of who reads much of the ledger: one at a time
}

// New returns a shelf.
func New(cfg Config) *Shelf {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Shelf{cfg: cfg, turn: make(chan struct{}, 1)}
}

// ErrNone says that there is no such COE, or no such revision of it.
var ErrNone = errors.New("there is no such COE")

// AskError is what is wrong with a question, for who asked.
type AskError string

func (e AskError) Error() string { return string(e) }

// Text is the text of a COE: a revision, or a draft while there is none.
type Text struct {
	Revision int    `json:"revision"` // 0: a draft that nobody wrote
	Digest   string `json:"digest,omitempty"`
	By       string `json:"by,omitempty"`
	Text     string `json:"text"`
}

// Text returns a revision of a COE; 0 is the newest, or the draft.
func (s *Shelf) Text(ctx context.Context, id uuid.UUID, revision int) (*Text, error) {
	c, err := s.cfg.Ledger.COE(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case c == nil || revision < 0 || revision > c.Revision:
		return nil, ErrNone
	case revision == 0:
		revision = c.Revision
	}
	if revision == 0 {
		text, err := s.draftOf(ctx, c)
		return &Text{Text: text}, err
	}
	texts, err := s.cfg.Ledger.COETexts(ctx, id, revision)
	if err != nil {
		return nil, err
	}
	if len(texts) == 0 {
		return nil, ErrNone
	}
	return &Text{Revision: revision, Digest: texts[0].Digest, By: texts[0].By, Text: texts[0].Text}, nil
}

const (
	// before and after are how much time around its opening a COE that opened by
	// itself is about.
	before = 24 * time.Hour
	after  = 7 * 24 * time.Hour
)

func (s *Shelf) draftOf(ctx context.Context, c *views.COE) (string, error) {
	ask := coe.Ask{Cord: c.Cord, Rule: c.Rule, Since: c.Since, Until: c.Until}
	if ask.Until.IsZero() {
		ask.Since, ask.Until = c.Opened.Add(-before), c.Opened.Add(after)
	}
	return s.draftAgain(ctx, c.COE, ask)
}

// Draft writes a draft by the newest checkpoint. An empty Until is now, an empty Since
// a day before it. Whatever lies after now is cut off.
func (s *Shelf) Draft(ctx context.Context, ask coe.Ask) (string, error) {
	text, _, err := s.write(ctx, ask)
	return text, err
}

// write writes a draft, and returns how many entries it read for it.
func (s *Shelf) write(ctx context.Context, ask coe.Ask) (text string, entries int, err error) {
	if ask, err = s.Period(ask); err != nil {
		return "", 0, err
	}
	if ask.Size, err = s.size(ctx); err != nil {
		return "", 0, err
	}
	if ask.Size == 0 {
		return "", 0, AskError("the ledger has no entry yet")
	}
	if ask.Related, err = s.related(ctx, ask.Cord+ask.Rule); err != nil {
		return "", 0, err
	}
	end, err := s.begin(ctx)
	if err != nil {
		return "", 0, err
	}
	defer end()
	book, err := s.book(ctx, ask.Scope())
	if err != nil {
		return "", 0, err
	}
	if err := s.addRules(ctx, book, &ask); err != nil {
		return "", 0, err
	}
	return coe.Draft(book, ask), book.Read(), nil
}

// Period completes the period of a draft.
func (s *Shelf) Period(ask coe.Ask) (coe.Ask, error) {
	now := s.cfg.Now().UTC().Truncate(time.Second).Add(time.Second) // what happens in this second is part of it
	if ask.Until.IsZero() || ask.Until.After(now) {
		ask.Until = now
	}
	if ask.Since.IsZero() {
		ask.Since = ask.Until.Add(-before)
	}
	ask.Since, ask.Until = ask.Since.UTC().Truncate(time.Second), ask.Until.UTC().Truncate(time.Second)
	if !ask.Since.Before(ask.Until) {
		return ask, AskError("the period ends before it begins")
	}
	return ask, nil
}

// maxRelated bounds the COEs that a draft names.
const maxRelated = 20

// related lists the COEs about the same that are no drafts.
func (s *Shelf) related(ctx context.Context, about string) (found []coe.Related, err error) {
	others, err := s.cfg.Ledger.COEs(ctx, views.COEFilter{About: about, Limit: maxRelated})
	for _, o := range others {
		if o.Status != decide.COEDraft {
			found = append(found, coe.Related{COE: o.COE.String(), About: o.Cord + o.Rule, Status: o.Status})
		}
	}
	return found, err
}

func (s *Shelf) book(ctx context.Context, scope coe.Scope) (*coe.Book, error) {
	src, release, err := s.cfg.Ledger.Source(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return coe.ReadBook(ctx, src, scope)
}

// View is a text as a page shows it.
type View struct {
	Document *coe.Document
	HTML     string // with headings one level below those of the page
	Numbers  []coe.Asked
	Findings []coe.Finding
	TreeSize uint64 // of the ledger at which it was checked
}

// Shown says how a text is viewed.
type Shown struct {
	// LedgerPath is what a link to a fact begins with; empty: facts are not linked.
	LedgerPath string
	// Unpublished says that it may yet be published, and is checked as it is then.
	Unpublished bool
}

// View renders a text and checks it, by one reading of the ledger.
func (s *Shelf) View(ctx context.Context, text string, how Shown) (*View, error) {
	var now time.Time
	if how.Unpublished {
		now = s.cfg.Now().UTC()
	}
	size, err := s.size(ctx)
	if err != nil {
		return nil, err
	}
	key := viewKey(text, how.LedgerPath, now)
	if before := s.memory.view(key); before != nil {
		again := *before
		again.TreeSize = size
		return &again, nil
	}
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	v := &View{Document: coe.Read(text), TreeSize: size}
	scope := v.Document.Scope()
	settled := scope.Size() <= size // all that it says is about entries that are there
	book, err := s.book(ctx, scope.Within(size))
	if err != nil {
		return nil, err
	}
	known, err := s.known(ctx, v.Document, size)
	if err != nil {
		return nil, err
	}
	known.Now = now
	if v.Findings, err = coe.Check(ctx, v.Document, book, known); err != nil {
		return nil, err
	}
	if v.Numbers, err = coe.AskAgain(ctx, v.Document, book, size); err != nil {
		return nil, err
	}
	v.HTML, err = coe.Fragment(v.Document, book, coe.Embedding{LedgerPath: how.LedgerPath, Lower: 1})
	if err == nil && settled {
		s.memory.keepView(key, v)
	}
	return v, err
}

// Page renders a text as a page of its own, which prints well.
func (s *Shelf) Page(ctx context.Context, text string) (string, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return "", err
	}
	defer end()
	d := coe.Read(text)
	book, err := s.book(ctx, d.Scope())
	if err != nil {
		return "", err
	}
	return coe.HTML(d, book)
}

// Diff compares two revisions of a COE; 0 as the first is an empty text.
func (s *Shelf) Diff(ctx context.Context, id uuid.UUID, from, to int) (string, error) {
	older := &Text{}
	if from > 0 {
		var err error
		if older, err = s.Text(ctx, id, from); err != nil {
			return "", err
		}
	}
	newer, err := s.Text(ctx, id, to)
	if err != nil {
		return "", err
	}
	return coe.Diff(fmt.Sprintf("revision %d", from), fmt.Sprintf("revision %d", newer.Revision), older.Text, newer.Text), nil
}

// Bundle packs a COE with the facts of its numbers and their proofs.
func (s *Shelf) Bundle(ctx context.Context, id uuid.UUID, w io.Writer) error {
	text, err := s.Text(ctx, id, 0)
	if err != nil {
		return err
	}
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	d := coe.Read(text.Text)
	book, err := s.book(ctx, d.Scope())
	if err != nil {
		return err
	}
	c, err := s.cfg.Ledger.COE(ctx, id)
	if err != nil {
		return err
	}
	src, release, err := s.cfg.Ledger.Source(ctx)
	if err != nil {
		return err
	}
	defer release()
	life, err := coe.Life(ctx, src, id, c.Sequence)
	if err != nil {
		return err
	}
	facts, missing, err := coe.Facts(ctx, src, book.Counted(d), life)
	if err != nil {
		return err
	}
	receipt, err := s.cfg.Ledger.Prove(ctx, facts)
	if err != nil {
		return err
	}
	return coe.WriteBundle(w, coe.Bundle{Name: id.String(), Status: c.Status, Text: text.Text, Document: d, Book: book, Receipt: receipt, Missing: missing})
}
