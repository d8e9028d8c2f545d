package ledger_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// commit is what one transaction commits.
type commit struct {
	output   *decide.Output
	position decide.Position
}

// history makes decisions that could have been made, from a seed: all kinds of
// fact, held and approved remedies, retried actions, progress with true counts.
type history struct {
	t         testing.TB
	rng       *rand.Rand
	pos       decide.Position
	out       *decide.Output
	counts    decide.Counts
	errors    map[string]uint64
	since     uint64
	sealed    int64 // when the last progress was due
	unsettled []decide.Step
	remedyOf  map[uuid.UUID]uuid.UUID
}

func newHistory(t testing.TB, seed uint64, logID, publicKey string) *history {
	h := &history{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), out: &decide.Output{}, errors: map[string]uint64{},
		remedyOf: map[uuid.UUID]uuid.UUID{},
		pos:      decide.Position{LogID: logID, At: time.Date(2001, 1, 1, 23, 30, 0, 0, time.UTC).UnixNano(), Version: 1},
	}
	h.sealed = h.pos.At
	h.next(0)
	h.add(decide.KindGenesis, decide.Fact{}, decide.GenesisFact{LogID: logID, LedgerKey: publicKey, HashKey: "00", Created: "2001-01-01T23:30:00Z"})
	h.next(0)
	h.add(decide.KindRuleText, decide.Fact{}, decide.RuleTextFact{Path: "late.yaml", Part: 1, Parts: 1, Text: "rule: late <&>\n"})
	h.add(decide.KindRules, decide.Fact{}, decide.RulesFact{Digest: "d", Author: "ann"})
	return h
}

// commits makes n transactions of up to most inputs each.
func (h *history) commits(n, most int) []commit {
	var all []commit
	for range n {
		for range 1 + h.rng.IntN(most) {
			h.input()
		}
		h.pos.Record++
		all = append(all, commit{h.out, h.pos})
		h.out = &decide.Output{}
	}
	return all
}

// next begins an input.
func (h *history) next(later time.Duration) {
	h.pos.Ordinal++
	at := h.pos.At + int64(later)
	if due := h.sealed + int64(time.Minute); h.since > 0 && due <= at {
		h.pos.At = due
		progress := decide.ProgressFact{Through: h.pos.Ordinal - 1, Digest: hex.EncodeToString(h.pos.Digest[:]), Inputs: h.since, Counts: h.counts}
		for rule, n := range h.errors {
			progress.RuleErrors = append(progress.RuleErrors, decide.RuleErrors{Rule: rule, Errors: n})
		}
		h.add(decide.KindProgress, decide.Fact{}, progress)
		h.counts, h.since, h.sealed = decide.Counts{}, 0, due
		clear(h.errors)
	}
	if h.since == 0 {
		h.sealed = at
	}
	h.pos.At = at
	h.pos.Digest = input.Digest(h.pos.Digest, input.Input{At: at})
	h.since++
}

func (h *history) add(kind string, refs decide.Fact, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	refs.Kind, refs.At, refs.Ordinal, refs.Version, refs.Body = kind, h.pos.At, h.pos.Ordinal, h.pos.Version, encoded
	h.out.Items = append(h.out.Items, decide.Item{Fact: &refs})
}

// input folds an event, or the outcome of an action.
func (h *history) input() {
	h.next(time.Duration(h.rng.IntN(int(20 * time.Second))))
	if len(h.unsettled) > 0 && h.rng.IntN(3) == 0 {
		h.outcome()
		return
	}
	h.counts.Received++
	event := fmt.Sprintf("e-%d", h.pos.Ordinal)
	refs := decide.Fact{Rule: "late"}
	switch h.rng.IntN(12) {
	case 0:
		h.counts.NoMatch++
	case 1:
		h.counts.Duplicates++
	case 2:
		h.counts.Late++
		h.add(decide.KindLate, refs, decide.LateFact{Source: "/s", Event: event})
	case 3:
		h.counts.NoKey++
		h.add(decide.KindNoKey, refs, decide.NoKeyFact{Source: "/s", Event: event, Reason: "absent"})
	case 4:
		h.counts.Errors++
		if h.errors["late"]++; h.errors["late"] == 1 {
			h.add(decide.KindError, refs, decide.ErrorFact{Source: "/s", Event: event, Code: "if"})
		}
	case 5:
		h.pull(event)
	default:
		h.remedy(event)
	}
}

// pull makes a remedy that pulls a cord: its evidence and its pull come first.
func (h *history) pull(event string) {
	h.counts.Remedies++
	id := decide.RemedyID("cord", event)
	refs := decide.Fact{Rule: "cord", Remedy: id}
	h.out.Items = append(h.out.Items, decide.Item{Evidence: &decide.Evidence{
		Remedy: id, Rule: "cord", Kind: "reason", At: h.pos.At, Ordinal: h.pos.Ordinal, Plain: []byte("three late departures"),
	}})
	h.add(decide.KindPull, refs, decide.PullFact{Cord: "airport/ORD", Level: "red", Pull: id, Opened: true, Evidence: 1})
	h.add(decide.KindRemedy, refs, decide.RemedyFact{Remedy: id, Rule: "cord", Mode: "live", Decision: decide.Act, Source: "/s", Event: event})
	h.add(decide.KindEnd, refs, decide.EndFact{Status: decide.Done})
}

// remedy makes a refund, in shadow or live, some held and approved.
func (h *history) remedy(event string) {
	h.counts.Remedies++
	id := decide.RemedyID("late", event)
	amount := money.Money{Minor: 1 + h.rng.Int64N(100_000), Currency: []string{"USD", "JPY", "KWD"}[h.rng.IntN(3)]}
	step := decide.Step{Action: decide.ActionID(id, "refund"), Name: "refund", Kind: "refund", Connector: "stripe", Payment: "pi_" + event, Amount: &amount}
	fact := decide.RemedyFact{
		Remedy: id, Rule: "late", Digest: "d", Set: "s", Scope: "late", Key: event, Account: "ops:late", Mode: "live", Decision: decide.Act,
		Customer: "c-" + event, Source: "/s", Event: event, Steps: []decide.Step{step},
	}
	refs := decide.Fact{Rule: "late", Remedy: id}
	if h.rng.IntN(4) == 0 {
		fact.Mode = "shadow"
		h.add(decide.KindRemedy, refs, fact)
		return
	}
	held := h.rng.IntN(4) == 0
	if held {
		fact.Decision, fact.Reason, fact.Approvals = decide.Hold, decide.ReasonApprove, 1
	}
	h.add(decide.KindRemedy, refs, fact)
	h.out.Items = append(h.out.Items, decide.Item{Evidence: &decide.Evidence{
		Customer: fact.Customer, Remedy: id, Rule: "late", Kind: "event", At: h.pos.At, Ordinal: h.pos.Ordinal, Plain: []byte(`{"id":"` + event + `"}`),
	}})
	h.out.Keys = append(h.out.Keys, decide.KeyTaken{Remedy: id, Scope: "late", Ordinal: h.pos.Ordinal})
	if held {
		h.next(time.Second)
		h.add(decide.KindApproval, refs, decide.ApprovalFact{Answer: "approve", By: "bea", Have: 1, Need: 1})
	}
	h.unsettled, h.remedyOf[step.Action] = append(h.unsettled, step), id
}

// outcome settles an action, or has it retried.
func (h *history) outcome() {
	at := h.rng.IntN(len(h.unsettled))
	step := h.unsettled[at]
	refs := decide.Fact{Rule: "late", Remedy: h.remedyOf[step.Action], Action: step.Action}
	fact := decide.ActionFact{Name: step.Name, Attempt: 1, Status: decide.Succeeded, Ref: "re_1", Amount: step.Amount}
	switch h.rng.IntN(6) {
	case 0:
		fact.Status, fact.Amount, fact.Ref = decide.Retrying, nil, ""
		h.add(decide.KindAction, refs, fact)
		return
	case 1:
		fact.Status, fact.Amount = decide.Failed, nil
	case 2:
		fact.Status = decide.Pending
	}
	h.unsettled = append(h.unsettled[:at], h.unsettled[at+1:]...)
	h.add(decide.KindAction, refs, fact)
	end := decide.EndFact{Status: decide.Done}
	if fact.Status == decide.Failed {
		end.Status = decide.Failed
	}
	h.add(decide.KindEnd, decide.Fact{Rule: "late", Remedy: refs.Remedy}, end)
}
