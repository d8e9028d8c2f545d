package expression

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/makegood/makegood/remediator/event"
)

// place compiles a field of the event or a let; ours is false for the rest.
func (c *compiler) place(e ast.Expr) (f operandFunc, ours bool) {
	path, optional, ok := c.path(e)
	if !ok || e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
		return nil, false
	}
	if optional > 0 {
		return nil, true // only what takes an optional can use it
	}
	if len(path) == 1 {
		return c.name(path[0]), true
	}
	return c.field(path), true
}

// path takes apart a selection of fields of data or event, or a name. optional
// is the position in the path of the first field selected with .?, 0 for none.
func (c *compiler) path(e ast.Expr) (path []string, optional int, ok bool) {
	depth := 0
	for {
		if e.Kind() == ast.IdentKind {
			path = append(path, e.AsIdent())
			slices.Reverse(path)
			if optional > 0 {
				optional = depth - optional + 1
			}
			return path, optional, len(path) == 1 || path[0] == "data" || path[0] == "event"
		}
		if depth > 0 && e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() {
			return nil, 0, false
		}
		operand, name, ok := field(e)
		if !ok {
			return nil, 0, false
		}
		depth++
		if e.Kind() == ast.CallKind && e.AsCall().FunctionName() != operators.Index {
			optional = depth
		}
		path = append(path, name)
		e = operand
	}
}

// name compiles data, event or a let alone.
func (c *compiler) name(name string) operandFunc {
	if name == "data" {
		at := findRead(c.reads, []string{"data"})
		if at < 0 {
			return nil
		}
		reads := c.reads
		return func(f *Frame) operand {
			if f.view.Kind(int(f.slots[at])) == event.Absent {
				return operand{kind: kindNested} // an event without data has an empty object
			}
			return f.field(at, reads)
		}
	}
	if i := slices.Index(c.scope.lets(), name); i >= 0 && c.scope.kinds[name] != Optional {
		return func(f *Frame) operand {
			value := f.let(i)
			if len(value.text) > f.maxText {
				return unsaid
			}
			return value
		}
	}
	return nil
}

func (c *compiler) field(path []string) operandFunc {
	if time, recorded := isTime(path); time {
		return func(f *Frame) operand { return f.time(recorded) }
	}
	at := findRead(c.reads, path)
	if at < 0 {
		return nil
	}
	reads := c.reads
	return func(f *Frame) operand { return f.field(at, reads) }
}

// isTime recognises the two attributes that the bytes of an event do not decide.
func isTime(path []string) (time, recorded bool) {
	if len(path) != 2 || path[0] != "event" {
		return false, false
	}
	return path[1] == "time" || path[1] == "recordedtime", path[1] == "recordedtime"
}

// has compiles has(data.a.b): whether the object above has the field. That there
// is no such object is an error, unless it is something without fields.
func (c *compiler) has(e ast.Expr) truthFunc {
	c.cost.step()
	path, optional, ok := c.path(e)
	if !ok || optional > 0 || len(path) < 2 {
		return nil
	}
	return c.there(path, len(path)-1)
}

// there compiles whether a field is there, when those from optional on may be
// absent.
func (c *compiler) there(path []string, optional int) truthFunc {
	if time, _ := isTime(path); time {
		return func(*Frame) Truth { return True }
	}
	at := findRead(c.reads, path)
	if at < 0 {
		return nil
	}
	reads := c.reads
	return func(f *Frame) Truth {
		if f.view.Kind(int(f.slots[at])) != event.Absent {
			return True
		}
		fault, depth := f.missing(at, reads)
		if fault == kindAbsent && depth >= optional {
			return False
		}
		return fault.truth()
	}
}

// optional compiles an optional field: whether it is there, and what it is then.
func (c *compiler) optional(e ast.Expr) (there truthFunc, value operandFunc) {
	path, optional, ok := c.path(e)
	if !ok || optional == 0 {
		return nil, nil
	}
	c.cost.step()
	there, value = c.there(path, optional), c.field(path)
	if there == nil || value == nil {
		return nil, nil
	}
	return there, value
}

func (c *compiler) hasValue(call ast.CallExpr) truthFunc {
	if len(call.Args()) > 0 {
		return nil
	}
	there, _ := c.optional(call.Target())
	return there
}

func (c *compiler) orValue(call ast.CallExpr) operandFunc {
	there, value := c.optional(call.Target())
	otherwise := c.operand(call.Args()[0])
	if there == nil || otherwise == nil {
		return nil
	}
	return chosen(there, value, otherwise)
}

// present compiles a program that is an optional field: without it, it has no
// value, as if the field had been selected plainly.
func (c *compiler) present(e ast.Expr) operandFunc {
	there, value := c.optional(e)
	if there == nil {
		return nil
	}
	return chosen(there, value, func(*Frame) operand { return operand{kind: kindAbsent} })
}
