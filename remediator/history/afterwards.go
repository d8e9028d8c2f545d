package history

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
)

// Ask is what somebody wants made good afterwards.
type Ask struct {
	Rule         string
	Since, Until time.Time
	Customers    []string // nil: everybody
}

// AskError says what is wrong with an Ask, for whoever asks.
type AskError string

func (e AskError) Error() string { return string(e) }

// Apply is what a person says with an Ask, without the list that Afterwards finds.
func (a Ask) Apply() decide.Apply {
	apply := decide.Apply{Rule: a.Rule, Since: a.Since.UTC().Format(time.RFC3339Nano), Until: a.Until.UTC().Format(time.RFC3339Nano)}
	if a.Customers != nil {
		apply.Customers = customersDigest(a.Customers)
	}
	return apply
}

// customersDigest names a list of customers, whatever their order.
func customersDigest(customers []string) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(customers)))
	text, err := json.Marshal(sorted)
	if err != nil {
		panic("encode customers: " + err.Error()) // texts always encode
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// ErrBusy says that another question keeps the history busy: one folds the log at a time.
var ErrBusy = errors.New("the log is being read for another such question: try again in a while")

// Afterwards rehearses a rule of the rules in force over the log, and returns what a
// command to make good carries, in its parts.
func (h *History) Afterwards(ctx context.Context, inForce *rule.Set, ask Ask) ([]decide.Apply, error) {
	if !h.busy.TryLock() {
		return nil, ErrBusy
	}
	defer h.busy.Unlock()
	if err := cmp.Or(bounded("since", ask.Since), bounded("until", ask.Until)); err != nil {
		return nil, err
	}
	at, err := h.ledger.Position(ctx)
	if err != nil {
		return nil, err
	}
	var r *rule.Rule
	if inForce != nil {
		r = inForce.Rule(ask.Rule)
	}
	switch {
	case r == nil:
		return nil, noRule(inForce, ask.Rule)
	case !ask.Since.Before(ask.Until):
		return nil, AskError("the period ends before it begins")
	case ask.Until.UnixNano() > at.At+1:
		return nil, AskError(fmt.Sprintf("the period is not over: the log has come to %s", time.Unix(0, at.At).UTC().Format(time.RFC3339Nano)))
	}
	wanted := func(string) bool { return true }
	if ask.Customers != nil {
		named := map[string]bool{}
		for _, customer := range ask.Customers {
			named[customer] = true
		}
		wanted = func(customer string) bool { return named[customer] }
	}
	lateness, err := h.Lateness(ctx)
	if err != nil {
		return nil, err
	}
	past := rehearse.Past{Inputs: h.Inputs(ctx, nil), Lateness: &lateness, Since: ask.Since.UnixNano(), Until: ask.Until.UnixNano()}
	list, suppressed, err := rehearse.Afterwards(inForce, ask.Rule, past, wanted)
	if cold := (rehearse.ColdError{}); errors.As(err, &cold) {
		return nil, AskError(cold.Error())
	}
	if err != nil {
		return nil, err
	}
	apply := ask.Apply()
	apply.Digest, apply.Suppressed = r.Digest, suppressed
	return apply.Split(list)
}

// noRule says that no rule of a name is in force, and which may be meant.
func noRule(inForce *rule.Set, name string) AskError {
	var names []string
	if inForce != nil {
		for _, r := range inForce.Rules {
			names = append(names, r.Name)
		}
	}
	hint := "makegood rules status lists those that are"
	if near := document.Nearest(name, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	return AskError(fmt.Sprintf("no rule %.80q is in force; %s", name, hint))
}

// Try says what commands would come to, given one after the other now. A copy of the
// fold takes them, and is thrown away.
func (h *History) Try(ctx context.Context, commands []decide.CommandBody) (*decide.Answer, error) {
	fold, err := h.Now(ctx)
	if err != nil {
		return nil, err
	}
	var inputs []input.Input
	for _, c := range commands {
		text, err := json.Marshal(c)
		if err != nil {
			return nil, fmt.Errorf("encode command: %w", err)
		}
		inputs = append(inputs, input.Input{Kind: input.Command, At: input.StampPrevious, Body: text})
	}
	out, err := fold.Apply(inputs)
	if err != nil {
		return nil, err
	}
	if len(out.Answers) != len(commands) {
		return nil, fmt.Errorf("try %d commands: they have %d answers", len(commands), len(out.Answers))
	}
	return &out.Answers[len(out.Answers)-1], nil
}
