package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/store/views"
)

// allPages are the pages that each test of all of them looks at.
var allPages = []string{"/", "/refunds", "/andon", "/andon?cord=product/7", "/coes", "/integrity", "/customers", "/customers?customer=c-1", "/customers?customer=nobody", "/approvals", "/approvals?rule=late", "/rules", "/rules/late", "/rules/late/near", "/why-not", "/adoption"}

// TestPages holds of every page what all have in common: headers that forbid what
// the console does not need, no script and no style of its own, one heading, a way
// past the navigation, tables that say what they are, and no byte from elsewhere.
func TestPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	h.late("2", "c-2", "20.00 USD")
	h.bearer("admin").post("/v1/andon/pull", `{"cord":"product/8","level":"yellow","reason":"it breaks"}`)
	h.bearer("admin").post("/v1/pause", `{"target":"connector:stripe"}`)
	for _, path := range append(allPages, "/nowhere") {
		p := h.bearer("admin").get(path)
		if want := map[bool]int{true: http.StatusNotFound, false: http.StatusOK}[path == "/nowhere"]; p.status != want {
			t.Errorf("%s: got %d, want %d: %s", path, p.status, want, p.body)
		}
		checkHeaders(t, path, p)
		checkPage(t, path, p)
	}
}

// TestDone holds that every page says what the form came to that led there, and nothing
// else that an address brings.
func TestDone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for _, path := range []string{"/", "/coes", "/integrity", "/approvals"} {
		for query, want := range map[string]int{"?done=coe-publish": 1, "?done=The+COE+is+published.": 0, "": 0} {
			if p := h.bearer("admin").get(path + query); strings.Count(p.body, `role="status">The COE is published.<`) != want {
				t.Errorf("%s%s does not say %d times what was done: %s", path, query, want, p.body)
			}
		}
	}
}

// selector is an id as a selector of CSS can name it.
var selector = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

func checkHeaders(t *testing.T, path string, p paper) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8", "Strict-Transport-Security": "",
	} {
		if got := p.header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", path, name, got, want)
		}
	}
}

func checkPage(t *testing.T, path string, p paper) {
	t.Helper()
	count := map[string]int{}
	tables := 0
	for _, e := range p.nodes(t) {
		count[e.name]++
		for name, value := range e.attributes {
			if strings.HasPrefix(name, "on") || name == "style" || strings.HasPrefix(name, "hx-on") {
				t.Errorf("%s: <%s> has %s=%q", path, e.name, name, value)
			}
			if name == "id" && !selector.MatchString(value) {
				t.Errorf("%s: <%s> has id=%q, which htmx cannot find when it fetches the page again", path, e.name, value)
			}
			if (name == "src" || name == "href" || name == "action") && !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "#") {
				t.Errorf("%s: <%s> has %s=%q, which is elsewhere", path, e.name, name, value)
			}
		}
		switch {
		case e.name == "script" && (e.attributes["src"] == "" || e.text != ""), e.name == "style":
			t.Errorf("%s: <%s> stands in the page: %q", path, e.name, e.text)
		case e.name == "table":
			tables++
		case e.name == "img" && e.attributes["alt"] == "" && e.attributes["width"] == "":
			t.Errorf("%s: an image has no words and no room", path)
		}
	}
	if count["h1"] != 1 || count["main"] != 1 || count["title"] == 0 || count["caption"] != tables {
		t.Errorf("%s: it has %d h1, %d main, %d captions of %d tables", path, count["h1"], count["main"], count["caption"], tables)
	}
	if !strings.Contains(p.body, `href="#main"`) {
		t.Errorf("%s: nothing leads past the navigation", path)
	}
}

// TestTodayIsTheAPI holds that the first page shows the figures of GET /v1/today.
func TestTodayIsTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	h.late("2", "c-2", "20.00 USD")
	h.bearer("admin").post("/v1/andon/pull", `{"cord":"product/7","level":"red","reason":"it breaks"}`)
	h.bearer("admin").post("/v1/pause", `{"target":"rule:late"}`)
	for n := range views.PageOf {
		h.bearer("admin").post("/v1/andon/pull", fmt.Sprintf(`{"cord":"shelf/%d","level":"yellow","reason":"look"}`, n))
	}
	var today api.Today
	h.bearer("admin").get("/v1/today").into(t, &today)
	if len(today.Pulls) != views.PageOf || today.Counts.Pulls != views.PageOf+1 || today.Pulls[0].Cord != "product/7" || len(today.Holds) != 1 || len(today.Money) != 1 || len(today.Brakes) != 2 || today.Money[0].Money.String() != "2.99 USD" {
		t.Fatalf("the API says %+v", today)
	}
	var figures []string
	p := h.bearer("admin").get("/")
	for _, e := range p.nodes(t) {
		if strings.HasPrefix(e.attributes["class"], "figure") && e.name == "li" {
			figures = append(figures, strings.Join(strings.Fields(e.text), " "))
		}
	}
	want := fmt.Sprintf("[%d cords pulled %d remedies wait for approval 0 remedies failed in 24 hours %d brakes set %d actions under way %d log records not decided yet]",
		today.Counts.Pulls, today.Counts.Held, today.Counts.Brakes, today.Unsettled, today.Behind)
	if got := fmt.Sprint(figures); got != want {
		t.Errorf("the page shows %s, want %s", got, want)
	}
	for _, text := range []string{"2.99 USD", "20.00 USD", "product/7", "rule:late", `<svg class="chart"`, "1 more are in <code>GET /v1/andon</code>"} {
		if !strings.Contains(p.body, text) {
			t.Errorf("the page does not show %s", text)
		}
	}
}
