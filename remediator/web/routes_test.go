package web_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/web"
)

// addresses has something happen, and returns how the address is written that a pattern
// stands for. A variable that it does not know fails the test: say what it is.
func (h *house) addresses() (address func(pattern string) string) {
	h.t.Helper()
	h.late("1", "c-1", "2.99 USD")
	asset, err := web.Asset("console.css")
	if err != nil {
		h.t.Fatal(err)
	}
	known := map[string]string{"{remedy}": h.remedyOf("c-1").Remedy.String(), "{rule}": "late", "{coe}": strings.TrimPrefix(h.openCOE("admin", "Late"), "/coes/"),
		"{sequence}": "0", "{command}": "approve", "{difference}": uuid.NewString(), "{name}": asset, "{secret}": "none"}
	return func(pattern string) string {
		return variable.ReplaceAllStringFunc(strings.TrimSuffix(pattern, "{$}"), func(name string) string {
			value, ok := known[name]
			if !ok {
				h.t.Errorf("the test does not know what %s of %s is", name, pattern)
			}
			return value
		})
	}
}

// routes lists what the console answers, by method and path. It holds that whatever is
// routed is among them.
func routes(t *testing.T) (all [][2]string) {
	t.Helper()
	patterns, err := web.Routes()
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range patterns {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			method, path = http.MethodGet, pattern+"nowhere"
		}
		all = append(all, [2]string{method, path})
	}
	if pages, forms := len(web.Pages()), len(web.Forms()); pages < 15 || forms < 15 || len(all) < pages+forms+5 {
		t.Errorf("%d routes of %d pages and %d forms", len(all), pages, forms)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	registered := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			registered += strings.Count(string(text), "mux.Handle(") + strings.Count(string(text), "mux.HandleFunc(")
		}
	}
	if registered != 1 {
		t.Errorf("the router is told of routes in %d places: name them in the list of routes, so that tests see them", registered)
	}
	return all
}

// head asks and returns the answer without what it holds, which may not end.
func (v *visitor) head(method, path string, form url.Values, headers ...string) paper {
	v.house.t.Helper()
	ctx, cancel := context.WithCancel(v.house.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, v.house.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.house.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.secret != "" {
		req.Header.Set("Authorization", "Bearer "+v.secret)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.house.t.Fatal(err)
	}
	defer res.Body.Close()
	return paper{status: res.StatusCode, header: res.Header}
}

// TestRoutesOfOtherSites sends every form from pages of other sites, and from nowhere,
// by a browser in which somebody is signed in: none does anything, and what the page
// itself sends does.
func TestRoutesOfOtherSites(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	address := h.addresses()
	at, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	foreign := [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://elsewhere.example"}, {"Origin", "null"},
		{"Origin", "http://" + at.Hostname() + ":1"}, {"Sec-Fetch-Site", "cross-site", "Origin", h.url}, {"Origin", h.url + ".elsewhere.example"}}
	own := [][]string{{"Sec-Fetch-Site", "same-origin", "Origin", h.url}, {"Origin", h.url}, {"Sec-Fetch-Site", "same-origin", "Origin", "null"}}
	tried := 0
	for _, r := range routes(t) {
		if r[0] != http.MethodPost {
			continue
		}
		tried++
		path, form := address(r[1]), url.Values{"key": {uuid.NewString()}, "token": {"nobody's"}}
		v := h.signedIn("admin")
		for _, headers := range foreign {
			if p := v.head(http.MethodPost, path, form, headers...); p.status != http.StatusForbidden {
				t.Errorf("%s with %v is answered %d", path, headers, p.status)
			}
		}
		if r[1] != "/sign-in" { // which goes by no session
			if p := v.head(http.MethodPost, path, form); p.status != http.StatusSeeOther || p.header.Get("Location") != "/sign-in" || p.header.Get("Set-Cookie") != "" {
				t.Errorf("%s from nowhere is answered %d to %q", path, p.status, p.header.Get("Location"))
			}
		}
		if p := v.get("/"); p.status != http.StatusOK {
			t.Errorf("after %s from elsewhere the session is answered %d", path, p.status)
		}
		for _, headers := range own {
			if p := v.head(http.MethodPost, path, form, headers...); p.status == http.StatusForbidden || p.header.Get("Location") == "/sign-in" && r[1] != "/sign-out" {
				t.Errorf("%s with %v is answered %d to %q", path, headers, p.status, p.header.Get("Location"))
			}
			if r[1] == "/sign-out" {
				break
			}
		}
	}
	if tried < len(web.Forms())+3 {
		t.Errorf("only %d were tried", tried)
	}
}

// TestHeadersOfRoutes holds that each answer of each route, whoever asks in whatever way
// and whatever comes of it, forbids browsers what the console does not need, and that no
// cache keeps what is for one person.
func TestHeadersOfRoutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	address := h.addresses()
	answered := map[int]int{}
	ask := func(who, method, path string, headers ...string) {
		t.Helper()
		v := h.stranger()
		if who != "nobody" {
			v = h.bearer(who)
		}
		var form url.Values
		if method == http.MethodPost {
			form = url.Values{"key": {uuid.NewString()}, "token": {"nobody's"}}
		}
		p := v.head(method, path, form, headers...)
		answered[p.status]++
		checkGuarded(t, method+" "+path+" by "+who, path, p)
	}
	all := routes(t)
	for _, r := range all {
		path := address(r[1])
		for _, who := range []string{"nobody", "emitter", "admin"} {
			ask(who, r[0], path)
			ask(who, r[0], path, "HX-Request", "true")
			ask(who, http.MethodDelete, path)
		}
		ask("nobody", http.MethodPost, path, "Sec-Fetch-Site", "cross-site")
		ask("admin", http.MethodHead, path)
	}
	for _, path := range []string{"/remedies/none", "/coes/none", "/rules/none", "/facts/none", "/assets/none.css", "//refunds", "/refunds/", "/refunds?since=none", "/v1/none", "/%2e%2e/"} {
		ask("admin", http.MethodGet, path)
	}
	h.without("coe", func() {
		for _, path := range []string{"/coes", "/coes/{coe}", "/coes/{coe}/edit", "/coes/{coe}/changes"} {
			ask("admin", http.MethodGet, address(path))
			ask("admin", http.MethodGet, address(path), "HX-Request", "true")
		}
	})
	for status, least := range map[int]int{200: 20, 303: 20, 400: 3, 401: 1, 403: 20, 404: 20, 500: 8} {
		if answered[status] < least {
			t.Errorf("%d answers are %d: of %v", answered[status], status, answered)
		}
	}
}

// checkGuarded holds what every answer has.
func checkGuarded(t *testing.T, what, path string, p paper) {
	t.Helper()
	keep := "no-store"
	if p.status == http.StatusOK && strings.HasPrefix(path, "/assets/") {
		keep = "public, max-age=31536000, immutable"
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": "", "Cache-Control": keep} {
		if got := p.header.Get(name); got != want {
			t.Errorf("%s, answered %d: %s is %q, want %q", what, p.status, name, got, want)
		}
	}
	policy := strings.Split(p.header.Get("Content-Security-Policy"), "; ")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !slices.Contains(policy, want) {
			t.Errorf("%s, answered %d: the policy is %q", what, p.status, policy)
		}
	}
	for _, rule := range policy {
		if strings.Contains(rule, "unsafe") || strings.ContainsAny(rule, "*/") || strings.HasPrefix(rule, "script-src") && rule != "script-src 'self'" {
			t.Errorf("%s, answered %d: the policy says %q", what, p.status, rule)
		}
	}
	if kind := p.header.Get("Content-Type"); kind == "" && p.status != http.StatusNoContent && p.status/100 != 3 && p.header.Get("Content-Length") != "0" {
		t.Errorf("%s, answered %d, does not say what it is", what, p.status)
	}
	for _, line := range p.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err != nil || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("%s, answered %d, sets %s", what, p.status, line)
		}
	}
}

// without does something while the ledger lacks a table.
func (h *house) without(table string, do func()) {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(h.config.DataDir, "ledger.db"))+"?_pragma=busy_timeout(60000)")
	if err != nil {
		h.t.Fatal(err)
	}
	rename := func(from, to string) {
		h.t.Helper()
		if _, err := db.ExecContext(context.WithoutCancel(h.t.Context()), `ALTER TABLE `+from+` RENAME TO `+to); err != nil {
			h.t.Fatal(errors.Join(err, db.Close()))
		}
	}
	rename(table, "gone")
	do()
	rename("gone", table)
	if err := db.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// TestOtherMethods holds that a path which is there is answered 405 to a method that it
// is not for, with those that it is for, and a path which is not 404 to every method.
func TestOtherMethods(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	admin, address := h.bearer("admin"), h.addresses()
	allowed, tried := map[string][]string{}, 0
	patterns, err := web.Routes()
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range patterns {
		if method, path, ok := strings.Cut(pattern, " "); ok && !strings.HasPrefix(path, "/sign-in/openid") { // there is no provider
			if at := address(path); strings.HasSuffix(path, "/why") { // which has the shape of a command
				allowed[at] = []string{"GET", "HEAD", "POST"}
			} else if method == http.MethodGet {
				allowed[at] = append([]string{"GET", "HEAD"}, allowed[at]...)
			} else {
				allowed[at] = append(allowed[at], method)
			}
		}
	}
	for at, methods := range allowed {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, "BREW"} {
			if slices.Contains(methods, method) {
				continue
			}
			tried++
			p := admin.do(method, at, "", nil)
			if want := strings.Join(methods, ", "); p.status != http.StatusMethodNotAllowed || p.header.Get("Allow") != want {
				t.Errorf("%s %s is answered %d, Allow %q, want 405 with %q", method, at, p.status, p.header.Get("Allow"), want)
			}
			if p := admin.do(method, "/nowhere", "", nil); p.status != http.StatusNotFound || p.header.Get("Allow") != "" {
				t.Errorf("%s of what is nowhere is answered %d", method, p.status)
			}
		}
	}
	for at, want := range map[string]string{"/v1/refunds": "GET, POST", "/v1/pause": "POST", "/readyz": "GET"} {
		tried++
		if p := admin.do(http.MethodDelete, at, "", nil); p.status != http.StatusMethodNotAllowed || p.header.Get("Allow") != want {
			t.Errorf("%s is answered %d, Allow %q, want %q", at, p.status, p.header.Get("Allow"), want)
		}
	}
	if tried < 100 {
		t.Errorf("only %d were tried", tried)
	}
}
