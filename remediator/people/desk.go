// Package people takes what people say into the log, and brings back what the
// fold made of it.
//
// A command is an input like any other: who gives it and in which roles is stamped
// on it, it is durable before anybody is told so, and the fold alone carries it
// out or refuses it. A stop takes effect twice, once it is in the log: as a brake,
// which the outbox and the gates look at, and later in the fold.
package people

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

const (
	// answerTimeout is how long a command waits for its answer. A decider that is
	// further behind answers later; the command is in the log.
	answerTimeout = 10 * time.Second
	// answerPoll is how often an answer is looked for when nobody says that there
	// is one: another node may have made it.
	answerPoll = 250 * time.Millisecond
)

// ErrReused says that a key was used before for another command.
var ErrReused = errors.New("the Idempotency-Key was used before for another command: take a new one")

// Store is what the desk needs of the ledger's store.
type Store interface {
	// Answer returns what a command came to, nil while it has no answer.
	Answer(ctx context.Context, id string) (*decide.Answer, error)
	// Brake stops a target at once, under the id of a command that is in the log.
	Brake(ctx context.Context, target, id, by string, at time.Time) error
}

// Config of a Desk. All fields are required.
type Config struct {
	Append func(context.Context, []input.Input) error
	Store  Store
	Stamp  func() int64 // of inputs that are not events
	Now    func() time.Time
	Braked func() // a brake was set
}

// Desk takes commands. It is safe for concurrent use.
type Desk struct {
	cfg  Config
	mu   sync.Mutex
	news chan struct{} // closed when there are answers
}

// NewDesk returns a desk.
func NewDesk(cfg Config) *Desk { return &Desk{cfg: cfg, news: make(chan struct{})} }

// Answered tells those who wait that there are answers.
func (d *Desk) Answered() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.news)
	d.news = make(chan struct{})
}

// ID is the id of a principal's command under a key of theirs; without a key it
// is one that nobody else has.
func ID(p access.Principal, key string) string {
	if key == "" {
		key = uuid.NewString()
	}
	return "command/" + p.Name + "/" + key
}

// Give appends a command of a principal under an id and waits for its answer. A
// nil answer without an error means that the command is in the log and not decided
// yet. The same command again, under the same id, gives the same answer.
func (d *Desk) Give(ctx context.Context, p access.Principal, id string, c decide.CommandBody) (*decide.Answer, error) {
	of := c.Of
	c = asked(p, c)
	request, err := digest(c)
	if err != nil {
		return nil, err
	}
	c.Roles, c.Of, c.Request = p.Roles, of, request
	return d.submit(ctx, id, request, input.Command, c, func() error { return d.brake(ctx, id, c) })
}

// Activate appends an activation of rules, or the answer to a proposed one, like
// a command.
func (d *Desk) Activate(ctx context.Context, p access.Principal, id string, a decide.ActivateBody) (*decide.Answer, error) {
	renamed := a.Renamed // found anew each time that it is asked
	a.Author, a.Roles, a.Request, a.Renamed = p.Name, nil, "", nil
	request, err := digest(a)
	if err != nil {
		return nil, err
	}
	a.Roles, a.Request, a.Renamed = p.Roles, request, renamed
	return d.submit(ctx, id, request, input.Activate, a, func() error { return nil })
}

func digest(body any) (string, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("encode command: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func (d *Desk) submit(ctx context.Context, id, request string, kind input.Kind, body any, after func() error) (*decide.Answer, error) {
	answer, err := d.answerTo(ctx, id, request)
	if answer != nil || err != nil {
		return answer, err
	}
	in, err := d.input(id, kind, body)
	if err != nil {
		return nil, err
	}
	if err := d.append(ctx, in); err != nil {
		return nil, err
	}
	if err := after(); err != nil {
		return nil, err
	}
	return d.wait(ctx, id, request)
}

func (d *Desk) input(id string, kind input.Kind, body any) (input.Input, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return input.Input{}, fmt.Errorf("encode command: %w", err)
	}
	return input.Input{ID: id, Kind: kind, At: d.cfg.Stamp(), Body: text}, nil
}

// append appends what somebody said. They may go meanwhile: the log has it all the
// same, and a stop that is in the log is to be effective at once.
func (d *Desk) append(ctx context.Context, inputs ...input.Input) error {
	if err := d.cfg.Append(context.WithoutCancel(ctx), inputs); err != nil {
		return fmt.Errorf("append command: %w", err)
	}
	return nil
}

// answerTo looks whether a command was answered, and whether it was this one.
func (d *Desk) answerTo(ctx context.Context, id, request string) (*decide.Answer, error) {
	answer, err := d.cfg.Store.Answer(ctx, id)
	if err == nil && answer != nil && answer.Request != request {
		return nil, ErrReused
	}
	return answer, err
}

// brake stops at once what a command stops, when who gives it may.
func (d *Desk) brake(ctx context.Context, id string, c decide.CommandBody) error {
	target := ""
	switch {
	case c.Command == decide.CommandPause && decide.CheckTarget(c.Target) == nil && decide.MayGive(c.Roles, decide.CommandPause) == "":
		target = c.Target
	case c.Command == decide.CommandPull && c.Level == cord.Red && c.Reason != "" &&
		cord.CheckPath(c.Cord) == nil && decide.MayPull(c.Roles, c.Cord, c.Level) == "":
		target = decide.TargetCord(c.Cord)
	default:
		return nil
	}
	// Whoever asked may have gone; what they asked for is in the log and stands.
	if err := d.cfg.Store.Brake(context.WithoutCancel(ctx), target, id, c.By, d.cfg.Now()); err != nil {
		return err
	}
	d.cfg.Braked()
	return nil
}

// wait waits for an answer, for as long as is reasonable.
func (d *Desk) wait(ctx context.Context, id, request string) (*decide.Answer, error) {
	limit, poll := time.NewTimer(answerTimeout), time.NewTicker(answerPoll)
	defer limit.Stop()
	defer poll.Stop()
	for {
		d.mu.Lock()
		news := d.news
		d.mu.Unlock()
		answer, err := d.answerTo(ctx, id, request)
		if answer != nil || err != nil {
			return answer, err
		}
		select {
		case <-news:
		case <-poll.C:
		case <-limit.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
