package event_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/event"
)

// TestRepeatedNames looks for a repeated name in objects of many sizes, whose
// names are short or long, plain or escaped, or alike at both ends, and between
// which other large objects open and close.
func TestRepeatedNames(t *testing.T) {
	t.Parallel()
	inner := "{" + members("%d", 200, "0") + "}"
	for _, form := range []string{"%d", "field_%d", "the same beginning %d the same end", `\u0061%d`, "é%d"} {
		for _, count := range []int{1, 2, 16, 17, 63, 64, 65, 128, 129, 130, 600} {
			all := members(form, count, "0") + "," + members("x"+form, 1, inner)
			if _, err := event.Decode([]byte(with("data", "{"+all+"}"))); err != nil {
				t.Fatalf("%d names like %s: %v", count, form, err)
			}
			for _, again := range []int{0, count / 2, count - 1} {
				name := strings.Replace(fmt.Sprintf(form, again), `\u0061`, "a", 1)
				raw := []byte(with("data", fmt.Sprintf(`{%s,"%s":0}`, all, name)))
				var refused *event.Error
				if _, err := event.Decode(raw); !errors.As(err, &refused) || refused.Code != event.CodeDuplicateKey {
					t.Fatalf("%d names like %s, %d of them again: %v", count, form, again, err)
				}
			}
		}
	}
}

// members writes members whose names have the given form.
func members(form string, count int, value string) string {
	var all []string
	for i := range count {
		all = append(all, fmt.Sprintf(`"`+form+`":%s`, i, value))
	}
	return strings.Join(all, ",")
}
