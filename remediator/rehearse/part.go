package rehearse

import (
	"context"
	"slices"

	"github.com/makegood/makegood/remediator/rule"
)

// TestPart runs the tests among files as far as they can be judged by rules of which
// others could not be read, and returns what is wrong: with the files of tests, with the
// rules by them, and what of live money they do not show. Whatever may be wrong only
// because a rule is missing is left out.
func TestPart(ctx context.Context, part *rule.Part, files []rule.File) (rule.Problems, error) {
	doubtful := map[string]bool{} // rules of which tests are left out
	all := false                  // whether these may be any
	ran, err := testsOf(ctx, part.Set, files, true, func(t *test) bool {
		names := t.names()
		if t.golden == nil && !slices.ContainsFunc(names, part.Lost) {
			return true
		}
		for _, name := range names {
			doubtful[name] = true
		}
		all = all || t.golden != nil // its file may name others
		return false
	})
	if err != nil {
		return nil, err
	}
	problems := slices.DeleteFunc(ran.Problems, func(p rule.Problem) bool {
		return p.Code == "unmatched" // the rule that is about the event may be missing
	})
	for _, r := range part.Rules {
		if !all && !doubtful[r.Name] {
			problems = append(problems, demandOf(part.Set, ran, r)...)
		}
	}
	problems.Sort()
	return problems, nil
}

// names are the rules that the test names.
func (t *test) names() []string {
	var names []string
	for _, e := range t.expect {
		names = append(names, e.rule)
	}
	for _, n := range t.nots {
		names = append(names, n.rule)
	}
	return names
}
