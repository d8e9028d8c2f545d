package remediator

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
)

// TestNamesOfOldTokens holds that a token which was made before its name became one of the
// service's own counts as it did, and that the start warns of it until it is revoked.
func TestNamesOfOldTokens(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: t.TempDir()}
	n := startNode(t, cfg)
	poll(t, func() bool { return n.readiness() == nil })
	made := map[string]decide.Token{}
	for _, name := range []string{"restore", "ann", "Restore"} {
		_, digest := access.NewSecret()
		token := decide.Token{ID: uuid.New(), Name: name, Roles: []string{decide.RoleOperator}, SHA256: digest}
		by := access.Principal{Name: access.Admin, Roles: []string{decide.RoleAdmin}}
		if answer, err := n.desk.Give(t.Context(), by, "old/"+name, decide.CommandBody{Command: decide.CommandToken, Token: &token}); err != nil || answer == nil || answer.Refused != "" {
			t.Fatalf("%s gets a token: %+v, %v", name, answer, err)
		}
		made[name] = token
	}
	if code, answer := n.say("/v1/tokens", `{"name":"restore","roles":["operator"]}`); code != http.StatusBadRequest {
		t.Errorf("another restore is answered %d %s", code, answer)
	}
	if code, answer := n.say("/v1/tokens/"+made["Restore"].ID.String()+"/revoke", "{}"); code != http.StatusOK {
		t.Fatalf("revoking is answered %d %s", code, answer)
	}
	n.end(t)
	n = startNode(t, cfg)
	poll(t, func() bool { return n.readiness() == nil })
	for name, want := range map[string]bool{"restore": true, "ann": false, "Restore": false} {
		if got := n.logged.has("makegood tokens revoke " + made[name].ID.String()); got != want {
			t.Errorf("of %s the start warns: %v", name, got)
		}
	}
}
