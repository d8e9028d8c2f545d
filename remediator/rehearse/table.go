package rehearse

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
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
	fmt.Fprintf(table, "\n%d events, %d rejected\n", b.Events, b.Rejected)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
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
