package event

import (
	"fmt"
	"math/bits"
)

// Plan says which paths of an event are wanted. It is immutable.
type Plan struct {
	slots      map[string]int // by the path, as written by appendPath
	data       *node          // nil when nothing of the data is wanted
	attributes []attributeSlot
	whole      int // the slot of the path "event" alone; -1 when it has none
}

// node is a place in the tree of the wanted paths of the data.
type node struct {
	slot     int
	children []child
	table    []child // by their hashes; at most a quarter is used, so that what is not there is found out at once
	shift    uint8   // brings a hash down to a place in the table
}

type child struct {
	hash uint64
	name string
	node *node // nil where the table has none
}

// attributeSlot is where an attribute goes.
type attributeSlot struct {
	name  string
	known known
	slot  int
}

// NewPlan makes the plan of the given paths, which may repeat. A path is the
// names of the fields from "data" or "event" on; either alone is the whole. It
// panics at another beginning, which no event could answer.
func NewPlan(paths [][]string) *Plan {
	p := &Plan{slots: make(map[string]int), whole: -1}
	var nodes []*node // by slot; nil for attributes
	var key []byte
	for _, path := range paths {
		if len(path) == 0 || path[0] != "data" && path[0] != "event" {
			panic(fmt.Sprintf("event: a path begins with data or event, not %q", path))
		}
		key = key[:0]
		var above *node
		for depth, name := range path {
			key = appendName(key, name)
			slot, there := p.slots[string(key)]
			if !there {
				slot = len(nodes)
				p.slots[string(key)] = slot
				nodes = append(nodes, p.add(path[:depth+1], slot, above))
			}
			above = nodes[slot]
		}
	}
	for _, n := range nodes {
		if n != nil {
			n.tabulate()
		}
	}
	return p
}

// add puts a path into the plan, whose beginning is there already.
func (p *Plan) add(path []string, slot int, above *node) *node {
	name := path[len(path)-1]
	if path[0] == "data" {
		n := &node{slot: slot}
		if above == nil {
			p.data = n
		} else {
			above.children = append(above.children, child{hashOf([]byte(name)), name, n})
		}
		return n
	}
	switch {
	case len(path) == 1:
		p.whole = slot
	case len(path) == 2 && name != "time" && name != "recordedtime": // these are not what the bytes say
		p.attributes = append(p.attributes, attributeSlot{name, knownOf([]byte(name)), slot})
	}
	return nil // an attribute has no fields
}

// Slot returns the slot of a path or of the beginning of one, and -1 for a path
// that the plan does not have.
func (p *Plan) Slot(path []string) int {
	key := make([]byte, 0, 64) // stays on the stack
	for _, name := range path {
		key = appendName(key, name)
	}
	if slot, there := p.slots[string(key)]; there {
		return slot
	}
	return -1
}

// Slots returns how many slots the plan has: they are numbered from 0.
func (p *Plan) Slots() int { return len(p.slots) }

// appendName appends a name so that no two paths are written alike.
func appendName(path []byte, name string) []byte {
	return append(appendText(path, name), '.')
}

// tabulate makes the table of the children.
func (n *node) tabulate() {
	size := bits.Len(uint(4 * len(n.children)))
	n.table, n.shift = make([]child, 1<<size), uint8(64-size)
	for _, c := range n.children {
		at := int(c.hash >> n.shift)
		for n.table[at].node != nil {
			at = (at + 1) & (len(n.table) - 1)
		}
		n.table[at] = c
	}
}

// field returns the node of a field that is wanted, nil when it is not.
func (n *node) field(s *scanner, one name) *node {
	for at := int(one.hash >> n.shift); ; at++ {
		c := &n.table[at&(len(n.table)-1)]
		if c.node == nil || c.hash == one.hash && s.is(one, c.name) {
			return c.node
		}
	}
}
