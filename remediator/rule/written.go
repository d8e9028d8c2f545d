package rule

import (
	"fmt"
	"slices"
	"strings"
)

// Payment returns the expression that names the payment of a refund; nil when the
// step is none, or names it by a text of its own.
func (s *Step) Payment() *Expr { return s.payment.only() }

// Customer returns the expression that names whom a credit is for; nil when the step is
// none, or names them by a text of its own.
func (s *Step) Customer() *Expr { return s.customer.only() }

// Written writes what the step does, so that two steps that do the same are
// written the same. expand writes an expression, with what the rule calls it by.
func (s *Step) Written(expand func(expression string) string) string {
	var b strings.Builder
	field := func(name string, t template) {
		if t == nil {
			return
		}
		fmt.Fprintf(&b, " %s:", name)
		for _, p := range t {
			if p.expr == nil {
				fmt.Fprintf(&b, "%q", p.literal)
			} else {
				b.WriteString("${{" + expand(p.expr.Text) + "}}")
			}
		}
	}
	b.WriteString(s.Kind)
	field("payment", s.payment)
	field("customer", s.customer)
	field("amount", s.amount)
	field("pull", s.cord)
	field("to", s.to)
	for _, f := range s.data {
		field(f.key, f.value)
	}
	fmt.Fprintf(&b, " %s %s %s %s %v %v", s.Template, s.Via, s.Endpoint, s.level, s.expires, s.terms)
	return b.String()
}

// UnlessText writes the counterpart of the rule as Written writes steps; empty when
// it has none.
func (r *Rule) UnlessText(expand func(expression string) string) string {
	u := r.Unless
	if u == nil {
		return ""
	}
	text := func(x *Expr) string {
		if x == nil {
			return ""
		}
		return expand(x.Text)
	}
	var parts []string
	for _, f := range u.Filters {
		parts = append(parts, fmt.Sprintf("%s %q", f.Event, text(f.If)))
	}
	slices.Sort(parts)
	return fmt.Sprintf("%s by %q within %s until %q", strings.Join(parts, ", "), text(u.By), u.Within, text(u.Until))
}
