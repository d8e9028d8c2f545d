package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/api/openapi"
	"github.com/makegood/makegood/remediator/decide"
)

// described is the description as a client reads it.
func described(t *testing.T) (document any, operations map[string]map[string]any) {
	t.Helper()
	text, err := json.Marshal(api.Describe())
	if err != nil {
		t.Fatal(err)
	}
	if document, err = jsonschema.UnmarshalJSON(strings.NewReader(string(text))); err != nil {
		t.Fatal(err)
	}
	operations = map[string]map[string]any{}
	for path, item := range document.(map[string]any)["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			operations[strings.ToUpper(method)+" "+path] = operation.(map[string]any)
		}
	}
	return document, operations
}

// TestDescription holds that the description is one as OpenAPI 3.1 has it, of every
// route and of nothing else.
func TestDescription(t *testing.T) {
	t.Parallel()
	document, operations := described(t)
	meta, err := os.ReadFile("testdata/openapi/schema-3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(string(meta)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(document); err != nil {
		t.Error(err)
	}
	document.(map[string]any)["paths"].(map[string]any)["/v1/status"].(map[string]any)["get"].(map[string]any)["responses"] = 7
	if compiled.Validate(document) == nil {
		t.Error("what is no description passes for one")
	}
	there, err := api.Routes()
	if err != nil || len(there) == 0 {
		t.Fatalf("routes %q, %v", there, err)
	}
	ids := map[any]bool{}
	for _, route := range there {
		method, path, _ := strings.Cut(route, " ")
		operation := operations[method+" "+openapi.Path(path)]
		if operation == nil {
			t.Errorf("%s is not described", route)
			continue
		}
		if ids[operation["operationId"]] {
			t.Errorf("two routes are called %s", operation["operationId"])
		}
		ids[operation["operationId"]] = true
		delete(operations, method+" "+openapi.Path(path))
	}
	for route := range operations {
		t.Errorf("%s is described, and there is no such route", route)
	}
}

// TestAsDescribed asks every route in the name of every role: those pass that the
// description names, and what they are answered is as it says.
func TestAsDescribed(t *testing.T) {
	t.Parallel()
	document, operations := described(t)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("urn:described", document); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, nil)
	h.hireAll()
	h.hire(map[string]string{"spare": "agent"})
	samples := h.samples()
	roles := map[string]string{"eve": decide.RoleEmitter, "ann": decide.RoleAgent, "wes": decide.RoleAuthor, "pat": decide.RoleApprover, "odo": decide.RoleAuditor, "oli": decide.RoleOperator, "amy": decide.RoleAdmin}
	validated := 0
	for route, asked := range routes {
		method, path, _ := strings.Cut(route, " ")
		operation := operations[method+" "+openapi.Path(path)]
		for who, role := range roles {
			got := h.status(who, method, samples.Replace(asked.path), samples.Replace(asked.body))
			wanted, _ := operation["x-roles"].([]any)
			_, public := operation["security"]
			may := public || len(wanted) == 0 || role == decide.RoleAdmin || slices.Contains(wanted, any(role))
			if barred := got.status == http.StatusForbidden || got.status == http.StatusUnauthorized; barred == may {
				t.Errorf("%s by an %s is answered %d, and x-roles has %v", route, role, got.status, wanted)
			}
			pointer, err := api.Describe().Find(route, got.status)
			if err != nil {
				t.Error(err)
			}
			if pointer == "" || got.body == "" {
				continue
			}
			schema, err := compiler.Compile("urn:described" + pointer)
			if err != nil {
				t.Fatal(err)
			}
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
			if err == nil {
				err = schema.Validate(value)
			}
			if err != nil {
				t.Errorf("%s by %s is answered %s: %v", route, who, got.body, err)
			}
			validated++
		}
	}
	if validated < 200 {
		t.Errorf("only %d answers were looked at", validated)
	}
}

// samples has things happen, and names them where the table of routes names nothing.
func (h *house) samples() *strings.Replacer {
	h.t.Helper()
	held := h.held("90", "20.00 USD")
	h.emit("parcel.late", "c-91", `{"order":"91","payment":"pi_91","amount":"1.00 USD"}`)
	h.post("oli", "/v1/andon/pull", `{"cord":"product/9","level":"red","reason":"look"}`).answer(h.t)
	h.post("oli", "/v1/pause", `{"target":"rule:broken"}`).answer(h.t)
	var listed api.Tokens
	h.ask("admin", "GET", "/v1/tokens", "").into(h.t, &listed)
	spare := listed.Tokens[slices.IndexFunc(listed.Tokens, func(t api.Token) bool { return t.Name == "spare" })].ID
	return strings.NewReplacer("SPARE", spare.String(), "RULES", fmt.Sprintf(`{"files":[{"path":"house.yaml","text":%q}]}`, houseRules),
		"/v1/remedies/"+none, "/v1/remedies/"+held)
}

// TestTags holds that who has an answer is not sent it again.
func TestTags(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	tag := func(has string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, h.url+"/v1/brakes", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+adminSecret)
		req.Header.Set("If-None-Match", has)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode, res.Header.Get("ETag")
	}
	_, first := tag("")
	for has, want := range map[string]int{first: 304, "W/" + first: 304, `"other", ` + first: 304, "*": 304, `"other"`: 200} {
		if status, got := tag(has); status != want || got != first || first == "" {
			t.Errorf("who has %s is answered %d with %s, want %d", has, status, got, want)
		}
	}
	h.post("admin", "/v1/pause", `{"target":"money"}`).answer(t)
	if status, got := tag(first); status != http.StatusOK || got == first {
		t.Errorf("who has the older one is answered %d with %s", status, got)
	}
}
