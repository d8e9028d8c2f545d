package coe

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// Value answers a query as it is written in a document: a number, an amount, a share,
// a duration or a time. There is none of a time that did not come.
func (b *Book) Value(q Query) (text string, there bool) {
	switch q.Name {
	case Remedies:
		return strconv.Itoa(len(b.chosen(q))), true
	case Customers:
		return strconv.Itoa(len(b.customers(q))), true
	case Money:
		return money.Money{Minor: b.moved(q, b.chosen(q)), Currency: q.Currency}.String(), true
	case Events:
		return strconv.FormatUint(b.events(q), 10), true
	case Share:
		return share(uint64(len(b.chosen(q))), b.events(q)) + " %", true
	case Pulls:
		return strconv.Itoa(b.pulls(q)), true
	case Stopped:
		sum, _ := b.stopped(q)
		return durationText(sum.Truncate(time.Second)), true
	}
	at, _, there := b.moment(q)
	return at.Format(time.RFC3339), there
}

// in reports whether a row counts for a query.
func (q Query) in(seq uint64, at time.Time) bool {
	return seq < q.Size && !at.Before(q.Since) && at.Before(q.Until)
}

// chosen lists the remedies that a query counts.
func (b *Book) chosen(q Query) []*remedyRow {
	var rows []*remedyRow
	for _, r := range b.remedies {
		if q.in(r.seq, r.at) && (q.Rule == "" || r.rule == q.Rule) && (q.Decision == "" || r.decision == q.Decision) {
			rows = append(rows, r)
		}
	}
	return rows
}

func (b *Book) customers(q Query) map[string]bool {
	customers := map[string]bool{}
	for _, r := range b.chosen(q) {
		if r.customer != "" {
			customers[r.customer] = true
		}
	}
	return customers
}

// moved sums up, in minor units, what remedies moved up to the size of the ledger.
func (b *Book) moved(q Query, rows []*remedyRow) (sum int64) {
	for _, r := range rows {
		latest := map[uuid.UUID]moveRow{}
		for _, m := range r.moves {
			if q.moves(m) {
				latest[m.action] = m
			}
		}
		for _, m := range latest {
			if m.moved {
				sum += m.sign * m.amount.Minor
			}
		}
	}
	return sum
}

// moves reports whether a move counts for a query about the remedy that it is of.
func (q Query) moves(m moveRow) bool { return m.seq < q.Size && m.amount.Currency == q.Currency }

func (b *Book) events(q Query) (sum uint64) {
	for _, r := range b.received {
		if q.in(r.seq, r.at) {
			sum += r.events
		}
	}
	return sum
}

// share writes a part of a whole in percent with two decimals, rounded down.
func share(part, whole uint64) string {
	if whole == 0 {
		return "0.00"
	}
	hundredths := part * 10_000 / whole
	return fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
}

func (b *Book) pulls(q Query) (count int) {
	for _, c := range b.cords {
		if c.opens(q) {
			count++
		}
	}
	return count
}

// opens reports whether a row is a pull that a query counts.
func (c *cordRow) opens(q Query) bool {
	return c.kind == decide.KindPull && c.opened && c.cord == q.Cord && q.in(c.seq, c.at)
}

// stopped sums up how long a cord was red, and lists the facts by which it was.
func (b *Book) stopped(q Query) (sum time.Duration, facts []uint64) {
	end, last := q.Until, b.endAt(q.Size)
	if last.at.Before(end) {
		end = last.at
	}
	var since tip
	count := func(until tip) {
		from := since.at
		if from.Before(q.Since) {
			from = q.Since
		}
		if until.at.After(end) {
			until.at = end
		}
		if !since.at.IsZero() && until.at.After(from) {
			sum += until.at.Sub(from)
			facts = append(facts, since.seq, until.seq)
		}
		since = tip{}
	}
	for _, c := range b.cords {
		switch {
		case c.cord != q.Cord || c.seq >= q.Size:
		case c.kind == decide.KindRelease:
			count(tip{c.seq, c.at})
		case c.kind == decide.KindPull && c.level == cord.Red && since.at.IsZero():
			since = tip{c.seq, c.at}
		}
	}
	count(tip{last.seq, end})
	return sum, facts
}

// moment finds a moment of an error, of a cord, and the rules that pulled it, or of a
// rule, and the fact that says it.
func (b *Book) moment(q Query) (at time.Time, fact uint64, there bool) {
	first := func(candidate time.Time, seq uint64) {
		if !candidate.IsZero() && (!there || candidate.Before(at)) {
			at, fact, there = candidate, seq, true
		}
	}
	rules := map[string]bool{q.Rule: true}
	if q.Cord != "" {
		rules = b.pulledBy(q.Cord, q.Size)
	}
	if q.Of == "began" || q.Of == "detected" {
		for _, r := range b.remedies {
			if !rules[r.rule] || !q.in(r.seq, r.at) {
				continue
			}
			if first(r.at, r.seq); q.Of == "began" && !r.eventAt.IsZero() {
				first(r.eventAt, r.seq)
			}
		}
	}
	for _, c := range b.cords {
		if c.cord != q.Cord || !q.in(c.seq, c.at) {
			continue
		}
		switch {
		case q.Of == "released" && c.kind == decide.KindRelease:
			at, fact, there = c.at, c.seq, true // the last
		case q.Of == "mitigated" && (c.kind == decide.KindRelease || c.level == cord.Red),
			q.Of == "engaged" && c.by != "",
			(q.Of == "began" || q.Of == "detected") && c.kind == decide.KindPull:
			first(c.at, c.seq)
		}
	}
	for _, t := range b.touched {
		switch {
		case q.Cord != "" || !q.in(t.seq, t.at) || t.rule != q.Rule && t.rule != "":
		case q.Of == "released" && t.kind == decide.KindResume:
			at, fact, there = t.at, t.seq, true
		case q.Of == "engaged", q.Of == "mitigated" && t.kind == decide.KindPause:
			first(t.at, t.seq)
		}
	}
	return at, fact, there
}

// Point is one bar of a graph.
type Point struct {
	At     time.Time
	Amount int64 // in the unit of the graph; money in minor units, a share in hundredths of a percent
}

// Points draws a query over its period, at most maxBars of it. Each fact is looked at
// once, however many bars there are.
func (b *Book) Points(q Query) []Point {
	var points []Point
	for at := q.Since; at.Before(q.Until) && len(points) < maxBars; at = at.Add(q.Step) {
		points = append(points, Point{At: at})
	}
	add := func(at time.Time, amount int64) {
		if bar := int(at.Sub(q.Since) / q.Step); bar < len(points) {
			points[bar].Amount += amount
		}
	}
	received := make([]uint64, len(points))
	if q.Name == Events || q.Name == Share {
		for _, r := range b.received {
			if bar := int(r.at.Sub(q.Since) / q.Step); q.in(r.seq, r.at) && bar < len(points) {
				received[bar] += r.events
			}
		}
	}
	switch q.Name {
	case Remedies, Share:
		for _, r := range b.chosen(q) {
			add(r.at, 1)
		}
	case Money:
		for _, r := range b.chosen(q) {
			add(r.at, b.moved(q, []*remedyRow{r}))
		}
	case Pulls:
		for _, c := range b.cords {
			if c.opens(q) {
				add(c.at, 1)
			}
		}
	}
	for i, events := range received {
		switch {
		case q.Name == Events:
			points[i].Amount = int64(events)
		case q.Name == Share && events > 0:
			points[i].Amount = int64(uint64(points[i].Amount) * 10_000 / events)
		case q.Name == Share:
			points[i].Amount = 0
		}
	}
	return points
}
