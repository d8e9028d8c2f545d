package access

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// OnThisMachine lets those pass who name the machine itself: by an address or as
// localhost, and its owner (see FromOwner) by any name. It is for a service that is open to its machine and asks for no
// token. A page of somebody else, in a browser here, could otherwise give its own
// name this machine's address (DNS rebinding), and would then be of the same
// origin as the service.
func OnThisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Context()) && !isHere(r.Host) {
			http.Error(w, "this service is open to its own machine: ask it by its address, or as localhost", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isHere(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
