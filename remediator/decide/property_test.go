package decide_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// committed collects what a run committed, in a form that compares byte for byte.
type committed struct {
	memory   *decide.RAM
	position decide.Position
	snapshot *decide.Snapshot
	proposal *decide.Proposal // the last said of one
	state    string           // digest of the fold's state in the end
	bytes    bytes.Buffer
	facts    map[string]int
}

func (c *committed) commit(t testing.TB, out *decide.Output, to decide.Position) {
	enc := json.NewEncoder(&c.bytes)
	for _, item := range out.Items {
		if item.Fact != nil {
			c.facts[item.Fact.Kind]++
			for _, detail := range details {
				if bytes.Contains(item.Fact.Body, []byte(detail)) {
					c.facts[detail]++
				}
			}
		}
		if err := enc.Encode(item); err != nil {
			t.Fatal(err)
		}
	}
	for _, rest := range []any{out.Keys, out.Payments, out.Refunds, out.Outbox, out.Attempts, out.Settled, out.Cords, out.Brakes, out.Answers, out.Tokens, out.Bulks, out.Gaps, out.COEs} {
		writeEach(t, enc, rest)
	}
	if out.Snapshot != nil {
		c.snapshot = out.Snapshot
	}
	if out.Proposal != nil {
		c.proposal = out.Proposal
	}
	c.memory.Commit(out)
	c.position = to
}

// details are parts of bodies that the logs of the test must have.
var details = []string{
	`"cause":"person"`, `"cause":"unanswered"`, `"cause":"recurrence"`, `"cause":"storm"`, `"status":"reversed"`, `"answer":"deny"`, `"answer":"approve"}`,
	`"rule":"makegood.retry"`, `"rule":"makegood.reverse"`, `"rule":"makegood.refund-request"`, `"reason":"paused"`, `"watch_until"`, `"reason":"bulk"`, `"left_out"`, `"above":[`, `"answer":"approve","have":2`,
	`"opened":{`, `"status":"missing"`, `"status":"closed"`, `"refused":1`,
	`"foreign":true`, `"status":"open"`, `"again":1`, `"late":true`, `"status":"failed-after-arrival"`,
	`"cause":"red"`, `"cause":"step"`, `"cause":"coe_above"`, `"change":"opened"`, `"change":"added"`, `"change":"revised"`, `"change":"review"`,
	`"change":"published"`, `"change":"reopened"`, `"change":"closed"`,
}

// allKinds are the kinds of fact that the logs of the test must have. There is no
// newer version that one could begin, and none of these lost its end.
var allKinds = []string{
	decide.KindGenesis, decide.KindRules, decide.KindRuleText, decide.KindRemedy, decide.KindDuplicate, decide.KindNoKey,
	decide.KindLate, decide.KindApproval, decide.KindRefusal, decide.KindAction, decide.KindEnd, decide.KindPull,
	decide.KindProgress, decide.KindSnapshot, decide.KindAnswered, decide.KindEscalated, decide.KindRelease, decide.KindPause,
	decide.KindResume, decide.KindRetry, decide.KindToken, decide.KindProposal, decide.KindError, decide.KindBulk, decide.KindDropped, decide.KindGap, decide.KindSeen,
	decide.KindReconciliation, decide.KindDifference, decide.KindSignIn, decide.KindCOE,
}

// writeEach writes each element apart, so that the grouping leaves no trace.
func writeEach(t testing.TB, enc *json.Encoder, list any) {
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(b, &elements); err != nil {
		t.Fatal(err)
	}
	for _, e := range elements {
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
}

// run folds the log in the groups that next draws; crash says whether to lose
// what an Apply gave and to begin again from the last snapshot.
func run(t testing.TB, inputs []input.Input, matchers int, next func(left int) int, crash func() bool) *committed {
	c := &committed{memory: decide.NewMemory(), facts: map[string]int{}}
	config := decide.Config{Memory: c.memory, Matchers: matchers}
	fold := decide.New(config)
	for c.position.Ordinal < uint64(len(inputs)) {
		done := c.position.Ordinal
		group := inputs[done:][:next(len(inputs)-int(done))]
		out, err := fold.Apply(group)
		if err != nil {
			t.Fatal(err)
		}
		if crash() {
			fold = restore(t, config, c, inputs)
			continue
		}
		c.commit(t, out, fold.Position())
	}
	var err error
	if _, c.state, err = fold.State(); err != nil {
		t.Fatal(err)
	}
	return c
}

// restore begins again from the last snapshot and folds what was committed since.
func restore(t testing.TB, config decide.Config, c *committed, inputs []input.Input) *decide.Fold {
	fold := decide.New(config)
	var from uint64
	if c.snapshot != nil {
		var err error
		if fold, err = decide.Restore(config, c.snapshot.State); err != nil {
			t.Fatal(err)
		}
		from = c.snapshot.Position.Ordinal
	}
	if _, err := fold.Apply(inputs[from:c.position.Ordinal]); err != nil {
		t.Fatal(err)
	}
	if fold.Position() != c.position {
		t.Fatalf("restored to %+v, committed was %+v", fold.Position(), c.position)
	}
	return fold
}

// equal compares list by list: facts keep their order, and so does each list, but
// how lists interleave depends on the grouping.
func (c *committed) equal(o *committed) bool {
	return bytes.Equal(sortedLists(c.bytes.Bytes()), sortedLists(o.bytes.Bytes())) && c.state == o.state && reflect.DeepEqual(c.proposal, o.proposal)
}

func sortedLists(b []byte) []byte {
	kinds := map[string][]byte{}
	names := []string{`{"Fact"`, `{"Remedy"`, `{"Payment"`, `{"Action"`, `{"Number"`, `{"cord"`, `{"Target"`, `{"id":"in-`, `{"id":"00`, `{"bulk"`, `{"client"`, `{"coe"`, `{"name"`, `"`}
	left := 0
	for line := range bytes.Lines(b) {
		left += len(line)
		for _, name := range names {
			if bytes.HasPrefix(line, []byte(name)) {
				kinds[name] = append(kinds[name], line...)
				break
			}
		}
	}
	var all []byte
	for _, name := range names {
		all = append(all, kinds[name]...)
	}
	if len(all) != left {
		panic("a list has no name here, and was not compared")
	}
	return all
}

// TestGroupingLeavesNoTrace is the property that everything rests on: every
// grouping, every crash, every snapshot and any number of matchers give the same
// facts, byte for byte.
func TestGroupingLeavesNoTrace(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	// The worlds of the golden logs have every kind of fact in them; drawn ones may not.
	worlds, longest := goldenSeeds, 350
	if testing.Short() {
		worlds, longest = worlds[1:2], 150
	}
	for _, seed := range worlds {
		inputs := newWorld(t, seed, 1000).inputs
		want := run(t, inputs, 1, func(int) int { return 1 }, func() bool { return false })
		got := run(t, inputs, 4, func(left int) int { return min(left, 37) }, func() bool { return false })
		if !want.equal(got) {
			t.Fatalf("world %d: the grouping changed what was committed", seed)
		}
		for kind, n := range want.facts {
			seen[kind] += n
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		inputs := newWorld(t, seed, rapid.IntRange(50, longest).Draw(rt, "length")).inputs
		want := run(t, inputs, 1, func(left int) int { return 1 }, func() bool { return false })
		got := run(t, inputs, rapid.SampledFrom([]int{1, 4}).Draw(rt, "matchers"),
			func(left int) int { return rapid.IntRange(1, min(left, 200)).Draw(rt, "group") },
			func() bool { return rapid.IntRange(0, 3).Draw(rt, "crash") == 0 })
		if !want.equal(got) {
			rt.Fatalf("the grouping changed what was committed")
		}
		for kind, n := range want.facts {
			seen[kind] += n
		}
	})
	if testing.Short() {
		return // one world is not enough for every kind
	}
	for _, kind := range append(allKinds, details...) {
		if seen[kind] == 0 {
			t.Errorf("no log of the test has a fact %q: the property was not tested for it", kind)
		}
	}
}
