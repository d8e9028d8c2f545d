package expression

import (
	"bytes"
	"math"
	"net/netip"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// Access is a question to one field that is all of a condition, so that an index
// over the field answers it. What it says is exactly what the condition says:
//
//	the field is                       equal       prefix suffix        range        network
//	                                               part fold
//	a text                             among Texts the text decides     OtherError   an address decides, else OtherError
//	a number                           among       OtherError           the bounds   OtherError
//	a number beyond ±2^53, or any that
//	View.Number does not return        OtherError  OtherError           OtherError   OtherError
//	null, true, false                  among       OtherError           OtherError   OtherError
//	a list or an object                False       OtherError           OtherError   OtherError
//	absent                             WhenAbsent  WhenAbsent           WhenAbsent   WhenAbsent
//
// One exception holds for all: a field is absent below a list, or below a number
// that View.Number does not return, with an OtherError.
//
// AccessElement asks the elements of a list, or one field of each, and is told of
// less: the condition is false when the field is a list of texts without escapes,
// or of objects with such a text at that field, and none is among Texts. Otherwise
// it has to be evaluated.
//
// A condition of a rule that is false makes the rule's whole condition false,
// whatever the others say. One that is an error makes it an error unless another
// one is false.
type Access struct {
	Path []string // from data or event on; never a time of the event
	Kind AccessKind

	Texts             []string  // of equal: any of them; of element: any of them in any element; of prefix, suffix, part and fold the one
	Numbers           []float64 // of equal: any of them
	Null, True, False bool      // of equal: whether they are among the constants

	// Low and High bound a range of numbers; they are infinite where it has no
	// bound. They belong to it unless it is open there.
	Low, High         float64
	LowOpen, HighOpen bool

	Element []string // of element: the fields from an element on to what is asked
	MaxText int      // of part: up to how many bytes of text it says this; a longer one has to be evaluated, for CEL may find that too costly

	Network netip.Prefix // contains the address that the text is, as Address reads it

	// WhenAbsent is what the condition says of an absent field: AbsentError, or
	// what follows from a value that stands for it.
	WhenAbsent Truth
}

// AccessKind is the kind of a question.
type AccessKind uint8

// The kinds. AccessPart is that the text has another in it. AccessFold is equality
// of texts when A to Z count as a to z; the text has only small letters.
const (
	AccessEqual AccessKind = iota
	AccessPrefix
	AccessSuffix
	AccessFold
	AccessRange
	AccessNetwork
	AccessPart
	AccessElement
)

// Access returns the question that the program is, nil when it is more or
// something else.
func (p *Program) Access() *Access { return p.access }

// access recognises a question.
func (c *compiler) access(e ast.Expr) *Access {
	if e.Kind() != ast.CallKind {
		return c.elements(e)
	}
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalOr:
		return c.anyOf(flattened(name, args))
	case operators.Equals:
		if a := c.equals(args[0], args[1]); a != nil {
			return a
		}
		return c.equals(args[1], args[0])
	case operators.In:
		if a := c.among(args[0], args[1]); a != nil {
			return a
		}
		return c.elements(e)
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if a := c.within(name, args[0], args[1]); a != nil {
			return a
		}
		return c.within(mirrored[name], args[1], args[0])
	case "startsWith":
		return c.affix(AccessPrefix, call)
	case "endsWith":
		return c.affix(AccessSuffix, call)
	case "contains":
		return c.affix(AccessPart, call)
	case "containsIP":
		network, ok := c.network(call.Target())
		if !ok {
			return nil
		}
		return c.question(args[0], Access{Kind: AccessNetwork, Network: network})
	}
	return nil
}

// question puts a question to a field, or to a field with a constant that stands
// for it when it is absent.
func (c *compiler) question(field ast.Expr, a Access) *Access {
	a.WhenAbsent = AbsentError
	var instead *operand
	if field.Kind() == ast.CallKind && field.AsCall().FunctionName() == "orValue" {
		value, ok := c.constant(field.AsCall().Args()[0])
		if !ok {
			return nil
		}
		field, instead = field.AsCall().Target(), &value
	}
	path, optional, ok := c.path(field)
	if !ok || len(path) < 2 {
		return nil
	}
	at := findRead(c.reads, path)
	if at < 0 {
		return nil
	}
	if time, _ := isTime(path); time || field.Kind() == ast.SelectKind && field.AsSelect().IsTestOnly() {
		return nil
	}
	if (instead != nil) != (optional == 1) || optional > 1 {
		return nil
	}
	if instead != nil {
		a.WhenAbsent = a.judge(*instead)
	}
	a.Path = c.reads[at].path
	return &a
}

func (c *compiler) equals(field, constant ast.Expr) *Access {
	value, ok := c.constant(constant)
	if !ok || value.kind > kindText {
		return nil
	}
	if field.Kind() == ast.CallKind && field.AsCall().IsMemberFunction() && value.kind == kindText {
		switch name := field.AsCall().FunctionName(); name {
		case "lowerAscii", "upperAscii":
			lower := bytes.ToLower(value.text)
			folded := lower
			if name == "upperAscii" {
				folded = bytes.ToUpper(value.text)
			}
			if !ascii(value.text) || !bytes.Equal(folded, value.text) {
				return nil
			}
			return c.question(field.AsCall().Target(), Access{Kind: AccessFold, Texts: []string{string(lower)}})
		}
	}
	var a Access
	a.add(value)
	return c.question(field, a)
}

func ascii(text []byte) bool {
	return !slices.ContainsFunc(text, func(c byte) bool { return c > 0x7F })
}

// add puts a constant among those of an equality.
func (a *Access) add(value operand) {
	switch {
	case value.kind == kindText:
		a.Texts = append(a.Texts, string(value.text))
	case value.kind == kindNumber:
		a.Numbers = append(a.Numbers, value.number)
	case value.kind == kindNull:
		a.Null = true
	case value.number != 0:
		a.True = true
	default:
		a.False = true
	}
}

func (c *compiler) among(field, list ast.Expr) *Access {
	all, ok := c.constants(list)
	if !ok || len(all) == 0 {
		return nil
	}
	var a Access
	for _, value := range all {
		a.add(value)
	}
	return c.question(field, a)
}

func (c *compiler) within(operator string, field, limit ast.Expr) *Access {
	value, ok := c.constant(limit)
	if !ok || value.kind != kindNumber || math.IsNaN(value.number) {
		return nil
	}
	a := Access{Kind: AccessRange, Low: math.Inf(-1), High: math.Inf(1)}
	switch operator {
	case operators.Less, operators.LessEquals:
		a.High, a.HighOpen = value.number, operator == operators.Less
	default:
		a.Low, a.LowOpen = value.number, operator == operators.Greater
	}
	return c.question(field, a)
}

func (c *compiler) affix(kind AccessKind, call ast.CallExpr) *Access {
	value, ok := c.constant(call.Args()[0])
	if !ok || value.kind != kindText {
		return nil
	}
	a := Access{Kind: kind, Texts: []string{string(value.text)}}
	if kind == AccessPart {
		a.MaxText = maxSearched(value.text)
	}
	return c.question(call.Target(), a)
}

// anyOf joins equalities of one field: data.a == 1 || data.a in [2, 3].
func (c *compiler) anyOf(parts []ast.Expr) *Access {
	var joined *Access
	for _, part := range parts {
		a := c.access(part)
		switch {
		case a == nil || a.Kind != AccessEqual:
			return nil
		case joined == nil:
			joined = a
		case !slices.Equal(a.Path, joined.Path):
			return nil
		default:
			joined.Texts = append(joined.Texts, a.Texts...)
			joined.Numbers = append(joined.Numbers, a.Numbers...)
			joined.Null, joined.True, joined.False = joined.Null || a.Null, joined.True || a.True, joined.False || a.False
			joined.WhenAbsent = or([]truthFunc{always(joined.WhenAbsent), always(a.WhenAbsent)})(nil)
		}
	}
	return joined
}

func always(t Truth) truthFunc { return func(*Frame) Truth { return t } }

// judge answers the question for a value.
func (a *Access) judge(value operand) Truth {
	switch {
	case a.Kind == AccessElement:
		return OtherError // a constant is no list
	case a.Kind == AccessEqual:
		return truthOf(a.has(value))
	case a.Kind == AccessRange && value.kind == kindNumber:
		return truthOf((value.number > a.Low || value.number == a.Low && !a.LowOpen) && (value.number < a.High || value.number == a.High && !a.HighOpen))
	case a.Kind == AccessRange || value.kind != kindText:
		return OtherError
	}
	switch a.Kind {
	case AccessPrefix:
		return truthOf(bytes.HasPrefix(value.text, []byte(a.Texts[0])))
	case AccessSuffix:
		return truthOf(bytes.HasSuffix(value.text, []byte(a.Texts[0])))
	case AccessPart:
		return truthOf(bytes.Contains(value.text, []byte(a.Texts[0])))
	case AccessFold:
		return truthOf(ascii(value.text) && string(bytes.ToLower(value.text)) == a.Texts[0])
	}
	address, ok := Address(value.text)
	if !ok {
		return OtherError
	}
	return truthOf(a.Network.Contains(address))
}

func (a *Access) has(value operand) bool {
	switch value.kind {
	case kindText:
		return slices.Contains(a.Texts, string(value.text))
	case kindNumber:
		return slices.Contains(a.Numbers, value.number)
	case kindNull:
		return a.Null
	case kindBool:
		return value.number != 0 && a.True || value.number == 0 && a.False
	}
	return false
}
