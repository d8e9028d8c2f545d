package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/web"
)

// unreadable is for each parameter of a page a value that it cannot read, and texts are
// the parameters that may be any text.
var (
	unreadable = map[string]string{"kind": "gift", "remedy": "7", "status": "nope", "since": "soon", "until": "soon", "after": "x", "before": "x", "cord": "a//b",
		"revision": "x", "from": "x", "to": "x", "verify": "later"}
	texts = []string{"customer", "payment", "rule", "account", "about"}
)

// TestUnreadable holds that each page says of each of its parameters when it cannot read
// it, in the same way, and ignores what it does not ask for. A parameter of which the test
// knows nothing fails it.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	address := h.addresses()
	admin, tried := h.bearer("admin"), 0
	for path, query := range web.QueriesOfPages() {
		at := address(path)
		if p := admin.get(at + "?nonsense=1"); p.status != http.StatusOK {
			t.Errorf("%s with what it does not ask for is answered %d", at, p.status)
		}
		for _, name := range query {
			tried++
			wrong, known := unreadable[name]
			if !known {
				if !slices.Contains(texts, name) {
					t.Errorf("%s reads %s: say what it cannot read, or that it may be any text", path, name)
				}
				if p := admin.get(at + "?" + name + "=nope"); p.status != http.StatusOK {
					t.Errorf("%s with any %s is answered %d", at, name, p.status)
				}
				continue
			}
			p := admin.get(at + "?" + name + "=" + wrong)
			if p.status != http.StatusBadRequest || !strings.Contains(p.body, "The question cannot be read") || !strings.Contains(p.body, name) {
				t.Errorf("%s?%s=%s is answered %d %s", at, name, wrong, p.status, p.body)
			}
			if p := admin.get(at + "?" + name + "="); p.status != http.StatusOK {
				t.Errorf("%s with an empty %s is answered %d", at, name, p.status)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d parameters were tried", tried)
	}
}
