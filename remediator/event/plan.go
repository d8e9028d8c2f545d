package event

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
)

// Plan says which paths of an event are wanted. It is immutable. Plans of the same
// paths are the same, whatever the order in which NewPlan was told of them.
type Plan struct {
	root       node  // of "data" and "event"
	data       *node // nil when nothing of the data is wanted
	attributes []attributeSlot
	whole      int // the slot of the path "event" alone; -1 when it has none
	slots      int
}

// node is a place in the tree of the wanted paths.
type node struct {
	slot     int
	children []child // in order of their names
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
	p := &Plan{whole: -1}
	for _, path := range paths {
		if len(path) == 0 || path[0] != "data" && path[0] != "event" {
			panic(fmt.Sprintf("event: a path begins with data or event, not %q", path))
		}
		at := &p.root
		for _, name := range path {
			below := at.child(name)
			if below == nil {
				below = at.add(name)
			}
			at = below
		}
	}
	p.number(&p.root)
	p.data = p.root.child("data")
	event := p.root.child("event")
	if event == nil {
		return p
	}
	p.whole = event.slot
	for _, c := range event.children {
		if c.name != "time" && c.name != "recordedtime" { // these are not what the bytes say
			p.attributes = append(p.attributes, attributeSlot{c.name, knownOf([]byte(c.name)), c.node.slot})
		}
	}
	return p
}

// number gives slots to all that is below a node.
func (p *Plan) number(n *node) {
	slices.SortFunc(n.children, func(a, b child) int { return cmp.Compare(a.name, b.name) })
	for _, c := range n.children {
		c.node.slot = p.slots
		p.slots++
		p.number(c.node)
	}
}

// Slot returns the slot of a path or of the beginning of one, and -1 for a path
// that the plan does not have.
func (p *Plan) Slot(path []string) int {
	at := &p.root
	for _, name := range path {
		if at = at.child(name); at == nil {
			return -1
		}
	}
	return at.slot
}

// Key returns a text that plans of the same paths have in common and no others:
// who makes many keeps one of each, which then stays near the processor.
func (p *Plan) Key() string { return string(p.root.appendKey(nil)) }

func (n *node) appendKey(key []byte) []byte {
	for _, c := range n.children {
		key = append(strconv.AppendQuote(key, c.name), '{')
		key = append(c.node.appendKey(key), '}')
	}
	return key
}

// Slots returns how many slots the plan has: they are numbered from 0.
func (p *Plan) Slots() int { return p.slots }

// child returns the node below one that has a name, nil when there is none.
func (n *node) child(name string) *node {
	if len(n.children) == 0 {
		return nil
	}
	hash := hashOf([]byte(name))
	for at := int(hash >> n.shift); ; at++ {
		c := &n.table[at&(len(n.table)-1)]
		if c.node == nil || c.hash == hash && c.name == name {
			return c.node
		}
	}
}

// add puts a node below one.
func (n *node) add(name string) *node {
	c := child{hashOf([]byte(name)), name, &node{}}
	n.children = append(n.children, c)
	if 4*len(n.children) <= len(n.table) {
		n.place(c)
		return c.node
	}
	size := bits.Len(uint(4 * len(n.children)))
	n.table, n.shift = make([]child, 1<<size), uint8(64-size)
	for _, c := range n.children {
		n.place(c)
	}
	return c.node
}

// place puts a child into the table.
func (n *node) place(c child) {
	at := int(c.hash >> n.shift)
	for n.table[at].node != nil {
		at = (at + 1) & (len(n.table) - 1)
	}
	n.table[at] = c
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
