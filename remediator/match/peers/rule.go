package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Rule is a rule in the form that belongs to no engine: all its conditions
// hold, and the type is equal, or begins so where it ends in ".*".
type Rule struct {
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	Conditions []Condition `json:"conditions"`
}

// Condition compares what lies at a path of the event with a value.
type Condition struct {
	Path     string   `json:"path"`
	Operator Operator `json:"operator"`
	Value    any      `json:"value,omitempty"`
}

// Operator says how a condition compares; README.md has the list.
type Operator string

// The operators. Range holds from the first number of its value on, and below
// the second. Has is about a list of texts, Any about a field of a list of
// objects.
const (
	Equal     Operator = "equal"
	NotEqual  Operator = "not_equal"
	In        Operator = "in"
	Prefix    Operator = "prefix"
	NotPrefix Operator = "not_prefix"
	Suffix    Operator = "suffix"
	Contains  Operator = "contains"
	AtLeast   Operator = "at_least"
	Range     Operator = "range"
	Not       Operator = "not" // it is false; there is no value
	Has       Operator = "has"
	Any       Operator = "any"
)

// covers reports whether a rule's type covers an event's.
func (r *Rule) covers(eventType string) bool {
	if prefix, wild := strings.CutSuffix(r.Type, "*"); wild {
		return strings.HasPrefix(eventType, prefix) && len(eventType) > len(prefix)
	}
	return r.Type == eventType
}

// text returns what a path of texts names in an event, to read or to change.
func (d *document) text(path string) *string {
	switch path {
	case "event.subject":
		return &d.Subject
	case "event.customer":
		return &d.Customer
	case "data.rental":
		return &d.Data.Rental
	case "data.region":
		return &d.Data.Region
	case "data.plan":
		return &d.Data.Plan
	case "data.title":
		return &d.Data.Title
	case "data.device":
		return &d.Data.Device
	case "data.status":
		return &d.Data.Status
	case "data.reason":
		return &d.Data.Reason
	}
	panic("no text at " + path)
}

func (d *document) number(path string) *int {
	switch path {
	case "data.stall_s":
		return &d.Data.StallS
	case "data.latency_us":
		return &d.Data.LatencyUS
	}
	panic("no number at " + path)
}

// satisfy changes an event so that the condition holds.
func (c *Condition) satisfy(source *rand.Rand, d *document) {
	switch value := c.Value; c.Operator {
	case Equal:
		*d.text(c.Path) = value.(string)
	case In:
		*d.text(c.Path) = pick(source, value.([]string))
	case Prefix:
		*d.text(c.Path) = value.(string) + randomText(source, "0123456789", 2)
	case Suffix:
		*d.text(c.Path) = "tv-" + pick(source, brands) + "-" + value.(string)
	case Contains:
		*d.text(c.Path) = pick(source, adjectives) + " " + pick(source, nouns) + " of x" + value.(string) + "x"
	case AtLeast:
		*d.number(c.Path) = value.(int) + source.IntN(20)
	case Range:
		*d.number(c.Path) = value.([]int)[0]
	case Not:
		d.Data.Trial = false
	case Has:
		d.Data.Tags[source.IntN(len(d.Data.Tags))] = value.(string)
	case Any:
		d.Data.Items[0].SKU = value.(string)
	case NotEqual, NotPrefix:
		if c.Path == "data.status" {
			d.Data.Status = pick(source, statuses)
			return
		}
		text := d.text(c.Path)
		others := slices.Concat(plans, regions)
		for !c.holds(d) {
			*text = pick(source, others)
		}
	}
}

// violate changes an event so that the condition does not hold, where it is one
// that holds for many by chance.
func (c *Condition) violate(source *rand.Rand, d *document) {
	switch value := c.Value; c.Operator {
	case AtLeast:
		*d.number(c.Path) = source.IntN(max(1, value.(int)))
	case Range:
		*d.number(c.Path) = value.([]int)[1]
	case Not:
		d.Data.Trial = true
	case NotEqual:
		*d.text(c.Path) = value.(string)
	}
}

// holds is what the condition means. It is what the other engines' matches are
// compared with, and as slow as it is plain.
func (c *Condition) holds(d *document) bool {
	switch value := c.Value; c.Operator {
	case Equal:
		return *d.text(c.Path) == value.(string)
	case NotEqual:
		return *d.text(c.Path) != value.(string)
	case In:
		return slices.Contains(value.([]string), *d.text(c.Path))
	case Prefix:
		return strings.HasPrefix(*d.text(c.Path), value.(string))
	case NotPrefix:
		return !strings.HasPrefix(*d.text(c.Path), value.(string))
	case Suffix:
		return strings.HasSuffix(*d.text(c.Path), value.(string))
	case Contains:
		return strings.Contains(*d.text(c.Path), value.(string))
	case AtLeast:
		return *d.number(c.Path) >= value.(int)
	case Range:
		n := *d.number(c.Path)
		return n >= value.([]int)[0] && n < value.([]int)[1]
	case Not:
		return !d.Data.Trial
	case Has:
		return slices.Contains(d.Data.Tags, value.(string))
	case Any:
		return slices.ContainsFunc(d.Data.Items, func(i item) bool { return i.SKU == value.(string) })
	}
	panic(fmt.Sprintf("no operator %q", c.Operator))
}
