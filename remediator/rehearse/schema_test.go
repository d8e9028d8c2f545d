package rehearse_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// schemaCase is a schema with the loader that it stands beside.
type schemaCase struct {
	schema []byte
	sample string // a file with every key
	check  func(t *testing.T, text string) rule.Problems
}

var schemaCases = map[string]schemaCase{
	"rules": {schema: rule.Schema(), sample: "full.yaml", check: func(_ *testing.T, text string) rule.Problems {
		_, problems := rule.Check([]rule.File{{Path: "r.yaml", Text: text}})
		return errorsOnly(problems)
	}},
	"tests": {schema: rehearse.Schema(), sample: "full_test.yaml", check: func(t *testing.T, text string) rule.Problems {
		set, err := rule.Load([]rule.File{{Path: "r.yaml", Text: readSchemaSample(t, "full.yaml")}})
		if err != nil {
			t.Fatal(err)
		}
		ran, err := rehearse.Test(t.Context(), set, []rule.File{{Path: "r_test.yaml", Text: text}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		// What tests come to is not the shape of their file.
		came := []string{"expect", "not", "because", "unknown-rule", "file", "event", "golden", "unmatched", "set"}
		return slices.DeleteFunc(errorsOnly(ran.Problems), func(p rule.Problem) bool { return slices.Contains(came, p.Code) && p.Hint != "allowed: " })
	}},
}

func errorsOnly(problems rule.Problems) rule.Problems {
	return slices.DeleteFunc(slices.Clone(problems), func(p rule.Problem) bool { return p.Severity != "error" })
}

func readSchemaSample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/schema/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// schemaNode is a place of a schema: every form that may stand there.
type schemaNode []map[string]any

// resolve follows references and unites what combinators allow.
func resolve(root, node map[string]any) schemaNode {
	all := schemaNode{node}
	if ref, ok := node["$ref"].(string); ok {
		definition := root["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
		all = append(all, resolve(root, definition)...)
	}
	for _, combinator := range []string{"anyOf", "oneOf", "allOf"} {
		for _, part := range listOf(node[combinator]) {
			all = append(all, resolve(root, part.(map[string]any))...)
		}
	}
	return all
}

func listOf(value any) []any {
	list, _ := value.([]any)
	return list
}

// properties are the keys of the node, each with its schema.
func (n schemaNode) properties() map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, form := range n {
		properties, _ := form["properties"].(map[string]any)
		for name, property := range properties {
			all[name] = property.(map[string]any)
		}
	}
	return all
}

// said returns the text of a keyword, and the values of its examples.
func (n schemaNode) said() (description string, examples []any) {
	for _, form := range n {
		if text, ok := form["description"].(string); ok && description == "" {
			description = text
		}
		if examples == nil {
			examples = listOf(form["examples"])
		}
	}
	return description, examples
}

// place is a value in a sample, with where it stands.
type place struct {
	value any
	node  schemaNode
	path  string
	put   func(value any) // replaces it
}

// places walks a sample beside its schema.
func places(root map[string]any, p place, visit func(place)) {
	visit(p)
	switch value := p.value.(type) {
	case map[string]any:
		properties := p.node.properties()
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if property, ok := properties[name]; ok {
				places(root, place{value[name], resolve(root, property), p.path + "." + name, func(v any) { value[name] = v }}, visit)
			}
		}
	case []any:
		for i := range value {
			for _, form := range p.node {
				if items, ok := form["items"].(map[string]any); ok {
					places(root, place{value[i], resolve(root, items), fmt.Sprintf("%s[%d]", p.path, i), func(v any) { value[i] = v }}, visit)
					break
				}
			}
		}
	}
}

// TestSchemasKnowTheKeysOfTheLoaders asks each loader, at every mapping of a
// sample with every key, which keys it knows: the schema knows the same, and each
// with a description and with examples that the loader and the schema accept.
func TestSchemasKnowTheKeysOfTheLoaders(t *testing.T) {
	t.Parallel()
	for name, c := range schemaCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := readSchemaSample(t, c.sample)
			if found := c.check(t, text); len(found) > 0 {
				t.Fatalf("the sample is wrong:\n%s", found.Format())
			}
			var root map[string]any
			if err := json.Unmarshal(c.schema, &root); err != nil {
				t.Fatal(err)
			}
			compiled := compileJSONSchema(t, c.schema)
			var sample any
			if err := yaml.Load([]byte(text), &sample); err != nil {
				t.Fatal(err)
			}
			seen, tried := map[string]bool{}, exampleTries{}
			mappings := 0
			top := place{sample, resolve(root, root), "", nil}
			places(root, top, func(p place) {
				if known := p.node.properties(); len(known) > 0 {
					if object, ok := p.value.(map[string]any); ok {
						mappings++
						for key := range known {
							seen[keyName(known, key)] = true
						}
						compareKeys(t, c, p.path, object, known, sample)
					}
				}
				if p.path != "" && !strings.HasSuffix(p.path, "]") {
					tried.at(t, c, compiled, p, sample)
				}
			})
			for _, key := range keysOf(root, root) {
				if !seen[key] {
					t.Errorf("the sample has no mapping with the key of %s", key)
				}
			}
			for example, refused := range tried {
				if refused != "" {
					t.Errorf("%s: an example is accepted nowhere: %s", example, refused)
				}
			}
			t.Logf("%d mappings, %d keys, %d examples", mappings, len(seen), len(tried))
			if mappings < 15 || len(seen) < 30 || len(tried) < 40 {
				t.Error("hardly anything was looked at")
			}
		})
	}
}

// keysOf lists each key of the schema with its mapping, as far as anything of the
// schema can be reached.
func keysOf(root, node map[string]any) []string {
	found := map[string]bool{}
	var walk func(node map[string]any, depth int)
	walk = func(node map[string]any, depth int) {
		if depth > 20 {
			return
		}
		n := resolve(root, node)
		known := n.properties()
		for key, property := range known {
			found[keyName(known, key)] = true
			walk(property, depth+1)
		}
		for _, form := range n {
			if items, ok := form["items"].(map[string]any); ok {
				walk(items, depth+1)
			}
		}
	}
	walk(node, 0)
	return slices.Sorted(maps.Keys(found))
}

// keyName names a key with the mapping that it belongs to.
func keyName(known map[string]map[string]any, key string) string {
	return fmt.Sprintf("%s, of the mapping with %s", key, strings.Join(slices.Sorted(maps.Keys(known)), " "))
}

// compareKeys asks the loader for its keys by one that it does not know.
func compareKeys(t *testing.T, c schemaCase, path string, object map[string]any, known map[string]map[string]any, sample any) {
	t.Helper()
	const none = "no_such_key_at_all_here"
	object[none] = "x"
	defer delete(object, none)
	for _, problem := range c.check(t, written(t, sample)) {
		if problem.Code != "unknown-key" || !strings.Contains(problem.Message, none) {
			continue
		}
		loader := strings.Split(strings.TrimPrefix(problem.Hint, "allowed: "), ", ")
		slices.Sort(loader)
		// What this release does not carry out is known, to be refused with a reason.
		loader = slices.DeleteFunc(loader, func(key string) bool { return slices.Contains([]string{"unless"}, key) && known[key] == nil })
		if schema := slices.Sorted(maps.Keys(known)); !slices.Equal(loader, schema) {
			t.Errorf("%s: the loader knows %v, the schema %v", path, loader, schema)
		}
		return
	}
	t.Errorf("%s: the loader does not refuse an unknown key", path)
}

// exampleTries say of each example why it was refused; "" once it was accepted at
// a place of the sample. At another place it may not fit what stands around it.
type exampleTries map[string]string

// at puts each example of a key into the sample.
func (tries exampleTries) at(t *testing.T, c schemaCase, compiled *jsonschema.Schema, p place, sample any) {
	t.Helper()
	description, examples := p.node.said()
	if !strings.HasSuffix(description, ".") {
		t.Errorf("%s has no description", p.path)
	}
	if len(examples) == 0 {
		t.Errorf("%s has no examples", p.path)
	}
	defer p.put(p.value)
	for _, example := range examples {
		name := fmt.Sprintf("%s %v (%s)", p.path[strings.LastIndex(p.path, ".")+1:], example, description)
		if before, tried := tries[name]; tried && before == "" {
			continue
		}
		p.put(example)
		found := c.check(t, written(t, sample))
		tries[name] = found.Format()
		if err := compiled.Validate(sample); err != nil {
			tries[name] += "\n" + err.Error()
		}
	}
}

func written(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.Dump(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func compileJSONSchema(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// TestSamplesAreCheckedInEditors holds every sample against its schema, and that
// it says in its first line where an editor finds that.
func TestSamplesAreCheckedInEditors(t *testing.T) {
	t.Parallel()
	rules, tests := compileJSONSchema(t, rule.Schema()), compileJSONSchema(t, rehearse.Schema())
	count := 0
	for _, folder := range []string{"../../rules", "../../examples"} {
		err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(name) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			count++
			schema, at := rules, "remediator/rule/schema.json"
			if strings.HasSuffix(name, "_test.yaml") {
				schema, at = tests, "remediator/rehearse/schema.json"
			}
			relative, err := filepath.Rel(filepath.Dir(name), filepath.Join("../..", at))
			if err != nil {
				return err
			}
			if first, _, _ := strings.Cut(string(text), "\n"); first != "# yaml-language-server: $schema="+filepath.ToSlash(relative) {
				t.Errorf("%s begins with %q, not with the line that names %s", name, first, relative)
			}
			var value any
			if err := yaml.Load(text, &value); err != nil {
				return err
			}
			asJSON, err := json.Marshal(value)
			if err != nil {
				return err
			}
			instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
			if err != nil {
				return err
			}
			if err := schema.Validate(instance); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if count < 10 {
		t.Errorf("found %d samples", count)
	}
}
