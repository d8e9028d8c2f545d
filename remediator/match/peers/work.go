package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

const (
	events = 10_000
	// planted is how many events are made to match a rule of each set, and as
	// many come within one condition of it.
	planted = 100
)

// work is what every engine is given: the same events, and rules of several
// kinds. The rules of a smaller set are the first of a larger one.
type work struct {
	events    [][]byte   // CloudEvents, one JSON object each
	documents []document // the same, before they were encoded
	sets      []ruleSet
}

type ruleSet struct {
	name  string
	about string
	rules []Rule
	sizes []int // of the sets that are measured
}

// document is an event before it is encoded.
type document struct {
	SpecVersion string `json:"specversion"`
	ID          string `json:"id"`
	Source      string `json:"source"`
	Type        string `json:"type"`
	Subject     string `json:"subject"`
	Customer    string `json:"customer"`
	Time        string `json:"time"`
	Traceparent string `json:"traceparent"`
	Data        data   `json:"data"`
}

type data struct {
	Rental    string   `json:"rental"`
	Paid      string   `json:"paid"`
	Region    string   `json:"region"`
	Plan      string   `json:"plan"`
	Title     string   `json:"title"`
	Device    string   `json:"device"`
	Status    string   `json:"status"`
	Reason    string   `json:"reason"`
	Trial     bool     `json:"trial"`
	StallS    int      `json:"stall_s"`
	LatencyUS int      `json:"latency_us"`
	Tags      []string `json:"tags"`
	Items     []item   `json:"items"`
}

type item struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"qty"`
}

var (
	areas = []string{"video", "delivery", "retail", "payments", "travel", "saas", "telecom", "support"}
	kinds = []string{"order.opened", "order.closed", "session.started", "session.finished", "contact.closed"}

	regions    = []string{"eu-north-1", "eu-west-1", "eu-west-3", "us-east-1", "us-east-2", "us-west-2", "ap-south-1", "sa-east-1"}
	plans      = []string{"free", "student", "single", "family", "business"}
	reasons    = []string{"late", "damaged", "lost", "wrong_item", "defective", "changed_mind", "double_charge", "no_show", "outage", "slow", "cancelled", "other"}
	statuses   = []string{"degraded", "failed", "unknown"}
	brands     = []string{"lumen", "orbit", "cinq", "nordic", "vega", "pixel", "halo", "kite", "brook", "atlas", "delta", "ember"}
	adjectives = []string{"silent", "crimson", "distant", "broken", "golden", "hidden", "last", "northern", "paper", "quiet", "restless", "second", "slow", "tidal", "velvet", "winter"}
	nouns      = []string{"harbour", "orchard", "signal", "passage", "lantern", "meridian", "garden", "railway", "island", "winter", "archive", "ballad", "canyon", "derby", "estuary", "fable"}
)

// generate makes the work, always the same.
func generate() *work {
	source := rand.New(rand.NewPCG(2026, 11))
	documents := make([]document, events)
	for i := range documents {
		documents[i] = randomDocument(source, i)
	}
	w := &work{sets: ruleSets(source)}
	// Each event is planted at most once, so that no set undoes another's.
	order := source.Perm(events)
	for _, set := range w.sets {
		for i := range planted {
			plant(source, &documents[order[0]], set.rules[plantedRule(source, i)], false)
			plant(source, &documents[order[1]], set.rules[plantedRule(source, i)], true)
			order = order[2:]
		}
	}
	for i := range documents {
		text, err := json.Marshal(&documents[i])
		if err != nil {
			panic(err) // it holds texts and numbers only
		}
		w.events = append(w.events, text)
	}
	w.documents = documents
	return w
}

// plantedRule chooses the rule that an event is made for: mostly one of the
// first ten, so that sets of every size have about one matching event in a
// hundred, and some of the others. Of these, large sets have a few that match by
// chance as well.
func plantedRule(source *rand.Rand, i int) int {
	switch {
	case i < 85:
		return i % 10
	case i < 90:
		return 10 + source.IntN(90)
	case i < 95:
		return 100 + source.IntN(900)
	}
	return 1000 + source.IntN(9000)
}

// plant changes an event so that a rule holds for it, or nearly: but for the last
// condition.
func plant(source *rand.Rand, d *document, r Rule, nearly bool) {
	d.Type = r.Type
	if prefix, any := strings.CutSuffix(r.Type, "*"); any {
		d.Type = prefix + pick(source, kinds)
	}
	last := len(r.Conditions) - 1
	for i, c := range r.Conditions {
		if nearly && i == last {
			c.violate(source, d)
		} else {
			c.satisfy(source, d)
		}
	}
}

func randomDocument(source *rand.Rand, i int) document {
	digits := func(n int) string { return randomText(source, "0123456789", n) }
	d := document{
		SpecVersion: "1.0",
		ID:          fmt.Sprintf("ev-%07d", i),
		Source:      fmt.Sprintf("/apps/web-%d", source.IntN(16)),
		Type:        eventType(pick(source, areas), pick(source, kinds)),
		Subject:     "order/" + digits(6),
		Customer:    "c-" + digits(6),
		Time:        fmt.Sprintf("2026-03-01T%02d:%02d:%02dZ", i*24/events, source.IntN(60), source.IntN(60)),
		Traceparent: "00-" + randomText(source, hexadecimal, 32) + "-" + randomText(source, hexadecimal, 16) + "-01",
		Data: data{
			Rental:    "r-" + digits(6),
			Paid:      fmt.Sprintf("%d.%02d USD", source.IntN(60), source.IntN(100)),
			Region:    pick(source, regions),
			Plan:      pick(source, plans),
			Title:     randomTitle(source),
			Device:    randomDevice(source),
			Status:    "ok",
			Reason:    pick(source, reasons),
			Trial:     source.IntN(10) > 0,
			StallS:    source.IntN(600),
			LatencyUS: source.IntN(10_000_000),
			Tags:      []string{randomTag(source), randomTag(source)},
			Items:     []item{{randomSKU(source), 1 + source.IntN(3)}},
		},
	}
	if source.IntN(300) == 0 {
		d.Data.Status = pick(source, statuses)
	}
	return d
}

const (
	hexadecimal = "0123456789abcdef"
	letters     = "abcdefghijklmnopqrstuvwxyz"
)

func eventType(area, kind string) string { return "com.example." + area + "." + kind }

func randomTitle(source *rand.Rand) string {
	return pick(source, adjectives) + " " + pick(source, nouns) + " of " + randomText(source, letters, 7)
}

func randomDevice(source *rand.Rand) string {
	return "tv-" + pick(source, brands) + "-" + randomText(source, hexadecimal, 5)
}

func randomTag(source *rand.Rand) string { return fmt.Sprintf("tag-%d", source.IntN(20_000)) }

func randomSKU(source *rand.Rand) string { return "S-" + randomText(source, "0123456789", 6) }

func randomText(source *rand.Rand, alphabet string, n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[source.IntN(len(alphabet))]
	}
	return string(text)
}

func pick[T any](source *rand.Rand, from []T) T { return from[source.IntN(len(from))] }
