package rehearse

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
)

// sets changes an event as its send says, and reports everything of it that is wrong.
func (r *run) sets(attributes map[string]any, one send) bool {
	good := true
	var added []*yaml.Node
	for _, set := range one.sets {
		keys, ok := r.change(attributes, set)
		added, good = append(added, keys...), good && ok
	}
	for _, key := range added {
		good = r.reads(attributes, key) && good
	}
	return good
}

// change sets what set names: attributes, and fields of data by their path. An
// attribute that is set to null is taken away. It returns the keys of what the event
// did not have.
func (s *suite) change(attributes map[string]any, set *yaml.Node) (added []*yaml.Node, good bool) {
	if set.Kind != yaml.MappingNode {
		s.Errorf(document.At(set), "type", "write paths and values: set: {data.delay_min: 179}", "set is not a mapping of paths to values")
		return nil, false
	}
	good = true
	lines := map[string]int{}
	for i := 0; i+1 < len(set.Content); i += 2 {
		key, node := set.Content[i], set.Content[i+1]
		if line := lines[key.Value]; line > 0 {
			s.Errorf(document.At(key), "duplicate-key", "keep one of them", "set has %s twice; the first is on line %d", key.Value, line)
			good = false
			continue
		}
		lines[key.Value] = key.Line
		fields := strings.Split(key.Value, ".")
		there := hasPath(attributes, fields)
		if !there && strings.ContainsAny(key.Value, "[]") {
			s.Errorf(document.At(key), "set", "write a field like data.order-id, and a list as a whole: set: {data.points: [7, 2]}", "set %s: a path has no [ ]", key.Value)
			good = false
			continue
		}
		value, err := plainValue(node)
		if err == nil {
			err = setPath(attributes, fields, value)
		}
		switch {
		case err != nil:
			s.Errorf(document.At(key), "set", "write a path like data.delay_min or the name of an attribute", "set %s: %v", key.Value, err)
			good = false
		case !there:
			added = append(added, key)
		}
	}
	return added, good
}

// reads refuses what is set and the event did not have, if no rule that hears the event
// reads it either: most often the path is mistyped, and the test shows nothing.
func (r *run) reads(attributes map[string]any, key *yaml.Node) bool {
	eventType, _ := attributes["type"].(string)
	clauses := r.set.Clauses(eventType)
	path, what := key.Value, "field"
	if !strings.Contains(path, ".") {
		if rule.IsAttribute(path) || path == "data" || path == "data_base64" {
			return true
		}
		path, what = "event."+path, "attribute"
	}
	if r.part || len(clauses) == 0 {
		return true
	}
	var known []string
	for _, c := range clauses {
		for _, read := range c.Reads() {
			if read == path || strings.HasPrefix(read, path+".") || strings.HasPrefix(path, read+".") {
				return true
			}
			known = append(known, strings.TrimPrefix(read, "event."))
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	hint := "set a field that the event has, or that a rule reads: " + strings.Join(known, ", ")
	near := document.Nearest(key.Value, known)
	if slices.Contains(known, "data."+key.Value) {
		near = "data." + key.Value
	}
	if near != "" {
		hint = "did you mean " + near + "?"
	}
	r.Errorf(document.At(key), "set", hint, "set %s: the event has no such %s, and no rule about %s reads it", key.Value, what, eventType)
	return false
}

// hasPath reports whether an object has something at a path.
func hasPath(object map[string]any, fields []string) bool {
	value, there := object[fields[0]]
	if !there || len(fields) == 1 {
		return there
	}
	inner, ok := value.(map[string]any)
	return ok && hasPath(inner, fields[1:])
}

func setPath(object map[string]any, fields []string, value any) error {
	name := fields[0]
	switch {
	case name == "":
		return errors.New("a part of the path is empty")
	case len(fields) == 1:
		object[name] = value
		return nil
	}
	inner, ok := object[name].(map[string]any)
	if !ok {
		if _, there := object[name]; there {
			return fmt.Errorf("%s is no object", name)
		}
		inner = map[string]any{}
		object[name] = inner
	}
	return setPath(inner, fields[1:], value)
}
