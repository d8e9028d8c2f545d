package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/adoption"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/rule"
)

// TestAdoptionIsTheAPI holds that the page shows the figures of GET /v1/adoption, and
// that a rule is silent until it decides something.
func TestAdoptionIsTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for _, silent := range []bool{true, false} {
		if !silent {
			h.late("1", "c-1", "2.99 USD")
		}
		var want adoption.Adoption
		h.bearer("admin").get("/v1/adoption").into(t, &want)
		if len(want.Rules) != 1 || want.Rules[0].Rule != "late" || want.Rules[0].Silent != silent || len(want.Types) != 1 || want.Types[0].Type != "parcel.late" {
			t.Fatalf("the API says %+v", want)
		}
		p := h.bearer("admin").get("/adoption")
		checkPage(t, "/adoption", p)
		if got := strings.Contains(p.body, "▲</span> silent"); got != silent || !has(p.cells(t, "th"), "late") || !has(p.cells(t, "th"), "parcel.late") {
			t.Errorf("silent is shown: %v, want %v", got, silent)
		}
	}
}

// TestAdoptionHears holds that the page and the API say who sends what by which program,
// what no rule is about, and who asks for the gates, and that a silent one is told.
func TestAdoptionHears(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	h := newHouse(t, func(c *remediator.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	h.late("1", "c-1", "2.99 USD")
	if p := h.bearer("emitter").post("/v1/events", `{"specversion":"1.0","id":"odd","source":"/other","type":"parcel\u002eodd"}`, "Content-Type", "application/cloudevents+json"); p.status != http.StatusAccepted {
		t.Fatalf("the event is answered %d %s", p.status, p.body)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/v1/andon/gates", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+h.secrets["emitter"])
	request.Header.Set("User-Agent", "makegood-go/v1.2.3")
	request.Header.Set("Makegood-Source", "checkout")
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the gates: %v %v", response, err)
	}
	response.Body.Close()
	var want adoption.Adoption
	h.bearer("admin").get("/v1/adoption").into(t, &want)
	short := want.Short()
	if short.Services != 2 || short.Types != 2 || short.Uncovered != 1 || short.Gates != 1 || short.StaleGates != 0 || len(short.Agents) != 1 ||
		want.Gates[0].Agent != "makegood-go/v1.2.3" || want.Gates[0].Source != "checkout" || want.Types[0].LastHeard.IsZero() {
		t.Fatalf("the API says %+v", want)
	}
	page := h.bearer("admin").get("/adoption")
	checkPage(t, "/adoption", page)
	for _, text := range []string{"/other", "parcel.odd", "checkout", "makegood-go/v1.2.3", "types heard that no rule is about"} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the page does not show %s", text)
		}
	}
	var status api.Status
	h.bearer("admin").get("/v1/status").into(t, &status)
	if got := fmt.Sprint(status.Adoption); got != fmt.Sprint(short) {
		t.Errorf("the status says %s, want %+v", got, short)
	}
	ahead.Store(int64(2 * time.Minute))
	if page := h.bearer("admin").get("/adoption"); !strings.Contains(page.body, "▲</span> stale") {
		t.Error("who is not spoken with for two minutes is not called stale")
	}
}

// TestAdoptionOfManyRules holds that a type of events names the first rules about it
// and says how many more there are.
func TestAdoptionOfManyRules(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *remediator.Config) {
		text := houseRules
		for i := range 13 {
			name := fmt.Sprintf("  - rule: more-%02d\n", i)
			text += strings.Replace(strings.TrimPrefix(houseRules, "rules:\n"), "  - rule: late\n", name, 1)
		}
		c.Rules = []rule.File{{Path: "house.yaml", Text: text}}
	})
	if p := h.bearer("admin").get("/adoption"); !strings.Contains(p.body, "<bdi>more-08</bdi> and 4 more</td>") {
		t.Errorf("the page does not say how many rules more there are: %s", p.body)
	}
}
