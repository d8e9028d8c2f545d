package makegood

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// EventType is a type of event whose data is a T. Make it with [Define], once.
type EventType[T any] struct {
	typ    string
	fields []field
	err    error // why events of this type cannot be emitted
}

// Define describes the events of one type by a struct, as encoding/json would
// write it: a field is named by its json tag, "-" leaves it out, omitempty and
// omitzero leave an empty or zero one out. The tag makegood says more:
//
//	type PaymentDeclined struct {
//		Customer string    `makegood:"customer"`   // attributes of the event itself:
//		Order    string    `makegood:"subject"`    // customer, subject, id,
//		At       time.Time `makegood:"time"`       // time and severity
//		Amount   string    `json:"amount" makegood:"money"`
//		Reason   string    `json:"reason"`
//		Mail     string    `json:"mail" makegood:"email"`    // as Email
//		Phone    string    `json:"phone" makegood:"pii=hash"` // as Hash
//		Note     string    `json:"note" makegood:"pii=mask"`  // letters and digits become stars
//		Trace    string    `json:"trace" makegood:"pii=drop"` // never told
//		Ref      string    `json:"ref" makegood:"verbatim"`   // as Verbatim
//	}
//
// pii=hash goes with customer and subject too. Texts, numbers and truth values
// are written as String, Int, Float and Bool would, time.Time as Time would, an
// embedded struct field by field, all else as Any would; a nil pointer is null.
// Inside what is written as Any would no tag makegood is read, so that one there is
// an error. pii=drop leaves out a field of any type, also an embedded struct.
//
// Define is meant for variables of a package, so it neither fails nor panics:
// what is wrong with T is the error of Err, and of every TryEmit.
func Define[T any](typ string) *EventType[T] {
	e := &EventType[T]{typ: typ}
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		e.err = invalid(fmt.Sprintf("Define %s: %s is no struct", quote(typ), t))
		return e
	}
	d := definition{taken: map[string]bool{}, within: map[reflect.Type]bool{}}
	d.add(t, nil)
	if e.fields, e.err = d.fields, d.err; e.err != nil {
		e.err = invalid(fmt.Sprintf("Define %s: %s", quote(typ), e.err))
	}
	return e
}

// Err says what is wrong with the definition, for a test of the application.
func (e *EventType[T]) Err() error {
	if e == nil {
		return invalid("the type of event is nil: make it with Define")
	}
	return e.err
}

// Emit emits an event like [Client.Emit]. More attributes may follow.
func (e *EventType[T]) Emit(ctx context.Context, c *Client, data T, more ...Attr) {
	_ = e.TryEmit(ctx, c, data, more...)
}

// TryEmit emits an event like [Client.TryEmit]. More attributes may follow.
func (e *EventType[T]) TryEmit(ctx context.Context, c *Client, data T, more ...Attr) error {
	if !c.Enabled() {
		return nil
	}
	if err := e.Err(); err != nil {
		c.drops.count(err)
		return err
	}
	if c.queue.full.Load() { // before the fields are read
		c.drops.count(ErrFull)
		return ErrFull
	}
	var few [16]Attr
	attrs := few[:0]
	value := reflect.ValueOf(&data).Elem()
	for i := range e.fields {
		f := &e.fields[i]
		if v, ok := f.find(value); ok {
			attrs = append(attrs, f.attr(v))
		}
	}
	return c.emit(ctx, e.typ, append(attrs, more...))
}

// field is how one field of a struct becomes an attribute.
type field struct {
	index []int // the way to it, through embedded structs
	key   string
	kind  kind // kindString also stands for what only the value tells
	as    writer
	mark  mark
	omit  func(reflect.Value) bool // nil: never
}

// writer says which of a value's methods reads it.
type writer uint8

const (
	writeAny writer = iota
	writeText
	writeInt
	writeUint
	writeFloat
	writeBool
	writeTime
)

// find returns the field's value; there is none inside an embedded nil, and none
// that is left out.
func (f *field) find(v reflect.Value) (reflect.Value, bool) {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, f.omit == nil || !f.omit(v)
}

func (f *field) attr(v reflect.Value) (a Attr) {
	switch f.as {
	case writeText:
		a = Attr{kind: f.kind, key: f.key, text: v.String()}
	case writeInt:
		a = Attr{kind: f.kind, key: f.key, num: uint64(v.Int())}
	case writeUint:
		a = uintAttr(f.key, v.Uint())
	case writeFloat:
		a = Float(f.key, v.Float())
		if v.Kind() == reflect.Float32 {
			a = Any(f.key, float32(v.Float())) // 0.1 and not 0.10000000149011612
		}
	case writeBool:
		a = Bool(f.key, v.Bool())
	case writeTime:
		t, _ := v.Interface().(time.Time)
		if a = timeAttr(f.kind, f.key, t); f.kind == kindAt && t.IsZero() {
			return Attr{}
		}
	default:
		a = Any(f.key, v.Interface())
	}
	a.mark = f.mark
	return a
}

// uintAttr is a whole number that may be beyond int64.
func uintAttr(key string, n uint64) Attr {
	if n>>63 == 0 {
		return Attr{kind: kindInt, key: key, num: n}
	}
	return Any(key, n)
}

// definition gathers the fields of a struct.
type definition struct {
	fields []field
	taken  map[string]bool
	within map[reflect.Type]bool // structs whose fields are being added
	err    error
}

// fail keeps the first thing that is wrong.
func (d *definition) fail(sf reflect.StructField, err error) {
	if d.err == nil {
		d.err = fmt.Errorf("field %s: %w", sf.Name, err)
	}
}

// add adds the fields of a struct that is reached by index. Of a struct inside
// itself encoding/json sees the outer one.
func (d *definition) add(t reflect.Type, index []int) {
	if d.within[t] {
		return
	}
	d.within[t] = true
	defer delete(d.within, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(slices.Clone(index), i)
		name, options, comma := strings.Cut(sf.Tag.Get("json"), ",")
		if inner := sf.Type; sf.Anonymous && name == "" {
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && inner != timeType && (sf.IsExported() || sf.Type.Kind() == reflect.Struct) {
				switch tag := strings.TrimSpace(sf.Tag.Get("makegood")); tag {
				case "":
					d.add(inner, at)
				case dropWord: // all of it
				default:
					d.fail(sf, fmt.Errorf("tag makegood:%s: an embedded struct takes none but %s", quote(tag), dropWord))
				}
				continue
			}
		}
		if !sf.IsExported() || name == "-" && !comma {
			continue
		}
		if name == "" {
			name = sf.Name
		}
		f := field{index: at, key: name}
		drop, err := f.read(sf, options)
		if err != nil {
			d.fail(sf, err)
		}
		if drop || err != nil {
			continue
		}
		if d.taken[f.place()] {
			d.fail(sf, fmt.Errorf("%s is given twice", f.place()))
		}
		d.taken[f.place()] = true
		d.fields = append(d.fields, f)
	}
}

// place is where the field goes: an attribute of the event, or a key of data.
func (f *field) place() string {
	if f.kind < kindData {
		return ownNames[f.kind]
	}
	return "data." + f.key
}

var timeType = reflect.TypeFor[time.Time]()

// read takes the type and the tags of a field.
func (f *field) read(sf reflect.StructField, options string) (drop bool, err error) {
	f.kind, f.as = writerOf(sf.Type)
	for _, option := range strings.Split(options, ",") {
		switch option {
		case "omitempty":
			f.omit = isEmpty
		case "omitzero":
			f.omit = reflect.Value.IsZero
		case "string":
			return false, fmt.Errorf("the json option string is not supported: make the field a string")
		}
	}
	words := strings.FieldsFunc(sf.Tag.Get("makegood"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(words, dropWord) {
		return true, nil
	}
	if deep := taggedWithin(sf.Type, map[reflect.Type]bool{}); deep != "" {
		return false, fmt.Errorf("the tag makegood of its field %s would not be read: embed the struct, or drop all of it with %s", deep, dropWord)
	}
	for _, word := range words {
		if err := f.word(word); err != nil {
			return false, err
		}
	}
	switch {
	case f.kind == kindMoney && f.mark != markNone:
		return false, fmt.Errorf("an amount cannot be changed like this")
	case f.kind > kindData:
		return false, checkKey(f.key, nil, nil)
	case f.mark == markMask, f.mark == markHash && f.kind == kindID:
		return false, fmt.Errorf("the event's %s cannot be changed like this", ownNames[f.kind])
	case f.kind == kindSeverity:
		f.omit = reflect.Value.IsZero
	}
	f.key = ""
	return false, nil
}

// dropWord leaves a field out, whatever its type.
const dropWord = "pii=drop"

// taggedWithin names a field with a tag makegood inside a type that is written as
// a whole, by encoding/json, which would tell what the tag hides.
func taggedWithin(t reflect.Type, seen map[reflect.Type]bool) string {
	if t == nil || seen[t] || writesItself(t) {
		return ""
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return taggedWithin(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			sf := t.Field(i)
			if sf.Tag.Get("json") == "-" || !sf.IsExported() && !sf.Anonymous {
				continue
			}
			if sf.Tag.Get("makegood") != "" {
				return sf.Name
			}
			if deep := taggedWithin(sf.Type, seen); deep != "" {
				return sf.Name + "." + deep
			}
		}
	}
	return ""
}

// tagWords are what a field of a type may be told to be.
var tagWords = map[string]struct {
	kind kind // 0: stays what it is
	as   writer
	mark mark
}{
	"customer": {kind: kindCustomer, as: writeText},
	"subject":  {kind: kindSubject, as: writeText},
	"id":       {kind: kindID, as: writeText},
	"time":     {kind: kindAt, as: writeTime},
	"severity": {kind: kindSeverity, as: writeInt},
	"money":    {kind: kindMoney, as: writeText},
	"email":    {as: writeText, mark: markVerbatim},
	"verbatim": {as: writeText, mark: markVerbatim},
	"pii=hash": {as: writeText, mark: markHash},
	"pii=mask": {as: writeText, mark: markMask},
}

func (f *field) word(word string) error {
	w, ok := tagWords[word]
	switch {
	case !ok:
		return fmt.Errorf("tag makegood:%s: want customer, subject, id, time, severity, money, email, verbatim, pii=drop, pii=hash or pii=mask", quote(word))
	case w.as != f.as:
		return fmt.Errorf("tag makegood:%s does not fit the field's type", quote(word))
	}
	if w.kind != kindNone {
		f.kind = w.kind
	}
	switch {
	case w.mark == markNone:
	case f.mark != markNone:
		return fmt.Errorf("tag makegood:%s says otherwise than the word before it: keep one", quote(word))
	default:
		f.mark = w.mark
	}
	return nil
}

// writerOf says how values of a type are written: as themselves when their type
// has no say in it.
func writerOf(t reflect.Type) (kind, writer) {
	if t == timeType {
		return kindTime, writeTime
	}
	if writesItself(t) {
		return kindRaw, writeAny
	}
	switch t.Kind() {
	case reflect.String:
		return kindString, writeText
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return kindInt, writeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return kindInt, writeUint
	case reflect.Float32, reflect.Float64:
		return kindFloat, writeFloat
	case reflect.Bool:
		return kindBool, writeBool
	}
	return kindRaw, writeAny
}

// writesItself reports whether encoding/json would call a method of the type. One
// that only a pointer has does not count: a value that has no address, as those in
// fields and maps, is written without it.
func writesItself(t reflect.Type) bool {
	for _, name := range []string{"MarshalJSON", "MarshalText"} {
		if _, ok := t.MethodByName(name); ok {
			return true
		}
	}
	return false
}

// isEmpty is what encoding/json takes for empty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
