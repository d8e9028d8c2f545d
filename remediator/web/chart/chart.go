// Package chart draws numbers over time as SVG, for pages without scripts: bars,
// and lines with or without the area below them. A chart says its unit, names its
// axes and is described in words for who does not see it; its colours come from the
// style sheet of the page. It is made of whole numbers alone, so that the same
// values always give the same text.
package chart

import (
	"bytes"
	_ "embed" // the template
	"fmt"
	"html/template"
	"math"
	"math/bits"
	"strconv"
)

// The room of a chart, in units of its own that a page scales.
const (
	width, height = 720, 220
	left, right   = 84, 12
	top, bottom   = 26, 34 // the unit stands above the highest tick
	plotWidth     = width - left - right
	plotHeight    = height - top - bottom
	fewestLabels  = 6 // below the axis
	mostPoints    = 2000
	ticks         = 4 // of the value axis, beside zero
)

// Point is one value.
type Point struct {
	Label string // below the axis, short: 14:00
	Name  string // what is read out and shown on pointing: 2026-01-02 14:00 UTC. Defaults to Label
	Value int64
}

// Bars is a chart with a bar for each point. All its points have the same width, so
// that what is missing between them must be there with the value 0.
type Bars struct {
	Title string
	Unit  string // of the values, at the value axis
	// Format writes a value, without its unit. Defaults to decimal digits.
	Format func(int64) string
	Points []Point
}

// Line is a chart with a line through its points.
type Line struct {
	Bars
	Area bool // fill what is below the line
}

//go:embed chart.svg
var text string

var drawing = template.Must(template.New("chart").Parse(text)) //nolint:gochecknoglobals // parsed once, never changed

// plot is what the template draws.
type plot struct {
	Title, Desc, Unit   string
	Width, Height       int64
	Left, Right, Top    int64
	Zero, UnitY, LabelY int64
	Ticks               []tick
	Bars                []bar
	Labels              []label
	Line, Area          string
}

type tick struct {
	Y    int64
	Text string
}

type bar struct {
	X, Y, Width, Height int64
	Name, Text          string
}

// Middle is where a line passes.
func (b bar) Middle() int64 { return b.X + b.Width/2 }

type label struct {
	X    int64
	Text string
}

// SVG draws the chart.
func (b Bars) SVG() (template.HTML, error) {
	p, err := b.plot()
	if err != nil {
		return "", err
	}
	return p.draw()
}

// SVG draws the chart.
func (l Line) SVG() (template.HTML, error) {
	p, err := l.plot()
	if err != nil {
		return "", err
	}
	var path []byte
	for i, b := range p.Bars {
		path = append(path, "ML"[min(i, 1)])
		path = strconv.AppendInt(path, b.Middle(), 10)
		path = append(path, ' ')
		path = strconv.AppendInt(path, b.Y, 10)
	}
	if p.Line = string(path); l.Area && len(p.Bars) > 0 {
		first, last := p.Bars[0], p.Bars[len(p.Bars)-1]
		p.Area = fmt.Sprintf("%sL%d %dL%d %dZ", p.Line, last.Middle(), p.Zero, first.Middle(), p.Zero)
	}
	return p.draw()
}

func (p *plot) draw() (template.HTML, error) {
	var out bytes.Buffer
	if err := drawing.Execute(&out, p); err != nil {
		return "", fmt.Errorf("draw chart %q: %w", p.Title, err)
	}
	return template.HTML(out.String()), nil //nolint:gosec // html/template made it
}

// plot places the points and the axes.
func (b Bars) plot() (*plot, error) {
	if len(b.Points) > mostPoints {
		return nil, fmt.Errorf("draw chart %q: it has %d points, at most %d can be told apart", b.Title, len(b.Points), mostPoints)
	}
	if b.Format == nil {
		b.Format = func(n int64) string { return strconv.FormatInt(n, 10) }
	}
	var highest, at int64
	for i, pt := range b.Points {
		if pt.Value < 0 {
			return nil, fmt.Errorf("draw chart %q: %s is negative", b.Title, pt.Label)
		}
		if pt.Value > highest {
			highest, at = pt.Value, int64(i)
		}
	}
	step := niceStep(highest)
	p := &plot{Title: b.Title, Unit: b.Unit, Desc: b.describe(highest, int(at)), Width: width, Height: height, Left: left, Right: width - right,
		Top: top, Zero: height - bottom, UnitY: top - 14, LabelY: height - bottom + 18}
	most := max(step*ticks, 1)
	if step > math.MaxInt64/ticks {
		most = math.MaxInt64
	}
	for i := range int64(ticks + 1) {
		value := most / ticks * i
		p.Ticks = append(p.Ticks, tick{Y: p.Zero - scaled(value, most), Text: b.Format(value)})
	}
	n := int64(len(b.Points))
	every := max((n+fewestLabels-1)/fewestLabels, 1)
	for i, pt := range b.Points {
		from, to := left+plotWidth*int64(i)/n, left+plotWidth*int64(i+1)/n
		gap := int64(1)
		if to-from < 4 {
			gap = 0
		}
		h := scaled(pt.Value, most)
		if pt.Value > 0 && h == 0 {
			h = 1 // something is more than nothing
		}
		name := pt.Name
		if name == "" {
			name = pt.Label
		}
		p.Bars = append(p.Bars, bar{X: from + gap, Y: p.Zero - h, Width: max(to-from-2*gap, 1), Height: h, Name: name, Text: b.Format(pt.Value) + " " + b.Unit})
		if int64(i)%every == 0 {
			p.Labels = append(p.Labels, label{X: (from + to) / 2, Text: pt.Label})
		}
	}
	return p, nil
}

// describe says in words what the chart shows.
func (b Bars) describe(highest int64, at int) string {
	if len(b.Points) == 0 || highest == 0 {
		return "Nothing in this period."
	}
	first, last, peak := b.Points[0], b.Points[len(b.Points)-1], b.Points[at]
	for _, pt := range []*Point{&first, &last, &peak} {
		if pt.Name == "" {
			pt.Name = pt.Label
		}
	}
	return fmt.Sprintf("From %s to %s. The most is %s %s, at %s.", first.Name, last.Name, b.Format(highest), b.Unit, peak.Name)
}

// scaled is how high a value stands when most stands as high as the plot.
func scaled(value, most int64) int64 {
	high, low := bits.Mul64(uint64(value), plotHeight)
	quotient, _ := bits.Div64(high, low, uint64(most)) // value is at most most, so that it fits
	return int64(quotient)
}

// niceStep is the smallest step of 1, 2, 2.5 or 5 times a power of ten, and whole,
// that reaches a value in four.
func niceStep(highest int64) int64 {
	want := highest/ticks + 1
	if highest%ticks == 0 {
		want = max(highest/ticks, 1)
	}
	for power := int64(1); ; power *= 10 {
		for _, step := range []int64{power, 2 * power, 5 * power / 2, 5 * power} {
			if step >= want {
				return step
			}
		}
		if power > math.MaxInt64/100 {
			return want
		}
	}
}
