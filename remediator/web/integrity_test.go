package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/integrity"
)

// verified waits until the verification that was asked for has ended.
func (h *house) verified() (s integrity.State) {
	h.t.Helper()
	h.until("verified", func() bool {
		s = integrity.State{}
		h.bearer("admin").get("/v1/integrity").into(h.t, &s)
		return !s.Verification.Running && !s.Verification.Ended.IsZero()
	})
	return s
}

// TestIntegrity holds that the page shows what the API says of the ledger, that a
// verification of all of it says whether it was compared with what was kept elsewhere,
// and that only those may ask for it whose work it is.
func TestIntegrity(t *testing.T) {
	t.Parallel()
	kept := filepath.Join(t.TempDir(), "kept")
	h := newHouse(t, func(c *remediator.Config) { c.Keep.File = kept })
	h.hire(map[string]string{"eve": "agent", "mia": "auditor", "oli": "operator"})
	h.late("1", "c-1", "2.99 USD")
	ask := func(who string, want int, fields url.Values) paper {
		t.Helper()
		p := h.bearer(who).send("/integrity/verify", fields)
		if p.status != want {
			t.Errorf("%s is answered %d %s, want %d", who, p.status, p.body, want)
		}
		return p
	}
	ask("eve", http.StatusForbidden, nil)
	ask("mia", http.StatusSeeOther, nil)
	state := h.verified()
	v := state.Verification
	if v.By != "mia" || v.Report == nil || !v.Report.Verified || v.Report.Pinned || len(state.Kept) != 1 {
		t.Fatalf("the API says %+v", state)
	}
	p := h.bearer("eve").get("/integrity")
	checkPage(t, "/integrity", p)
	for _, text := range []string{fmt.Sprintf("<dd>%d: ", v.Report.Size), "self-consistent only", "asked by <bdi>mia</bdi>", "audit reproduce", "<code>" + v.Report.Root} {
		if !strings.Contains(strings.ToLower(p.body), strings.ToLower(strings.NewReplacer("+", "&#43;").Replace(text))) {
			t.Errorf("the page does not say %q", text)
		}
	}
	if strings.Contains(p.body, `action="/integrity/verify"`) {
		t.Error("an agent is shown a form that they may not send")
	}
	key, err := os.ReadFile(filepath.Join(h.config.DataDir, "ledger.pub"))
	if err != nil {
		t.Fatal(err)
	}
	note := h.stranger().get("/checkpoint").body
	h.late("2", "c-2", "20.00 USD")
	ask("oli", http.StatusSeeOther, url.Values{"pin": {string(key)}, "checkpoints": {strings.ReplaceAll(note, "\n", "\r\n")}})
	v = h.verified().Verification
	if v.By != "oli" || v.Report == nil || !v.Report.Verified || !v.Report.Pinned || v.Report.Covered == 0 || v.Report.Covered >= v.Report.Size {
		t.Fatalf("the API says %+v", v)
	}
	if p := h.bearer("mia").get("/integrity"); !strings.Contains(p.body, "rewritten by who has the ledger") {
		t.Error("the page does not say what no checkpoint covers")
	}
	ask("oli", http.StatusBadRequest, url.Values{"checkpoints": {"<b>no note"}})
	ask("oli", http.StatusSeeOther, url.Values{"pin": {"<b>no key"}})
	h.verified()
	if p := h.bearer("mia").get("/integrity"); !strings.Contains(p.body, "could not be verified") || strings.Contains(p.body, "<b>no key") {
		t.Errorf("a key that is none is answered %s", p.body)
	}
}

// TestWitnesses holds that the page says of each place that keeps checkpoints how old and
// how large the last one there is and what came since, as the API does, and of one that
// keeps none that it cannot.
func TestWitnesses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	kept := filepath.Join(folder, "away", "kept")
	if err := os.Mkdir(filepath.Dir(kept), 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	h := newHouse(t, func(c *remediator.Config) { c.Keep.File = kept })
	witness := func() (k integrity.Kept) {
		t.Helper()
		var s integrity.State
		h.bearer("admin").get("/v1/integrity").into(t, &s)
		if len(s.Kept) != 1 || s.Kept[0].Where != "file "+kept {
			t.Fatalf("the witnesses are %+v", s.Kept)
		}
		return s.Kept[0]
	}
	h.until("kept", func() bool { return witness().Size > 0 })
	first := witness()
	if first.Failing || first.At.Before(began.Truncate(time.Second)) || first.At.After(time.Now()) {
		t.Errorf("the file is said to have kept %+v", first)
	}
	rows := func() []string {
		t.Helper()
		p := h.bearer("admin").get("/integrity")
		checkPage(t, "/integrity", p)
		_, section, _ := strings.Cut(p.body, `<h2 id="kept">`)
		section, _, _ = strings.Cut(section, "</section>")
		return paper{body: section}.cells(t, "td")
	}
	if got := rows(); len(got) != 4 || !strings.Contains(got[0], "kept") || !strings.Contains(got[1], "ago") && !strings.Contains(got[1], "now") || got[2] != fmt.Sprint(first.Size) {
		t.Errorf("the page says %q of %+v", got, first)
	}
	if err := os.RemoveAll(filepath.Dir(kept)); err != nil {
		t.Fatal(err)
	}
	h.late("1", "c-1", "2.99 USD")
	h.until("failing", func() bool { return witness().Failing })
	last := witness()
	got := rows()
	if len(got) != 4 || !strings.Contains(got[0], "cannot be kept") || got[3] == "0" || last.Size < first.Size {
		t.Errorf("the page says %q of %+v", got, last)
	}
}

// TestFacts holds that auditors, and no others, are shown an entry of the ledger.
func TestFacts(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"eve": "agent", "mia": "auditor"})
	h.late("1", "c-1", "2.99 USD")
	for path, want := range map[string]int{"/facts/0": 200, "/facts/3": 200, "/facts/100000": 404, "/facts/-1": 404, "/facts/x": 404} {
		p := h.bearer("mia").get(path)
		if p.status != want {
			t.Errorf("%s: %d, want %d", path, p.status, want)
		}
		checkPage(t, path, p)
	}
	if p := h.bearer("eve").get("/facts/0"); p.status != http.StatusForbidden {
		t.Errorf("an agent is shown a fact: %d", p.status)
	}
	if p := h.bearer("admin").send("/integrity/differences/"+uuid.NewString()+"/close", url.Values{"key": {uuid.NewString()}, "reason": {"settled"}}); p.status != http.StatusConflict {
		t.Errorf("closing no difference is answered %d %s", p.status, p.body)
	}
}
