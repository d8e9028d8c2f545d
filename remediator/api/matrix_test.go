package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
)

// TestOwnAndOthers gives every command of the description, and reads whatever has an id,
// in the name of every role, about something of their own and about another's: who has
// not the role is refused either, whose it is opens nothing to anybody, and where two
// must agree nobody is both. An operation of which the tables say nothing fails it.
func TestOwnAndOthers(t *testing.T) {
	t.Parallel()
	_, operations := described(t)
	h := lateHouse(t, 3*perRoute)
	roles := map[string]string{"eve": decide.RoleEmitter, "ann": decide.RoleAgent, "wes": decide.RoleAuthor, "pat": decide.RoleApprover, "odo": decide.RoleAuditor, "oli": decide.RoleOperator, "amy": decide.RoleAdmin}
	n, own := 0, 0
	for route, operation := range operations {
		about, has := things[route]
		if _, public := operation["security"]; public || !strings.HasPrefix(route, "POST ") && !strings.Contains(route, "{") {
			continue
		}
		method, _, _ := strings.Cut(route, " ")
		if !has {
			if !slices.Contains(nobodys, route) {
				t.Errorf("%s: say in things what it is about, or that it is nobody's", route)
			}
			continue
		}
		wanted, _ := operation["x-roles"].([]any)
		for who, role := range roles {
			for _, maker := range []string{who, "all", "admin"} {
				n++
				path, body, ok := about.make(h, maker, n)
				if !ok {
					continue // they make none of their own
				}
				want := http.StatusOK
				switch may := role == decide.RoleAdmin || slices.Contains(wanted, any(role)); {
				case !may, slices.Contains(about.barred, role), about.foreign && maker == who:
					want = http.StatusForbidden
				}
				if maker == who {
					own++
				}
				if method == http.MethodGet {
					body = ""
				}
				if got := h.ask(who, method, path, body); got.status != want {
					t.Errorf("%s of %s by an %s is answered %d %s, want %d", route, maker, role, got.status, got.body, want)
				}
			}
		}
	}
	if n != len(things)*perRoute || own < 80 {
		t.Errorf("%d were tried of %d things, %d of their own", n, len(things), own)
	}
}
