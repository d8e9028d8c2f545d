package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/web"
)

// TestWhoSeesWhat asks for every page and sends every form in the name of every role:
// a page is shown to those whom the table of pages names, and to nobody else; no form is
// taken from who is nobody or a mere emitter.
func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	people := map[string]string{}
	for _, role := range decide.Roles() {
		people["a-"+role] = role
	}
	h.hire(people)
	address := h.addresses()
	pages := web.RolesOfPages()
	if len(pages) < 15 {
		t.Fatalf("only %d pages are there", len(pages))
	}
	for path, roles := range pages {
		at := address(path)
		if p := h.stranger().get(at); p.status != http.StatusSeeOther || !strings.HasPrefix(p.header.Get("Location"), "/sign-in") {
			t.Errorf("%s shows nobody %d", at, p.status)
		}
		for _, role := range decide.Roles() {
			may := role == decide.RoleAdmin || role != decide.RoleEmitter && (roles == nil || slices.Contains(roles, role))
			if p := h.bearer("a-" + role).get(at); (p.status == http.StatusOK) != may || !may && p.status != http.StatusForbidden {
				t.Errorf("%s shows an %s %d, who may see it: %v", at, role, p.status, may)
			}
		}
	}
	for _, path := range web.PathsOfForms() {
		at, form := address(path), url.Values{"key": {uuid.NewString()}}
		if p := h.stranger().send(at, form); p.status != http.StatusSeeOther || !strings.HasPrefix(p.header.Get("Location"), "/sign-in") {
			t.Errorf("the form %s of nobody is answered %d", at, p.status)
		}
		if p := h.bearer("a-emitter").send(at, form); p.status != http.StatusForbidden {
			t.Errorf("the form %s of an emitter is answered %d", at, p.status)
		}
	}
}
