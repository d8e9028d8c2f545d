package rehearse

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/money"
)

// The bars of a chart, from nothing to the most.
const (
	drawnBars = " ▁▂▃▄▅▆▇█"
	plainBars = ".:-=+*#%@"
)

// chart is a row of bars for each rule, a column for each day or for several.
type chart struct {
	bars        []rune
	first       time.Time
	days, group int // days in all, and in one column
}

// WriteChart writes for each rule what it would have done day by day, as bars: its
// money when it is in one currency, its remedies otherwise. No line is longer than
// width characters, unless the names of the rules leave no room. Plain bars are
// ASCII.
func (b *Report) WriteChart(w io.Writer, width int, plain bool) error {
	if len(b.Days) == 0 {
		return nil
	}
	first, last, err := b.span()
	if err != nil {
		return err
	}
	names := 0
	for _, r := range b.Rules {
		names = max(names, len(r.Rule))
	}
	c := &chart{bars: []rune(drawnBars), first: first, days: int(last.Sub(first)/(24*time.Hour)) + 1, group: 1}
	if plain {
		c.bars = []rune(plainBars)
	}
	const besides = len("  ") + len("  most 000000.00 USD")
	room := max(width-names-besides, 1)
	c.group = (c.days + room - 1) / room
	each := "a day"
	if c.group > 1 {
		each = fmt.Sprintf("%d days", c.group)
	}
	text := fmt.Sprintf("\n%s to %s, %s a column\n", first.Format(time.DateOnly), last.Format(time.DateOnly), each)
	for _, r := range b.Rules {
		row, most, err := c.row(b.Days, r)
		if err != nil {
			return err
		}
		text += fmt.Sprintf("%-*s  %s  most %s\n", names, r.Rule, row, most)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write chart: %w", err)
	}
	return nil
}

// span is the first and the last day on which anything was done.
func (b *Report) span() (first, last time.Time, err error) {
	if first, err = time.Parse(time.DateOnly, b.Days[0].Day); err == nil {
		last, err = time.Parse(time.DateOnly, b.Days[len(b.Days)-1].Day)
	}
	if err != nil {
		return first, last, fmt.Errorf("read day: %w", err)
	}
	return first, last, nil
}

// row draws one rule, and says what its highest bar stands for.
func (c *chart) row(days []DaySummary, r RuleSummary) (row, most string, err error) {
	currency := ""
	if len(r.Money) == 1 {
		for only := range r.Money {
			currency = only
		}
	}
	columns := make([]int64, (c.days+c.group-1)/c.group)
	for _, d := range days {
		if d.Rule != r.Rule {
			continue
		}
		day, err := time.Parse(time.DateOnly, d.Day)
		if err != nil {
			return "", "", fmt.Errorf("read day: %w", err)
		}
		value := int64(d.Remedies)
		if amount, paid := d.Money[currency]; paid {
			m, err := money.Parse(amount + " " + currency)
			if err != nil {
				return "", "", fmt.Errorf("read money of a day: %w", err)
			}
			value = m.Minor
		} else if currency != "" {
			value = 0
		}
		columns[int(day.Sub(c.first)/(24*time.Hour))/c.group] += value
	}
	var highest int64
	for _, value := range columns {
		highest = max(highest, value)
	}
	most = fmt.Sprint(highest)
	if currency != "" {
		most = money.Money{Minor: highest, Currency: currency}.String()
	}
	return c.draw(columns, highest), most, nil
}

// draw makes a bar of each value. Only nothing has the lowest one.
func (c *chart) draw(columns []int64, highest int64) string {
	levels := int64(len(c.bars) - 1)
	step := max((highest+levels-1)/levels, 1)
	var row strings.Builder
	for _, value := range columns {
		row.WriteRune(c.bars[(value+step-1)/step])
	}
	return row.String()
}
