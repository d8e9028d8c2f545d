package coe

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
)

// Scope is what a Book reads: the facts that queries, and lines of a timeline, ask for.
type Scope struct {
	Since, Until time.Time // zero: no period
	Rules, Cords map[string]bool
	Every        bool            // of every rule
	Entries      map[uint64]bool // by their sequences, whenever they were sealed
	Sizes        map[uint64]bool // that queries are pinned to
}

// lookBack is how long before a period a cord may have been pulled to be known as
// pulled in it.
const lookBack = 31 * 24 * time.Hour

// Add has the scope hold what a query asks for.
func (s *Scope) Add(q Query) {
	if s.Rules == nil {
		s.Rules, s.Cords, s.Entries, s.Sizes = map[string]bool{}, map[string]bool{}, map[uint64]bool{}, map[uint64]bool{}
	}
	if s.Since.IsZero() || q.Since.Before(s.Since) {
		s.Since = q.Since
	}
	if q.Until.After(s.Until) {
		s.Until = q.Until
	}
	s.Sizes[q.Size] = true
	switch {
	case q.Rule != "":
		s.Rules[q.Rule] = true
	case q.Cord != "":
		s.Cords[q.Cord] = true
	case q.Name != Events:
		s.Every = true
	}
}

// Size is of how many entries the ledger must be to hold all of the scope.
func (s *Scope) Size() (most uint64) {
	for size := range s.Sizes {
		most = max(most, size)
	}
	for seq := range s.Entries {
		most = max(most, seq+1)
	}
	return most
}

// Within returns the scope without what lies beyond a size of the ledger: what is not
// sealed yet has no value.
func (s Scope) Within(size uint64) Scope {
	if s.Sizes == nil {
		s.Sizes = map[uint64]bool{}
	}
	maps.DeleteFunc(s.Sizes, func(pinned uint64, _ bool) bool { return pinned > size })
	maps.DeleteFunc(s.Entries, func(seq uint64, _ bool) bool { return seq >= size })
	return s
}

// Book is what the ledger says within a scope, in the order sealed.
type Book struct {
	scope    Scope
	remedies []*remedyRow
	byID     map[uuid.UUID]*remedyRow
	cords    []cordRow
	received []receivedRow
	touched  []touchRow
	entries  map[uint64]ledger.Entry // that the scope names
	read     int
	open     []uint64       // sizes that entries below are still read for, in order
	last     map[uint64]tip // the last entry below each of the others
	end      tip            // the last entry that was read
}

// tip is where the ledger ends at a size.
type tip struct {
	seq uint64
	at  time.Time
}

// remedyRow is a live decision, with what was moved for it.
type remedyRow struct {
	seq      uint64
	at       time.Time
	eventAt  time.Time
	rule     string
	decision string
	text     string // digest of the rule's text
	set      string // digest of the rule set
	customer string
	steps    map[uuid.UUID]money.Money
	root     *remedyRow // that it retries or reverses; nil when it is one of its own
	reverses bool
	moves    []moveRow
}

// moveRow is what became of an action when an entry was sealed.
type moveRow struct {
	seq    uint64
	remedy uint64 // the decision that the action is of
	action uuid.UUID
	amount money.Money
	moved  bool // it was taken on; false: it failed, or failed after all
	sign   int64
}

// cordRow is something that happened to a cord.
type cordRow struct {
	seq             uint64
	at              time.Time
	kind            string // decide.KindPull, KindAnswered, KindRelease or KindEscalated
	cord, level, by string
	cause, rule     string
	opened          bool
}

type receivedRow struct {
	seq    uint64
	at     time.Time
	events uint64
}

// touchRow is a person's act on a rule: an approval, a pause or its end.
type touchRow struct {
	seq            uint64
	at             time.Time
	kind, rule, by string
}

// pageSize is how many entries are read at once.
const pageSize = 1000

// ReadBook reads the facts of a scope out of a ledger.
func ReadBook(ctx context.Context, src ledger.Source, scope Scope) (*Book, error) {
	b := &Book{scope: scope, byID: map[uuid.UUID]*remedyRow{}, entries: map[uint64]ledger.Entry{}, last: map[uint64]tip{}}
	b.open = slices.Sorted(maps.Keys(scope.Sizes))
	size := scope.Size()
	for seq := range scope.Entries {
		if err := b.readOne(ctx, src, seq); err != nil {
			return nil, err
		}
	}
	from, err := firstSince(ctx, src, scope.Since, size)
	if err != nil {
		return nil, err
	}
	if err := b.lookBack(ctx, src, from+1); err != nil {
		return nil, err
	}
	for after := from; after+1 < int64(size); {
		rows, err := src.Entries(ctx, after, pageSize)
		if err != nil {
			return nil, fmt.Errorf("read facts: %w", err)
		}
		if after, err = b.addAll(rows, size, after); err != nil || len(rows) == 0 {
			return b, err
		}
	}
	return b, nil
}

// lookBack reads what happened to cords in the time before the period, below the
// sequence at which that begins.
func (b *Book) lookBack(ctx context.Context, src ledger.Source, before int64) error {
	if len(b.scope.Sizes) == 0 {
		return nil
	}
	after, err := firstSince(ctx, src, b.scope.Since.Add(-lookBack), uint64(before))
	for err == nil {
		var rows []ledger.Row
		if rows, err = src.Cords(ctx, after, before, pageSize); err != nil {
			return fmt.Errorf("read facts: %w", err)
		}
		if after, err = b.addAll(rows, uint64(before), after); len(rows) < pageSize {
			return err
		}
	}
	return err
}

// addAll takes rows with sequences below a size, and returns the last of these.
func (b *Book) addAll(rows []ledger.Row, size uint64, last int64) (int64, error) {
	for i := range rows {
		if last = rows[i].Seq; uint64(last) >= size {
			return last, nil
		}
		e, err := rows[i].Entry()
		if err != nil {
			return last, fmt.Errorf("read facts: %w", err)
		}
		b.read++
		if err := b.add(e); err != nil {
			return last, fmt.Errorf("read entry %d (%s): %w", e.Seq, e.Kind, err)
		}
	}
	return last, nil
}

// Read is how many entries were read for the book.
func (b *Book) Read() int { return b.read }

// firstSince returns the sequence before the first entry of a time; log time never
// runs back, so that it is found by halves.
func firstSince(ctx context.Context, src ledger.Source, at time.Time, size uint64) (int64, error) {
	var failed error
	first := sort.Search(int(size), func(i int) bool {
		rows, err := src.Entries(ctx, int64(i)-1, 1)
		if err != nil {
			failed = err
		}
		return err != nil || len(rows) == 0 || rows[0].At >= at.UnixNano()
	})
	if failed != nil {
		return 0, fmt.Errorf("read facts: %w", failed)
	}
	return int64(first) - 1, nil
}

// readOne reads an entry by its sequence. One that is not there is not kept.
func (b *Book) readOne(ctx context.Context, src ledger.Source, seq uint64) error {
	e, there, err := entryAt(ctx, src, seq)
	if there {
		b.entries[seq] = e
	}
	return err
}

func entryAt(ctx context.Context, src ledger.Source, seq uint64) (e ledger.Entry, there bool, err error) {
	rows, err := src.Entries(ctx, int64(seq)-1, 1)
	if there = len(rows) > 0 && uint64(rows[0].Seq) == seq; there && err == nil {
		e, err = rows[0].Entry()
	}
	if err != nil {
		return e, false, fmt.Errorf("read facts: %w", err)
	}
	return e, there, nil
}

// endAt returns the last entry below a size that was read.
func (b *Book) endAt(size uint64) tip {
	if t, closed := b.last[size]; closed {
		return t
	}
	return b.end
}

// add takes the next entry.
func (b *Book) add(e ledger.Entry) error {
	for len(b.open) > 0 && b.open[0] <= e.Seq {
		b.last[b.open[0]], b.open = b.end, b.open[1:]
	}
	b.end = tip{e.Seq, instant(e.At)}
	switch e.Kind {
	case decide.KindRemedy:
		return b.addRemedy(e)
	case decide.KindAction, decide.KindSeen:
		return b.addMove(e)
	case decide.KindPull, decide.KindAnswered, decide.KindRelease, decide.KindEscalated:
		return b.addCord(e)
	case decide.KindApproval, decide.KindPause, decide.KindResume:
		return b.addTouch(e)
	case decide.KindProgress:
		var f decide.ProgressFact
		if err := json.Unmarshal(e.Body, &f); err != nil {
			return err
		}
		if f.Received > 0 {
			b.received = append(b.received, receivedRow{e.Seq, instant(e.At), f.Received})
		}
	}
	return nil
}

func instant(at int64) time.Time { return time.Unix(0, at).UTC() }

// has reports whether the scope holds what is said of a rule.
func (s *Scope) has(rule string) bool { return s.Every || s.Rules[rule] }

func (b *Book) addRemedy(e ledger.Entry) error {
	var f decide.RemedyFact
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	origin := b.byID[f.Of]
	if f.Of != uuid.Nil && origin == nil {
		return nil // it goes on with one from before the period, or of another rule
	}
	if f.Mode != "live" || origin == nil && !b.scope.has(f.Rule) && len(b.scope.Cords) == 0 {
		return nil
	}
	r := &remedyRow{seq: e.Seq, at: instant(e.At), rule: f.Rule, decision: f.Decision, text: f.Digest, set: f.Set, customer: f.Customer,
		steps: map[uuid.UUID]money.Money{}, reverses: f.Rule == decide.RuleReverse}
	r.eventAt, _ = time.Parse(time.RFC3339Nano, f.EventAt)
	for _, s := range f.Steps {
		if s.Amount != nil {
			r.steps[s.Action] = *s.Amount
		}
	}
	if origin != nil {
		if r.root = origin.root; r.root == nil {
			r.root = origin
		}
	}
	b.byID[f.Remedy] = r
	if r.root == nil {
		b.remedies = append(b.remedies, r)
	}
	return nil
}

func (b *Book) addMove(e ledger.Entry) error {
	r := b.byID[e.Remedy]
	if r == nil || e.Action == uuid.Nil {
		return nil
	}
	amount, pays := r.steps[e.Action]
	if !pays {
		return nil
	}
	// Both bodies name the status and the amount alike.
	var f struct {
		Status string       `json:"status"`
		Amount *money.Money `json:"amount"`
	}
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	if f.Amount != nil && f.Amount.Currency == amount.Currency {
		amount = *f.Amount
	}
	row := moveRow{seq: e.Seq, remedy: r.seq, action: e.Action, amount: amount, sign: 1, moved: f.Status == decide.Succeeded || f.Status == decide.Pending}
	if !row.moved && f.Status != decide.Failed {
		return nil
	}
	to := r
	if r.root != nil {
		to = r.root
	}
	if r.reverses {
		row.sign = -1
	}
	to.moves = append(to.moves, row)
	return nil
}

func (b *Book) addCord(e ledger.Entry) error {
	var f struct {
		Cord   string `json:"cord"`
		Level  string `json:"level"`
		By     string `json:"by"`
		Cause  string `json:"cause"`
		Opened bool   `json:"opened"`
	}
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	if !b.scope.Cords[f.Cord] && !b.scope.has(e.Rule) {
		return nil
	}
	b.cords = append(b.cords, cordRow{seq: e.Seq, at: instant(e.At), kind: e.Kind, cord: f.Cord, level: f.Level, by: f.By, cause: f.Cause, rule: e.Rule, opened: f.Opened})
	return nil
}

func (b *Book) addTouch(e ledger.Entry) error {
	var f struct {
		By     string `json:"by"`
		Target string `json:"target"`
	}
	if err := json.Unmarshal(e.Body, &f); err != nil {
		return err
	}
	rule := e.Rule
	if name, ok := strings.CutPrefix(f.Target, "rule:"); ok {
		rule = name
	}
	if b.scope.has(rule) || f.Target == decide.TargetMoney {
		b.touched = append(b.touched, touchRow{seq: e.Seq, at: instant(e.At), kind: e.Kind, rule: rule, by: f.By})
	}
	return nil
}

// pulledBy reports whether a rule pulled a cord.
func (b *Book) pulledBy(path string, size uint64) map[string]bool {
	rules := map[string]bool{}
	for _, c := range b.cords {
		if c.cord == path && c.seq < size && c.rule != "" {
			rules[c.rule] = true
		}
	}
	return rules
}
