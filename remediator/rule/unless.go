package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

const unlessHint = "write unless: {event: com.example.order.delivered, by: data.order, within: 48h}"

// unless reads the counterpart that keeps the rule from firing.
func (b *builder) unless() {
	n := b.m.Get("unless")
	if n == nil {
		return
	}
	for _, key := range []string{"window", "having"} {
		if b.m.Has(key) {
			b.Errorf(b.m.Key(key), "form", "make two rules of it", "a rule has unless, or window and having: not both")
			break
		}
	}
	m := b.Mapping(n, "unless", "event", "if", "by", "within", "until")
	if m == nil {
		return
	}
	u := &Unless{}
	var entries []entry
	if n := m.Need("event", unlessHint); n != nil {
		entries = b.entries(n)
	}
	u.Events, u.Filters = b.filters(m, entries)
	if by := m.Get("by"); by != nil {
		u.By = b.keyExpr(by, "by")
	}
	b.deadline(m, u)
	b.r.Unless = u
}

// deadline reads until when the counterpart has time.
func (b *builder) deadline(m *document.Mapping, u *Unless) {
	switch within, until := m.Has("within"), m.Has("until"); {
	case within && until:
		b.Errorf(m.Key("until"), "unless", "keep one of them", "unless has within and until")
		return
	case !within && !until && !b.Broken:
		b.Errorf(document.At(m.Node), "missing", "say how long the counterpart has: within: 48h, or until: timestamp(data.promised)", "unless has neither within nor until")
	}
	if n := m.Get("within"); n != nil {
		if u.Within = b.duration(n, "within"); u.Within > MaxWait {
			b.Errorf(document.At(n), "duration", "write at most "+strconv.Itoa(int(MaxWait.Hours()/24))+"d", "within: a rule cannot wait for %s", n.Value)
		}
	}
	n := m.Get("until")
	if n == nil {
		return
	}
	if u.Until = b.expr(n, "until", nil); u.Until == nil {
		return
	}
	switch t := u.Until.program.Type; {
	case t != expression.Timestamp && t != expression.Any && t != expression.Optional:
		b.Errorf(document.At(n), "type", "write until: timestamp(data.promised)", "until is a %s, not a time", t)
	case b.isData(u.Until):
		b.Errorf(document.At(n), "type", "write until: timestamp("+u.Until.Text+")", "until is what the event says in %s, and not yet a time", u.Until.Text)
	}
}

// isData reports whether an expression is a field of the data as it stands, perhaps by way
// of lets. There is no time in JSON.
func (b *builder) isData(x *Expr) bool {
	field := x.program.Field
	for field != nil && field.Root != "data" {
		i := slices.IndexFunc(b.r.Lets, func(let Let) bool { return let.Name == field.Root })
		if i < 0 {
			return false
		}
		field = b.r.Lets[i].Expr.program.Field
	}
	return field != nil
}

// waits digests what decides which events wait for a counterpart, and what the
// rule promises those that do.
func (b *builder) waits() {
	u := b.r.Unless
	if u == nil {
		return
	}
	parts := []string{u.By.canonical(), strconv.FormatInt(int64(u.Within), 10), u.Until.canonical(), strconv.Itoa(len(b.r.Filters))}
	parts = append(parts, digestedFilters(b.r.Filters)...)
	parts = append(parts, digestedFilters(u.Filters)...)
	used := append(filtering(b.r.Filters), filtering(u.Filters)...)
	u.Digest = digestTexts(append(parts, b.r.digestedLets(append(used, u.By, u.Until))...))
	h := sha256.New()
	for _, key := range []string{"once_per", "let", "do"} {
		fmt.Fprintf(h, "%s:", key)
		if n := b.m.Get(key); n != nil {
			digestNode(h, n)
		}
	}
	u.Promise = hex.EncodeToString(h.Sum(nil))
}

// digestNode writes what a node says, however it is written.
func digestNode(h hash.Hash, n *yaml.Node) {
	fmt.Fprintf(h, "%d %d:%s %d\n", n.Kind, len(n.Value), n.Value, len(n.Content))
	for _, child := range n.Content {
		digestNode(h, child)
	}
}
