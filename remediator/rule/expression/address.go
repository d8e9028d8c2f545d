package expression

import (
	"bytes"
	"net/netip"
)

// Address reads an IP address as ip() does: without a zone, and IPv4 not as a
// part of IPv6. It allocates nothing, whatever the text is.
func Address(text []byte) (netip.Addr, bool) {
	if len(text) > len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255") {
		return netip.Addr{}, false
	}
	if four, ok := dotted(text); ok {
		return netip.AddrFrom4(four), true
	}
	sixteen, ok := colons(text)
	address := netip.AddrFrom16(sixteen)
	return address, ok && !address.Is4In6()
}

// network reads a network as cidr() does.
func network(text string) (netip.Prefix, bool) {
	network, err := netip.ParsePrefix(text)
	return network, err == nil && !network.Addr().Is4In6()
}

// dotted reads the form 192.0.2.1.
func dotted(text []byte) (address [4]byte, ok bool) {
	part, digits, value := 0, 0, 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9' && (digits == 0 || value > 0):
			value = 10*value + int(c-'0')
			if digits++; value > 255 {
				return address, false
			}
		case c == '.' && digits > 0 && part < 3:
			address[part] = byte(value)
			part, digits, value = part+1, 0, 0
		default:
			return address, false
		}
	}
	address[3] = byte(value)
	return address, part == 3 && digits > 0
}

// colons reads the forms of IPv6 that RFC 4291 has in its section 2.2: eight
// groups, :: for groups of zeros, and the form of IPv4 for the last two.
func colons(text []byte) (address [16]byte, ok bool) {
	at, gap := 0, -1 // how much of the address is read, and where :: stands in it
	if rest, begins := bytes.CutPrefix(text, []byte("::")); begins {
		gap, text = 0, rest
	}
	for more := gap < 0 || len(text) > 0; more; {
		field, rest, found := bytes.Cut(text, []byte(":"))
		if four, ok := dotted(field); ok && !found && at <= 12 {
			copy(address[at:], four[:])
			at += 4
			break
		}
		value, ok := hexadecimal(field)
		if !ok || at == 16 {
			return address, false
		}
		address[at], address[at+1] = byte(value>>8), byte(value)
		at += 2
		text, more = rest, found
		if found && len(rest) > 0 && rest[0] == ':' {
			if gap >= 0 {
				return address, false
			}
			gap, text = at, rest[1:]
			more = len(text) > 0
		}
	}
	if gap < 0 || at == 16 {
		return address, gap < 0 && at == 16
	}
	tail := address[gap:at]
	copy(address[16-len(tail):], tail)
	clear(address[gap : 16-len(tail)])
	return address, true
}

// hexadecimal reads a group of one to four digits.
func hexadecimal(digits []byte) (value uint16, ok bool) {
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		value = value<<4 | uint16(c)
	}
	return value, 1 <= len(digits) && len(digits) <= 4
}
