package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/api/openapi"
	"github.com/makegood/makegood/remediator/problem"
)

// TestPages holds that pages of whole lists have each item once, also of one that grows
// meanwhile.
func TestPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hireAll()
	for _, n := range []int{3, 1, 5, 2, 4} {
		h.post("oli", "/v1/andon/pull", fmt.Sprintf(`{"cord":"product/%d","level":"yellow","reason":"look"}`, n)).answer(t)
		h.post("oli", fmt.Sprintf("/v1/customers/c-%d/hold", n), `{"reason":"a claim"}`).answer(t)
		h.signIn("ann")
		h.post("oli", "/v1/pause", fmt.Sprintf(`{"target":"rule:r%d"}`, n)).answer(t)
	}
	h.held("1", "50.00 USD")
	h.requested("ann", "pi_2")
	var tokens api.Tokens
	h.ask("admin", "GET", "/v1/tokens", "").into(t, &tokens)
	for path, all := range map[string]int{"/v1/tokens": len(tokens.Tokens), "/v1/andon": 5, "/v1/customers/held": 5, "/v1/sessions": 5, "/v1/brakes": 5, "/v1/holds": 2} {
		found := h.paged(path, 1+all/3)
		if len(found) != all || len(slices.Compact(slices.Sorted(slices.Values(found)))) != all {
			t.Errorf("%s has %q, want %d", path, found, all)
		}
	}
	// A token whose name comes before the cursor moves none of those that follow.
	var page api.Tokens
	h.ask("admin", "GET", "/v1/tokens?limit=3", "").into(t, &page)
	h.hire(map[string]string{"aaa": "agent"})
	var rest api.Tokens
	h.ask("admin", "GET", "/v1/tokens?limit=1000&after="+url.QueryEscape(page.Next), "").into(t, &rest)
	if len(page.Tokens)+len(rest.Tokens) != len(tokens.Tokens) || rest.Next != "" {
		t.Errorf("after %q come %d of %d", page.Next, len(rest.Tokens), len(tokens.Tokens))
	}
	for _, path := range []string{"/v1/tokens?limit=0", "/v1/andon?limit=x", "/v1/customers/held?limit=1001", "/v1/holds?limit=0", "/v1/brakes?limit=x", "/v1/sessions?limit=-1", "/v1/webhooks?after=x", "/v1/reconciliations?after=x", "/v1/reconciliations?after_difference=-1", "/v1/coes?after=x"} {
		if r := h.ask("admin", "GET", path, ""); r.status != http.StatusBadRequest || !strings.Contains(r.body, "parameter") {
			t.Errorf("%s is answered %d %s", path, r.status, r.body)
		}
	}
}

// paged reads a list page by page, and returns what tells its items apart.
func (h *house) paged(path string, limit int) (found []string) {
	h.t.Helper()
	for after := ""; ; {
		var page struct {
			Tokens    []struct{ ID string }
			Cords     []struct{ Cord string }
			Customers []struct{ Customer string }
			Sessions  []struct{ Session string }
			Brakes    []struct{ Target string }
			Holds     []struct{ Rule string }
			Next      string
		}
		h.ask("admin", "GET", fmt.Sprintf("%s?limit=%d&after=%s", path, limit, url.QueryEscape(after)), "").into(h.t, &page)
		for _, t := range page.Tokens {
			found = append(found, t.ID)
		}
		for _, c := range page.Cords {
			found = append(found, c.Cord)
		}
		for _, s := range page.Sessions {
			found = append(found, s.Session)
		}
		for _, b := range page.Brakes {
			found = append(found, b.Target)
		}
		for _, g := range page.Holds {
			found = append(found, g.Rule)
		}
		for _, c := range page.Customers {
			found = append(found, c.Customer)
		}
		if after = page.Next; after == "" {
			return found
		}
	}
}

// TestConventions holds what every operation has: a list that has more has a limit and a
// cursor, whoever does something may say so twice, and a read can be polled.
func TestConventions(t *testing.T) {
	t.Parallel()
	document, operations := described(t)
	schemas := document.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	lists := 0
	for route, operation := range operations {
		parameters := map[any]bool{}
		list, _ := operation["parameters"].([]any)
		for _, p := range list {
			parameters[p.(map[string]any)["name"]] = true
		}
		if _, public := operation["security"]; strings.HasPrefix(route, "POST ") && !public && !parameters["Idempotency-Key"] {
			t.Errorf("%s takes no Idempotency-Key", route)
		}
		name := ""
		if pointer, err := api.Describe().Find(route, http.StatusOK); err != nil {
			t.Error(err)
		} else if schema, ok := at(document, pointer).(map[string]any); ok {
			name, _ = schema["$ref"].(string)
		}
		named, _ := schemas[strings.TrimPrefix(name, "#/components/schemas/")].(map[string]any)
		properties, _ := named["properties"].(map[string]any)
		if _, next := properties["next"]; next != parameters["after"] || next && !parameters["limit"] {
			if !strings.HasSuffix(route, ".csv") {
				t.Errorf("%s has next in its answer: %v, and takes %v", route, next, parameters)
			}
		} else if next {
			lists++
		}
		if slices.Contains(whole, route) != (operation["description"] != nil) {
			t.Errorf("%s has no pages, and says of its bound %q", route, operation["description"])
		}
	}
	if lists < 11 {
		t.Errorf("only %d lists have pages", lists)
	}
}

// whole are the lists that are answered whole, and say why they are never long.
var whole = []string{"GET /v1/today", "GET /v1/rules", "GET /v1/adoption"}

// at is what a pointer into a description points to, nil for none.
func at(document any, pointer string) any {
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "#/"), "/") {
		within, ok := document.(map[string]any)
		if !ok {
			return nil
		}
		document = within[strings.NewReplacer("~1", "/", "%7B", "{", "%7D", "}", "~0", "~").Replace(part)]
	}
	return document
}

// unpolled are the reads without a tag: they never end, or are as long as the ledger.
var unpolled = []string{"GET /v1/andon/stream", "GET /v1/refunds.csv"}

// uncounted are the reads that all processes of a program may make at once.
var uncounted = []string{"GET /v1/whoami", "GET /v1/andon/gates", "GET /v1/andon/stream"}

// TestTagsAndLimits asks every read that finds something: each has a tag, by which who
// has the answer is not sent it again, and says how many requests are left.
func TestTagsAndLimits(t *testing.T) {
	t.Parallel()
	_, operations := described(t)
	h := newHouse(t, nil)
	h.hireAll()
	h.hire(map[string]string{"spare": "agent"})
	samples := h.samples()
	var tagged, known, counted int
	for route, asked := range routes {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet || slices.Contains(unpolled, route) {
			continue
		}
		at := h.url + samples.Replace(asked.path)
		status, header := h.polled(at, "")
		if status != http.StatusOK {
			continue
		}
		tag := header.Get("ETag")
		if tagged++; tag == "" {
			t.Errorf("%s has no tag", route)
		}
		if status, again := h.polled(at, tag); status == http.StatusNotModified {
			known++
		} else if again.Get("ETag") == tag {
			t.Errorf("%s is sent again, with status %d, to who has it", route, status)
		}
		_, public := operations[method+" "+openapi.Path(path)]["security"]
		if has := header.Get("RateLimit") != ""; has == (public || slices.Contains(uncounted, route)) {
			t.Errorf("%s says how many requests are left: %v", route, has)
		}
		counted++
	}
	if tagged < 25 || known < 20 || counted < 25 {
		t.Errorf("only %d reads were looked at, %d of them twice the same", tagged, known)
	}
}

// polled asks in the administrator's name as somebody who has an answer with a tag.
func (h *house) polled(at, tag string) (int, http.Header) {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, at, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminSecret)
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode, res.Header
}

// TestUnknownParameters holds that every read refuses a parameter that it has not, with
// the name that was meant: a filter that filters nothing would be taken for one.
func TestUnknownParameters(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	asked := 0
	for route, one := range routes {
		method, _, _ := strings.Cut(route, " ")
		if method != http.MethodGet || !strings.Contains(route, " /v1/") {
			continue
		}
		path, query, _ := strings.Cut(one.path, "?")
		got := h.ask("admin", method, path+"?"+query+"&custmer=c-1", "")
		if asked++; got.status != http.StatusBadRequest || !strings.Contains(got.reason(), `there is no parameter "custmer"`) {
			t.Errorf("%s with another parameter is answered %d %s", route, got.status, got.body)
		}
	}
	if asked < 30 {
		t.Errorf("only %d reads were asked", asked)
	}
	if got := h.ask("admin", "GET", "/v1/refunds?custmer=c-1", ""); !strings.Contains(got.reason(), "did you mean customer?") {
		t.Errorf("the refusal is %s", got.reason())
	}
}

// TestUnknownValues holds that each read which has a parameter of few values, as the
// description says, takes each of them and refuses any other by its name: a list that is
// empty for a misspelt status would be taken for an answer.
func TestUnknownValues(t *testing.T) {
	t.Parallel()
	_, operations := described(t)
	h := newHouse(t, nil)
	tried, taken := 0, 0
	for route, operation := range operations {
		method, path, _ := strings.Cut(route, " ")
		parameters, _ := operation["parameters"].([]any)
		for _, p := range parameters {
			p := p.(map[string]any)
			name, in := p["name"].(string), p["in"]
			values, few := p["schema"].(map[string]any)["enum"].([]any)
			if in == "query" && !few && (name == "status" || name == "kind") {
				t.Errorf("%s does not say which values %s may have", route, name)
			}
			if in != "query" || !few {
				continue
			}
			for _, wrong := range []string{"nope", "HELD", "held,done"} {
				got := h.ask("admin", method, path+"?"+url.Values{name: {wrong}}.Encode(), "")
				if tried++; got.status != http.StatusBadRequest || !strings.Contains(got.body, problem.Prefix+"parameter") || !strings.HasPrefix(got.reason(), fmt.Sprintf("%s %q is none of", name, wrong)) {
					t.Errorf("%s with %s %s is answered %d %s", route, name, wrong, got.status, got.body)
				}
				for _, value := range values {
					if !strings.Contains(got.reason(), value.(string)) {
						t.Errorf("%s refuses %s %s by %q, without %s", route, name, wrong, got.reason(), value)
					}
				}
			}
			for _, value := range append(values, "") {
				if got := h.ask("admin", method, path+"?"+url.Values{name: {value.(string)}}.Encode(), ""); got.status != http.StatusOK {
					t.Errorf("%s with %s %q is answered %d %s", route, name, value, got.status, got.body)
				}
				taken++
			}
		}
	}
	if tried < 3*8 || taken < 40 {
		t.Errorf("only %d wrong values and %d right ones were tried", tried, taken)
	}
}
