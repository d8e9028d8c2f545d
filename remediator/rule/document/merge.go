package document

import (
	"errors"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// mergeKey is the key with which YAML takes over the keys of another place.
const mergeKey = "<<"

// merges refuses a key << once for the file, and says besides what else is wrong with it.
func (s *Source) merges(at Place, besides string) {
	if !s.merged {
		s.Errorf(at, "alias", "write the keys out; what the rules of a file share stands once, below defaults:",
			"<< merges keys of another place, which is not used here: a rule's text holds all of the rule%s", besides)
	}
	s.merged = true
}

// isMerge reports whether a key is <<. In quotes it is a name like others.
func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == mergeKey && key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0
}

var alias = regexp.MustCompile(`\*[^\s,\[\]{}]+`)

// mergeNothing reads on behind a key << for which there is no anchor: YAML stops at its alias.
func (s *Source) mergeNothing(at Place, err error) bool {
	var load *yaml.LoadError
	line := []rune(s.readLine(at.Line))
	if !errors.As(err, &load) || !strings.Contains(load.Message, "unknown anchor") || at.Col > len(line) {
		return false
	}
	before, rest := string(line[:at.Col-1]), string(line[at.Col-1:])
	key := strings.LastIndex(before, mergeKey)
	name := alias.FindString(rest)
	if key < 0 || name == "" || !strings.HasPrefix(rest, name) {
		return false
	}
	s.merges(Place{at.Line, len([]rune(before[:key])) + 1}, "; besides, no place is called &"+name[1:])
	s.repaired[at.Line-1] = before + "{}" + strings.TrimPrefix(rest, name)
	return true
}
