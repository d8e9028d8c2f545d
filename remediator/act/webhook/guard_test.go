package webhook

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestOnlyPublicAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"93.184.216.34": true, "8.8.8.8": true, "2606:4700:4700::1111": true, "2a00:1450:4001:80b::200e": true, "172.32.0.1": true, "100.128.0.1": true,
		"127.0.0.1": false, "127.255.255.254": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.127.255.255": false, "192.0.0.1": false, "192.0.2.1": false,
		"198.18.0.1": false, "198.51.100.1": false, "203.0.113.9": false, "224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:8.8.8.8": false, "::ffff:127.0.0.1": false, "::7f00:1": false, "fe80::1": false, "fe80::1%eth0": false,
		"fc00::1": false, "fd00:ec2::254": false, "fec0::1": false, "ff02::1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false,
		"2002:7f00:1::": false, "2001::1": false, "2001:db8::1": false, "100::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v, want %v", text, got, want)
		}
		err := refusePrivate("tcp", net.JoinHostPort(text, "443"), nil)
		if (err == nil) != want || err != nil && !errors.Is(err, errPrivate) {
			t.Errorf("dial %s: %v", text, err)
		}
	}
	for _, address := range []string{"", "localhost:80", "8.8.8.8", "[::1", "8.8.8.8:x"} {
		if refusePrivate("tcp", address, nil) == nil {
			t.Errorf("dial %q is let through", address)
		}
	}
}
