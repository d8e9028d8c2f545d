package logic

import (
	"slices"
	"strings"
)

// literal says one thing of a term.
type literal struct {
	term   string
	op     op
	values []value // one, except of among and outside
}

// op is how a term is compared.
type op string

const (
	among   op = "in"     // it is one of the values
	outside op = "not in" // it is none of the values
	less    op = "<"
	atMost  op = "<="
	more    op = ">"
	atLeast op = ">="
	prefix  op = "startsWith"
	suffix  op = "endsWith"

	notPrefix op = "not startsWith" // a text that does not
	notSuffix op = "not endsWith"

	lowered op = "lowerAscii" // a text without capitals of ASCII
	raised  op = "upperAscii" // a text without small letters of ASCII

	absent op = "absent" // a field that the event does not have, of which nothing holds
)

// opposite is what holds of a number, time or text for which an order does not.
var opposite = map[op]op{less: atLeast, atMost: more, more: atMost, atLeast: less}

// mirrored is an order read from right to left.
var mirrored = map[op]op{less: more, atMost: atLeast, more: less, atLeast: atMost}

// holds reports whether the literal is true of a term that has a value. An order
// between two kinds is an error in CEL, so that nothing holds.
func (l literal) holds(v value) bool {
	switch l.op {
	case among:
		return slices.Contains(l.values, v)
	case outside:
		return !slices.ContainsFunc(l.values, func(other value) bool {
			// Money is never compared with anything else, nor with another currency.
			return other == v || other.kind != v.kind && v.kind != null && other.kind != null && (other.isMoney() || v.isMoney())
		})
	case prefix:
		return v.kind == text && strings.HasPrefix(v.text, l.values[0].text)
	case suffix:
		return v.kind == text && strings.HasSuffix(v.text, l.values[0].text)
	case notPrefix:
		return v.kind == text && !strings.HasPrefix(v.text, l.values[0].text)
	case notSuffix:
		return v.kind == text && !strings.HasSuffix(v.text, l.values[0].text)
	case lowered:
		return v.kind == text && !strings.ContainsFunc(v.text, func(r rune) bool { return r >= 'A' && r <= 'Z' })
	case raised:
		return v.kind == text && !strings.ContainsFunc(v.text, func(r rune) bool { return r >= 'a' && r <= 'z' })
	case absent:
		return false
	}
	bound := l.values[0]
	if v.kind != bound.kind {
		return false
	}
	order := v.compare(bound)
	return order < 0 && (l.op == less || l.op == atMost) || order > 0 && (l.op == more || l.op == atLeast) ||
		order == 0 && (l.op == atMost || l.op == atLeast)
}

// denies returns the field that there is none of when the literal is true: !has(data.x).
func (l literal) denies() (field string, ok bool) {
	called, ok := strings.CutPrefix(l.term, "has(")
	if !ok || l.op != among || !closes(l.term) || slices.ContainsFunc(l.values, func(v value) bool { return v != truth(false) }) {
		return "", false
	}
	return strings.TrimSuffix(called, ")"), true
}

// facts are what is said of one term.
type facts []literal

// candidates returns the values of which the term has one, when they can be listed; that
// all else holds of them is not said.
func (f facts) candidates() (values []value, listed bool) {
	for i := range f {
		if f[i].op == among {
			return f[i].values, true
		}
	}
	low, high := f.bound(more, atLeast), f.bound(less, atMost)
	if low != nil && high != nil && low.op == atLeast && high.op == atMost && low.values[0] == high.values[0] {
		return low.values, true
	}
	return nil, false
}

// hold reports whether all of the facts are true of a value.
func (f facts) hold(v value) bool {
	for i := range f {
		if !f[i].holds(v) {
			return false
		}
	}
	return true
}

// bound returns the narrowest order of two kinds, nil when there is none.
func (f facts) bound(open, closed op) *literal {
	var best *literal
	for i := range f {
		l := &f[i]
		if l.op != open && l.op != closed {
			continue
		}
		if best == nil || best.values[0].kind == l.values[0].kind && (!l.holds(best.values[0]) || best.op == closed && l.op == open && l.values[0] == best.values[0]) {
			best = l
		}
	}
	return best
}

// possible reports whether a value may exist of which all is true.
func (f facts) possible() bool {
	if values, listed := f.candidates(); listed {
		return slices.ContainsFunc(values, f.hold)
	}
	kind := anyKind
	for _, l := range f {
		switch l.op {
		case outside:
			continue
		case absent:
			return !slices.ContainsFunc(f, func(l literal) bool { return l.op != absent })
		case prefix, suffix, notPrefix, notSuffix, lowered, raised:
			if kind != anyKind && kind != text {
				return false
			}
			kind = text
		default:
			if kind != anyKind && kind != l.values[0].kind {
				return false // it cannot be compared with both
			}
			kind = l.values[0].kind
		}
	}
	if low, high := f.bound(more, atLeast), f.bound(less, atMost); low != nil && high != nil {
		if order := low.values[0].compare(high.values[0]); order > 0 || order == 0 && (low.op == more || high.op == less) {
			return false
		}
	}
	return f.affixes(prefix, notPrefix, strings.HasPrefix) && f.affixes(suffix, notSuffix, strings.HasSuffix) && f.cased()
}

// cased reports whether a text in one case may begin and end with all that are said.
func (f facts) cased() bool {
	return !slices.ContainsFunc(f, func(l literal) bool {
		return (l.op == lowered || l.op == raised) && slices.ContainsFunc(f, func(other literal) bool {
			return (other.op == prefix || other.op == suffix) && !l.holds(other.values[0])
		})
	})
}

// affixes reports whether one text may begin, or end, with all that are said, and
// with none that are said not to be.
func (f facts) affixes(is, not op, fits func(text, affix string) bool) bool {
	longest := ""
	for _, l := range f {
		if l.op == is && len(l.values[0].text) > len(longest) {
			longest = l.values[0].text
		}
	}
	return !slices.ContainsFunc(f, func(l literal) bool {
		return l.op == is && !fits(longest, l.values[0].text) || l.op == not && fits(longest, l.values[0].text)
	})
}

// entail reports whether a literal is true whenever all of the facts are.
func (f facts) entail(l *literal) bool {
	for i := range f {
		if f[i].same(l) {
			return true
		}
	}
	if values, listed := f.candidates(); listed {
		return !slices.ContainsFunc(values, func(v value) bool { return f.hold(v) && !l.holds(v) })
	}
	low, high := f.bound(more, atLeast), f.bound(less, atMost)
	switch l.op {
	case more, atLeast:
		return low != nil && low.within(l)
	case less, atMost:
		return high != nil && high.within(l)
	case outside:
		return !slices.ContainsFunc(f, func(known literal) bool { return known.op == absent }) && !slices.ContainsFunc(l.values, func(v value) bool {
			if v.isMoney() {
				return true // in another currency it would be an error, and not another amount
			}
			is := literal{l.term, among, []value{v}}
			return append(slices.Clone(f), is).possible()
		})
	case prefix:
		return slices.ContainsFunc(f, func(known literal) bool {
			return known.op == prefix && strings.HasPrefix(known.values[0].text, l.values[0].text)
		})
	case suffix:
		return slices.ContainsFunc(f, func(known literal) bool {
			return known.op == suffix && strings.HasSuffix(known.values[0].text, l.values[0].text)
		})
	}
	return false
}

// within reports whether a bound is at least as narrow as another of its side.
func (l *literal) within(wider *literal) bool {
	if l.values[0].kind != wider.values[0].kind {
		return false
	}
	return wider.holds(l.values[0]) || l.values[0] == wider.values[0] && (l.op == more || l.op == less)
}

func (l *literal) same(other *literal) bool {
	return l.op == other.op && l.term == other.term && slices.Equal(l.values, other.values)
}

// natural is what is true of a term in every event: what aggregates, sizes and texts in
// one case can be.
func natural(term string) []literal {
	number := func(n float64) []value { return []value{{kind: number, number: n}} }
	switch {
	case term == "count()":
		return []literal{{term, atLeast, number(1)}} // the event itself is counted
	case strings.HasPrefix(term, "share(") && closes(term):
		return []literal{{term, atLeast, number(0)}, {term, atMost, number(1)}}
	case (strings.HasPrefix(term, "count(") || strings.HasPrefix(term, "distinct(") || strings.HasPrefix(term, "size(")) && closes(term):
		return []literal{{term, atLeast, number(0)}}
	case strings.HasSuffix(term, ".lowerAscii()") && chained(term):
		return []literal{{term, lowered, nil}}
	case strings.HasSuffix(term, ".upperAscii()") && chained(term):
		return []literal{{term, raised, nil}}
	}
	return nil
}

// chained reports whether a term is a field, or calls upon one, and no operator joins
// parts of it: then its last call is about all that stands before it.
func chained(term string) bool {
	depth := 0
	plain, ok := blanked(term)
	for _, r := range plain {
		switch {
		case r == '(' || r == '[':
			depth++
		case r == ')' || r == ']':
			depth--
		case depth == 0 && strings.ContainsRune(" !-", r):
			return false
		}
	}
	return ok
}

// closes reports whether a term is one call, and not the beginning of more.
func closes(term string) bool {
	depth := 0
	plain, ok := blanked(term)
	for i, r := range plain {
		switch r {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return ok && i == len(plain)-1
			}
		}
	}
	return false
}

// blanked returns a term without what is in its texts; false where one holds an escape,
// which would have to be read.
func blanked(term string) (plain string, ok bool) {
	var b strings.Builder
	quote := rune(0)
	for _, r := range term {
		switch {
		case r == '\\':
			return "", false
		case r == quote:
			quote = 0
		case quote != 0:
			continue
		case r == '"' || r == '\'':
			quote = r
		}
		b.WriteRune(r)
	}
	return b.String(), true
}
