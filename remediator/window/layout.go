package window

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Column is what a table keeps for one aggregate of its rule.
type Column struct {
	Func string // count, distinct, share, sum, avg, min or max
	// All says that every entry counts: a count without a predicate. It then
	// needs nothing but the times.
	All bool
}

// column is where a Column lies in an entry: a bit, or bytes from offset on.
type column struct {
	Column
	bit    int // -1: none
	offset int // 0: no bytes
}

// layout says how an entry of an exact window is written: its time, bits, and
// the bytes of each column.
type layout struct {
	columns  []column
	size     int  // of an entry
	distinct bool // one of the columns counts distinct values
	counts   bool // the only column counts all entries
}

// Bytes of an entry's parts.
const (
	timeBytes   = 8
	hashBytes   = 8
	kindBytes   = 2 // what an amount is of
	amountBytes = kindBytes + 8
)

// functions are the functions of columns in the order of their numbers in an encoding.
var functions = []string{"count", "distinct", "share", "sum", "avg", "min", "max"}

func newLayout(columns []Column) layout {
	l := layout{columns: make([]column, len(columns))}
	bits := 0
	for i, c := range columns {
		l.columns[i] = column{Column: c, bit: -1}
		if c.Func == "share" || c.Func == "count" && !c.All {
			l.columns[i].bit = bits
			bits++
		}
	}
	l.size, l.counts = timeBytes+(bits+7)/8, len(columns) == 1 && columns[0].All
	for i := range l.columns {
		switch c := &l.columns[i]; c.Func {
		case "count", "share":
		case "distinct":
			c.offset, l.distinct = l.size, true
			l.size += hashBytes
		default:
			c.offset = l.size
			l.size += amountBytes
		}
	}
	return l
}

// append writes an entry.
func (l *layout) append(b []byte, e Entry) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.At))
	if l.size == timeBytes {
		return b
	}
	for len(b) < start+l.size {
		b = append(b, 0)
	}
	written := b[start:]
	for i, c := range l.columns {
		v := e.Values[i]
		switch {
		case !v.Counted:
		case c.bit >= 0:
			written[timeBytes+c.bit/8] |= 1 << (c.bit % 8)
		case c.Func == "distinct":
			binary.LittleEndian.PutUint64(written[c.offset:], v.Hash)
		case c.offset > 0:
			binary.LittleEndian.PutUint16(written[c.offset:], kindOf(v.Currency))
			bits := uint64(v.Minor)
			if v.Currency == "" {
				bits = math.Float64bits(v.Num)
			}
			binary.LittleEndian.PutUint64(written[c.offset+kindBytes:], bits)
		}
	}
	return b
}

// value reads what an entry contributes to a column.
func (l *layout) value(entry []byte, c *column) Value {
	switch {
	case c.bit >= 0:
		return Value{Counted: entry[timeBytes+c.bit/8]>>(c.bit%8)&1 == 1, Total: c.Func == "share"}
	case c.offset == 0:
		return Value{Counted: true}
	case c.Func == "distinct":
		hash := binary.LittleEndian.Uint64(entry[c.offset:])
		return Value{Counted: hash != 0, Hash: hash}
	}
	kind := binary.LittleEndian.Uint16(entry[c.offset:])
	bits := binary.LittleEndian.Uint64(entry[c.offset+kindBytes:])
	switch kind {
	case kindNone:
		return Value{}
	case kindNumber:
		return Value{Counted: true, Num: math.Float64frombits(bits)}
	}
	return Value{Counted: true, Minor: int64(bits), Currency: currencyOf(kind)}
}

func timeOf(entry []byte) int64 { return int64(binary.LittleEndian.Uint64(entry)) }

// What an amount is of: nothing, a number, a currency by its three letters, or
// several of them.
const (
	kindNone    = 0
	kindNumber  = 1
	kindMoney   = 2
	kindMixed   = math.MaxUint16
	letters     = 26
	kindsMoney  = letters * letters * letters
	lastOfMoney = kindMoney + kindsMoney - 1
)

func kindOf(currency string) uint16 {
	if len(currency) != 3 {
		return kindNumber
	}
	return kindMoney + (uint16(currency[0]-'A')*letters+uint16(currency[1]-'A'))*letters + uint16(currency[2]-'A')
}

// currencies is the text of every kind of money in a row, so that reading one
// makes none.
var currencies = func() string {
	texts := make([]byte, 0, 3*kindsMoney)
	for n := range kindsMoney {
		texts = append(texts, 'A'+byte(n/letters/letters), 'A'+byte(n/letters%letters), 'A'+byte(n%letters))
	}
	return string(texts)
}()

func currencyOf(kind uint16) string {
	n := 3 * int(kind-kindMoney)
	return currencies[n : n+3]
}

// columnsOf reads the columns of an encoding; each is the number of its function
// twice, and one more when all entries count.
func columnsOf(numbers []byte) ([]Column, error) {
	columns := make([]Column, len(numbers))
	for i, n := range numbers {
		if int(n/2) >= len(functions) || n%2 == 1 && n/2 != 0 {
			return nil, fmt.Errorf("column %d is of no known kind", i)
		}
		columns[i] = Column{Func: functions[n/2], All: n%2 == 1}
	}
	return columns, nil
}
