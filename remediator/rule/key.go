package rule

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Reasons why an event gives no key.
const (
	KeyAbsent = "absent" // a field is not there
	KeyNull   = "null"
	KeyEmpty  = "empty"
	KeyError  = "error"  // an expression has no value
	KeyType   = "type"   // a list, object or boolean names nothing, and is no time
	KeyNumber = "number" // not finite, or a whole number beyond ±2^53
)

// Key returns the event's once_per key in canonical form. Without a key, noKey
// says why; both are empty when the rule has no once_per.
func (e *Evaluation) Key() (key, noKey string) { return e.key(e.rule.OncePer) }

// OneKey reports whether the rule has a key that reads nothing in which its events differ,
// and so is the same for all.
func (r *Rule) OneKey() bool {
	parts := slices.Clone(r.OncePer)
	for _, let := range r.letsOf(r.OncePer) {
		parts = append(parts, let.Expr)
	}
	oneType := len(r.Filters) == 1 && !strings.HasSuffix(r.Filters[0].Event, "*")
	differs := func(path expression.Path) bool { return !oneType || path.String() != "event.type" }
	return len(r.OncePer) > 0 && !slices.ContainsFunc(parts, func(x *Expr) bool { return slices.ContainsFunc(x.program.Paths, differs) })
}

// By returns what the rule groups events by: the canonical key of the event's
// window, or what it has in common with its counterpart. Without one, noBy says
// why; both are empty when the rule groups all together.
func (e *Evaluation) By() (by, noBy string) {
	x := e.rule.GroupsBy()
	if x == nil {
		return "", ""
	}
	return e.key([]*Expr{x})
}

// Nameless looks at the first of some expressions that names nothing, or else at the last,
// as at a condition that is false: what it read, and why it has no value if it has none.
func (e *Evaluation) Nameless(parts ...*Expr) Condition {
	for _, x := range parts[:len(parts)-1] {
		if _, why := e.keyPart(x); why != "" {
			parts = []*Expr{x}
			break
		}
	}
	x := parts[len(parts)-1]
	_, err := e.Value(x)
	return e.look(x, false, err)
}

// GroupsBy returns the expression of window.by or unless.by, nil when there is none.
func (r *Rule) GroupsBy() *Expr {
	switch {
	case r.Window != nil:
		return r.Window.By
	case r.Unless != nil:
		return r.Unless.By
	}
	return nil
}

// Until returns when the event's counterpart must have come at the latest, in
// nanoseconds. Without an answer, noUntil says why; there is neither when the
// rule does not ask with an expression.
func (e *Evaluation) Until() (until int64, noUntil string) {
	if e.rule.Unless == nil || e.rule.Unless.Until == nil {
		return 0, ""
	}
	value, err := e.Value(e.rule.Unless.Until)
	switch at, ok := value.(time.Time); {
	case expression.IsAbsent(err):
		return 0, KeyAbsent
	case err != nil:
		return 0, KeyError
	case !ok:
		return 0, KeyType
	case at.Before(earliest) || at.After(latest):
		return 0, KeyError
	default:
		return at.UnixNano(), ""
	}
}

// Times between these are whole numbers of nanoseconds, with room to add a year.
var earliest, latest = time.Unix(0, 0), time.Date(2261, time.January, 1, 0, 0, 0, 0, time.UTC)

// key joins the parts as netstrings, so that no two lists of parts are one key.
func (e *Evaluation) key(parts []*Expr) (key, noKey string) {
	b := make([]byte, 0, 128)
	for _, part := range parts {
		text, ok := e.plain(part)
		if !ok {
			canonical, why := e.keyPart(part)
			if why != "" {
				return "", why
			}
			text = []byte(canonical)
		}
		b = append(append(strconv.AppendInt(b, int64(len(text)), 10), ':'), text...)
	}
	return string(b), ""
}

// KeyParts returns the parts that a key was made of; of what is no key, itself.
func KeyParts(key string) []string {
	var parts []string
	for rest := key; rest != ""; {
		length, behind, found := strings.Cut(rest, ":")
		n, err := strconv.Atoi(length)
		if !found || err != nil || n < 0 || n > len(behind) {
			return []string{key}
		}
		parts, rest = append(parts, behind[:n]), behind[n:]
	}
	return parts
}

func (e *Evaluation) keyPart(part *Expr) (text, why string) {
	value, err := e.Value(part)
	switch {
	case expression.IsAbsent(err):
		return "", KeyAbsent
	case err != nil:
		return "", KeyError
	}
	return Canonical(value)
}

// Canonical writes a value as the text that names it: 77, 77.0 and "77" are one.
// A value that names nothing has no text; why is then one of the Key reasons.
func Canonical(value any) (text, why string) {
	switch v := value.(type) {
	case nil:
		return "", KeyNull
	case string:
		if v == "" {
			return "", KeyEmpty
		}
		return v, ""
	case float64:
		return canonicalNumber(v)
	case json.Number:
		return "", KeyNumber
	case money.Money:
		return v.String(), ""
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), ""
	case time.Duration:
		return v.String(), ""
	}
	return "", KeyType
}

func canonicalNumber(v float64) (text, why string) {
	switch whole := v == math.Trunc(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "", KeyNumber
	case whole && math.Abs(v) <= 1<<53:
		return strconv.FormatInt(int64(v), 10), ""
	case whole:
		return "", KeyNumber
	}
	return strconv.FormatFloat(v, 'g', -1, 64), ""
}
