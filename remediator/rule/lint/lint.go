package lint

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/logic"
)

// Check returns the warnings about a set of rules, in the order of the files.
func Check(set *rule.Set) (rule.Problems, error) { return check(set, maxPairs) }

func check(set *rule.Set, maxPairs int) (rule.Problems, error) {
	reason, err := logic.New()
	if err != nil {
		return nil, err
	}
	l := &linter{logic: reason, sources: map[string]*source{}, maxPairs: maxPairs}
	for _, r := range set.Rules {
		l.rules = append(l.rules, l.study(set, r))
	}
	for _, r := range l.rules {
		r.never()
		r.neverComes()
		r.absentPays()
		r.neverCounts()
		r.budget()
		r.neverPays()
		r.oneKey()
		r.creditsOther()
		r.textOrder()
	}
	l.pairs()
	l.unindexed(set)
	problems := rule.Problems{}
	for _, file := range slices.Sorted(maps.Keys(l.sources)) {
		problems = append(problems, l.sources[file].Problems...)
	}
	problems.Sort()
	return problems, nil
}

type linter struct {
	logic   *logic.Logic
	sources map[string]*source
	rules   []*studied // in order of their names

	maxPairs int
}

// source is a file of rules, with where each begins.
type source struct {
	*document.Source
	rules map[int]*yaml.Node // by their lines
}

// studied is a rule with what follows from it.
type studied struct {
	*rule.Rule
	source *source
	node   *yaml.Node // nil when the file could not be read again
	reader *logic.Reader

	claims []logic.Claim // of the filters, types included
	nevers []bool        // whether each of them can never hold
	dead   bool          // so that the rule never fires for any type
	steps  string        // all of them, as written
	key    key           // once_per as written
	unless string        // the counterpart as written, empty when there is none
	pays   []string      // the payments that it refunds, as written
}

func (l *linter) study(set *rule.Set, r *rule.Rule) *studied {
	reader := readerOf(l.logic, r)
	s := &studied{Rule: r, source: l.source(set, r.File), reader: reader, key: keyOf(reader, r), unless: r.UnlessText(reader.Expand)}
	s.node = s.source.rules[r.Line]
	for _, f := range r.Filters {
		claim := s.claim(f).Ready()
		s.claims, s.nevers = append(s.claims, claim), append(s.nevers, claim.Never())
	}
	var steps []string
	for i := range r.Steps {
		step := &r.Steps[i]
		steps = append(steps, step.Written(reader.Expand))
		if x := step.Payment(); x != nil {
			s.pays = append(s.pays, reader.Expand(x.Text))
		}
	}
	s.steps = strings.Join(steps, "\n")
	return s
}

// readerOf returns what reads the expressions of a rule.
func readerOf(l *logic.Logic, r *rule.Rule) *logic.Reader {
	lets := map[string]string{}
	for _, let := range r.Lets {
		lets[let.Name] = let.Expr.Text
	}
	return l.Reader(lets)
}

// claim is what must hold of an event that passes a filter.
func (s *studied) claim(f rule.Filter) logic.Claim {
	return s.typed(f).And(s.read(f.If))
}

// typed is what the filter says of the type.
func (s *studied) typed(f rule.Filter) logic.Claim {
	if above, ok := strings.CutSuffix(f.Event, "*"); ok {
		return logic.Begins("event.type", above)
	}
	return logic.Is("event.type", f.Event)
}

func (s *studied) read(x *rule.Expr) logic.Claim {
	if x == nil {
		return logic.Always()
	}
	return s.reader.Read(x.Text)
}

// source reads a file again, for the places of what is in it.
func (l *linter) source(set *rule.Set, path string) *source {
	if s, ok := l.sources[path]; ok {
		return s
	}
	s := &source{rules: map[int]*yaml.Node{}}
	for _, file := range set.Files {
		if file.Path == path {
			s.Source = document.NewSource(path, file.Text)
		}
	}
	root := s.Parse()
	s.Forget() // whatever it was, loading has said it
	if list := document.Value(root, "rules"); list != nil {
		for _, node := range list.Content {
			s.rules[node.Line] = node
		}
	}
	l.sources[path] = s
	return s
}

// at returns where the value of a key of the rule stands; where the rule's name
// does when it has no such key.
func (s *studied) at(key string) document.Place {
	for _, wanted := range []string{key, "rule"} {
		if n := document.Value(s.node, wanted); n != nil {
			return s.source.Within(n, 0)
		}
	}
	return document.Place{Line: s.Line, Col: 1}
}

// asLive reports whether two rules act for the same customers: one in shadow
// beside a live one is there to be compared with it.
func asLive(a, b *studied) bool { return (a.Mode == rule.Shadow) == (b.Mode == rule.Shadow) }
