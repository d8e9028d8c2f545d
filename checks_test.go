package makegood_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
)

// checksDocument explains the codes of problems.
const checksDocument = "docs/checks.md"

// reportingPackages are those whose problems `makegood rules` prints.
var reportingPackages = []string{"remediator/rule", "remediator/rule/document", "remediator/rule/lint", "remediator/rehearse"}

// codesOf reads from the sources which codes are reported. A code is the argument
// behind the place of Errorf, Warnf and fail, or a field called code.
func codesOf(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{}
	add := func(src source, node ast.Expr) {
		literal, ok := node.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return
		}
		if code, err := strconv.Unquote(literal.Value); err == nil && code != "" {
			codes[code] = src.at(node.Pos())
		}
	}
	for _, src := range sources(t) {
		if src.test || !slices.Contains(reportingPackages, src.dir) {
			continue
		}
		ast.Inspect(src.file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.CallExpr:
				if name, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) >= 4 && slices.Contains([]string{"Errorf", "Warnf", "fail"}, name.Sel.Name) {
					add(src, n.Args[1])
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, "code") {
					add(src, n.Value)
				}
			}
			return true
		})
	}
	return codes
}

// checksDoc is the document taken apart.
type checksDoc struct {
	checks       map[string]check
	rules, event string // that the examples of tests stand beside
}

// check is one code as the document explains it.
type check struct {
	severity string
	examples []string
}

var (
	checkRow     = regexp.MustCompile("(?m)^\\| \\[`([a-z0-9_-]+)`\\]\\(#([a-z0-9_-]+)\\) \\| (error|warning|error, warning) \\| [^|]+ \\|$")
	checkSection = regexp.MustCompile("(?m)^### ([a-z0-9_-]+)$")
)

// unshown are the codes of which a page cannot hold an example.
var unshown = []string{"depth", "engine", "files", "line-end", "more", "size", "turned", "uncompared", "utf8"}

// readChecks takes the document apart: its tables, and a section for each code.
func readChecks(t *testing.T) checksDoc {
	t.Helper()
	data, err := os.ReadFile(checksDocument)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	checks := map[string]check{}
	for _, row := range checkRow.FindAllStringSubmatch(text, -1) {
		if row[1] != row[2] {
			t.Errorf("the row of %s leads to %s", row[1], row[2])
		}
		checks[row[1]] = check{severity: row[3]}
	}
	head, _, _ := strings.Cut(text, "\n## ")
	beside := fence.FindAllStringSubmatch(head, -1)
	if len(beside) != 2 || beside[0][1] != "yaml" || beside[1][1] != "json" {
		t.Fatalf("%s does not begin with rules and an event", checksDocument)
	}
	sections := checkSection.FindAllStringSubmatchIndex(text, -1)
	for i, at := range sections {
		end := len(text)
		if i+1 < len(sections) {
			end = sections[i+1][0]
		}
		code, body := text[at[2]:at[3]], text[at[1]:end]
		c, ok := checks[code]
		if !ok {
			t.Errorf("%s has a section about %s, and no row", checksDocument, code)
			continue
		}
		for _, block := range fence.FindAllStringSubmatch(body, -1) {
			c.examples = append(c.examples, block[2])
		}
		if !strings.Contains(body, "**Remedy.**") {
			t.Errorf("the section about %s names no remedy", code)
		}
		checks[code] = c
	}
	if len(sections) != len(checks) {
		t.Errorf("%d sections for %d rows", len(sections), len(checks))
	}
	return checksDoc{checks, beside[0][2], beside[1][2]}
}

// TestEveryCodeIsExplained holds the document of codes against the code, both
// ways, and each of its examples against what is reported of it.
func TestEveryCodeIsExplained(t *testing.T) {
	t.Parallel()
	codes, document := codesOf(t), readChecks(t)
	checks := document.checks
	for code, at := range codes {
		if _, ok := checks[code]; !ok {
			t.Errorf("%s: %s does not explain the code %s", at, checksDocument, code)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(checks)) {
		if codes[code] == "" {
			t.Errorf("%s explains the code %s, which nothing reports", checksDocument, code)
		}
		c := checks[code]
		if hidden := slices.Contains(unshown, code); hidden != (len(c.examples) == 0) {
			t.Errorf("the section about %s has %d examples", code, len(c.examples))
		}
		for _, example := range c.examples {
			found := document.problemsOf(t, example)
			if !slices.ContainsFunc(found, func(p rule.Problem) bool { return p.Code == code && strings.Contains(c.severity, string(p.Severity)) }) {
				t.Errorf("the example of %s is no such %s, but:\n%s\n%s", code, c.severity, found.Format(), example)
			}
		}
	}
	if len(codes) < 40 {
		t.Errorf("found %d codes in the sources", len(codes))
	}
}

// problemsOf returns what is reported of an example: a whole file, or keys of a
// rule or of a test, to which the rest is added.
func (d checksDoc) problemsOf(t *testing.T, example string) rule.Problems {
	t.Helper()
	rules, tests := "rules:\n"+completed(example, ruleKeys), ""
	first, _, _ := strings.Cut(example, ":")
	switch _, ofTest := testKeys[first]; {
	case first == "tests":
		rules, tests = d.rules, example
	case ofTest:
		rules, tests = d.rules, "tests:\n"+completed(example, testKeys)
	case strings.Contains(example, "\nrules:") || strings.HasPrefix(example, "rules:"):
		rules = example
	}
	set, problems := rule.Check([]rule.File{{Path: "rules.yaml", Text: rules}})
	if set == nil {
		return problems
	}
	files := []rule.File{{Path: "order.json", Text: d.event}}
	if tests != "" {
		files = append(files, rule.File{Path: "rules_test.yaml", Text: tests})
	}
	ran, err := rehearse.Test(t.Context(), set, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	warnings, err := lint.Check(set)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(problems, ran.Problems, rehearse.Demand(set, ran), warnings)
}

// The keys that an example need not write.
var (
	ruleKeys = map[string]string{
		"rule": "refund-late", "owner": "shop/delivery", "why": "It came late.", "event": "com.example.order.delivered",
		"do": "[{andon: {pull: shop/delivery, level: yellow, reason: late}}]",
	}
	testKeys = map[string]string{"name": "late", "send": "[{file: order.json}]", "expect": "[refund-late]", "not": "", "cases": "", "golden": ""}
)

// completed makes one item of a list of an example, with the keys that it lacks.
func completed(example string, keys map[string]string) string {
	var item strings.Builder
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		wanted := keys[key] != "" && (key != "expect" || !regexp.MustCompile("(?m)^(not|cases|golden):").MatchString(example))
		if wanted && !regexp.MustCompile("(?m)^"+key+":").MatchString(example) {
			fmt.Fprintf(&item, "    %s: %s\n", key, keys[key])
		}
	}
	for line := range strings.Lines(example) {
		item.WriteString("    " + line)
	}
	return strings.Replace(item.String(), "    ", "  - ", 1)
}
