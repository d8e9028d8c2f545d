package coe

import (
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/visible"
)

// The picture of a graph, in its own units.
const (
	graphWidth, graphHeight = 720, 220
	plotLeft, plotTop       = 70, 34
	plotWidth, plotHeight   = graphWidth - plotLeft - 10, graphHeight - plotTop - 34
)

// SVG draws a graph: a bar for each step, with the unit, the highest value and the
// period written beside it.
func SVG(title string, q Query, points []Point) string {
	var most int64 = 1
	for _, p := range points {
		most = max(most, p.Amount)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="sans-serif" font-size="12">`+"\n",
		graphWidth, graphHeight, graphWidth, graphHeight)
	fmt.Fprintf(&b, "<title>%s</title>\n<desc>%s</desc>\n", html.EscapeString(title), html.EscapeString(described(q, points)))
	fmt.Fprintf(&b, `<text x="0" y="16" font-weight="bold">%s</text>`+"\n", html.EscapeString(clipped(title, 100)))
	fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%[2]d" stroke="#888"/>`+"\n", plotLeft, plotTop+plotHeight, plotLeft+plotWidth)
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><text x="%[1]d" y="%[4]d" text-anchor="end">0</text>`+"\n",
		plotLeft-6, plotTop+10, html.EscapeString(q.amountText(most)), plotTop+plotHeight)
	begun := b.Len()
	for i, p := range points {
		height := p.Amount * plotHeight / most
		if p.Amount > 0 {
			height = max(height, 1)
		}
		if height <= 0 {
			continue
		}
		left, right := plotLeft+i*plotWidth/len(points), plotLeft+(i+1)*plotWidth/len(points)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="#36648b"><title>%s: %s</title></rect>`+"\n",
			left, plotTop+plotHeight-int(height), max(right-left-1, 1), height, moment(p.At), html.EscapeString(q.amountText(p.Amount)))
	}
	if b.Len() == begun { // an empty graph may be one that was not drawn
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">nothing in this time</text>`+"\n", plotLeft+plotWidth/2, plotTop+plotHeight/2)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text><text x="%d" y="%[2]d" text-anchor="end">%[5]s</text>`+"\n</svg>\n",
		plotLeft, graphHeight-12, moment(q.Since), plotLeft+plotWidth, moment(q.Until))
	return visible.Text(b.String()) // which XML needs too: it forbids most control characters
}

// amountText writes what a bar stands for, with its unit.
func (q Query) amountText(amount int64) string {
	switch q.Name {
	case Money:
		return money.Money{Minor: amount, Currency: q.Currency}.String()
	case Share:
		return fmt.Sprintf("%d.%02d %%", amount/100, amount%100)
	}
	return fmt.Sprint(amount)
}

// described says in words what a graph shows, for who does not see it.
func described(q Query, points []Point) string {
	var most Point
	for _, p := range points {
		if p.Amount > most.Amount {
			most = p
		}
	}
	if most.At.IsZero() {
		return "Nothing from " + moment(q.Since) + " to " + moment(q.Until) + "."
	}
	return fmt.Sprintf("%d bars of %s; the highest is %s at %s.", len(points), durationText(q.Step), q.amountText(most.Amount), most.At.Format(time.RFC3339))
}

func clipped(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
