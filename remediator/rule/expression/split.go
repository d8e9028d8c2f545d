package expression

import "strings"

// Conditions splits an expression into the conditions that && joins, each with
// its own text. An expression that is something else is one condition.
func Conditions(text string) []string {
	text = trimParens(strings.TrimSpace(text))
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"', '\'':
			i = quoteEnd(text, i)
		case '/':
			i = commentEnd(text, i)
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '&':
			if depth == 0 && strings.HasPrefix(text[i:], "&&") {
				parts = append(parts, text[start:i])
				i++
				start = i + 1
			}
		case '|':
			// || and ?: bind weaker than &&, so what they join is one condition.
			if depth == 0 {
				return []string{text}
			}
		case '?':
			if depth == 0 && i > 0 && text[i-1] != '.' && text[i-1] != '[' {
				return []string{text}
			}
		}
	}
	if len(parts) == 0 {
		return []string{text}
	}
	var all []string
	for _, part := range append(parts, text[start:]) {
		all = append(all, Conditions(part)...)
	}
	return all
}

// comparisons are the operators of a comparison, the longer ones first.
var comparisons = []string{"<=", ">=", "==", "!=", "<", ">"}

// Comparison splits a condition into the two sides that it compares. It is false of a
// condition that is something else, or that compares inside of something.
func Comparison(text string) (left, operator, right string, ok bool) {
	text = trimParens(strings.TrimSpace(text))
	depth, at := 0, 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch c {
		case '"', '\'':
			i = quoteEnd(text, i)
		case '/':
			i = commentEnd(text, i)
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if depth > 0 {
			continue
		}
		if c == '|' || c == '&' || c == '?' && i > 0 && text[i-1] != '.' && text[i-1] != '[' {
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
			i += len(found) - 1
			break
		}
	}
	if operator == "" {
		return "", "", "", false
	}
	left, right = strings.TrimSpace(text[:at]), strings.TrimSpace(text[at+len(operator):])
	return left, operator, right, left != "" && right != ""
}

// trimParens takes away parentheses around the whole expression.
func trimParens(text string) string {
	for strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") {
		depth := 0
		for i := 0; i < len(text)-1; i++ {
			switch c := text[i]; c {
			case '"', '\'':
				i = quoteEnd(text, i)
			case '/':
				i = commentEnd(text, i)
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				depth--
			}
			if depth == 0 {
				return text
			}
		}
		text = strings.TrimSpace(text[1 : len(text)-1])
	}
	return text
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
	if triple := strings.Repeat(string(quote), 3); strings.HasPrefix(text[i:], triple) {
		if end := strings.Index(text[i+3:], triple); end >= 0 {
			return i + 3 + end + 2
		}
		return len(text)
	}
	for i++; i < len(text) && text[i] != quote; i++ {
		if text[i] == '\\' && !raw {
			i++
		}
	}
	return i
}
