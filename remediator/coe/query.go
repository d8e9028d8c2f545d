package coe

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule/document"
)

// Schemes of the destinations in a document.
const (
	schemeQuery  = "query"
	schemeGraph  = "graph"
	schemeLedger = "ledger"
)

// Names of queries.
const (
	Remedies  = "remedies"  // decided in the period
	Customers = "customers" // of these remedies, each once
	Money     = "money"     // that these remedies moved, less what was taken back
	Events    = "events"    // received in the period, whatever rule they matched
	Share     = "share"     // remedies of a hundred events received
	Pulls     = "pulls"     // of the cord in the period, each opening
	Stopped   = "stopped"   // how long the cord was red in the period
	Moment    = "time"      // when it was one of Moments
)

// Moments of an error, in their order. Each is asked for by a query of its own.
var Moments = []string{"began", "detected", "engaged", "mitigated", "released"}

// asks lists what each query is asked with, besides since, until and size.
var asks = map[string][]string{
	Remedies: {"rule", "decision"}, Customers: {"rule", "decision"}, Money: {"rule", "currency"}, Events: {}, Share: {"rule"},
	Pulls: {"cord"}, Stopped: {"cord"}, Moment: {"rule", "cord", "of"},
}

// graphs lists the queries that can be drawn.
var graphs = []string{Events, Remedies, Share, Money, Pulls}

// Query asks the ledger for a number. It counts what the first Size entries say of the
// time from Since on and before Until: of remedies those decided then, whatever became
// of them later.
type Query struct {
	Name     string
	Rule     string // empty: of every rule
	Cord     string
	Decision string // act, hold or suppress; empty: any
	Currency string
	Of       string // of Moment: one of Moments
	Since    time.Time
	Until    time.Time
	Step     time.Duration // of a graph: how long one bar is
	Size     uint64
}

// String writes the query as it stands in a document, without its scheme.
func (q Query) String() string {
	var b strings.Builder
	b.WriteString(q.Name)
	separator := byte('?')
	add := func(key, value string) {
		if value != "" {
			b.WriteByte(separator)
			b.WriteString(key + "=" + value)
			separator = '&'
		}
	}
	add("rule", q.Rule)
	add("cord", q.Cord)
	add("decision", q.Decision)
	add("currency", q.Currency)
	add("of", q.Of)
	add("since", q.Since.UTC().Format(time.RFC3339))
	add("until", q.Until.UTC().Format(time.RFC3339))
	if q.Step > 0 {
		add("step", durationText(q.Step))
	}
	add("size", strconv.FormatUint(q.Size, 10))
	return b.String()
}

// mistake is what is wrong with a place of a document, and what to do about it.
type mistake struct{ problem, hint string }

func (m *mistake) Error() string { return m.problem + ": " + m.hint }

// ParseQuery reads a query as String writes it. drawn says that it is a graph.
func ParseQuery(text string, drawn bool) (Query, error) {
	name, rest, _ := strings.Cut(text, "?")
	q := Query{Name: name}
	keys, known := asks[name]
	if !known || drawn && !slices.Contains(graphs, name) {
		names := slices.Clone(graphs)
		if !drawn {
			names = names[:0]
			for name := range asks {
				names = append(names, name)
			}
			slices.Sort(names)
		}
		return q, &mistake{fmt.Sprintf("there is no query %q", name), document.DidYouMean(name, names)}
	}
	keys = append(slices.Clone(keys), "since", "until", "size")
	if drawn {
		keys = append(keys, "step")
	}
	values, err := url.ParseQuery(rest)
	if err != nil {
		return q, &mistake{"the query cannot be read", "write " + name + "?since=…&until=…&size=…"}
	}
	for key, value := range values {
		if !slices.Contains(keys, key) || len(value) != 1 {
			return q, &mistake{fmt.Sprintf("the query %s has no single %q", name, key), document.DidYouMean(key, keys)}
		}
	}
	return q, q.take(values)
}

// take reads what a query is asked with.
func (q *Query) take(values url.Values) error {
	var errSince, errUntil error
	q.Rule, q.Cord, q.Decision, q.Currency, q.Of = values.Get("rule"), values.Get("cord"), values.Get("decision"), values.Get("currency"), values.Get("of")
	q.Since, errSince = time.Parse(time.RFC3339, values.Get("since"))
	q.Until, errUntil = time.Parse(time.RFC3339, values.Get("until"))
	size, errSize := strconv.ParseUint(values.Get("size"), 10, 62)
	q.Size = size
	switch {
	case errSince != nil || errUntil != nil || !q.Since.Before(q.Until):
		return &mistake{"the query has no period", "write since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z"}
	case errSize != nil || size == 0:
		return &mistake{"the query is not pinned to a size of the ledger", "write size= and how many entries it has"}
	case q.Name == Money && !isCurrency(q.Currency):
		return &mistake{fmt.Sprintf("%q is no currency", q.Currency), "write currency=USD"}
	case (q.Name == Pulls || q.Name == Stopped) && cord.CheckPath(q.Cord) != nil:
		return &mistake{"the query names no cord", "write cord=product/TABLE-7"}
	case q.Name == Moment && !slices.Contains(Moments, q.Of):
		return &mistake{fmt.Sprintf("%q is no moment of an error", q.Of), document.DidYouMean(q.Of, Moments)}
	case q.Name == Moment && q.Cord == "" && q.Rule == "":
		return &mistake{"the query names neither a rule nor a cord", "write rule=NAME or cord=PATH"}
	}
	return q.takeStep(values.Get("step"))
}

// maxBars bounds the bars of a graph.
const maxBars = 400

func (q *Query) takeStep(text string) error {
	if text == "" {
		return nil
	}
	step, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	if err != nil || step <= 0 || q.Until.Sub(q.Since)/step > maxBars {
		return &mistake{fmt.Sprintf("step %q does not part the period", text), fmt.Sprintf("write step=1h, for at most %d bars", maxBars)}
	}
	q.Step = step
	return nil
}

// durationText writes a duration without the parts that are nothing.
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func isCurrency(code string) bool {
	_, known := money.Exponent(code)
	return known
}
