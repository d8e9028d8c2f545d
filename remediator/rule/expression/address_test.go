package expression_test

import (
	"net/netip"
	"testing"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// FuzzAddress holds the reading of addresses to that of the standard library, and to
// allocating nothing.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{
		"192.0.2.1", "192.0.02.1", "256.0.0.1", "::", "::1", "1::", ":1::", "1:", ":::", "1:::2", "1::2::3", "2001:db8::8:800:200C:417a", "1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8::", "1:2:3:4::5:6:7:8", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "::ffff:192.0.2.1", "64:ff9b::192.0.2.33",
		"1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:7:192.0.2.1", "::1:2:3:4:5:6:192.0.2.1", "192.0.2.1::", "::192.0.2.1:1", "12345::", "g::", "fe80::1%eth0", "",
		"0000:0000:0000:0000:0000:1234:192.168.100.200", "::00001", "1:2:3:4:5:192.0.2.1", "example.org",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, err := netip.ParseAddr(string(text))
		holds := err == nil && want.Zone() == "" && !want.Is4In6()
		got, ok := expression.Address(text)
		if ok != holds || ok && got != want {
			t.Errorf("%q: got %v, %v, want %v, %v", text, got, ok, want, err)
		}
		if n := testing.AllocsPerRun(1, func() { expression.Address(text) }); n != 0 {
			t.Errorf("%q: %v allocations", text, n)
		}
	})
}
