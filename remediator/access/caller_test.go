package access_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/makegood/makegood/remediator/access"
)

// TestCaller holds where a request is taken to come from: by what a proxy says only
// behind one, and then by nothing that its sender can write.
func TestCaller(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		behind    bool
		remote    string
		forwarded []string
		want      string
	}{
		{"nobody in front", false, "203.0.113.7:4711", nil, "203.0.113.7"},
		{"a header is no proxy", false, "203.0.113.7:4711", []string{"198.51.100.1"}, "203.0.113.7"},
		{"the proxy says", true, "10.0.0.1:4711", []string{"198.51.100.1"}, "198.51.100.1"},
		{"the last hop counts", true, "10.0.0.1:4711", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		{"of the last line", true, "10.0.0.1:4711", []string{"1.1.1.1", "2.2.2.2 ,\t198.51.100.1 "}, "198.51.100.1"},
		{"with a port", true, "10.0.0.1:4711", []string{"198.51.100.1:80"}, "198.51.100.1"},
		{"IPv6 by its network", true, "10.0.0.1:4711", []string{"2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"},
		{"in brackets", true, "10.0.0.1:4711", []string{"[2001:db8:1:2::9]"}, "2001:db8:1:2::/64"},
		{"in brackets with a port", true, "10.0.0.1:4711", []string{"[2001:db8:1:2::9]:443"}, "2001:db8:1:2::/64"},
		{"IPv4 in IPv6", true, "10.0.0.1:4711", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"the proxy says nothing", true, "10.0.0.1:4711", nil, "10.0.0.1"},
		{"nor anything that is one", true, "10.0.0.1:4711", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"nor at the end", true, "10.0.0.1:4711", []string{"198.51.100.1,"}, "10.0.0.1"},
		{"a neighbour by link", false, "[fe80::1%eth0]:4711", nil, "fe80::/64"},
		{"the owner's socket", false, "@", nil, "@"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/sign-in", nil)
			r.RemoteAddr = c.remote
			r.Header["X-Forwarded-For"] = c.forwarded
			if got := access.New(access.Config{BehindTLS: c.behind}).Caller(r); got != c.want {
				t.Errorf("it comes from %q, want %q", got, c.want)
			}
		})
	}
}
