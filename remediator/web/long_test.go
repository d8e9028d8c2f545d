package web_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/web"
)

// TestLongLists holds that every page stays light when what it lists is very long, that
// it says how much it leaves out, and that what is asked for is on it.
func TestLongLists(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	coe := h.openCOE("admin", "Late")
	h.stop()
	const many = 20_000
	now := time.Now().UnixNano()
	state := func(level string) string {
		text, err := json.Marshal(cord.State{Cord: "CORD", Level: level, Pull: uuid.New(), Since: now, LastAt: now, Pulls: 1, By: "ann", Reason: "It breaks"})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const numbers = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) `
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(h.config.DataDir, "ledger.db")))
	if err != nil {
		t.Fatal(err)
	}
	for _, fill := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO cord SELECT 'product/R-' || n, 'red', 1, CAST(replace(?, 'CORD', 'product/R-' || n) AS BLOB) FROM numbers`, []any{state(cord.Red)}},
		{`INSERT INTO cord SELECT 'product/O-' || n, 'open', 1, CAST(replace(?, 'CORD', 'product/O-' || n) AS BLOB) FROM numbers`, []any{state(cord.Open)}},
		{`INSERT INTO brake SELECT 'rule:r-' || n, 'command/ann/' || n, 'ann', ?, 1 FROM numbers WHERE n <= 5000`, []any{now}},
		{`INSERT INTO gap SELECT printf('00000000-0000-0000-0000-%012d', n), 'service', 1, ? FROM numbers`, []any{now}},
	} {
		_, wrong := db.ExecContext(t.Context(), strings.Replace(fill.sql, " SELECT", " "+numbers+"SELECT", 1), append([]any{many / 2}, fill.args...)...)
		err = errors.Join(err, wrong)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	h.start()
	fill := strings.NewReplacer("{$}", "", "{rule}", "late", "/coes/{coe}", coe, "{remedy}", h.remedyOf("c-1").Remedy.String(), "{sequence}", "1")
	for _, pattern := range web.Pages() {
		path := fill.Replace(pattern)
		p := h.bearer("admin").get(path)
		if p.status != http.StatusOK || len(p.body) > 150<<10 {
			t.Errorf("%s is answered %d with %d bytes", path, p.status, len(p.body))
		}
		checkPage(t, path, p)
	}
	for path, left := range map[string]string{"/": "9\u202f900 more are in", "/andon": "9\u202f980 more are not open", "/adoption": "9\u202f900 more are in"} {
		if p := h.bearer("admin").get(path); !strings.Contains(p.body, left) {
			t.Errorf("%s does not say that %s", path, left)
		}
	}
	p := h.bearer("admin").get("/andon?cord=product/R-3141")
	if p.status != http.StatusOK || len(p.body) > 150<<10 || !strings.Contains(p.body, "You cannot release it") && !strings.Contains(p.body, `<input type="hidden" name="cord" value="product/R-3141">`) {
		t.Errorf("the board with a path that is asked for is answered %d with %d bytes", p.status, len(p.body))
	}
}
