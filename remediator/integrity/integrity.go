// Package integrity says how well the ledger can be relied on: its newest checkpoint,
// where checkpoints are kept, what is stored to go on from, and what a verification of
// the whole ledger came to.
//
// A verification reads everything, so it runs in the background, once for all who ask.
package integrity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/views"
)

// Ledger is what is read of the ledger's store. It is safe for concurrent use.
type Ledger interface {
	// Checkpoint returns nil before the first.
	Checkpoint(ctx context.Context) ([]byte, error)
	Position(ctx context.Context) (decide.Position, error)
	Snapshots(ctx context.Context) ([]decide.Position, error)
	Nodes(ctx context.Context) ([]views.Node, error)
	// Source returns the ledger as it lies in its tables, until release is called.
	Source(ctx context.Context) (src ledger.Source, release func(), err error)
}

// Config of a Watch.
type Config struct {
	Ledger Ledger
	// Kept says where checkpoints are kept besides the ledger. Defaults to nowhere.
	Kept func() []Kept
	// Retention is for how long the log is kept; 0: for ever.
	Retention time.Duration
	// Changed is told when a verification has moved on. Defaults to nobody.
	Changed func()
	// Now is the clock. Defaults to time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// State is how well the ledger can be relied on.
type State struct {
	Checkpoint   *Checkpoint  `json:"checkpoint"` // nil before the first
	Kept         []Kept       `json:"kept"`
	Stored       []Stored     `json:"stored"`    // states to go on from, the oldest first
	Retention    int64        `json:"retention"` // seconds for which the log is kept; 0: for ever
	Nodes        []views.Node `json:"nodes,omitempty"`
	Verification Verification `json:"verification"`
}

// Checkpoint is the newest signed head of the ledger's tree.
type Checkpoint struct {
	Origin string    `json:"origin"`
	Size   uint64    `json:"size"`   // entries
	Sealed time.Time `json:"sealed"` // log time of the last input that it covers
	Note   string    `json:"note"`   // as it is signed
}

// Kept is where checkpoints are kept besides the ledger.
type Kept struct {
	Where   string    `json:"where"`
	Size    uint64    `json:"size"`        // of the newest checkpoint kept since this node began; 0: none
	At      time.Time `json:"at,omitzero"` // when it was kept
	Failing bool      `json:"failing"`
}

// Stored is a state of the deciding from which the log can be folded again.
type Stored struct {
	Ordinal uint64    `json:"ordinal"` // inputs that are in it
	At      time.Time `json:"at"`      // log time
}

// Verification is the newest verification that this node was asked for.
type Verification struct {
	Running bool           `json:"running"`
	By      string         `json:"by,omitempty"` // who asked first
	Began   time.Time      `json:"began,omitzero"`
	Ended   time.Time      `json:"ended,omitzero"`
	Done    uint64         `json:"done"` // entries read
	Size    uint64         `json:"size"` // entries to read; 0: not known yet
	Error   string         `json:"error,omitempty"`
	Report  *ledger.Report `json:"report,omitempty"` // what it came to
}

// Watch tells of the ledger's integrity. It is safe for concurrent use.
type Watch struct {
	cfg  Config
	asks chan ledger.Options

	mu     sync.Mutex
	newest Verification
}

// New returns a Watch.
func New(cfg Config) *Watch {
	if cfg.Kept == nil {
		cfg.Kept = func() []Kept { return nil }
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Watch{cfg: cfg, asks: make(chan ledger.Options, 1)}
}

// State tells how things stand.
func (w *Watch) State(ctx context.Context) (s State, err error) {
	s.Kept, s.Retention, s.Verification, s.Stored = append([]Kept{}, w.cfg.Kept()...), int64(w.cfg.Retention/time.Second), w.Verification(), []Stored{}
	note, err := w.cfg.Ledger.Checkpoint(ctx)
	if err != nil {
		return s, err
	}
	if note != nil {
		head, err := ledger.ReadCheckpoint(note)
		if err != nil {
			return s, err
		}
		at, err := w.cfg.Ledger.Position(ctx)
		if err != nil {
			return s, err
		}
		s.Checkpoint = &Checkpoint{Origin: head.Origin, Size: head.Size, Sealed: time.Unix(0, at.At).UTC(), Note: string(note)}
	}
	states, err := w.cfg.Ledger.Snapshots(ctx)
	if err != nil {
		return s, err
	}
	for _, state := range states {
		s.Stored = append(s.Stored, Stored{Ordinal: state.Ordinal, At: time.Unix(0, state.At).UTC()})
	}
	s.Nodes, err = w.cfg.Ledger.Nodes(ctx)
	return s, err
}

// Verification returns the newest verification.
func (w *Watch) Verification() Verification {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newest
}

// AskError is what is wrong with a question, for who asked.
type AskError string

func (e AskError) Error() string { return string(e) }

// ErrRunning says that a verification is under way, with other pins: its result would
// not answer the question.
var ErrRunning = errors.New("a verification is under way; ask again when it has ended")

// Verify begins a verification in somebody's name, against what was kept elsewhere: a
// public key and checkpoints, as text; empty for none. Who asks for the same without
// pins while one runs shares it.
func (w *Watch) Verify(by, key, checkpoints string) error {
	options := ledger.Options{Key: strings.TrimSpace(key)}
	if strings.TrimSpace(checkpoints) != "" {
		var err error
		text := strings.TrimSpace(strings.ReplaceAll(checkpoints, "\r\n", "\n")) + "\n"
		if options.Checkpoints, err = ledger.SplitNotes([]byte(text)); err != nil {
			return AskError("the checkpoints cannot be read: " + err.Error())
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.newest.Running {
		if options.Key == "" && len(options.Checkpoints) == 0 {
			return nil
		}
		return ErrRunning
	}
	w.newest = Verification{Running: true, By: by, Began: w.cfg.Now().UTC()}
	w.asks <- options // there is room: at most one runs
	return nil
}

// Run verifies when somebody asks, until the context ends.
func (w *Watch) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case options := <-w.asks:
			w.verify(ctx, options)
		}
	}
}

func (w *Watch) verify(ctx context.Context, options ledger.Options) {
	w.cfg.Changed()
	options.Progress = func(done, size uint64) {
		w.mu.Lock()
		w.newest.Done, w.newest.Size = done, size
		w.mu.Unlock()
		w.cfg.Changed()
	}
	report, err := w.report(ctx, options)
	w.mu.Lock()
	w.newest.Running, w.newest.Ended = false, w.cfg.Now().UTC()
	if err == nil {
		w.newest.Report, w.newest.Done, w.newest.Size = &report, report.Size, report.Size
	} else {
		w.newest.Error = err.Error()
		w.cfg.Logger.Error("verify ledger", slog.Any("error", err))
	}
	w.mu.Unlock()
	if err == nil && !report.Verified {
		w.cfg.Logger.Error("verify ledger", slog.Int("findings", len(report.Findings)+report.More), slog.String("first", fmt.Sprint(report.Findings[0])))
	}
	w.cfg.Changed()
}

func (w *Watch) report(ctx context.Context, options ledger.Options) (ledger.Report, error) {
	src, release, err := w.cfg.Ledger.Source(ctx)
	if err != nil {
		return ledger.Report{}, err
	}
	defer release()
	return ledger.Verify(ctx, src, options)
}
