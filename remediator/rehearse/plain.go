package rehearse

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/money"
)

// plain turns a value that a condition saw into what JSON has. What has that form already
// is not copied: it may be a long list, seen by many.
func plain(value any) any {
	if isPlain(value) {
		return value
	}
	switch v := value.(type) {
	case money.Money:
		return v.String()
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case time.Duration:
		return v.String()
	case float64: // a division by zero gives these
		switch {
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		}
		return "NaN"
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = plain(v[i])
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for name := range v {
			all[name] = plain(v[name])
		}
		return all
	}
	return value
}

// isPlain reports whether JSON has a value as it is.
func isPlain(value any) bool {
	switch v := value.(type) {
	case money.Money, time.Time, time.Duration:
		return false
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		return !slices.ContainsFunc(v, func(element any) bool { return !isPlain(element) })
	case map[string]any:
		for _, field := range v {
			if !isPlain(field) {
				return false
			}
		}
	}
	return true
}

// maxShown bounds a value in a message, in bytes.
const maxShown = 80

func shown(value any) string {
	text, err := json.Marshal(plain(value))
	if err != nil {
		return fmt.Sprint(value)
	}
	if len(text) > maxShown {
		return strings.ToValidUTF8(string(text[:maxShown]), "") + "…"
	}
	return string(text)
}

// readText writes what a condition read, and what was not there to be read.
func readText(seen map[string]any, absent []string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		all = append(all, name+" = "+shown(seen[name]))
	}
	for _, path := range absent {
		all = append(all, path+" is absent")
	}
	return strings.Join(all, ", ")
}
