package expression

import (
	"slices"
	"unique"

	"github.com/makegood/makegood/remediator/event"
)

// read is a place of the event that a program reads, or one above such a place.
// A program's reads are numbered, a parent before its children.
type read struct {
	path   []string // from data or event on
	parent int      // -1: none above it that a program could read
}

// reads lists what the paths of a program read. Attributes have no fields, so
// nothing below one is listed. Rules ask for the same names again and again, so the
// texts of names are shared: who goes through many rules finds them in the cache.
func reads(paths []Path) []read {
	var all []read
	for _, path := range paths {
		names := make([]string, 0, 1+len(path.Fields))
		for _, name := range append([]string{path.Root}, path.Fields...) {
			names = append(names, unique.Make(name).Value())
		}
		if path.Root == "event" {
			names = names[:min(len(names), 2)]
			all, _ = addRead(all, names, -1)
			continue
		}
		parent := -1
		for end := range names {
			all, parent = addRead(all, names[:end+1], parent)
		}
	}
	return all
}

func addRead(all []read, path []string, parent int) ([]read, int) {
	if at := findRead(all, path); at >= 0 {
		return all, at
	}
	return append(all, read{path: path, parent: parent}), len(all)
}

func findRead(all []read, path []string) int {
	return slices.IndexFunc(all, func(r read) bool { return slices.Equal(r.path, path) })
}

// AppendReads appends the paths that a plan for the program has to have.
func (p *Program) AppendReads(paths [][]string) [][]string {
	for i := range p.reads {
		paths = append(paths, p.reads[i].path)
	}
	return paths
}

// Bound is a program with the places of a plan. It is immutable, and evaluates
// events that were read with that plan.
type Bound struct {
	program *Program
	slots   []int32 // of the program's reads
}

// Bind gives the program its places in a plan, which must have what it reads.
func (p *Program) Bind(plan *event.Plan) Bound {
	b := Bound{program: p, slots: make([]int32, len(p.reads))}
	for i, r := range p.reads {
		b.slots[i] = int32(plan.Slot(r.path))
	}
	return b
}
