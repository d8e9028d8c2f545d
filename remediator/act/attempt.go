package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// keyMargin is how long before an idempotency key may expire it is no longer
// trusted: clocks differ, and a call takes time.
const keyMargin = time.Hour

// Codes of ours, where the provider gave none.
const (
	codeForeign    = "already_refunded"
	codeKeyExpired = "key_expired"
	codeUnreadable = "decision_unreadable"
	codeErased     = "erased"  // what was to be told is under a key that was destroyed
	codeStopped    = "stopped" // somebody stopped it while the provider was asked what is there
)

// verdict is what an attempt came to.
type verdict struct {
	Result                   // Status may be any status of an attempt
	retryAfter time.Duration // as the provider asked
	final      bool          // no attempt follows, whatever the status
}

// attempt carries out one attempt of a job. The order is what makes it safe: the
// outcome is in the log before the outbox lets go of the job, so that a crash in
// between repeats an attempt and never loses one.
func (w *Worker) attempt(ctx context.Context, job claimed) {
	w.cfg.OnStep(StepClaimed)
	v, err := w.try(ctx, job)
	if err != nil {
		w.cfg.Logger.WarnContext(ctx, "carry out action", slog.String("action", job.Action.String()),
			slog.Int("attempt", job.Attempt), slog.String("status", v.Status), slog.String("code", v.Code), slog.Any("error", err))
	}
	now := w.cfg.Now()
	next, again := w.next(job, v, now)
	if !again && (v.Status == decide.Retrying || v.Status == decide.Unknown) {
		v.Status = decide.Unknown // its time is over and nobody tries again
		if w.traits.AtLeastOnce {
			v.Status = decide.Failed
		}
	}
	if !w.report(ctx, job, v, now) {
		return
	}
	w.cfg.OnStep(StepAppended)
	if again {
		w.mark(ctx, job, w.cfg.Outbox.Retry(ctx, job.Action, job.Attempt, next))
	} else {
		w.mark(ctx, job, w.cfg.Outbox.Reported(ctx, job.Action, job.Attempt))
	}
	w.cfg.OnStep(StepReported)
}

// try asks the provider and returns what came of it. The error is for the
// operator; what it means for the money is in the verdict.
func (w *Worker) try(ctx context.Context, job claimed) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, job.deadline.Sub(w.cfg.Now()))
	defer cancel()
	r, err := request(job.Job)
	if err != nil {
		// A program that can read the decision may have acted on it before.
		w.breaker.abandoned()
		return verdict{Result: Result{Status: decide.Unknown, Code: codeUnreadable}, final: true}, err
	}
	if r.tells() && r.Values == nil {
		w.breaker.abandoned()
		return verdict{Result: Result{Status: decide.Skipped, Code: codeErased}}, nil
	}
	v, settled, err := w.look(ctx, job, r)
	if settled {
		w.observe(v)
		return v, err
	}
	result, err := w.cfg.Connector.Do(ctx, r)
	w.cfg.OnStep(StepCalled)
	v = verdict{Result: result}
	if err != nil {
		known := classify(err)
		v = verdict{Result: Result{Status: known.Status, Code: known.Code}, retryAfter: known.RetryAfter}
	}
	w.observe(v)
	return v, err
}

// look finds out, before the provider is asked to act, whether it may be asked.
// It looks before every attempt: an earlier one may have had its effect without
// anybody hearing of it, a key may have expired, the outbox may have been restored
// from a backup, and somebody else may have refunded the payment.
func (w *Worker) look(ctx context.Context, job claimed, r Request) (v verdict, settled bool, err error) {
	if !w.traits.Lookup {
		if w.traits.KeyLifetime > 0 && w.cfg.Now().Sub(job.FirstAttemptAt) > w.traits.KeyLifetime-keyMargin {
			return verdict{Result: Result{Status: decide.Unknown, Code: codeKeyExpired}, final: true}, true, nil
		}
		return verdict{}, false, nil
	}
	looking, done := w.unlessBraked(ctx, job)
	defer done()
	found, err := w.cfg.Connector.Lookup(looking, r)
	switch {
	case errors.Is(context.Cause(looking), errBraked):
		return verdict{Result: Result{Status: decide.Retrying, Code: codeStopped}}, true, nil
	case err != nil:
		known := classify(err)
		v = verdict{Result: Result{Status: known.Status, Code: known.Code}, retryAfter: known.RetryAfter}
		if known.Status == decide.Unknown && job.Attempt == 1 {
			v.Status = decide.Retrying // nobody has asked the provider to act yet
		}
		return v, true, err
	case found.Ours != nil:
		return verdict{Result: *found.Ours}, true, nil
	case found.Foreign != "" && !job.Approved:
		return verdict{Result: Result{Status: decide.Blocked, Code: codeForeign, Ref: found.Foreign}}, true, nil
	}
	braked, err := w.cfg.Outbox.Braked(ctx, job.Action)
	if braked || err != nil {
		return verdict{Result: Result{Status: decide.Retrying, Code: codeStopped}}, true, err
	}
	return verdict{}, false, nil
}

// errBraked ends a look-up whose action was stopped meanwhile.
var errBraked = errors.New("somebody stopped it")

// unlessBraked returns a context that ends when the action comes under a brake: a
// slow provider must not make a stop late, and it was not asked to act yet.
func (w *Worker) unlessBraked(ctx context.Context, job claimed) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		poll := time.NewTicker(w.cfg.Poll)
		defer poll.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-poll.C:
			}
			if braked, err := w.cfg.Outbox.Braked(ctx, job.Action); braked && err == nil {
				cancel(errBraked)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// observe tells the breaker whether the provider is there.
func (w *Worker) observe(v verdict) {
	if v.Code == codeStopped {
		w.breaker.abandoned()
		return
	}
	if v.Status == decide.Retrying || v.Status == decide.Unknown {
		w.breaker.failed(w.cfg.Now())
		return
	}
	w.breaker.answered()
}

// next returns when another attempt follows, if one does. A schedule that is over
// leaves one attempt for each time that a person asks for another.
func (w *Worker) next(job claimed, v verdict, now time.Time) (time.Time, bool) {
	over := w.traits.Window > 0 && now.Sub(job.FirstAttemptAt) > w.traits.Window
	schedule := w.traits.Schedule
	if len(schedule) > 0 {
		over = over || job.Attempt > len(schedule)
	}
	if v.final || over || v.Status != decide.Retrying && v.Status != decide.Unknown {
		return time.Time{}, false
	}
	if len(schedule) > 0 {
		return now.Add(scheduled(schedule[job.Attempt-1], v.retryAfter, random)), true
	}
	return now.Add(w.cfg.Backoff.delay(job.Attempt, v.retryAfter, random)), true
}

// report appends the outcome, for as long as it takes. It returns false when
// ctx ended first: the job is then claimed again when its lease is over.
func (w *Worker) report(ctx context.Context, job claimed, v verdict, now time.Time) bool {
	fact := decide.ActionFact{
		Name: job.Name, Attempt: job.Attempt, Status: v.Status, Code: v.Code, Ref: v.Ref,
		SeenAt: now.UTC().Format(time.RFC3339Nano),
	}
	if v.Amount != (money.Money{}) {
		fact.Amount = &v.Amount
	}
	body, err := json.Marshal(decide.OutcomeBody{Action: job.Action, Remedy: job.Remedy, ActionFact: fact, Sent: []byte(v.Sent)})
	if err != nil {
		panic(fmt.Sprintf("encode outcome: %v", err)) // every field is text or number
	}
	stamp := input.StampRecord
	if w.cfg.EventClock {
		stamp = input.StampPrevious
	}
	outcome := []input.Input{{
		ID: fmt.Sprintf("%s/%d", job.Action, job.Attempt), Kind: input.Outcome, At: stamp, Body: body,
	}}
	for tries := 1; ; tries++ {
		err := w.cfg.Log.Append(ctx, outcome)
		if err == nil {
			return true
		}
		if w.unstored.due(w.cfg.Now()) {
			w.cfg.Logger.WarnContext(ctx, "append outcome", slog.String("action", job.Action.String()), slog.Any("error", err))
		}
		wait := time.NewTimer(Backoff{Base: 50 * time.Millisecond, Most: 5 * time.Second}.delay(tries, 0, random))
		select {
		case <-ctx.Done():
			wait.Stop()
			return false
		case <-wait.C:
		}
	}
}

// mark notes an error of the outbox after the outcome is in the log. Nothing is
// lost by it: the lease runs out, and the attempt is repeated under the same key.
func (w *Worker) mark(ctx context.Context, job claimed, err error) {
	if err != nil && ctx.Err() == nil && w.unmarked.due(w.cfg.Now()) {
		w.cfg.Logger.WarnContext(ctx, "mark job", slog.String("action", job.Action.String()), slog.Any("error", err))
	}
}
