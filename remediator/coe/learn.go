package coe

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/rule/document"
)

var (
	blame   = regexp.MustCompile(`(?i)\b(human error|should have|careless\w*|negligen\w*|forgot|his fault|her fault|their fault|inattenti\w*|operator error)\b`)
	wishful = regexp.MustCompile(`(?i)^(be (more )?careful|remind|train|tell|ask|pay attention|be aware|try)\b`)
)

// factors holds that it has several causes, none of which ends at a person, and that
// something is done about each.
func (c *checking) factors() {
	dimensions, acted := map[string]bool{}, map[string]bool{}
	for _, a := range c.Actions {
		for _, n := range strings.FieldsFunc(a.Factor, func(r rune) bool { return r == ',' || r == ' ' }) {
			acted[n] = true
		}
	}
	for i, f := range c.Factors {
		if !slices.Contains(Dimensions, f.Dimension) {
			c.find(f.Offset, false, document.DidYouMean(f.Dimension, Dimensions), "the factor begins with no dimension")
		}
		dimensions[f.Dimension] = true
		if !acted[strconv.Itoa(i+1)] && !strings.Contains(strings.ToLower(f.Text), "accepted because ") {
			c.find(f.Offset, true, "name the factor in an action, or end with: accepted because …", "nothing is done about factor %d", i+1)
		}
		if words := blame.FindString(f.Text); words != "" {
			c.find(f.Offset, false, "ask what made that likely", "the factor ends at a person: %q", words)
		}
	}
	if len(c.Factors) < 2 || len(dimensions) < 2 {
		c.find(c.at("Contributing factors"), false, "an error has several: look at "+strings.Join(Dimensions, ", "), "there are no two factors of two dimensions")
	}
}

// actions holds that each has one person, a date, a priority and a criterion.
func (c *checking) actions() {
	kinds := map[string]bool{}
	if len(c.Actions) == 0 {
		c.find(c.at("Actions"), true, "write a table with the columns Action, Kind, Owner, Due, Priority, Done when and Factor", "there is no action")
	}
	for _, a := range c.Actions {
		kinds[a.Kind] = true
		due, dateErr := time.Parse(time.DateOnly, a.Due)
		if dateErr == nil && !c.Now.Before(due.AddDate(0, 0, 1)) {
			c.find(a.Offset, true, "write a day to come", "the action was due on %s, before it is published", a.Due)
		}
		for _, need := range []struct {
			missing    bool
			what, hint string
		}{
			{unsaid(a.Action), "what is done", "write it"},
			{!slices.Contains(Kinds, a.Kind), "kind", "write " + strings.Join(Kinds, ", ")},
			{unsaid(a.Owner) || strings.ContainsAny(a.Owner, ",&/") || strings.Contains(a.Owner, " and "), "single owner", "name one person"},
			{dateErr != nil, "date", "write Due like 2026-12-24"},
			{unsaid(a.Priority), "priority", "write high, medium or low"},
			{unsaid(a.DoneWhen), "criterion", "write in Done when how anybody can see that it is done"},
		} {
			if need.missing {
				c.find(a.Offset, true, need.hint, "the action has no %s", need.what)
			}
		}
		if words := wishful.FindString(a.Action); words != "" {
			c.find(a.Offset, false, "good intentions never work: build a mechanism", "the action begins with %q", words)
		}
		for _, n := range strings.FieldsFunc(a.Factor, func(r rune) bool { return r == ',' || r == ' ' }) {
			if i, err := strconv.Atoi(n); err != nil || i < 1 || i > len(c.Factors) {
				c.find(a.Offset, true, "write the number of a factor", "the action is against factor %q, which is none", n)
			}
		}
	}
	for _, kind := range Kinds {
		if len(c.Actions) > 0 && !kinds[kind] {
			c.find(c.at("Actions"), false, "what would "+kind+" it the next time?", "no action is to %s", kind)
		}
	}
}

// unsaid reports whether a cell says nothing.
func unsaid(cell string) bool { return strings.Trim(cell, "… .-") == "" }

// rest holds that somebody looked who else has these factors.
func (c *checking) rest() {
	blocks := c.Document.sections["Related"]
	if len(blocks) == 0 {
		return
	}
	listed := slices.ContainsFunc(c.nodes("Related"), func(words string) bool { return strings.HasPrefix(words, "•") || confirmed.MatchString(words) })
	if !listed {
		c.find(c.at("Related"), true, "list who else has these factors, or write: None, confirmed by NAME.", "nobody looked who else has these factors")
	}
}

var confirmed = regexp.MustCompile(`(?i)none,? confirmed by \S+`)

// nodes returns the words of a section's blocks; those of a list begin with a dot.
func (c *checking) nodes(section string) []string {
	var all []string
	for _, block := range c.Document.sections[section] {
		words := c.textOf(block)
		if block.Kind().String() == "List" {
			words = "•" + words
		}
		all = append(all, words)
	}
	return all
}
