package web_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// TestSignOutEverywhere holds that a session counts at each node of a database, and at
// none after its end, whichever node is told so.
func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	dsn, key := postgrestest.New(t), filepath.Join(t.TempDir(), "shared.key")
	at := func(name string) *house {
		return newHouse(t, func(c *remediator.Config) { c.Database, c.LedgerKeyFile, c.Node = dsn, key, name })
	}
	a, b := at("a"), at("b")
	a.hire(map[string]string{"ann": "agent"})
	b.secrets["ann"] = a.secrets["ann"]
	v := a.signedIn("ann")
	cookie := v.cookies()[0]
	is := func(h *house) int { return h.stranger().get("/v1/whoami", "Cookie", cookie).status }
	b.until("told of the token", func() bool { return is(b) == http.StatusOK })
	if p := b.stranger().send("/sign-out", nil, "Cookie", cookie); p.status != http.StatusSeeOther || !strings.Contains(p.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("signing out is answered %d %s", p.status, p.header)
	}
	if got := [2]int{is(a), is(b)}; got != [2]int{http.StatusUnauthorized, http.StatusUnauthorized} {
		t.Errorf("after the session's end the nodes answer %v", got)
	}
}
