package rehearse

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// WriteTable writes the report for people.
func (b *Report) WriteTable(w io.Writer) error {
	width := len("rule")
	for _, r := range b.Rules {
		width = max(width, len(r.Rule))
	}
	// Numbers stand to the right, names to the left.
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%-*s\tremedies\tcustomers\trefunds\tcredits\tpulls\tcords\theld\t  money\n", width, "rule")
	for _, r := range b.Rules {
		fmt.Fprintf(table, "%-*s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t  %s\n", width,
			r.Rule, r.Remedies, r.Customers, r.Actions.Refund, r.Actions.Credit, r.Actions.Andon, r.Cords, r.Held, moneyText(r.Money))
	}
	fmt.Fprintf(table, "\n%d events, %d rejected%s\n", b.Events, b.Rejected, b.period())
	b.writeBounds(table)
	if d := b.Disorder; d != nil {
		fmt.Fprintf(table, "%d events happened more than the lateness before one above them, first on line %d behind line %d, which is of %s\n", d.Events, d.Line, d.Behind, d.At)
	}
	for _, r := range b.Rules {
		for _, reason := range slices.Sorted(maps.Keys(r.HeldFor)) {
			fmt.Fprintf(table, "%s: %d held for %s\n", r.Rule, r.HeldFor[reason], reason)
		}
		for _, reason := range slices.Sorted(maps.Keys(r.SuppressedFor)) {
			fmt.Fprintf(table, "%s: %d suppressed for %s\n", r.Rule, r.SuppressedFor[reason], reason)
		}
		if r.Storm != nil {
			fmt.Fprintf(table, "%s: stopped by a storm at %s, which nobody releases here: %d remedies held from then on\n", r.Rule, r.Storm.At, r.Storm.Held)
		}
		if r.Open > 0 {
			fmt.Fprintf(table, "%s: %d open, still waiting for a counterpart at the end\n", r.Rule, r.Open)
		}
		r.writeNothing(table)
	}
	b.Against.write(table)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// writeBounds writes which part of the period was not there to be read.
func (b *Report) writeBounds(w io.Writer) {
	if b.Begins != "" {
		what := "log"
		if b.ofFile {
			what = "file"
		}
		fmt.Fprintf(w, "the %s begins at %s: what was before did not count, neither in the period nor in windows that reach further back\n", what, b.Begins)
	}
	if o := b.Outside; o != nil {
		end := ""
		if o.Last != "" {
			end = ", and end at " + o.Last
		}
		fmt.Fprintf(w, "no event of the file is of the period: they begin at %s%s\n", o.First, end)
	}
}

// writeNothing writes which events came to nothing, and why.
func (r RuleSummary) writeNothing(w io.Writer) {
	for _, part := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(w, "%s: %d events on which %s\n", r.Rule, r.Errors[part], errorText(part))
	}
	if r.NoKey > 0 {
		fmt.Fprintf(w, "%s: %d events without a once_per key\n", r.Rule, r.NoKey)
	}
	if r.Late > 0 {
		fmt.Fprintf(w, "%s: %d events that came later than the lateness\n", r.Rule, r.Late)
	}
}

// errorText says what the code of an error of a rule means for an event.
func errorText(code string) string {
	switch code {
	case "forgotten":
		return "it is not known whether their counterpart had come"
	case "full":
		return "nothing waited, since too many did already"
	case "until":
		return "until was an error, or further ahead than " + expression.WriteDuration(rule.MaxWait)
	}
	return code + " was an error"
}

// WriteDays writes what was done by day and rule, for people.
func (b *Report) WriteDays(w io.Writer) error {
	width := len("rule")
	for _, d := range b.Days {
		width = max(width, len(d.Rule))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\n%-*s  %-*s\tremedies\tcustomers\theld\t  money\n", len(time.DateOnly), "day", width, "rule")
	for _, d := range b.Days {
		fmt.Fprintf(table, "%s  %-*s\t%d\t%d\t%d\t  %s\n", d.Day, width, d.Rule, d.Remedies, d.Customers, d.Held, moneyText(d.Money))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write days: %w", err)
	}
	return nil
}

// period says what the report is about, when it is not everything.
func (b *Report) period() string {
	text := ""
	if b.Since != "" {
		text += ", from " + b.Since
	}
	if b.Until != "" {
		text += ", until " + b.Until
	}
	return text
}

// maxDifferences bounds the remedies of a kind that a table names.
const maxDifferences = 10

// write writes what changes. Without a tab a line of the table stays as it is.
func (d *Difference) write(w io.Writer) {
	if d == nil {
		return
	}
	fmt.Fprintf(w, "\nagainst the rules %.12s: %d remedies are added, %d removed, %d changed\n", d.Digest, len(d.Added), len(d.Removed), len(d.Changed))
	list := func(sign string, made []Made) {
		for _, m := range made[:min(len(made), maxDifferences)] {
			fmt.Fprintf(w, "%s %s\n", sign, m.line())
		}
		if more := len(made) - maxDifferences; more > 0 {
			fmt.Fprintf(w, "%s and %d more\n", sign, more)
		}
	}
	list("+", d.Added)
	list("-", d.Removed)
	for _, c := range d.Changed[:min(len(d.Changed), maxDifferences)] {
		fmt.Fprintf(w, "~ %s; it was %s %s\n", c.Now.line(), c.Before.Decision, moneyText(c.Before.Money))
	}
	if more := len(d.Changed) - maxDifferences; more > 0 {
		fmt.Fprintf(w, "~ and %d more\n", more)
	}
}

// line says in one line what was made.
func (m Made) line() string {
	key := ""
	if m.Key != "" {
		key = ", once_per " + printable(strings.Join(rule.KeyParts(m.Key), " "))
	}
	held := ""
	if m.Reason != "" {
		held = " for " + m.Reason
	}
	return fmt.Sprintf("%s %s: %s%s %s, customer %s%s", m.At, m.Rule, m.Decision, held, moneyText(m.Money), printable(m.Customer), key)
}

// printable quotes a text that a terminal would obey instead of showing it: it comes
// from whoever emits events.
func printable(text string) string {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// moneyText writes totals in the order of their currencies.
func moneyText(totals map[string]string) string {
	if len(totals) == 0 {
		return "-"
	}
	var texts []string
	for _, currency := range slices.Sorted(maps.Keys(totals)) {
		texts = append(texts, totals[currency]+" "+currency)
	}
	return strings.Join(texts, ", ")
}
