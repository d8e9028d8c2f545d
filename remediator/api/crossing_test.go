package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
)

// TestApprovalsThatCross holds that who approves by what was shown before a limit came up
// has to look first, of one remedy and of a bulk.
func TestApprovalsThatCross(t *testing.T) {
	t.Parallel()
	h := lateHouse(t, 3)
	remedy := "/v1/remedies/" + h.held("8", "20.00 USD")
	a := h.post("all", applyLate, h.applyBody(`,"customers":["c-0","c-1","c-2"]`)).answer(t)
	if a.Bulk.Revision != 1 {
		t.Errorf("the bulk begins as %+v", a.Bulk)
	}
	bulk := "/v1/bulks/" + a.Bulk.Bulk.String()
	h.activate("boss", strings.Replace(houseRules, "1000000.00 USD", "15.00 USD", 1), "all")

	const seen, anew = `{"held_for":"approve_above"}`, `{"held_for":"budget"}`
	h.hears(h.post("pat", remedy+"/approve", seen), "approve", saying{"pat", "it would go above a limit now"})
	h.hears(h.post("pia", remedy+"/approve", seen), "approve", saying{"pia", "it is held for budget now, which you have not seen"})
	h.hears(h.post("pia", remedy+"/approve", anew), "approve", saying{"pia", done})

	first, second := `{"revision":1,"reason":"it came late"}`, `{"revision":2}`
	h.hears(h.post("pat", bulk+"/approve", first), "approve", saying{"pat", "more of it goes above limits than was shown"})
	h.hears(h.post("pia", bulk+"/approve", first), "approve", saying{"pia", "it is at revision 2 now, and you have seen revision 1"})
	var b decide.Bulk
	if h.ask("odo", "GET", bulk, "").into(t, &b); b.Revision != 2 || len(b.Above) != 1 {
		t.Errorf("the bulk is %+v", b)
	}
	h.hears(h.post("pia", bulk+"/approve", second), "approve", saying{"pia", done})
	h.hears(h.post("pat", bulk+"/approve", second), "approve", saying{"pat", done})
	h.until("paid", func() bool { return h.provider.Summary().Totals["USD"] == 5000 })

	// Who denies pays nothing, and says of nothing what they saw.
	for path, body := range map[string]string{remedy: seen, bulk: first} {
		if r := h.post("pat", path+"/deny", body); r.status != http.StatusBadRequest || !strings.Contains(r.reason(), "unknown field") {
			t.Errorf("%s/deny %s: %s", path, body, fmt.Sprint(r.status, r.body))
		}
	}
	h.verify()
}
