package makegood

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const hexDigits = "0123456789abcdef"

// appendID appends a UUID of version 7 (RFC 9562): 48 bits of milliseconds,
// then 74 random bits of the runtime's ChaCha8, which takes no lock and makes
// no system call.
func appendID(b []byte, now time.Time) []byte {
	high := uint64(now.UnixMilli())<<16 | 0x7000 | rand.Uint64()&0x0fff
	low := 1<<63 | rand.Uint64()>>2
	var digits [32]byte
	binary.BigEndian.PutUint64(digits[0:], hexOf(uint32(high>>32)))
	binary.BigEndian.PutUint64(digits[8:], hexOf(uint32(high)))
	binary.BigEndian.PutUint64(digits[16:], hexOf(uint32(low>>32)))
	binary.BigEndian.PutUint64(digits[24:], hexOf(uint32(low)))
	b = append(append(b, digits[0:8]...), '-')
	b = append(append(b, digits[8:12]...), '-')
	b = append(append(b, digits[12:16]...), '-')
	b = append(append(b, digits[16:20]...), '-')
	return append(b, digits[20:32]...)
}

// hexOf returns the eight hexadecimal digits of v, computed side by side.
func hexOf(v uint32) uint64 {
	const ones = 0x0101010101010101
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f // one nibble a byte
	letters := (x + 6*ones) >> 4 & ones // 1 where the nibble is above 9
	return x + '0'*ones + letters*('a'-'0'-10)
}

// clock writes times as RFC 3339 in UTC. Most events of one second share its
// text, so the last one is kept.
type clock struct{ last atomic.Pointer[second] }

type second struct {
	unix int64
	text string // with the point that the fraction follows
}

// appendNow appends a time that is close to the ones before it.
func (c *clock) appendNow(b []byte, t time.Time) []byte {
	unix := t.Unix()
	s := c.last.Load()
	if s == nil || s.unix != unix {
		s = &second{unix: unix, text: string(appendSecond(nil, unix))}
		c.last.Store(s)
	}
	return appendNanos(append(b, s.text...), uint32(t.Nanosecond()))
}

// appendTime appends any time of the years 0 to 9999, all that RFC 3339 has.
func appendTime(b []byte, unix int64, nanos uint32) ([]byte, bool) {
	const first, last = -62167219200, 253402300799
	if unix < first || unix > last {
		return b, false
	}
	return appendNanos(appendSecond(b, unix), nanos), true
}

// isEventTime reports whether the service takes an event of that second: it
// counts nanoseconds in 64 bits and keeps a day from their ends.
func isEventTime(unix int64) bool {
	const most = math.MaxInt64/int64(time.Second) - 24*60*60
	return unix >= -most && unix <= most
}

func appendSecond(b []byte, unix int64) []byte {
	return time.Unix(unix, 0).UTC().AppendFormat(b, "2006-01-02T15:04:05.")
}

// pairs holds the two digits of 0 to 99.
var pairs = func() (t [100][2]byte) {
	for i := range t {
		t[i] = [2]byte{'0' + byte(i/10), '0' + byte(i%10)}
	}
	return t
}()

func appendNanos(b []byte, nanos uint32) []byte {
	high, low := nanos/100_000, nanos%100_000 // four digits and five
	p, q, r, s := &pairs[high/100], &pairs[high%100], &pairs[low/1000], &pairs[low/10%100]
	return append(b, p[0], p[1], q[0], q[1], r[0], r[1], s[0], s[1], '0'+byte(low%10), 'Z')
}
