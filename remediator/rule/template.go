package rule

import (
	"fmt"
	"strings"
)

// template is a text of do: literal parts and expressions in ${{ }}.
type template []part

// part is a literal or an expression.
type part struct {
	literal string
	expr    *Expr
}

// only returns the expression when the text is exactly one ${{ }}: its value
// keeps its type then.
func (t template) only() *Expr {
	if len(t) == 1 {
		return t[0].expr
	}
	return nil
}

// constant returns the text when it has no expressions.
func (t template) constant() (string, bool) {
	text := ""
	for _, p := range t {
		if p.expr != nil {
			return "", false
		}
		text += p.literal
	}
	return text, true
}

// value evaluates the text: an only expression keeps its type, all others are
// written in canonical form between the literals.
func (e *Evaluation) value(t template) (any, error) {
	if x := t.only(); x != nil {
		return e.Value(x)
	}
	return e.text(t, func(text string) (string, error) { return text, nil })
}

// text evaluates the text; each expanded part goes through check.
func (e *Evaluation) text(t template, check func(string) (string, error)) (string, error) {
	var b strings.Builder
	for _, p := range t {
		if p.expr == nil {
			b.WriteString(p.literal)
			continue
		}
		value, err := e.Value(p.expr)
		if err != nil {
			return "", err
		}
		text, err := display(value)
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.expr.Text, err)
		}
		if text, err = check(text); err != nil {
			return "", fmt.Errorf("%s: %w", p.expr.Text, err)
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// display writes a value inside of a text. Booleans and empty texts, which are
// no keys, may well be part of a sentence.
func display(value any) (string, error) {
	switch v := value.(type) {
	case bool:
		return fmt.Sprint(v), nil
	case string:
		return v, nil
	}
	text, why := Canonical(value)
	if why != "" {
		return "", fmt.Errorf("the value cannot be written into a text (%s)", why)
	}
	return text, nil
}

// span is a piece of a text, in bytes: an expression or what is between two.
type span struct {
	text   string
	at     int // where it begins
	isExpr bool
}

// splitTemplate takes a text apart. unclosed is where a ${{ without its end
// begins, -1 when there is none.
func splitTemplate(text string) (spans []span, unclosed int) {
	at := 0
	for {
		open := strings.Index(text[at:], "${{")
		if open < 0 {
			break
		}
		open += at
		end := templateEnd(text, open+3)
		if end < 0 {
			return spans, open
		}
		if open > at {
			spans = append(spans, span{text: text[at:open], at: at})
		}
		spans = append(spans, span{text: text[open+3 : end], at: open + 3, isExpr: true})
		at = end + 2
	}
	if at < len(text) || len(spans) == 0 {
		spans = append(spans, span{text: text[at:], at: at})
	}
	return spans, -1
}

// templateEnd finds the }} that ends an expression: not one in a text or one
// that closes braces opened in the expression.
func templateEnd(text string, from int) int {
	depth, quote := 0, byte(0)
	for i := from; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == '}' && strings.HasPrefix(text[i:], "}}"):
			return i
		}
	}
	return -1
}
