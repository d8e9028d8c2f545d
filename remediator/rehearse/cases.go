package rehearse

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
)

// cases reads a table: each case is the test with other values in its last event,
// the one that is judged, and what comes of them.
func (s *suite) cases(m *document.Mapping, base test) []test {
	items := s.list(m.Get("cases"))
	if len(items) == 0 {
		s.Errorf(m.Key("cases"), "empty", "write a case: - {set: {data.delay_min: 179}, expect: []}", "the test has no cases, so it shows nothing")
	}
	var all []test
	for _, item := range items {
		all = append(all, s.oneCase(item, base))
	}
	return all
}

func (s *suite) oneCase(n *yaml.Node, base test) test {
	t, before := test{name: base.name, at: document.At(n), sends: slices.Clone(base.sends)}, s.Errors()
	m := s.Mapping(n, "a case", "name", "set", "expect", "not", "golden")
	if m == nil {
		t.broken = true
		return t
	}
	name := s.text(m.Get("name"))
	set := m.Need("set", "write the values that the case is about: set: {data.delay_min: 179}")
	if set != nil && lastEvent(t.sends) >= 0 {
		last := &t.sends[lastEvent(t.sends)]
		last.sets = append(slices.Clone(last.sets), set)
		if name == "" {
			name = inline(set)
		}
	}
	if base.name != "" {
		t.name = base.name + " / " + name
	}
	t.demand = s.demand(m, "the case")
	t.broken = base.broken || s.Errors() > before
	return t
}

// inline writes values in one line, for the name of a case that has none.
func inline(n *yaml.Node) string {
	var parts []string
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, n.Content[i].Value+": "+inline(n.Content[i+1]))
		}
		return strings.Join(parts, ", ")
	case yaml.SequenceNode:
		for _, item := range n.Content {
			parts = append(parts, inline(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return n.Value
}
