package event

import "fmt"

// Plan says which paths of an event are wanted. It is immutable.
type Plan struct {
	data       *node // nil when nothing of the data is wanted
	attributes []attributeSlot
	whole      int // the slot of the path "event" alone; -1 when it has none
	slots      int
	bySlot     map[string]int
}

// node is a place in the tree of the wanted paths.
type node struct {
	slot     int
	children []child
}

type child struct {
	name string
	node *node
}

// attributeSlot is where an attribute goes.
type attributeSlot struct {
	name string
	slot int
}

// NewPlan makes the plan of the given paths, which may repeat. A path is the
// names of the fields from "data" or "event" on; either alone is the whole. It
// panics at another beginning, which no event could answer.
func NewPlan(paths [][]string) *Plan {
	p := &Plan{whole: -1, bySlot: make(map[string]int)}
	for _, path := range paths {
		switch {
		case len(path) > 0 && path[0] == "data":
			p.addData(path)
		case len(path) > 0 && path[0] == "event":
			p.addAttribute(path)
		default:
			panic(fmt.Sprintf("event: a path begins with data or event, not %q", path))
		}
	}
	return p
}

func (p *Plan) addData(path []string) {
	if p.data == nil {
		p.data = &node{slot: p.slot(path[:1])}
	}
	at := p.data
	for i, name := range path[1:] {
		next := at.child(name)
		if next == nil {
			next = &node{slot: p.slot(path[:i+2])}
			at.children = append(at.children, child{name, next})
		}
		at = next
	}
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c.node
		}
	}
	return nil
}

// addAttribute makes slots for an attribute and for what would lie below it:
// nothing, as an attribute has no fields.
func (p *Plan) addAttribute(path []string) {
	for i := range path {
		known := p.slots
		slot := p.slot(path[:i+1])
		switch {
		case i == 0:
			p.whole = slot
		case i == 1 && slot == known && !derived(path[1]):
			p.attributes = append(p.attributes, attributeSlot{path[1], slot})
		}
	}
}

// derived says whether an attribute that expressions see is not what the bytes
// say: the log's time, and the event's as a time.
func derived(name string) bool { return name == "time" || name == "recordedtime" }

// slot returns the slot of a path, a new one when it has none.
func (p *Plan) slot(path []string) int {
	key := pathKey(path)
	slot, there := p.bySlot[key]
	if !there {
		slot = p.slots
		p.slots++
		p.bySlot[key] = slot
	}
	return slot
}

// Slot returns the slot of a path or of the beginning of one, and -1 for a path
// that the plan does not have.
func (p *Plan) Slot(path []string) int {
	if slot, there := p.bySlot[pathKey(path)]; there {
		return slot
	}
	return -1
}

// Slots returns how many slots the plan has: they are numbered from 0.
func (p *Plan) Slots() int { return p.slots }

// pathKey writes a path so that no two paths are written alike.
func pathKey(path []string) string {
	var key []byte
	for _, name := range path {
		key = append(appendText(key, name), '.')
	}
	return string(key)
}
