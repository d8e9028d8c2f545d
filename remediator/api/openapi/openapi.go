// Package openapi describes an HTTP API as OpenAPI 3.1 has it: operations are listed,
// schemas are made from the Go types that are read and written, so that there is no
// second description of them to keep. Package api lists its operations with it.
package openapi

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Operation is one route.
type Operation struct {
	Route   string // "POST /v1/pause", as the router has it
	Summary string
	// Bound says of a list without pages why it is never long. Empty: it has pages, or is
	// no list.
	Bound string
	// Roles may call it, an administrator always. Empty: whoever shows a token.
	Roles []string
	// Public needs no token.
	Public bool
	// Query are its parameters.
	Query []Parameter
	// Body is a value of the type of its JSON body; nil: it has none, or any.
	Body any
	// BodyMedia is the type of a body that is no JSON of a type.
	BodyMedia string
	// Answer is a value of the type of its JSON answer. nil: it has another media
	// type, named by Media.
	Answer any
	Media  string
	// Command: it takes an Idempotency-Key, and its answer may come later.
	Command bool
	// Key says what an Idempotency-Key does to an operation that is no command. Empty: it
	// takes none.
	Key string
	// Success is the status of its answer. Defaults to 200.
	Success int
	// Example is one exchange of it; nil: none is shown.
	Example *Example
}

// Example is a request and its answer. What is not there is nil.
type Example struct {
	Path    string `json:"path"` // with the query
	Request any    `json:"request,omitempty"`
	Status  int    `json:"status"`
	Answer  any    `json:"answer,omitempty"` // JSON as it is, another text as a string
}

// Parameter is a parameter of the query.
type Parameter struct {
	Name, Meaning string
	Integer       bool
	Values        []string // it has one of these; empty: any text
	Many          bool     // it may come several times
}

// Document is a description as JSON has it.
type Document map[string]any

// Info tells of an API.
type Info struct {
	Title, Description, Version string
	Problem                     any      // a value of the type of its errors
	ProblemTypes                []string // what the type of an error may be
	Accepted                    any      // the answer to a command that is not decided yet
}

var pathVariable = regexp.MustCompile(`\{(\w+)(:[^}]*)?\}`)

// Path is a route's path as a description has it, without patterns.
func Path(path string) string { return pathVariable.ReplaceAllString(path, "{$1}") }

// New describes operations.
func New(info Info, operations []Operation) Document {
	s := &schemas{components: map[string]any{}}
	paths := map[string]any{}
	for _, o := range operations {
		method, path, _ := strings.Cut(o.Route, " ")
		at := Path(path)
		item, ok := paths[at].(map[string]any)
		if !ok {
			item = map[string]any{}
			paths[at] = item
		}
		item[strings.ToLower(method)] = s.operation(o, path, info)
	}
	problem := s.of(info.Problem, answer)
	if named, ok := s.components[strings.TrimPrefix(problem["$ref"].(string), reference)].(map[string]any); ok {
		named["properties"].(map[string]any)["type"] = map[string]any{"type": "string", "enum": info.ProblemTypes}
		named["additionalProperties"] = true // a kind of problem may say more
	}
	return Document{
		"openapi":  "3.1.0",
		"info":     map[string]any{"title": info.Title, "description": info.Description, "version": info.Version},
		"paths":    paths,
		"security": []any{map[string]any{"token": []any{}}, map[string]any{"session": []any{}}},
		"components": map[string]any{
			"schemas": s.components,
			"securitySchemes": map[string]any{
				"token":   map[string]any{"type": "http", "scheme": "bearer"},
				"session": map[string]any{"type": "apiKey", "in": "cookie", "name": "makegood"},
			},
		},
	}
}

func (s *schemas) operation(o Operation, path string, info Info) map[string]any {
	parameters := []any{}
	for _, variable := range pathVariable.FindAllStringSubmatch(path, -1) {
		parameters = append(parameters, map[string]any{"name": variable[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, p := range o.Query {
		schema := map[string]any{"type": "string"}
		if p.Integer {
			schema = map[string]any{"type": "integer", "minimum": 1}
		}
		if len(p.Values) > 0 {
			schema["enum"] = p.Values
		}
		if p.Many {
			schema = map[string]any{"type": "array", "items": schema}
		}
		parameters = append(parameters, map[string]any{"name": p.Name, "in": "query", "description": p.Meaning, "schema": schema})
	}
	key := o.Key
	if o.Command {
		key = "The same key and body give the same answer, for 7 days; another body under the key is refused."
	}
	if key != "" {
		parameters = append(parameters, map[string]any{"name": "Idempotency-Key", "in": "header", "schema": map[string]any{"type": "string", "maxLength": 128}, "description": key})
	}
	responses := map[string]any{
		strconv.Itoa(max(o.Success, http.StatusOK)): s.success(o),
		"default": map[string]any{"description": "What is wrong.", "content": content("application/problem+json", s.of(info.Problem, answer))},
	}
	if o.Command {
		responses["202"] = map[string]any{"description": "It is taken and not decided yet: ask for its answer.", "content": content("application/json", s.of(info.Accepted, answer))}
	}
	out := map[string]any{"operationId": operationID(o.Route), "summary": o.Summary, "responses": responses, "x-roles": o.Roles}
	if len(parameters) > 0 {
		out["parameters"] = parameters
	}
	if o.Public {
		out["security"] = []any{}
	}
	if o.Bound != "" {
		out["description"] = "It is answered whole: " + o.Bound + "."
	}
	if len(o.Roles) == 0 {
		delete(out, "x-roles")
	}
	if o.Body != nil {
		out["requestBody"] = map[string]any{"content": content("application/json", s.of(o.Body, body))}
	} else if o.BodyMedia != "" {
		out["requestBody"] = map[string]any{"content": content(o.BodyMedia, map[string]any{})}
	}
	if o.Example != nil {
		o.Example.show(out)
	}
	return out
}

func (s *schemas) success(o Operation) map[string]any {
	if o.Answer == nil {
		return map[string]any{"description": o.Summary, "content": content(o.Media, map[string]any{})}
	}
	return map[string]any{"description": o.Summary, "content": content("application/json", s.of(o.Answer, answer))}
}

// show puts the example where an operation has its body and the answer with its status.
func (e *Example) show(operation map[string]any) {
	put := func(of any, example any) {
		of, _ = of.(map[string]any)["content"]
		for _, media := range of.(map[string]any) {
			media.(map[string]any)["example"] = example
		}
	}
	if e.Request != nil {
		put(operation["requestBody"], e.Request)
	}
	responses := operation["responses"].(map[string]any)
	key := strconv.Itoa(e.Status)
	if responses[key] == nil {
		key = "default"
	}
	if e.Answer != nil {
		put(responses[key], e.Answer)
	}
	operation["x-example-path"] = e.Path
}

func content(media string, schema map[string]any) map[string]any {
	return map[string]any{media: map[string]any{"schema": schema}}
}

// operationID is a name for generated clients: "postRemediesRemedyApprove".
func operationID(route string) string {
	method, path, _ := strings.Cut(route, " ")
	name := strings.ToLower(method)
	for _, word := range regexp.MustCompile(`[A-Za-z0-9]+`).FindAllString(strings.TrimPrefix(Path(path), "/v1"), -1) {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

// Find returns the schema of what an operation answers with a status, which is in the
// document's components when it is a reference. It is for who checks answers.
func (d Document) Find(route string, status int) (pointer string, err error) {
	method, path, _ := strings.Cut(route, " ")
	item, _ := d["paths"].(map[string]any)[Path(path)].(map[string]any)
	operation, _ := item[strings.ToLower(method)].(map[string]any)
	if operation == nil {
		return "", fmt.Errorf("find %s: the document has it not", route)
	}
	responses := operation["responses"].(map[string]any)
	key, media := strconv.Itoa(status), "application/json"
	if responses[key] == nil {
		key, media = "default", "application/problem+json"
	}
	if responses[key].(map[string]any)["content"].(map[string]any)[media] == nil {
		return "", nil
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	return "#/paths/" + escape.Replace(Path(path)) + "/" + strings.ToLower(method) + "/responses/" + key + "/content/" + escape.Replace(media) + "/schema", nil
}
