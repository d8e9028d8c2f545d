package report_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/report"
)

// problems are two of one code and one without a place, with every sign that a
// format could take for its own.
var problems = document.Problems{
	{File: "rules/a b/ü%,:x.yaml", Line: 3, Col: 7, Severity: document.Error, Code: "unknown-key", Message: "100 % wrong: a, b", Hint: "write this:\n>-\r\n  a"},
	{File: "/abs/r.yaml", Line: 1, Col: 1, Severity: document.Warning, Code: "never", Message: "<never> \"so\""},
	{File: "a:b.yaml", Line: 9, Col: 2, Severity: document.Error, Code: "unknown-key", Message: "::error::not a command"},
	{Severity: document.Error, Code: "engine", Message: "no file"},
}

func TestSARIFIsWhatTheStandardSays(t *testing.T) {
	t.Parallel()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("testdata/sarif-2.1.0-essentials.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range []document.Problems{nil, problems} {
		var out bytes.Buffer
		if err := report.WriteSARIF(&out, "v1.2.3", "rules", found); err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Errorf("%v\n%s", err, out.String())
		}
	}
	broken := map[string]any{"version": "2.1.0", "runs": []any{map[string]any{"tool": map[string]any{}, "results": []any{}}}}
	if err := schema.Validate(broken); err == nil {
		t.Error("the schema accepts a tool without a driver, so it shows nothing")
	}
}

func TestSARIFSaysTheProblems(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := report.WriteSARIF(&out, "", "my rules", problems); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct{ ID, HelpURI string }
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	rules, results := log.Runs[0].Tool.Driver.Rules, log.Runs[0].Results
	if len(rules) != 3 || len(results) != len(problems) {
		t.Fatalf("%d rules, %d results", len(rules), len(results))
	}
	for i, p := range problems {
		r := results[i]
		if rules[r.RuleIndex].ID != p.Code || r.RuleID != p.Code || rules[r.RuleIndex].HelpURI != document.DocsURL(p.Code) ||
			r.Level != string(p.Severity) || !strings.HasPrefix(r.Message.Text, p.Message) || !strings.HasSuffix(r.Message.Text, p.Hint) {
			t.Errorf("%+v became %+v", p, r)
		}
		if len(r.Locations) != 1 {
			t.Fatalf("%+v has %d places: code scanning takes no result without one", p, len(r.Locations))
		}
		if p.File == "" {
			p.File, p.Line, p.Col = "my rules", 1, 1
		}
		at := r.Locations[0].PhysicalLocation
		uri, err := url.Parse(at.ArtifactLocation.URI)
		if err != nil || strings.TrimPrefix(uri.Path, "./") != p.File || at.Region.StartLine != p.Line || at.Region.StartColumn != p.Col {
			t.Errorf("%s:%d:%d became %+v (%v)", p.File, p.Line, p.Col, at, err)
		}
	}
}

func TestWorkflowCommandsAreEscaped(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := report.WriteGitHub(&out, problems); err != nil {
		t.Fatal(err)
	}
	const want = `::error file=rules/a b/ü%25%2C%3Ax.yaml,line=3,col=7,title=unknown-key::100 %25 wrong: a, b%0Awrite this:%0A>-%0D%0A  a
::warning file=/abs/r.yaml,line=1,col=1,title=never::<never> "so"
::error file=a%3Ab.yaml,line=9,col=2,title=unknown-key::::error::not a command
::error title=engine::no file
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
