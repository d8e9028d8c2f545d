package rule

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

var typeForm = regexp.MustCompile(`^[A-Za-z0-9_/:-]+(\.[A-Za-z0-9_/:-]+)*(\.\*)?$`)

const (
	eventHint = "write a type like com.example.order.shipped, a list of types, a prefix like com.example.order.*, or a list of {type: …, if: …}"
	maxTypes  = 256
)

// entry is a type of event, or a prefix, with the condition for it alone.
type entry struct {
	event string
	cond  *Expr // nil: none
}

// events reads which events the rule is about.
func (b *builder) events() {
	var entries []entry
	if n := b.m.Need("event", eventHint); n != nil {
		entries = b.entries(n)
	}
	b.r.Events, b.r.Filters = b.filters(b.m, entries)
}

// entries reads the types below event.
func (b *builder) entries(n *yaml.Node) []entry {
	var entries []entry
	for _, item := range document.Items(n) {
		one, ok := b.entry(item)
		if !ok {
			continue
		}
		if slices.ContainsFunc(entries, func(e entry) bool { return e.event == one.event }) {
			b.Errorf(document.At(item), "event", "remove one, or join their conditions with ||", "event %s is listed twice", one.event)
			continue
		}
		entries = append(entries, one)
	}
	if n.Kind == yaml.SequenceNode && (len(n.Content) == 0 || len(n.Content) > maxTypes) {
		b.Errorf(document.At(n), "event", eventHint, "event lists %d types; 1 to %d are allowed", len(n.Content), maxTypes)
	}
	return entries
}

// entry reads a type alone, or {type, if}.
func (b *builder) entry(item *yaml.Node) (entry, bool) {
	named, e := item, entry{}
	if item.Kind == yaml.MappingNode {
		m := b.Mapping(item, "an event of the list", "type", "if")
		if named = m.Need("type", "write type: and a type of event, like {type: com.example.order.shipped, if: data.express}"); named == nil {
			return e, false
		}
		if n := m.Get("if"); n != nil {
			e.cond = b.condition(n, "if", nil)
		}
	}
	text, ok := b.Scalar(named, "event", eventHint)
	if !ok {
		return e, false
	}
	if len(text) > 256 || !typeForm.MatchString(text) || named.ShortTag() == "!!null" {
		b.Errorf(document.At(named), "event", eventHint, "event %q is not a type of event", text)
		return e, false
	}
	e.event = text
	return e, true
}

// filters gives each type its condition: that of the entries for it and that
// which m has for all.
func (b *builder) filters(m *document.Mapping, entries []entry) (events []string, filters []Filter) {
	var all *Expr
	n := m.Get("if")
	if n != nil {
		all = b.condition(n, "if", nil)
	} else {
		n = m.Get("event")
	}
	plain := Filter{If: all, Conditions: b.conditions(n, all)}
	for _, e := range entries {
		f := plain
		if own := b.ownCondition(n, entries, e.event); own != nil {
			f = Filter{If: b.join(n, "&&", own, all), Conditions: append(b.conditions(n, own), plain.Conditions...)}
		}
		f.Event = e.event
		events, filters = append(events, e.event), append(filters, f)
	}
	return events, filters
}

// ownCondition is the condition of the entries that name a type or a prefix of
// it: an event counts when one of them lets it through. It is nil when one lets
// every event through.
func (b *builder) ownCondition(n *yaml.Node, entries []entry, event string) *Expr {
	var own *Expr
	for _, e := range entries {
		switch {
		case e.event != event && !covers(e.event, event):
		case e.cond == nil:
			return nil
		default:
			own = b.join(n, "||", own, e.cond)
		}
	}
	return own
}

// covers reports whether a prefix covers a type or a longer prefix.
func covers(prefix, event string) bool {
	return strings.HasSuffix(prefix, ".*") && slices.Contains(prefixes(strings.TrimSuffix(event, ".*")), prefix) && prefix != event
}

// join makes one condition of two, of which one may be nil. n is where what is
// wrong with it is reported: nothing but its length can be.
func (b *builder) join(n *yaml.Node, operator string, x, y *Expr) *Expr {
	if x == nil || y == nil {
		return cmp.Or(x, y)
	}
	// Each part ends in a line of its own, for a comment would swallow the bracket.
	return b.part(n, "("+x.Text+"\n) "+operator+" ("+y.Text+"\n)", nil)
}

// conditions splits a condition into what && joins.
func (b *builder) conditions(n *yaml.Node, x *Expr) []*Expr {
	if x == nil {
		return nil
	}
	var all []*Expr
	for _, text := range expression.Conditions(x.Text) {
		if part := b.part(n, text, nil); part != nil {
			all = append(all, part)
		}
	}
	return all
}

// part compiles what is a part of the expression at n, or is put together from it.
func (b *builder) part(n *yaml.Node, text string, calls *expression.Calls) *Expr {
	program, issues := b.scope.Compile(text, calls)
	if issues != nil {
		b.Errorf(document.At(n), "expression", issues[0].Hint, "the condition %s: %s", text, issues[0].Message)
		return nil
	}
	return &Expr{Text: text, program: program}
}

// digestedFilters is what a digest says about which events count.
func digestedFilters(filters []Filter) []string {
	sorted := slices.SortedFunc(slices.Values(filters), func(a, b Filter) int { return strings.Compare(a.Event, b.Event) })
	var parts []string
	for _, f := range sorted {
		parts = append(parts, f.Event, f.If.canonical())
	}
	return parts
}

// filtering lists the conditions of filters.
func filtering(filters []Filter) []*Expr {
	var all []*Expr
	for _, f := range filters {
		all = append(all, f.If)
	}
	return all
}
