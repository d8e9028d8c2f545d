package expression

import "strings"

// Conditions splits an expression into the conditions that && joins, each with
// its own text. An expression that is something else is one condition.
func Conditions(text string) []string { return joined(text, "&&") }

// Alternatives splits a condition into those that || joins, as Conditions does.
func Alternatives(text string) []string { return joined(text, "||") }

func joined(text, by string) []string {
	text = trimParens(strings.TrimSpace(text))
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		last, deeper := passed(text, i)
		depth += deeper
		switch {
		case depth > 0:
		case strings.HasPrefix(text[i:], by):
			parts = append(parts, text[start:i])
			last = i + 1
			start = last + 1
		case text[i] == '|' || chooses(text, i):
			// || binds weaker than &&, and ?: weaker than both: what they join is one.
			return []string{text}
		}
		i = last
	}
	if len(parts) == 0 {
		return []string{text}
	}
	var all []string
	for _, part := range append(parts, text[start:]) {
		all = append(all, joined(part, by)...)
	}
	return all
}

// comparisons are the operators of a comparison, the longer ones first.
var comparisons = []string{"<=", ">=", "==", "!=", "<", ">"}

// opposite are the comparisons that hold where others do not.
var opposite = map[string]string{"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}

// Comparison splits a condition into the two sides that it compares; of one that is
// not to hold, !(data.a < 1), it is the one that is. It is false of a condition that is
// something else, or that compares inside of something.
func Comparison(text string) (left, operator, right string, ok bool) {
	text = trimParens(trimComments(text))
	if inside, not, all := denied(text); all {
		left, operator, right, ok = Comparison(inside)
		if not {
			operator = opposite[operator]
		}
		return left, operator, right, ok
	}
	depth, at := 0, 0
	for i := 0; i < len(text); i++ {
		last, deeper := passed(text, i)
		if depth += deeper; depth > 0 {
			i = last
			continue
		}
		if text[i] == '|' || text[i] == '&' || chooses(text, i) || operator != "" && asksAmong(text, i) {
			return "", "", "", false
		}
		for _, found := range comparisons {
			if !strings.HasPrefix(text[i:], found) {
				continue
			}
			if operator != "" {
				return "", "", "", false // the first one is only a part
			}
			operator, at = found, i
			last = i + len(found) - 1
			break
		}
		i = last
	}
	if operator == "" {
		return "", "", "", false
	}
	left, right = strings.TrimSpace(text[:at]), strings.TrimSpace(text[at+len(operator):])
	return left, operator, right, left != "" && right != ""
}

// denied takes away the ! before parentheses around the rest of an expression: all says
// that they are there, and not that what is inside is not to hold. A ! before anything
// else, !data.a == data.b, is a part of the left side alone.
func denied(text string) (inside string, not, all bool) {
	rest := text
	for strings.HasPrefix(rest, "!") {
		rest, not = trimComments(rest[1:]), !not
	}
	inside = trimParens(rest)
	return inside, not, rest != text && inside != rest
}

// asksAmong reports whether the word in stands at i. It binds as comparisons do, from
// the left, so behind one it asks for what that comes to.
func asksAmong(text string, i int) bool {
	word := func(at int) bool {
		return at >= 0 && at < len(text) && (text[at] == '_' || text[at] >= '0' && text[at] <= '9' || text[at]|0x20 >= 'a' && text[at]|0x20 <= 'z')
	}
	return strings.HasPrefix(text[i:], "in") && !word(i-1) && !word(i+len("in"))
}

// trimParens takes away parentheses around the whole expression, and the comments around
// those.
func trimParens(text string) string {
	for {
		bare := trimComments(text)
		if !strings.HasPrefix(bare, "(") || !strings.HasSuffix(bare, ")") {
			return text
		}
		depth := 0
		for i := 0; i < len(bare)-1; i++ {
			last, deeper := passed(bare, i)
			if depth += deeper; depth == 0 {
				return text
			}
			i = last
		}
		text = strings.TrimSpace(bare[1 : len(bare)-1])
	}
}

// trimComments takes away the comments before and behind an expression, and the spaces.
func trimComments(text string) string {
	start, end := len(text), len(text)
	for i := 0; i < len(text); i++ {
		last, _ := passed(text, i)
		if !strings.ContainsRune(" \t\r\n", rune(text[i])) && (text[i] != '/' || last == i) {
			start, end = min(start, i), min(last+1, len(text))
		}
		i = last
	}
	return text[start:end]
}

// passed returns where the text, the name in backquotes or the comment ends that begins at
// i, which is i where none does, and by how much deeper a bracket at i leads.
func passed(text string, i int) (last, deeper int) {
	switch text[i] {
	case '"', '\'':
		return quoteEnd(text, i), 0
	case '`':
		if end := strings.IndexByte(text[i+1:], '`'); end >= 0 {
			return i + 1 + end, 0
		}
	case '/':
		return commentEnd(text, i), 0
	case '(', '[', '{':
		return i, 1
	case ')', ']', '}':
		return i, -1
	}
	return i, 0
}

// chooses reports whether the ? of ?: stands at i, rather than that of .? and [?.
func chooses(text string, i int) bool {
	return text[i] == '?' && i > 0 && text[i-1] != '.' && text[i-1] != '['
}

// Comment returns the first comment of an expression with where it begins, in bytes;
// "" when there is none.
func Comment(text string) (comment string, at int) {
	for i := 0; i < len(text); i++ {
		last, _ := passed(text, i)
		if text[i] == '/' && last > i {
			return text[i:last], i
		}
		i = last
	}
	return "", 0
}

// commentEnd returns where the comment that begins at i ends, or i when a single
// slash stands there.
func commentEnd(text string, i int) int {
	if !strings.HasPrefix(text[i:], "//") {
		return i
	}
	if end := strings.IndexByte(text[i:], '\n'); end >= 0 {
		return i + end
	}
	return len(text)
}

// quoteEnd returns where the text that begins at i ends.
func quoteEnd(text string, i int) int {
	quote := text[i]
	raw := i > 0 && (text[i-1] == 'r' || text[i-1] == 'R')
	end := string(quote)
	if triple := strings.Repeat(end, 3); strings.HasPrefix(text[i:], triple) {
		end = triple
	}
	for i += len(end); i < len(text) && !strings.HasPrefix(text[i:], end); i++ {
		if text[i] == '\\' && !raw {
			i++
		}
	}
	return min(i+len(end)-1, len(text))
}
