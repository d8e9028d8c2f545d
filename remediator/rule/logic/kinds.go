package logic

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// kinds are the kinds of which the value of an expression may be, a bit for each. Kinds
// that have no bit in common are never equal, and an order between them is an error.
type kinds uint8

const (
	ofNull kinds = 1 << iota
	ofBoolean
	ofNumber
	ofText
	ofDuration
	ofTimestamp
	ofMoney
	ofOther // a list, an object, and whatever else there is

	ofJSON   = ofNull | ofBoolean | ofNumber | ofText | ofOther
	anything = ofJSON | ofDuration | ofTimestamp | ofMoney
)

// attributes are the kinds of those that CloudEvents and this service give meaning to.
// Those of extensions are not known.
var attributes = map[string]kinds{
	"id": ofText, "source": ofText, "type": ofText, "subject": ofText, "customer": ofText, "specversion": ofText, "datacontenttype": ofText,
	"dataschema": ofText, "traceparent": ofText, "tracestate": ofText, "severitytext": ofText,
	"sampledrate": ofNumber, "severitynumber": ofNumber, "time": ofTimestamp, "recordedtime": ofTimestamp,
}

// results are the kinds of what functions return.
var results = map[string]kinds{
	"timestamp": ofTimestamp, "duration": ofDuration, "money": ofMoney, "pct": ofMoney, "string": ofText, "int": ofNumber, "double": ofNumber,
	"size": ofNumber, "count": ofNumber, "distinct": ofNumber, "share": ofNumber,
	"sum": ofNumber | ofMoney, "avg": ofNumber | ofMoney, "min": ofNumber | ofMoney, "max": ofNumber | ofMoney,
}

// ofKind are the kinds of constants.
var ofKind = map[kind]kinds{null: ofNull, boolean: ofBoolean, number: ofNumber, text: ofText, duration: ofDuration, timestamp: ofTimestamp}

// kinds returns the kinds that an expression may be of: none when it is an error in every
// event.
func (t *tree) kinds(e ast.Expr) kinds {
	if v, ok := constant(e); ok {
		if v.isMoney() {
			return ofMoney
		}
		return ofKind[v.kind]
	}
	switch e.Kind() {
	case ast.SelectKind:
		s := e.AsSelect()
		switch of := s.Operand(); {
		case s.IsTestOnly():
			return ofBoolean
		case isName(of, "event") && attributes[s.FieldName()] != 0:
			return attributes[s.FieldName()]
		case isData(of):
			return ofJSON
		}
	case ast.ListKind, ast.MapKind:
		return ofOther
	case ast.CallKind:
		return t.kindsOfCall(e)
	}
	return anything
}

func (t *tree) kindsOfCall(e ast.Expr) kinds {
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.Index:
		if isData(e) {
			return ofJSON
		}
	case operators.Conditional:
		return t.kinds(args[1]) | t.kinds(args[2])
	case operators.Add, operators.Subtract:
		return joined(t.kinds(args[0]), t.kinds(args[1]), name == operators.Subtract)
	case "orValue":
		if call.IsMemberFunction() && isData(call.Target()) {
			return ofJSON | t.kinds(args[0])
		}
	default:
		if results[name] != 0 && !call.IsMemberFunction() {
			return results[name]
		}
	}
	return anything
}

// sums are the kinds that may be added, and those of their sum.
var sums = [][3]kinds{
	{ofNumber, ofNumber, ofNumber}, {ofText, ofText, ofText}, {ofOther, ofOther, ofOther}, {ofMoney, ofMoney, ofMoney},
	{ofDuration, ofDuration, ofDuration}, {ofTimestamp, ofDuration, ofTimestamp}, {ofDuration, ofTimestamp, ofTimestamp},
}

// differences are the kinds that may be subtracted, and those of their difference.
var differences = [][3]kinds{
	{ofNumber, ofNumber, ofNumber}, {ofMoney, ofMoney, ofMoney}, {ofDuration, ofDuration, ofDuration},
	{ofTimestamp, ofDuration, ofTimestamp}, {ofTimestamp, ofTimestamp, ofDuration},
}

// joined returns the kinds of a sum or a difference.
func joined(left, right kinds, subtracted bool) (is kinds) {
	among := sums
	if subtracted {
		among = differences
	}
	for _, one := range among {
		if left&one[0] != 0 && right&one[1] != 0 {
			is |= one[2]
		}
	}
	return is
}

// isData reports whether an expression is a field of the data, or one that may be absent.
func isData(e ast.Expr) bool {
	for {
		switch e.Kind() {
		case ast.SelectKind:
			if e.AsSelect().IsTestOnly() {
				return false
			}
			e = e.AsSelect().Operand()
			continue
		case ast.CallKind:
			switch call := e.AsCall(); call.FunctionName() {
			case operators.Index, operators.OptIndex, operators.OptSelect:
				e = call.Args()[0]
				continue
			}
			return false
		}
		return isName(e, "data")
	}
}

func isName(e ast.Expr, name string) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == name }
