package rehearse

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Shortfall is how far a comparison that did not hold was from holding. It is empty for
// a condition of another form.
type Shortfall struct {
	// Compared is the left side of the comparison, Left its value, Needs what it was to be.
	Compared string `json:"compared,omitempty"`
	Left     any    `json:"left,omitempty"`
	Needs    string `json:"needs,omitempty"`
	// MissedBy is how far the value was from the bound: a number, or money or a duration
	// as a text; nil when they cannot be subtracted, or when there is no bound (!=).
	MissedBy any `json:"missed_by,omitempty"`
	// Distance is the same as a share of the larger of the two; nil also of two times.
	Distance *float64 `json:"distance,omitempty"`
}

// FailedCondition is a condition that was false, with what it read.
type FailedCondition struct {
	Condition string         `json:"condition"`
	Seen      map[string]any `json:"seen,omitempty"`   // by path or call
	Absent    []string       `json:"absent,omitempty"` // what it read that was not there
	Shortfall
}

func failedCondition(c rule.Condition, s Shortfall) FailedCondition {
	f := FailedCondition{Condition: c.Text, Seen: map[string]any{}, Absent: c.Absent, Shortfall: s}
	for name, value := range c.Seen {
		f.Seen[name] = plain(value)
	}
	return f
}

// text writes why it failed, for people.
func (f *FailedCondition) text() string {
	text, seen := expression.Line(f.Condition), f.Seen
	if f.Needs != "" {
		text, seen = f.Shortfall.text(), nil // what it read is in there
	}
	if read := readText(seen, f.Absent); read != "" {
		text += "; " + read
	}
	return text
}

// shortfallOf says how far a condition that was false was from being true. Of alternatives
// the nearest counts. Of what && joins one alone may be false: what fails by more is near
// in nothing.
func shortfallOf(e *rule.Evaluation, r *rule.Reading) Shortfall {
	var nearest Shortfall
	switch {
	case r.Comparison != nil:
		left, right, err := e.Sides(r.Comparison)
		if err != nil {
			return Shortfall{} // a side alone may have no value where the condition has one
		}
		return between(r.Comparison, left, right)
	case r.Alternatives != nil:
		for _, a := range r.Alternatives {
			if s := shortfallOf(e, a); nearer(s.Distance, nearest.Distance) {
				nearest = s
			}
		}
	case r.Conditions != nil:
		var failed []*rule.Reading
		for _, c := range r.Conditions {
			if !e.Judge(c).Value {
				failed = append(failed, c)
			}
		}
		if len(failed) == 1 {
			return shortfallOf(e, failed[0])
		}
	}
	return nearest
}

// nearer reports whether a distance is the smaller one; one that is not known is not.
func nearer(a, b *float64) bool { return a != nil && (b == nil || *a < *b) }

func between(c *rule.Comparison, left, right any) Shortfall {
	s := Shortfall{Compared: c.Left, Left: plain(left), Needs: c.Operator + " " + shown(right)}
	if c.Operator != "!=" {
		s.MissedBy, s.Distance = missedBy(left, right)
	}
	return s
}

// missedBy is how far two values of a kind lie apart, and as a share of the larger.
func missedBy(left, right any) (by any, share *float64) {
	switch l := left.(type) {
	case float64:
		if r, ok := right.(float64); ok && !math.IsNaN(l-r) && !math.IsInf(l-r, 0) {
			return apartBy(l, r), shareOf(l, r)
		}
	case time.Duration:
		if r, ok := right.(time.Duration); ok {
			return plain((l - r).Abs()), shareOf(l.Seconds(), r.Seconds())
		}
	case time.Time:
		if r, ok := right.(time.Time); ok {
			return plain(l.Sub(r).Abs()), nil
		}
	case money.Money:
		if r, ok := right.(money.Money); ok {
			by, err := l.Sub(r)
			if err != nil {
				return nil, nil // they are of two currencies
			}
			by.Minor = max(by.Minor, -by.Minor)
			return plain(by), shareOf(float64(l.Minor), float64(r.Minor)) // nothing is paid by it
		}
	}
	return nil, nil
}

// shareOf is how far two numbers lie apart, as a share of the larger.
func shareOf(a, b float64) *float64 {
	share := 0.0
	if larger := max(math.Abs(a), math.Abs(b)); larger > 0 {
		share = math.Abs(a-b) / larger
	}
	return &share
}

// apartBy is how far two numbers lie apart, with no more decimals than they have: in
// binary 60 - 59.999 has a tail.
func apartBy(a, b float64) float64 {
	decimals := 0
	for _, n := range []float64{a, b} {
		_, fraction, _ := strings.Cut(strconv.FormatFloat(n, 'f', -1, 64), ".")
		decimals = max(decimals, len(fraction))
	}
	apart := math.Abs(a - b)
	if short, err := strconv.ParseFloat(strconv.FormatFloat(apart, 'f', decimals, 64), 64); err == nil {
		return short
	}
	return apart
}

// text writes a shortfall for people.
func (s Shortfall) text() string {
	text := fmt.Sprintf("%s = %s, needs %s", s.Compared, shown(s.Left), s.Needs)
	if far := s.HowFar(); far != "" {
		text += ", " + far
	}
	return text
}

// HowFar writes how far a shortfall is, for people; empty when that is not known.
func (s Shortfall) HowFar() string {
	far := ""
	switch by := s.MissedBy.(type) {
	case nil:
		return ""
	case string:
		far = "missed by " + by
	default:
		far = "missed by " + shown(by)
	}
	if s.Distance != nil {
		far += " (" + percent(*s.Distance) + ")"
	}
	return far
}

// percent writes a share with as many digits as tell it from none.
func percent(share float64) string {
	switch p := 100 * share; {
	case p >= 10:
		return fmt.Sprintf("%.0f %%", p)
	case p >= 0.01 || p == 0:
		return strconv.FormatFloat(math.Round(100*p)/100, 'f', -1, 64) + " %"
	}
	return "under 0.01 %"
}
