package expression

import (
	"bytes"
	"math"
	"time"

	"github.com/makegood/makegood/remediator/money"
)

// operand is a value while closures work on it. It owns no memory: a text lies
// in the event or in the expression.
type operand struct {
	kind     kind
	nanos    int32   // of a timestamp
	number   float64 // also 1 for true
	whole    int64   // minor units, nanoseconds of a duration, seconds of a timestamp
	text     []byte
	currency string
}

// kind is the type of an operand, or why there is none.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindText
	kindMoney
	kindTime
	kindDuration
	kindNested // a list or an object, which closures do not look into

	// Reasons why there is no value, in the order of the truths they make.
	kindAbsent
	kindFailed
	kindUnsure
)

func (k kind) faulty() bool { return k >= kindAbsent }

// truth returns the truth that a reason makes.
func (k kind) truth() Truth { return AbsentError + Truth(k-kindAbsent) }

// fault returns what stands for the value that a truth is not.
func (t Truth) fault() operand { return operand{kind: kindAbsent + kind(t-AbsentError)} }

// operandFunc is an expression, compiled.
type operandFunc func(*Frame) operand

var (
	failed = operand{kind: kindFailed}
	unsaid = operand{kind: kindUnsure}
)

func numberOperand(n float64) operand { return operand{kind: kindNumber, number: n} }

func boolOperand(b bool) operand {
	if b {
		return operand{kind: kindBool, number: 1}
	}
	return operand{kind: kindBool}
}

func moneyOperand(m money.Money, err error) operand {
	if err != nil {
		return failed
	}
	return operand{kind: kindMoney, whole: m.Minor, currency: m.Currency}
}

func timeOperand(t time.Time) operand {
	return operand{kind: kindTime, whole: t.Unix(), nanos: int32(t.Nanosecond())}
}

func (a operand) money() money.Money { return money.Money{Minor: a.whole, Currency: a.currency} }

// value returns the operand as Eval does.
func (a operand) value() any {
	switch a.kind {
	case kindBool:
		return a.number != 0
	case kindNumber:
		return a.number
	case kindText:
		return string(a.text)
	case kindMoney:
		return a.money()
	case kindTime:
		return time.Unix(a.whole, int64(a.nanos)).UTC()
	case kindDuration:
		return time.Duration(a.whole)
	}
	return nil
}

// truth is what an operand says where a truth is wanted: all but booleans are
// errors there.
func (a operand) truth() Truth {
	switch {
	case a.kind == kindBool:
		return truthOf(a.number != 0)
	case a.kind.faulty():
		return a.kind.truth()
	}
	return OtherError
}

// equal is CEL's equality: values of different types are unequal, which is no
// error, and money is not compared with anything else.
func equal(a, b operand) Truth {
	switch {
	case a.kind.faulty():
		return a.kind.truth()
	case b.kind.faulty():
		return b.kind.truth()
	case a.kind == kindNull || b.kind == kindNull:
		return truthOf(a.kind == b.kind)
	case a.kind == kindMoney || b.kind == kindMoney:
		if a.kind != b.kind || a.currency != b.currency {
			return OtherError
		}
		return truthOf(a.whole == b.whole)
	case a.kind != b.kind:
		return False
	}
	switch a.kind {
	case kindNumber, kindBool:
		return truthOf(a.number == b.number)
	case kindText:
		return truthOf(bytes.Equal(a.text, b.text))
	case kindTime:
		return truthOf(a.whole == b.whole && a.nanos == b.nanos)
	case kindDuration:
		return truthOf(a.whole == b.whole)
	}
	return unsure
}

// unordered is the order of what is no number and of anything else that has an
// order: none, which is no error.
const unordered = 2

// compare orders two operands. Only values of one type have an order; lists,
// objects and null have none.
func compare(a, b operand) (order int, fault Truth) {
	switch {
	case a.kind.faulty():
		return 0, a.kind.truth()
	case b.kind.faulty():
		return 0, b.kind.truth()
	case a.kind == kindNull || a.kind == kindNested:
		return 0, OtherError
	case math.IsNaN(a.number) || math.IsNaN(b.number):
		return unordered, False
	case a.kind != b.kind || a.currency != b.currency:
		return 0, OtherError
	}
	switch a.kind {
	case kindNumber, kindBool:
		return sign(a.number, b.number), False
	case kindText:
		return bytes.Compare(a.text, b.text), False
	case kindTime:
		if a.whole == b.whole {
			return sign(a.nanos, b.nanos), False
		}
		return sign(a.whole, b.whole), False
	case kindMoney, kindDuration:
		return sign(a.whole, b.whole), False
	}
	return 0, OtherError
}

func sign[T int32 | int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// fault returns the first of two operands that is no value.
func fault(a, b operand) (operand, bool) {
	if a.kind.faulty() {
		return a, true
	}
	return b, b.kind.faulty()
}

func plus(a, b operand) operand {
	if no, ok := fault(a, b); ok {
		return no
	}
	switch {
	case a.kind == kindNumber && b.kind == kindNumber:
		return numberOperand(a.number + b.number)
	case a.kind == kindText && b.kind == kindText:
		return operand{kind: kindText, text: append(append(make([]byte, 0, len(a.text)+len(b.text)), a.text...), b.text...)}
	case a.kind == kindMoney && b.kind == kindMoney:
		return moneyOperand(a.money().Add(b.money()))
	case a.kind == kindTime && b.kind == kindDuration:
		return shifted(a, b.whole)
	case a.kind == kindDuration && b.kind == kindTime:
		return shifted(b, a.whole)
	case a.kind == kindDuration && b.kind == kindDuration:
		return duration(a.whole, b.whole)
	case a.kind == kindNested && b.kind == kindNested:
		return unsaid
	}
	return failed
}

func minus(a, b operand) operand {
	if no, ok := fault(a, b); ok {
		return no
	}
	switch {
	case a.kind == kindNumber && b.kind == kindNumber:
		return numberOperand(a.number - b.number)
	case a.kind == kindMoney && b.kind == kindMoney:
		return moneyOperand(a.money().Sub(b.money()))
	case a.kind == kindTime && b.kind == kindTime:
		return between(a, b)
	case a.kind == kindTime && b.kind == kindDuration:
		return shifted(a, -b.whole)
	case a.kind == kindDuration && b.kind == kindDuration:
		return duration(a.whole, -b.whole)
	}
	return failed
}

func times(a, b operand) operand {
	if no, ok := fault(a, b); ok {
		return no
	}
	if a.kind != kindNumber || b.kind != kindNumber {
		return failed
	}
	return numberOperand(a.number * b.number)
}

func divided(a, b operand) operand {
	if no, ok := fault(a, b); ok {
		return no
	}
	if a.kind != kindNumber || b.kind != kindNumber {
		return failed
	}
	return numberOperand(a.number / b.number)
}

func negated(a operand) operand {
	switch {
	case a.kind.faulty():
		return a
	case a.kind == kindNumber:
		return numberOperand(-a.number)
	case a.kind == kindDuration:
		return duration(-a.whole, 0)
	}
	return failed
}

// Bounds within which times and durations are reckoned here; what comes near to
// an overflow is left to CEL, which says where it begins.
const (
	farSeconds = 9_000_000_000 // of two times apart, some 285 years
	farNanos   = farSeconds * int64(time.Second)
	firstYear  = -62_135_596_800 // the first second of year 1
	lastYear   = 253_402_300_799 // the last second of year 9999
)

func duration(a, b int64) operand {
	if a > farNanos/2 || a < -farNanos/2 || b > farNanos/2 || b < -farNanos/2 {
		return unsaid
	}
	return operand{kind: kindDuration, whole: a + b}
}

func between(a, b operand) operand {
	seconds := a.whole - b.whole
	if seconds > farSeconds || seconds < -farSeconds {
		return unsaid
	}
	return operand{kind: kindDuration, whole: seconds*int64(time.Second) + int64(a.nanos-b.nanos)}
}

func shifted(t operand, by int64) operand {
	if by > farNanos || by < -farNanos {
		return unsaid
	}
	moved := time.Unix(t.whole, int64(t.nanos)).Add(time.Duration(by))
	if moved.Unix() <= firstYear || moved.Unix() >= lastYear {
		return unsaid
	}
	return timeOperand(moved)
}
