package event

// rfc3339 reads a time of RFC 3339 as seconds since the Unix epoch and
// nanoseconds. Digits beyond nanoseconds are dropped. The time package would
// let more pass: a comma, one digit of an hour, any offset.
func rfc3339(text []byte) (seconds, nanoseconds int64, ok bool) {
	const form = "2006-01-02T15:04:05"
	if len(text) <= len(form) {
		return 0, 0, false
	}
	t := (*[len(form)]byte)(text)
	if t[4] != '-' || t[7] != '-' || t[10] != 'T' || t[13] != ':' || t[16] != ':' {
		return 0, 0, false
	}
	// Each is negative when a byte is no digit.
	century, year := twoDigits(t[0], t[1]), twoDigits(t[2], t[3])
	month, day := twoDigits(t[5], t[6]), twoDigits(t[8], t[9])
	hour, minute, second := twoDigits(t[11], t[12]), twoDigits(t[14], t[15]), twoDigits(t[17], t[18])
	year += 100 * century
	if century|year|(hour|minute|second) < 0 || hour > 23 || minute > 59 || second > 59 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, 0, false
	}
	rest := text[len(form):]
	if rest[0] == '.' {
		digits := 1
		for ; digits < len(rest) && rest[digits]-'0' <= 9; digits++ {
			if digits <= 9 {
				nanoseconds = 10*nanoseconds + int64(rest[digits]-'0')
			}
		}
		if digits == 1 {
			return 0, 0, false
		}
		nanoseconds *= scale[min(digits-1, 9)]
		rest = rest[digits:]
	}
	offset, ok := zone(rest)
	return 86400*days(year, month, day) + 3600*hour + 60*minute + second - offset, nanoseconds, ok
}

// scale brings a fraction of so many digits to nanoseconds.
var scale = [...]int64{1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1}

// twoDigits returns a number of two digits, something negative when they are none.
func twoDigits(first, second byte) int64 {
	tens, ones := int64(first)-'0', int64(second)-'0'
	if tens|(9-tens)|ones|(9-ones) < 0 {
		return -1 << 16
	}
	return 10*tens + ones
}

// zone reads the offset from UTC that ends a time, in seconds.
func zone(text []byte) (int64, bool) {
	if string(text) == "Z" {
		return 0, true
	}
	if len(text) != len("+00:00") || text[3] != ':' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hours, minutes := twoDigits(text[1], text[2]), twoDigits(text[4], text[5])
	if hours|minutes < 0 || hours > 23 || minutes > 59 {
		return 0, false
	}
	offset := 3600*hours + 60*minutes
	if text[0] == '-' {
		offset = -offset
	}
	return offset, true
}

func daysIn(year, month int64) int64 {
	if month != 2 {
		return 30 + (month+month>>3)&1
	}
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return 28
}

// days counts from the Unix epoch to a day of the Gregorian calendar. Years are
// taken from March on, so that the day that leap years add is their last.
func days(year, month, day int64) int64 {
	if month < 3 {
		month += 12
		year--
	}
	y, m := uint64(year+400), uint64(month-3) // the year before 0000 would round the wrong way
	return int64(365*y+y/4-y/100+y/400+(153*m+2)/5) + day - 1 - 865_565
}
