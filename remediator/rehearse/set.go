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
	var added []setPlace
	for _, set := range one.sets {
		keys, ok := r.change(attributes, set)
		added, good = append(added, keys...), good && ok
	}
	for _, key := range added {
		good = r.reads(attributes, key) && good
	}
	return good
}

// setPlace is where set puts something: the names in its path.
type setPlace struct {
	key  *yaml.Node
	path []string
}

// change sets what set names: attributes, and fields of data by their path. An
// attribute that is set to null is taken away. It returns the places of what the event
// did not have.
func (r *run) change(attributes map[string]any, set *yaml.Node) (added []setPlace, good bool) {
	if set.Kind != yaml.MappingNode {
		r.Errorf(document.At(set), "type", "write paths and values: set: {data.delay_min: 179}", "set is not a mapping of paths to values")
		return nil, false
	}
	good = true
	lines := map[string]int{}
	for i := 0; i+1 < len(set.Content); i += 2 {
		key, node := set.Content[i], set.Content[i+1]
		if line := lines[key.Value]; line > 0 {
			r.Errorf(document.At(key), "duplicate-key", "keep one of them", "set has %s twice; the first is on line %d", key.Value, line)
			good = false
			continue
		}
		lines[key.Value] = key.Line
		fields := r.fields(attributes, key.Value)
		there := hasPath(attributes, fields)
		if !there && strings.ContainsAny(key.Value, "[]") {
			r.Errorf(document.At(key), "set", "write a field like data.order-id, and a list as a whole: set: {data.points: [7, 2]}", "set %s: a path has no [ ]", key.Value)
			good = false
			continue
		}
		value, err := plainValue(node)
		if err == nil {
			err = setPath(attributes, fields, value)
		}
		switch {
		case err != nil:
			r.Errorf(document.At(key), "set", "write a path like data.delay_min or the name of an attribute", "set %s: %v", key.Value, err)
			good = false
		case !there:
			added = append(added, setPlace{key, fields})
		}
	}
	return added, good
}

// fields are the names in a path of an event, which may have dots themselves: the longest
// that the event has, else those that a rule reads.
func (r *run) fields(attributes map[string]any, path string) []string {
	fields := split(attributes, path)
	if hasPath(attributes, fields) || len(fields) == 1 {
		return fields
	}
	found := fields
	for _, read := range r.readsOf(attributes) {
		if within(fields, read) {
			return fields
		}
		for n := 2; n <= len(read); n++ {
			rest, under := strings.CutPrefix(path+".", strings.Join(read[:n], ".")+".")
			switch {
			case under && rest == "":
				found = read[:n:n]
			case under && n == len(read):
				found = append(read[:n:n], strings.Split(strings.TrimSuffix(rest, "."), ".")...)
			}
		}
	}
	return found
}

// split takes a path apart at its dots, but for those in the names that an object has.
func split(object map[string]any, path string) []string {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		value, there := object[path[:end]]
		if !there {
			continue
		}
		if end == len(path) {
			return []string{path}
		}
		inner, _ := value.(map[string]any)
		return append([]string{path[:end]}, split(inner, path[end+1:])...)
	}
	return strings.Split(path, ".")
}

// within reports whether one of two paths leads to the other, or both are one.
func within(a, b []string) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

// readsOf returns the paths that the rules read which hear an event.
func (r *run) readsOf(attributes map[string]any) [][]string {
	eventType, _ := attributes["type"].(string)
	var reads [][]string
	for _, c := range r.set.Clauses(eventType) {
		reads = append(reads, c.Reads()...)
	}
	return reads
}

// reads refuses what is set and the event did not have, if no rule that hears the event
// reads it either: most often the path is mistyped, and the test shows nothing.
func (r *run) reads(attributes map[string]any, set setPlace) bool {
	eventType, _ := attributes["type"].(string)
	path, what, text := set.path, "field", set.key.Value
	if len(path) == 1 {
		if rule.IsAttribute(text) || text == "data" || text == "data_base64" {
			return true
		}
		path, what = []string{"event", text}, "attribute"
	}
	if r.part || len(r.set.Clauses(eventType)) == 0 {
		return true
	}
	var known []string
	for _, read := range r.readsOf(attributes) {
		if within(read, path) {
			return true
		}
		known = append(known, strings.TrimPrefix(strings.Join(read, "."), "event."))
	}
	slices.Sort(known)
	known = slices.Compact(known)
	hint := "set a field that the event has"
	if len(known) > 0 {
		hint += ", or that a rule reads: " + strings.Join(known, ", ")
	}
	near := document.Nearest(text, known)
	if slices.Contains(known, "data."+text) {
		near = "data." + text
	}
	if near != "" {
		hint = "did you mean " + near + "?"
	}
	r.Errorf(document.At(set.key), "set", hint, "set %s: the event has no such %s, and no rule about %s reads it", text, what, eventType)
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
