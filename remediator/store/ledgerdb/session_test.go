package ledgerdb

import (
	"reflect"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/access"
)

func TestSessions(t *testing.T) { engines(t, testSessions) }

func testSessions(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	old := access.Session{Digest: strings.Repeat("a", 64), Name: "ann", Roles: []string{"agent", "auditor"}, Method: "oidc", Created: 10, Seen: 10, Expires: 20}
	fresh := access.Session{Digest: strings.Repeat("b", 64), Name: "pat", Token: strings.Repeat("c", 64), Method: "token", Created: 15, Seen: 15, Expires: 30}
	is := func(s access.Session, want *access.Session) {
		t.Helper()
		if got, err := w.db.Session(ctx, s.Digest); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("kept is %+v, %v, want %+v", got, err, want)
		}
	}
	is(old, nil)
	for _, s := range []access.Session{old, fresh} {
		if err := w.db.BeginSession(ctx, s); err != nil {
			t.Fatal(err)
		}
		is(s, &s)
	}
	for _, at := range []int64{17, 16} { // what is said late changes nothing
		if err := w.db.SeeSession(ctx, fresh.Digest, at); err != nil {
			t.Fatal(err)
		}
	}
	fresh.Seen = 17
	is(fresh, &fresh)
	newer := access.Session{Digest: strings.Repeat("d", 64), Name: "pat", Method: "oidc", Roles: []string{"approver"}, Created: 20, Seen: 20, Expires: 40}
	if err := w.db.BeginSession(ctx, newer); err != nil {
		t.Fatal(err)
	}
	is(old, nil) // it has expired
	is(fresh, &fresh)
	for range 2 {
		if err := w.db.EndSession(ctx, fresh.Digest); err != nil {
			t.Fatal(err)
		}
	}
	is(fresh, nil)
	is(newer, &newer)
}
