package expression

import (
	"maps"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/makegood/makegood/remediator/event"
)

// activation gives CEL what an expression names, out of the places of a plan.
// Nothing is decoded but what the expression reads.
type activation struct {
	frame *Frame
	bound Bound
}

// ResolveName implements cel.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case "data":
		return a.whole(), true
	case "event":
		return &object{activation: a, at: -1}, true
	}
	if IsAggregates(name) {
		return a.frame.aggregates, true
	}
	for i, let := range a.bound.program.lets {
		if let == name {
			return a.frame.celLet(i), true
		}
	}
	return nil, false
}

// Parent implements cel.Activation: there is none.
func (a *activation) Parent() cel.Activation { return nil }

// celLet returns the value of a let as CEL evaluates it.
func (f *Frame) celLet(i int) any {
	if known := &f.known[i]; known.celRound == f.round {
		return known.cel
	}
	value := f.lets[i].program.Value(&activation{frame: f, bound: f.lets[i]})
	f.known[i].celRound, f.known[i].cel = f.round, value
	return value
}

// whole returns the data: an empty object when the event has none.
func (a *activation) whole() any {
	at := findRead(a.bound.program.reads, []string{"data"})
	if value, ok := a.read(at); ok {
		return value
	}
	return map[string]any{}
}

// read returns the value of one of the program's reads, in the types of
// event.DecodeData apart from objects, and false when it is absent.
func (a *activation) read(at int) (any, bool) {
	view, slot := a.frame.view, int(a.bound.slots[at])
	switch view.Kind(slot) {
	case event.Absent:
		return nil, false
	case event.Null:
		return nil, true
	case event.False:
		return false, true
	case event.True:
		return true, true
	case event.Text:
		return string(view.Text(slot)), true
	case event.Object:
		return &object{activation: a, at: at}, true
	case event.Number:
		if n, ok := view.Number(slot); ok {
			return n, true
		}
	}
	value, err := event.DecodeData(view.Raw(slot))
	if err != nil {
		return Failure(err), true
	}
	return value, true
}

// object is an object of the data, or the event, as a CEL value. Fields that
// the expression names are found in their places; whatever looks at the object
// as a whole has it decoded.
type object struct {
	*activation
	at      int // the read; -1 for the event
	decoded sorted
}

// FindStringKey is asked by CEL for a field that the expression names.
func (o *object) FindStringKey(name string) (any, bool) {
	if o.at < 0 {
		return o.attribute(name)
	}
	if at := o.child(name); at >= 0 {
		return o.read(at)
	}
	value, found := o.all().Find(types.String(name))
	return value, found
}

// child returns the read of a field, -1 when the program does not name it.
func (o *object) child(name string) int {
	for i, r := range o.bound.program.reads {
		if r.parent == o.at && r.path[len(r.path)-1] == name && r.path[0] == "data" && len(r.path) > 1 {
			return i
		}
	}
	return -1
}

func (o *object) attribute(name string) (any, bool) {
	switch name {
	case "time", "recordedtime":
		return o.frame.time(name == "recordedtime").value(), true
	}
	if at := findRead(o.bound.program.reads, []string{"event", name}); at >= 0 {
		return o.read(at)
	}
	value, found := o.all().Find(types.String(name))
	return value, found
}

// all decodes the object.
func (o *object) all() sorted {
	if o.decoded.Mapper != nil {
		return o.decoded
	}
	fields := make(map[string]any)
	if o.at < 0 {
		ev := o.frame.view.Event()
		o.frame.dated = true
		fields = Attributes(&ev, o.frame.at)
	} else if value, err := event.DecodeData(o.frame.view.Raw(int(o.bound.slots[o.at]))); err == nil {
		fields = value.(map[string]any)
	}
	o.decoded = adapter{}.NativeToValue(fields).(sorted)
	return o.decoded
}

// Attributes returns the attributes of an event as expressions see them:
// customer and subject are there even when the event has none, and recordedtime
// is when the log took it, at nanoseconds.
func Attributes(ev *event.Event, at int64) map[string]any {
	all := make(map[string]any, len(ev.Attributes)+6)
	maps.Copy(all, ev.Attributes)
	all["id"], all["source"], all["type"] = ev.ID, ev.Source, ev.Type
	all["subject"], all["customer"] = ev.Subject, ev.Customer
	all["recordedtime"] = time.Unix(0, at).UTC() // ours, whatever an emitter writes there
	if ev.Time != 0 {
		at = ev.Time
	}
	all["time"] = time.Unix(0, at).UTC()
	return all
}

// Find implements traits.Mapper.
func (o *object) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return o.all().Find(key)
	}
	value, found := o.FindStringKey(string(name))
	if !found {
		return nil, false
	}
	return adapter{}.NativeToValue(value), true
}

// Get implements traits.Indexer.
func (o *object) Get(key ref.Val) ref.Val { return o.all().Get(key) }

// Contains implements traits.Container.
func (o *object) Contains(key ref.Val) ref.Val { return o.all().Contains(key) }

// Iterator implements traits.Iterable.
func (o *object) Iterator() traits.Iterator { return o.all().Iterator() }

// Size implements traits.Sizer.
func (o *object) Size() ref.Val { return o.all().Size() }

// AggregateSize is what an operation on the whole object costs.
func (o *object) AggregateSize(sizer types.AggregateSizer) uint32 {
	return o.all().AggregateSize(sizer)
}

// ConvertToNative implements ref.Val.
func (o *object) ConvertToNative(to reflect.Type) (any, error) { return o.all().ConvertToNative(to) }

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(to ref.Type) ref.Val { return o.all().ConvertToType(to) }

// Equal implements ref.Val.
func (o *object) Equal(other ref.Val) ref.Val { return o.all().Equal(other) }

// Type implements ref.Val.
func (o *object) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (o *object) Value() any { return o.all().Value() }

// IsZeroValue implements traits.Zeroer.
func (o *object) IsZeroValue() bool { return o.all().IsZeroValue() }

// String writes the object as messages show it.
func (o *object) String() string { return o.all().String() }
