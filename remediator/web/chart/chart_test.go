package chart_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/web/chart"
)

// elements counts the elements of a drawing by their class, or their name, and holds
// that it is well-formed, stays in its room and has no style of its own.
func elements(t *testing.T, text string) map[string]int {
	t.Helper()
	count := map[string]int{}
	for reader := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := reader.Token()
		if errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		name := start.Name.Local
		for _, a := range start.Attr {
			switch a.Name.Local {
			case "class":
				name = a.Value
			case "style":
				t.Errorf("<%s> has a style", start.Name.Local)
			case "x", "y", "width", "height", "x1", "x2", "y1", "y2", "cx", "cy":
				if n, err := strconv.Atoi(a.Value); err != nil || n < 0 || n > 720 {
					t.Errorf("%s of <%s> is %s", a.Name.Local, start.Name.Local, a.Value)
				}
			}
		}
		count[name]++
	}
}

func hours(values ...int64) []chart.Point {
	var points []chart.Point
	for i, v := range values {
		points = append(points, chart.Point{Label: fmt.Sprintf("%02d:00", i), Name: fmt.Sprintf("2026-01-02 %02d:00 UTC", i), Value: v})
	}
	return points
}

// TestBars holds what a chart of bars says and shows.
func TestBars(t *testing.T) {
	t.Parallel()
	bars := chart.Bars{Title: "Money <out>", Unit: "USD", Format: func(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }, Points: hours(0, 299, 1, 10_000)}
	drawn, err := bars.SVG()
	if err != nil {
		t.Fatal(err)
	}
	text := string(drawn)
	count := elements(t, text)
	if count["bar"] != 3 || count["tick"] != 5 || count["label"] != 4 || count["unit"] != 1 || count["desc"] != 1 {
		t.Errorf("drawn are %v", count)
	}
	for _, want := range []string{"Money &lt;out&gt;", "2026-01-02 01:00 UTC: 2.99 USD", "The most is 100.00 USD, at 2026-01-02 03:00 UTC.", ">100.00<", ">25.00<"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	again, err := bars.SVG()
	if err != nil || again != drawn {
		t.Errorf("a second time it is another drawing (%v)", err)
	}
}

// TestLine holds that a line passes all its points.
func TestLine(t *testing.T) {
	t.Parallel()
	drawn, err := chart.Line{Bars: chart.Bars{Title: "Share", Unit: "%", Points: hours(1, 5, 0, 3)}, Area: true}.SVG()
	if err != nil {
		t.Fatal(err)
	}
	if count := elements(t, string(drawn)); count["line"] != 1 || count["area"] != 1 || count["dot"] != 4 || count["bar"] != 0 {
		t.Errorf("drawn are %v", count)
	}
}

// TestEdges holds that no values spoil a drawing: none, all zero, the largest, and
// as many as fit.
func TestEdges(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]int64{
		"none": nil, "zero": {0, 0}, "one": {1}, "three": {3}, "largest": {math.MaxInt64, 1, math.MaxInt64 / 3}, "many": slices.Repeat([]int64{1}, 2000),
	} {
		drawn, err := chart.Bars{Title: name, Unit: "x", Points: hours(values...)}.SVG()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		count := elements(t, string(drawn))
		if count["tick"] != 5 || (name == "none" || name == "zero") != strings.Contains(string(drawn), "Nothing in this period.") {
			t.Errorf("%s: %v", name, count)
		}
	}
	for name, points := range map[string][]chart.Point{"negative": hours(-1), "too many": hours(make([]int64, 2001)...)} {
		if _, err := (chart.Bars{Points: points}).SVG(); err == nil {
			t.Errorf("%s: it is drawn", name)
		}
	}
}
