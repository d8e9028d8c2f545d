package document

import (
	"fmt"
	"regexp"
	"strings"
)

// escaped writes \\ for a backslash that begins no escape of YAML, in a text in double quotes.
func escaped(start, value, comment string) (repairedLine, bool) {
	at := wrongEscape.FindStringSubmatchIndex(value)
	if at == nil {
		return repairedLine{}, false
	}
	text := start + doubled(value) + comment
	return repairedLine{
		text: text, shown: strings.TrimSpace(text),
		why:  fmt.Sprintf("%s is no escape of YAML, which reads a backslash in double quotes", value[at[2]:at[3]]),
		col:  len([]rune(start+value[:at[2]])) + 1,
		code: "yaml",
	}, true
}

// wrongEscape is a text in double quotes up to the first escape that YAML does not know.
var wrongEscape = regexp.MustCompile(`^"(?:[^\\]|\\[0abtnvfre "/\\N_LPxuU\t])*(\\[^0abtnvfre "/\\N_LPxuU\t])`)

func doubled(value string) string {
	for at := wrongEscape.FindStringSubmatchIndex(value); at != nil; at = wrongEscape.FindStringSubmatchIndex(value) {
		value = value[:at[2]] + `\\` + value[at[2]+1:]
	}
	return value
}
