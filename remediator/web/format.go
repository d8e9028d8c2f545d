package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/visible"
)

// functions are what templates can call.
func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"asset":    c.assets.path,      // path of an asset: {{asset "console.css"}}
		"plain":    visible.Text,       // a text from elsewhere; stands in <bdi>
		"short":    short,              // the same, cut off where it is longer than a cell of a table
		"customer": customerPath,       // the address of the page about a customer
		"failed":   failedPath,         // the address of what a rule was to refund and that failed
		"stamp":    stamp,              // a time for the attribute datetime
		"moment":   moment,             // a time for people, in UTC
		"when":     when,               // a time that is written in a text, for people
		"ago":      c.ago,              // how long ago a time is
		"money":    money.Money.String, // "2.99 USD"
		"number":   number[int],        // with thin spaces: 12 345
		"long":     number[uint64],     // the same
		"key":      uuid.NewString,     // the hidden field "key" of a form
		"status":   statusOf,           // how a status looks: {{template "status" (status .Status)}}
		"because":  because,            // why a remedy was held or suppressed, in plain words
		"fact":     factWord,           // a kind of fact, in plain words
		"value":    value,              // what a condition read, as JSON
		"join":     strings.Join,
		"outcome":  outcome,     // what the form came to that led to the page
		"anchor":   anchor,      // the end of an element's id, made of any text
		"few":      few,         // the first so many of a list: {{range few 100 .Rules}}
		"left":     left,        // how many few leaves out
		"rule":     ruleAddress, // the address of the page about a rule
		"pulling":  pulling,     // a form that pulls a cord: {{template "pull" (pulling . "cell" "red" "Stop it" .Reasons)}}
		"since":    func(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() },
	}
}

// anchor makes the end of an element's id of any text. htmx looks for ids by selectors,
// in which a slash or a colon means something else: letters, digits and hyphens stay,
// and each other byte becomes its code.
func anchor(text string) string {
	var id strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c == '-', '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
			id.WriteByte(c)
		default:
			fmt.Fprintf(&id, "_%02x", c)
		}
	}
	return id.String()
}

// few returns the first of a list, so that a page stays light; the list itself when it
// has no more.
func few(most int, list any) any {
	v := reflect.ValueOf(list)
	return v.Slice(0, min(v.Len(), most)).Interface()
}

// left returns how many of a list few leaves out.
func left(most int, list any) int { return max(0, reflect.ValueOf(list).Len()-most) }

// maxCell is how many characters a cell of a table shows of somebody's text.
const maxCell = 120

// short makes a text visible and cuts it off.
func short(text string) string {
	text = visible.Text(text)
	n := 0
	for i := range text {
		if n++; n > maxCell {
			return text[:i] + "…"
		}
	}
	return text
}

// customerPath is the address of the page about a customer.
func customerPath(customer string) string {
	return asking("/customers", url.Values{"customer": {customer}})
}

// failedPath is the address of the refunds of a rule that failed.
func failedPath(rule string) string {
	return asking("/refunds", url.Values{"rule": {rule}, "status": {"failed"}})
}

// value writes what a condition read.
func value(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return short(fmt.Sprint(v))
	}
	return short(string(text))
}

// stamp writes a time for programs.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// moment writes a time for people.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// when writes a time for people that stands in a text for programs; another text as it is.
func when(text string) string {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return moment(t)
	}
	return visible.Text(text)
}

// ago says how long ago a time is, in its largest unit but one.
func (c *Console) ago(t time.Time) string {
	d := c.cfg.Now().Sub(t)
	switch {
	case d < -time.Minute:
		return "in " + span(-d)
	case d < time.Minute:
		return "just now"
	}
	return span(d) + " ago"
}

// span writes a duration with one or two units.
func span(d time.Duration) string {
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	switch {
	case days > 3 || days > 0 && hours == 0:
		return fmt.Sprintf("%d d", days)
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%d h", hours)
	}
	return fmt.Sprintf("%d min", minutes)
}

// number groups the digits of a number by narrow spaces that do not break.
func number[N int | int64 | uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	const group = 3
	for at := len(digits) - group; at > 0; at -= group {
		digits = digits[:at] + "\u202f" + digits[at:]
	}
	return sign + digits
}

// statusLook is how a status is shown: by colour, word and shape, since not
// everybody sees each of them.
type statusLook struct{ Class, Word, Shape string }

// statusOf returns the look of a status of a remedy, an action or a cord.
func statusOf(status string) statusLook {
	switch status {
	case "done", "succeeded", "open":
		return statusLook{"good", status, "●"}
	case "acting", "pending", "waiting", "retrying":
		return statusLook{"busy", status, "◐"}
	case "held", "yellow", "unknown", "paused":
		return statusLook{"warn", status, "▲"}
	case "effective":
		return statusLook{"good", status, "●"}
	case "published":
		return statusLook{"busy", status, "◐"}
	case "review", "overdue", "warning":
		return statusLook{"warn", status, "▲"}
	case "error":
		return statusLook{"bad", status, "■"}
	case "failed", "failed-after-arrival", "red":
		return statusLook{"bad", status, "■"}
	}
	return statusLook{"calm", status, "○"} // what was decided against, ended by a person, or is only a trial
}
