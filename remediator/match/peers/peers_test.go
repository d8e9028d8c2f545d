package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
)

// TestWork holds the work to what is said of it, so that figures of two days
// are about the same.
func TestWork(t *testing.T) {
	t.Parallel()
	w := generate()
	digest, bytes := sha256.New(), 0
	types := map[string]bool{}
	for i, raw := range w.events {
		digest.Write(append(raw, '\n'))
		bytes += len(raw)
		types[w.documents[i].Type] = true
	}
	const want = "403d437fa7d72213cd192b284d3f8075588419c61e7b0deb09e2201f7c279947"
	if got := hex.EncodeToString(digest.Sum(nil)); got != want {
		t.Errorf("the events have the digest %s, want %s", got, want)
	}
	if len(w.events) != 10_000 || len(types) != 40 {
		t.Errorf("%d events of %d types", len(w.events), len(types))
	}
	if mean := bytes / len(w.events); mean < 530 || mean > 570 {
		t.Errorf("an event has %d bytes on average, want about 550", mean)
	}
	for _, set := range w.sets {
		for _, size := range set.sizes {
			matching, hits := 0, 0
			for _, found := range judge(set.rules[:size], w.documents) {
				hits += len(found)
				if len(found) > 0 {
					matching++
				}
			}
			t.Logf("%s-%d: %d events match, %d hits", set.name, size, matching, hits)
			if matching < 80 || matching > 150 {
				t.Errorf("%s-%d: %d events match, want about 1 of 100", set.name, size, matching)
			}
		}
	}
}

// TestEnginesAgree compares what every engine finds with what the conditions
// mean, event by event.
func TestEnginesAgree(t *testing.T) {
	t.Parallel()
	w := generate()
	for _, set := range w.sets {
		for _, size := range set.sizes {
			events := w.events
			switch {
			case size > 1_000:
				events = events[:500] // with some engines each takes milliseconds
			case size > 100:
				events = events[:2_500]
			}
			if size > 1_000 && testing.Short() {
				continue
			}
			t.Run(fmt.Sprintf("%s-%d", set.name, size), func(t *testing.T) {
				t.Parallel()
				want := judge(set.rules[:size], w.documents[:len(events)])
				for _, e := range engines {
					if e.takes(set) && (size <= 1_000 || e.name != "grule") { // which takes half a minute to build
						agrees(t, e, set, size, events, want)
					}
				}
			})
		}
	}
}

func agrees(t *testing.T, e engine, set ruleSet, size int, events [][]byte, want [][]int) {
	t.Helper()
	compile, err := e.load(set.rules[:size])
	if err != nil {
		t.Fatalf("%s: load %s-%d: %v", e.name, set.name, size, err)
	}
	match, err := compile()
	if err != nil {
		t.Fatalf("%s: build %s-%d: %v", e.name, set.name, size, err)
	}
	matching := 0
	for i, raw := range events {
		got, err := match(raw, nil)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want[i]) {
			t.Fatalf("%s, %s-%d: %s\nmatches %v, %v, want %v", e.name, set.name, size, raw, got, err, want[i])
		}
		matching += len(got)
	}
	if matching == 0 {
		t.Errorf("%s, %s-%d: no event matches: nothing was compared", e.name, set.name, size)
	}
}

// TestFloorsAgree shows that all floors read the same.
func TestFloorsAgree(t *testing.T) {
	t.Parallel()
	for i, raw := range generate().events {
		want, err := jsonparserEachKey(raw)
		for _, f := range floors() {
			if got, failed := f.read(raw); err != nil || failed != nil || got != want || got < 50 {
				t.Fatalf("event %d: %s reads %d, %v, want %d, %v", i, f.name, got, failed, want, err)
			}
		}
	}
}

// TestFlightsAgree shows that ours and the loop over maps find the same flights
// and come to the same remedies, money, customers, cords and days.
func TestFlightsAgree(t *testing.T) {
	t.Parallel()
	h, err := readHistory("../../../examples/flights")
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLoop()
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.backtest()
	want, failed := l.backtest(h.lines)
	if err != nil || failed != nil || got != want || want.refund.cents != 37_621_44 || want.credit.cents != 66_045_95 || want.stop.cords != 18 {
		t.Errorf("the backtest finds %+v, %v, the loop %+v, %v", got, err, want, failed)
	}
	got, err = h.match()
	want, failed = l.match(h.lines)
	if err != nil || failed != nil || got != want || got.stop != got.refund || got.credit.remedies == 0 {
		t.Errorf("the matcher finds %+v, %v, the loop %+v, %v", got, err, want, failed)
	}
}
