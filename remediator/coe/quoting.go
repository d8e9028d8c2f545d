package coe

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/rule"
)

const (
	maxRuleText = 12 << 10 // bytes of rules that a draft quotes
	maxSets     = 5        // rule sets that it quotes from
)

// wording is a text of a rule by which it decided, since when in the period, and the
// first rule set that had it.
type wording struct {
	digest, set string
	since       time.Time
}

// wordings lists the texts by which a rule decided in the period of a draft, in order.
// Rules are edited while something goes wrong, and often because of it.
func (b *Book) wordings(a Ask, name string) (all []wording) {
	q := a.query(Remedies)
	q.Rule, q.Cord = name, ""
	for _, r := range b.chosen(q) {
		if !slices.ContainsFunc(all, func(w wording) bool { return w.digest == r.text }) {
			all = append(all, wording{r.text, r.set, r.at})
		}
	}
	return all
}

// Deciding lists the digests of the rule sets that a draft quotes from: those by which
// its rules decided, the first maxSets of them.
func (b *Book) Deciding(a Ask) (sets []string) {
	names, _ := b.rulesOf(a)
	for _, name := range names {
		for _, w := range b.wordings(a, name) {
			if len(sets) < maxSets && !slices.Contains(sets, w.set) {
				sets = append(sets, w.set)
			}
		}
	}
	return sets
}

// quote quotes the rules as they decided, as long as they are not too much.
func (d *drafting) quote() {
	d.line("\n## Rules in force")
	left := maxRuleText
	for _, name := range d.rules {
		wordings := d.b.wordings(*d.Ask, name)
		for _, w := range wordings {
			left = d.quoteOf(d.Sets[w.set], name, w.set, "as it decided from "+moment(w.since)+" on", left)
		}
		if len(wordings) == 0 {
			d.quoteStanding(name, left)
		}
	}
	if len(d.rules) > 0 {
		return
	}
	d.line("\nNo rule had a part in it.")
	if d.Standing != nil {
		d.line("\nThe rule set that %s was %s.", d.standing(), code(d.Standing.Digest))
	}
}

// standing says when the rules were in force that no remedy names.
func (d *drafting) standing() string {
	if d.Later {
		return "was in force when this was written, as none was when this time ended,"
	}
	return "was in force when this time ended"
}

// quoteStanding quotes a rule that decided nothing in the period.
func (d *drafting) quoteStanding(name string, left int) {
	if d.Standing == nil || d.Standing.Rule(name) == nil {
		d.line("\nThe rule %s decided nothing in this time, and was not in force at its end.", code(name))
		return
	}
	d.quoteOf(d.Standing, name, d.Standing.Digest, "which decided nothing in this time, as it "+d.standing(), left)
}

// quoteOf quotes the file of a rule in a set, and returns how many bytes are left for
// others.
func (d *drafting) quoteOf(set *rule.Set, name, digestOfSet, as string, left int) int {
	if set == nil || set.Rule(name) == nil {
		d.line("\nThe rule %s, %s, in the rule set %s, is not quoted: the set cannot be read, or there are too many.", code(name), as, code(digestOfSet))
		return left
	}
	r := set.Rule(name)
	text := set.Files[slices.IndexFunc(set.Files, func(f rule.File) bool { return f.Path == r.File })].Text
	where := fmt.Sprintf("of the text %s, %s, in the rule set %s, in %s with SHA-256 %s", code(r.Digest), as, code(digestOfSet), code(r.File), code(digest(text)))
	if len(text) > left {
		d.line("\nThe rule %s, %s. Its file is too long to be quoted.", code(name), where)
		return left
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	d.line("\nThe rule %s, %s:\n\n%syaml\n%s\n%s", code(name), where, fence, strings.TrimSuffix(text, "\n"), fence)
	return left - len(text)
}
