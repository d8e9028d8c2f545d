package rehearse

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
)

// Beside are the tests that stand beside rules, for whoever looks at a rule. It is
// safe for concurrent use.
type Beside struct {
	read func() ([]rule.File, error)

	mu     sync.Mutex
	digest string      // of the rules that the tests were run against
	files  []rule.File // what was run
	ran    *Tests
}

// NewBeside returns the tests among the files that read returns, which also hold the
// events that these name.
func NewBeside(read func() ([]rule.File, error)) *Beside { return &Beside{read: read} }

// RuleTests is what the tests of one rule came to.
type RuleTests struct {
	Tests      []TestResult  `json:"tests"`            // those that name the rule, or send it events
	Conditions []Coverage    `json:"conditions"`       // of the rule
	Problems   rule.Problems `json:"problems"`         // why its tests failed, and what is wrong with files of tests
	Unread     string        `json:"unread,omitempty"` // why the files cannot be read; then there is nothing else
}

// Of runs the tests against rules, when either changed since, and returns those of
// one rule. Files that cannot be read are no error.
func (b *Beside) Of(set *rule.Set, name string) (*RuleTests, error) {
	of := &RuleTests{Tests: []TestResult{}, Conditions: []Coverage{}, Problems: rule.Problems{}}
	files, err := b.read()
	if err != nil {
		of.Unread = err.Error()
		return of, nil
	}
	ran, err := b.run(set, files)
	if err != nil {
		return nil, err
	}
	others := map[rule.Problem]bool{} // of tests of other rules
	for _, t := range ran.Tests {
		if slices.Contains(t.Rules, name) {
			of.Tests = append(of.Tests, t)
			continue
		}
		for _, p := range t.Problems {
			others[p] = true
		}
	}
	for _, p := range ran.Problems {
		if p.Severity == document.Error && !others[p] {
			of.Problems = append(of.Problems, p)
		}
	}
	for _, c := range ran.Conditions {
		if c.Rule == name {
			of.Conditions = append(of.Conditions, c)
		}
	}
	return of, nil
}

func (b *Beside) run(set *rule.Set, files []rule.File) (*Tests, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ran != nil && b.digest == set.Digest && slices.Equal(b.files, files) {
		return b.ran, nil
	}
	// Whoever asks next gets what it comes to, so it goes on when who asked first has left.
	ran, err := Test(context.Background(), set, files, nil)
	if err == nil {
		b.digest, b.files, b.ran = set.Digest, files, ran
	}
	return ran, err
}

// about lists the rules that the test names, and those that it sends events.
func (r *run) about() []string {
	names := map[string]bool{}
	for _, e := range r.test.expect {
		names[e.rule] = true
	}
	for _, n := range r.test.nots {
		names[n.rule] = true
	}
	for _, o := range r.outcomes {
		for _, j := range o.judged {
			names[j.rule.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
