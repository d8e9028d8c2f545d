package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// dialect is how the language of an engine writes conditions.
type dialect struct {
	and  string // between two conditions
	root string // before paths, where an event is below one name; else they stand as they are

	// conditions are formats of package fmt: %[1] is the path, %[2] the value, texts
	// of a list without its brackets; %[3] is the end of a range, or the field of the
	// objects that the path's list has, with its dot.
	conditions map[Operator]string
}

// with returns the dialect with some conditions written otherwise.
func (d dialect) with(conditions map[Operator]string) dialect {
	d.conditions = maps.Clone(d.conditions)
	maps.Copy(d.conditions, conditions)
	return d
}

// text writes the conditions of a rule.
func (d dialect) text(r *Rule) string {
	texts := make([]string, len(r.Conditions))
	for i := range r.Conditions {
		texts[i] = d.condition(&r.Conditions[i])
	}
	return strings.Join(texts, d.and)
}

func (d dialect) condition(c *Condition) string {
	format, ok := d.conditions[c.Operator]
	if !ok {
		panic(fmt.Sprintf("no operator %q", c.Operator))
	}
	path := c.Path
	if d.root != "" {
		path = d.root + strings.TrimPrefix(path, "event.")
	}
	switch value := c.Value.(type) {
	case []string:
		return fmt.Sprintf(format, path, quoted(value))
	case []int:
		return fmt.Sprintf(format, path, value[0], value[1])
	}
	if c.Operator == Any {
		at := strings.LastIndexByte(path, '.')
		return fmt.Sprintf(format, path[:at], c.Value, path[at:])
	}
	return fmt.Sprintf(format, path, c.Value)
}

// quoted writes texts as a list without its brackets, which the languages spell alike.
func quoted(texts []string) string {
	all := make([]string, 0, len(texts))
	for _, text := range texts {
		quotation, err := json.Marshal(text)
		if err != nil {
			panic(err) // texts only
		}
		all = append(all, string(quotation))
	}
	return strings.Join(all, ",")
}
