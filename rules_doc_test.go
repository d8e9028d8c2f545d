package makegood_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// TestRuleReference checks every block of docs/rules.md: rules without a problem,
// and written as rules fmt writes them; tests that pass against the rules before them.
func TestRuleReference(t *testing.T) {
	t.Parallel()
	document := filepath.Join("docs", "rules.md")
	rules, tests := []rule.File{}, 0
	for i, b := range blocks(t, document) {
		name := "rules/block-" + string(rune('a'+i)) + ".yaml"
		switch {
		case b.language != "yaml":
			t.Errorf("a %s block: nothing checks it", b.language)
		case strings.HasPrefix(b.text, testsModeline):
			tests++
			runRuleTests(t, rules, rule.File{Path: "rules/block_test.yaml", Text: b.text})
		default:
			if formatted, err := rule.Format(name, b.text); err != nil || formatted != b.text {
				t.Errorf("rules fmt writes it another way: %v\n%s", err, formatted)
			}
			rules = append(rules, rule.File{Path: name, Text: b.text})
		}
	}
	if _, problems := rule.Check(rules); len(problems) > 0 {
		t.Errorf("%s", problems.Format())
	}
	if len(rules) < 4 || tests == 0 {
		t.Fatalf("%d blocks of rules and %d of tests: hardly anything was checked", len(rules), tests)
	}
}

func runRuleTests(t *testing.T, rules []rule.File, tests rule.File) {
	t.Helper()
	set, err := rule.Load(rules)
	if err != nil {
		t.Fatal(err)
	}
	ran, err := rehearse.Test(t.Context(), set, []rule.File{tests}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !ran.Passed() {
		t.Errorf("%s", ran.Problems.Format())
	}
}

// testsModeline is how a file of tests lets an editor know its schema.
const testsModeline = "# yaml-language-server: $schema=../tests.schema.json\n"

// TestSamplesNameTheirSchema holds that a file of rules or tests which is to be copied out of a
// document lets an editor know its schema. What docs/checks.md shows is wrong, and nothing to copy.
func TestSamplesNameTheirSchema(t *testing.T) {
	t.Parallel()
	named, tests := 0, 0
	for _, document := range documentation(t) {
		if document == checksDocument {
			continue
		}
		for _, b := range blocks(t, document) {
			first, _, _ := strings.Cut(b.text, "\n")
			switch {
			case b.language == "yaml" && (first == "rules:" || first == "defaults:" || first == "tests:"):
				t.Errorf("%s: a file of rules or tests begins with %s, and not with its schema", document, first)
			case strings.HasPrefix(first, "# yaml-language-server: $schema=") && strings.HasSuffix(first, "/rules.schema.json"):
				named++
			case strings.HasPrefix(b.text, testsModeline):
				tests++
			}
		}
	}
	if named < 10 || tests < 5 {
		t.Errorf("%d files of rules and %d of tests name their schema", named, tests)
	}
}

// TestRuleReferenceNamesEveryKey holds the reference against the schema.
func TestRuleReferenceNamesEveryKey(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("docs", "rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Definitions map[string]struct {
			Properties map[string]struct {
				Properties map[string]any
			}
		}
	}
	if err := json.Unmarshal(rule.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	named := 0
	name := func(key string) {
		named++
		if !strings.Contains(string(text), "`"+key+"`") && !strings.Contains(string(text), key+":") {
			t.Errorf("docs/rules.md does not name %s", key)
		}
	}
	for key, property := range schema.Definitions["rule"].Properties {
		name(key)
		for inner := range property.Properties {
			name(inner)
		}
	}
	for key := range schema.Definitions["limits"].Properties {
		name(key)
	}
	if named < 20 {
		t.Errorf("looked for %d keys only", named)
	}
}
