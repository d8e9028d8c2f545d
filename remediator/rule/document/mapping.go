package document

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// Mapping is a mapping of the file, read strictly: each key at most once, and
// none but those that mean something. A mistyped key is reported, and read as
// the one that was meant unless that is there too.
type Mapping struct {
	Node   *yaml.Node
	source *Source
	what   string
	keys   map[string]*yaml.Node
	values map[string]*yaml.Node
	given  map[string]bool // keys whose values cannot be read
}

// Mapping reads a node as a mapping with the keys given; what names it in
// messages. It returns nil, having reported it, when the node is none; of none at all Get
// has reported why. When no keys are given, every key is allowed.
func (s *Source) Mapping(n *yaml.Node, what string, allowed ...string) *Mapping {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		s.Errorf(At(n), "type", "write "+example(allowed), "%s is %s, not a mapping", what, kind(n))
		return nil
	}
	m := &Mapping{Node: n, source: s, what: what, keys: make(map[string]*yaml.Node), values: make(map[string]*yaml.Node), given: make(map[string]bool)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		m.add(n.Content[i], n.Content[i+1], allowed)
	}
	return m
}

func (m *Mapping) add(key, value *yaml.Node, allowed []string) {
	s, name := m.source, key.Value
	if key.Kind != yaml.ScalarNode {
		s.Errorf(At(key), "type", "write a name in front of the colon", "a key of %s is %s", m.what, kind(key))
		return
	}
	if before, ok := m.keys[name]; ok && before.Value == name {
		s.Errorf(At(key), "duplicate-key", "keep one of them", "%s has the key %s twice; the first is on line %d", m.what, name, before.Line)
		return
	}
	if len(allowed) > 0 && !contains(allowed, name) {
		meant, hint := m.meant(name, allowed)
		s.Errorf(At(key), "unknown-key", hint, "%s has no key %s", m.what, quoteName(name))
		if name = meant; name == "" || m.keys[name] != nil {
			return
		}
		// Read as what was meant, nothing else seems to be wrong on its account.
	}
	m.keys[name], m.values[name] = key, value
}

// meant returns the key that was meant by one that is not allowed, or "", and what to do: the
// one that has another name elsewhere, unless it is there too, or else is mistyped.
func (m *Mapping) meant(name string, allowed []string) (key, hint string) {
	if key = m.source.Words[strings.ToLower(name)]; contains(allowed, key) {
		if Value(m.Node, key) != nil {
			return "", "take it out: " + key + " says that, and is there"
		}
	} else {
		key = Nearest(name, allowed)
	}
	if key == "" {
		return "", DidYouMean(name, allowed)
	}
	return key, "did you mean " + key + "?"
}

// Get returns the value of a key, nil when it is absent or empty.
func (m *Mapping) Get(name string) *yaml.Node {
	n := m.values[name]
	if n != nil && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Style == 0 {
		if !m.source.Broken {
			m.source.Errorf(At(m.keys[name]), "type", "give it a value, indented when it stands below, or remove the key", "%s has no value", name)
		}
		delete(m.values, name)
		return nil
	}
	return n
}

// Inherit gives m the keys named that it does not have itself, with the values
// that another mapping of the file has for them.
func (m *Mapping) Inherit(from *Mapping, names ...string) {
	for _, name := range names {
		if !m.Has(name) && from.keys[name] != nil {
			m.keys[name], m.values[name] = from.keys[name], from.values[name]
		}
	}
}

// Presume takes keys for given whose values cannot be read, which has been reported.
func (m *Mapping) Presume(names ...string) {
	for _, name := range names {
		m.given[name] = true
	}
}

// Has reports whether the key is there, with whatever value, or meant by a mistyped
// one, which is reported already.
func (m *Mapping) Has(name string) bool { return m.keys[name] != nil || m.given[name] }

// Key returns where a key stands.
func (m *Mapping) Key(name string) Place {
	if n := m.keys[name]; n != nil {
		return At(n)
	}
	return At(m.Node)
}

// Names returns the keys of m itself in the order of the file.
func (m *Mapping) Names() []string {
	var names []string
	for i := 0; i+1 < len(m.Node.Content); i += 2 {
		if name := m.Node.Content[i].Value; m.keys[name] == m.Node.Content[i] {
			names = append(names, name)
		}
	}
	return names
}

// Need returns the value of a key and reports when it is absent.
func (m *Mapping) Need(name, hint string) *yaml.Node {
	if !m.Has(name) && !m.source.Broken {
		m.source.Errorf(At(m.Node), "missing", hint, "%s has no %s", m.what, name)
	}
	return m.Get(name)
}

// Scalar returns the text of a node that must be a text, number or the like.
func (s *Source) Scalar(n *yaml.Node, what, hint string) (string, bool) {
	if n.Kind == yaml.ScalarNode {
		return n.Value, true
	}
	s.Errorf(At(n), "type", hint, "%s is %s, not a text", what, kind(n))
	return "", false
}

// Items returns the items of a list; anything else is a list of itself.
func Items(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

// Kind says what a node is, for messages.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		return "the text " + quoteName(n.Value)
	}
	return "nothing"
}

func example(allowed []string) string {
	if len(allowed) == 0 {
		return "name: value, one on each line"
	}
	return "its keys below it: " + strings.Join(allowed, ", ")
}

// quoteName shortens and quotes a token of the file.
func quoteName(text string) string {
	runes := []rune(strings.ReplaceAll(text, "\n", " "))
	if len(runes) > 40 {
		runes = append(runes[:39], '…')
	}
	return `"` + string(runes) + `"`
}

func contains(list []string, name string) bool {
	for _, item := range list {
		if item == name {
			return true
		}
	}
	return false
}

// Value returns the value of a mapping's key, nil when there is none.
func Value(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
