package access

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// bitsOfNetwork is how much of an IPv6 address says whose it is: the rest its owner
// chooses, and could choose anew each time.
const bitsOfNetwork = 64

// Caller says where a request comes from, as limits count it. Behind a proxy that
// ends TLS it is the address that the proxy saw, which stands last in
// X-Forwarded-For: what stands before it, and all of it without such a proxy, is
// whatever the sender wrote.
func (g *Guard) Caller(r *http.Request) string {
	if g.cfg.BehindTLS {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if at, ok := parseAddress(strings.TrimSpace(hops[len(hops)-1])); ok {
			return network(at)
		}
	}
	if at, ok := parseAddress(r.RemoteAddr); ok {
		return network(at)
	}
	return r.RemoteAddr
}

// parseAddress reads an address that may have a port; an IPv6 one may be in brackets.
func parseAddress(text string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	at, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return at.Unmap().WithZone(""), err == nil
}

// network is an IPv4 address, or the network of an IPv6 one.
func network(at netip.Addr) string {
	if at.Is4() {
		return at.String()
	}
	return netip.PrefixFrom(at, bitsOfNetwork).Masked().String()
}
