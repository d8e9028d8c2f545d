package coe

import (
	"context"
	"slices"

	"github.com/makegood/makegood/remediator/ledger"
)

// MaxFacts bounds the facts of a bundle: their receipt stays below what is checked at
// once.
const MaxFacts = 4_000

// Counted lists, each once, the sequences of the facts that the timeline of a document
// names, then of those that its numbers were counted from, and then its graphs.
func (b *Book) Counted(d *Document) (facts []uint64) {
	seen := map[uint64]bool{}
	add := func(sequences ...uint64) {
		for _, seq := range sequences {
			if !seen[seq] {
				seen[seq] = true
				facts = append(facts, seq)
			}
		}
	}
	lines := slices.Clone(d.Timeline)
	for _, name := range Moments {
		lines = append(lines, d.Times[name])
	}
	for _, l := range lines {
		if _, there := b.entries[l.Sequence]; l.Sourced && there {
			add(l.Sequence)
		}
	}
	for _, n := range d.Numbers {
		if n.Err == nil {
			b.counted(n.Query, add)
		}
	}
	for _, g := range d.Graphs {
		if g.Err == nil {
			b.counted(g.Query, add)
		}
	}
	return facts
}

// counted adds the facts that a query counts.
func (b *Book) counted(q Query, add func(...uint64)) {
	switch q.Name {
	case Money:
		for _, r := range b.chosen(q) {
			for _, m := range r.moves {
				if q.moves(m) {
					add(r.seq, m.remedy, m.seq)
				}
			}
		}
	case Remedies, Customers, Share:
		for _, r := range b.chosen(q) {
			add(r.seq)
		}
	case Pulls:
		for _, c := range b.cords {
			if c.opens(q) {
				add(c.seq)
			}
		}
	case Stopped:
		_, facts := b.stopped(q)
		add(facts...)
	case Moment:
		b.countedMoment(q, add)
	}
	if q.Name == Events || q.Name == Share {
		for _, r := range b.received {
			if q.in(r.seq, r.at) {
				add(r.seq)
			}
		}
	}
}

// countedMoment adds the fact that says when a moment was. Of a cord it may be a remedy
// of a rule: then by which pull that rule has to do with the cord.
func (b *Book) countedMoment(q Query, add func(...uint64)) {
	_, fact, there := b.moment(q)
	if !there {
		return
	}
	add(fact)
	of := slices.IndexFunc(b.remedies, func(r *remedyRow) bool { return r.seq == fact })
	if q.Cord == "" || of < 0 {
		return
	}
	pull := slices.IndexFunc(b.cords, func(c cordRow) bool { return c.cord == q.Cord && c.rule == b.remedies[of].rule })
	add(b.cords[pull].seq)
}

// Facts reads the facts of a bundle, in order: those of the COE's life, and of those that
// were counted the first MaxFacts. missing is how many of these are left out.
func Facts(ctx context.Context, src ledger.Source, counted []uint64, life []ledger.Entry) (facts []ledger.Entry, missing int, err error) {
	missing = max(0, len(counted)-MaxFacts)
	counted = slices.Sorted(slices.Values(counted[:len(counted)-missing]))
	for _, seq := range counted {
		e, there, err := entryAt(ctx, src, seq)
		if err != nil {
			return nil, 0, err
		}
		if there {
			facts = append(facts, e)
		}
	}
	for _, e := range life {
		if _, there := slices.BinarySearch(counted, e.Seq); !there {
			facts = append(facts, e)
		}
	}
	slices.SortFunc(facts, func(a, b ledger.Entry) int { return int(int64(a.Seq) - int64(b.Seq)) })
	return facts, missing, nil
}
