package learn

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/ledger"
)

const (
	// maxRemembered bounds the texts and drafts that are remembered.
	maxRemembered = 64
	// manyEntries is how many entries a draft was read from that may be shown again
	// for a while, though the ledger has grown: reading them takes longer than people
	// wait for a page.
	manyEntries = 20_000
	againFor    = 30 * time.Second
)

// memory is what was read of the ledger for COEs. The ledger only grows, so that what a
// text says of its first entries, to which its numbers are pinned, never changes. The
// check before a COE is published reads all of it anew.
type memory struct {
	mu     sync.Mutex
	views  map[string]*View
	drafts map[uuid.UUID]drafted
}

// drafted is the draft of a COE that nobody wrote.
type drafted struct {
	of      string // what it was asked with
	size    uint64 // of the ledger
	at      time.Time
	entries int // that were read
	text    string
}

// view returns a view that was made of a text before, nil when there is none.
func (m *memory) view(key string) *View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.views[key]
}

func (m *memory) keepView(key string, v *View) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.views == nil || len(m.views) >= maxRemembered {
		m.views = map[string]*View{}
	}
	m.views[key] = v
}

// draft returns the draft of a COE, if it still is what the ledger says, or was read from
// so much that it is not read again yet.
func (m *memory) draft(id uuid.UUID, of string, size uint64, now time.Time) (text string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, there := m.drafts[id]
	fresh := d.size == size || d.entries >= manyEntries && !now.Before(d.at) && now.Sub(d.at) < againFor
	return d.text, there && d.of == of && fresh
}

func (m *memory) keepDraft(id uuid.UUID, d drafted) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drafts == nil || len(m.drafts) >= maxRemembered {
		m.drafts = map[uuid.UUID]drafted{}
	}
	m.drafts[id] = d
}

// size is how many entries the newest checkpoint covers; 0 before the first.
func (s *Shelf) size(ctx context.Context) (uint64, error) {
	note, err := s.cfg.Ledger.Checkpoint(ctx)
	if err != nil || note == nil {
		return 0, err
	}
	head, err := ledger.ReadCheckpoint(note)
	return head.Size, err
}

// draftAgain writes the draft of a COE, or returns the one that it wrote before.
func (s *Shelf) draftAgain(ctx context.Context, id uuid.UUID, ask coe.Ask) (string, error) {
	now := s.cfg.Now()
	size, err := s.size(ctx)
	if err != nil {
		return "", err
	}
	others, err := s.related(ctx, ask.Cord+ask.Rule)
	if err != nil {
		return "", err
	}
	// A period that is not over ends now: with the same entries it is cut off alike.
	of := fmt.Sprint(ask.Cord, " ", ask.Rule, " ", ask.Since, " ", ask.Until.After(now), " ", ask.Until, " ", others)
	if text, ok := s.memory.draft(id, of, size, now); ok {
		return text, nil
	}
	text, entries, err := s.write(ctx, ask)
	if err == nil {
		s.memory.keepDraft(id, drafted{of, size, now, entries, text})
	}
	return text, err
}

// viewKey names what a view is made of. Whether an action is due is a matter of days.
func viewKey(text, ledgerPath string, now time.Time) string {
	return fmt.Sprintf("%x %s %s", sha256.Sum256([]byte(text)), now.Format(time.DateOnly), ledgerPath)
}
