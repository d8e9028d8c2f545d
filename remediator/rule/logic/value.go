package logic

import (
	"cmp"
	"strings"
)

// kind is what constants of one kind can be compared with.
type kind string

const (
	anyKind   kind = ""
	null      kind = "null"
	boolean   kind = "boolean"
	number    kind = "number"
	text      kind = "text"
	duration  kind = "duration"
	timestamp kind = "timestamp"
	// Amounts of one currency are of the kind "money " and its name.
	moneyPrefix = "money "
)

// value is a constant. Two are equal when they are the same.
type value struct {
	kind   kind
	number float64
	whole  int64 // of money in minor units, of durations in nanoseconds, of times in seconds; 1 for true
	nanos  int   // of times, within the second: all in nanoseconds no int64 holds
	text   string
}

func truth(is bool) value {
	if is {
		return value{kind: boolean, whole: 1}
	}
	return value{kind: boolean}
}

// compare orders two values of one kind.
func (v value) compare(other value) int {
	return cmp.Or(cmp.Compare(v.number, other.number), cmp.Compare(v.whole, other.whole), cmp.Compare(v.nanos, other.nanos), strings.Compare(v.text, other.text))
}

func (v value) isMoney() bool { return strings.HasPrefix(string(v.kind), moneyPrefix) }
