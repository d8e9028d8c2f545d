package remediator

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// pulled is the answer to a pull.
type pulled struct {
	Ordinal uint64    `json:"ordinal"`
	Cord    string    `json:"cord"`
	Pull    uuid.UUID `json:"pull"`
}

// TestManyWriters has sixteen clients send events and pull cords at once: each event is
// made good once, and each answer is what the ledger holds for its input.
func TestManyWriters(t *testing.T) { engines(t, testManyWriters) }

func testManyWriters(t *testing.T) {
	const writers, each, cords = 16, 10, 3
	n := startNode(t, Config{DataDir: t.TempDir(), Database: database(t)})
	poll(t, func() bool { return n.readiness() == nil })
	var mu sync.Mutex
	var answers []pulled
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if code := n.send(t, w*each+i); code != http.StatusAccepted {
					t.Errorf("an event is answered %d", code)
				}
				code, text := n.say("/v1/andon/pull", fmt.Sprintf(`{"cord":"product/x/%d","level":"red","reason":"broken"}`, (w+i)%cords))
				var a pulled
				if err := json.Unmarshal([]byte(text), &a); err != nil || code != http.StatusOK {
					t.Errorf("a pull is answered %d %s", code, text)
				}
				mu.Lock()
				answers = append(answers, a)
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	poll(t, func() bool { return n.credited(t) >= writers*each*500 })
	if got := n.credited(t); got != writers*each*500 {
		t.Errorf("%d cents were credited, want %d", got, writers*each*500)
	}
	sealed := n.pulls(t)
	seen := map[uint64]bool{}
	opened := map[string]int{}
	for _, a := range answers {
		fact, ok := sealed[a.Ordinal]
		if !ok || fact.Cord != a.Cord || fact.Pull != a.Pull || seen[a.Ordinal] {
			t.Errorf("answered was %+v, the ledger has %+v of that input", a, fact)
		}
		seen[a.Ordinal] = true
		if fact.Opened {
			opened[fact.Cord]++
		}
	}
	if len(sealed) != writers*each || len(opened) != cords || opened["product/x/0"] != 1 {
		t.Errorf("%d pulls are sealed, opened were %v; want %d, and each of %d cords once", len(sealed), opened, writers*each, cords)
	}
	n.mustVerify(t)
}

// pulls returns the sealed pulls by their ordinal.
func (n *node) pulls(t *testing.T) map[uint64]decide.PullFact {
	t.Helper()
	src, release, err := n.ledger.Source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	rows, err := src.Entries(t.Context(), -1, math.MaxInt32)
	if err != nil {
		t.Fatal(err)
	}
	found := map[uint64]decide.PullFact{}
	for _, r := range rows {
		if r.Kind != decide.KindPull {
			continue
		}
		var f decide.PullFact
		if err := json.Unmarshal(r.Body, &f); err != nil {
			t.Fatal(err)
		}
		found[uint64(r.Ordinal)] = f
	}
	return found
}
