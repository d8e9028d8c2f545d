package web_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/openid"
)

// accounts is a certified provider of OpenID Connect, in a process of its own, and
// what stands between it and whoever asks it.
type accounts struct {
	url string
	// away cuts connections. Change, when set, changes the answers that hold tokens.
	away   atomic.Bool
	change atomic.Pointer[func(token map[string]any)]
}

// accountsOfPeople are the accounts, all with any password.
var accountsOfPeople = map[string]any{
	"ann":     map[string]any{"email": "Ann@Example.com", "email_verified": true, "groups": []string{"support", "elsewhere"}},
	"pat":     map[string]any{"email": "pat@example.com", "email_verified": true, "groups": []string{"support", "finance"}},
	"una":     map[string]any{"email": "una@example.com", "email_verified": false, "groups": []string{"support"}},
	"nobody":  map[string]any{"email": "nobody@example.com", "email_verified": true, "groups": []string{"elsewhere"}},
	"without": map[string]any{"email": "without@example.com", "email_verified": true},
	"unnamed": map[string]any{"groups": []string{"support"}},
	"rooty":   map[string]any{"preferred_username": "Admin", "groups": []string{"support"}},
}

// openAccounts starts the provider. Claims may be in its ID tokens, or told on asking.
func openAccounts(t *testing.T, inIDToken bool) *accounts {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("..", "..", "tools", "oidc-provider"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "oidc-provider", "package.json")); err != nil {
		t.Fatal("the provider of OpenID Connect is not there: install Node.js 20 with npm (https://nodejs.org), then run make openid")
	}
	a := &accounts{}
	var target *url.URL
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: func(r *http.Response) error {
			change := a.change.Load()
			if change == nil || r.Request.URL.Path != "/token" || r.StatusCode != http.StatusOK {
				return nil
			}
			return rewrite(r, *change)
		},
	}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.away.Load() {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(between.Close)
	a.url = between.URL
	client := func(id string) map[string]any {
		return map[string]any{"client_id": id, "client_secret": "secret of " + id, "application_type": "native",
			"redirect_uris": []string{"http://127.0.0.1/sign-in/openid/back"}, "grant_types": []string{"authorization_code"}, "response_types": []string{"code"}}
	}
	front := client("front")
	front["application_type"], front["redirect_uris"] = "web", []string{publicURL + "/sign-in/openid/back"}
	settings, err := json.Marshal(map[string]any{"issuer": a.url, "port": 0, "accounts": accountsOfPeople,
		"clients": []any{client("makegood"), client("other"), front}, "idTokenSeconds": 60, "claimsInIDToken": inIDToken})
	if err != nil {
		t.Fatal(err)
	}
	target = startNode(t, folder, string(settings))
	return a
}

// startNode starts the process and returns where it listens. It ends with its input.
func startNode(t *testing.T, folder, settings string) *url.URL {
	t.Helper()
	cmd := exec.Command("node", "provider.mjs", settings)
	cmd.Dir = folder
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start node: %v: install Node.js 20 (https://nodejs.org)", err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if port, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			go func() {
				for lines.Scan() { // so that it never waits for a reader
				}
			}()
			return &url.URL{Scheme: "http", Host: "127.0.0.1:" + port}
		}
	}
	t.Fatal("the provider did not start")
	return nil
}

// rewrite changes the JSON of an answer.
func rewrite(r *http.Response, change func(map[string]any)) error {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return err
	}
	change(body)
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if err := r.Body.Close(); err != nil {
		return err
	}
	r.Header.Set("Content-Length", fmt.Sprint(len(text)))
	r.ContentLength, r.Body = int64(len(text)), http.NoBody
	r.Body = readCloser{strings.NewReader(string(text))}
	return nil
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// configure has a house sign people in by the provider.
func (a *accounts) configure(c *remediator.Config) {
	c.OpenID = &openid.Config{Issuer: a.url, ClientID: "makegood", ClientSecret: "secret of makegood",
		Scopes: []string{"email", "profile", "groups"},
		Roles:  map[string][]string{"support": {decide.RoleAgent}, "finance": {decide.RoleApprover}}}
}

// leave begins a sign-in and returns the address of the provider that it leads to.
func (v *visitor) leave(to string) string {
	v.house.t.Helper()
	p := v.get("/sign-in/openid?" + url.Values{"to": {to}}.Encode())
	if p.status != http.StatusSeeOther {
		v.house.t.Fatalf("a sign-in begins with %d %s", p.status, p.body)
	}
	return p.header.Get("Location")
}

// prove signs in at the provider as somebody, and returns the path that leads back.
func (v *visitor) prove(address, name string) string {
	v.house.t.Helper()
	const steps = 20
	fields := url.Values(nil)
	for range steps {
		var res *http.Response
		var err error
		if fields == nil {
			res, err = v.client.Get(address)
		} else {
			res, err = v.client.PostForm(address, fields)
		}
		if err != nil {
			v.house.t.Fatal(err)
		}
		p := paper{res.StatusCode, res.Header, readAll(v.house.t, res)}
		fields = nil
		next, err := res.Location()
		if err == nil {
			address = next.String()
			if path, ok := strings.CutPrefix(address, v.house.url); ok {
				return path
			}
			continue
		}
		for _, e := range p.nodes(v.house.t) {
			if e.name == "form" {
				address, fields = e.attributes["action"], url.Values{"login": {name}, "password": {"any"}}
			}
			if e.name == "input" && e.attributes["type"] == "hidden" {
				fields.Set(e.attributes["name"], e.attributes["value"])
			}
		}
		if fields == nil {
			v.house.t.Fatalf("the provider answers %d %s", p.status, p.body)
		}
	}
	v.house.t.Fatalf("the provider leads nowhere in %d steps", steps)
	return ""
}

// byAccount signs in as somebody by the provider.
func (v *visitor) byAccount(name, to string) paper {
	v.house.t.Helper()
	return v.get(v.prove(v.leave(to), name))
}

// session returns the secret of the browser's session; empty: none.
func (v *visitor) session() string {
	for _, c := range v.cookies() {
		if secret, ok := strings.CutPrefix(c, "makegood="); ok {
			return secret
		}
	}
	return ""
}
