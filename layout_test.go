// Package makegood_test holds the checks over the whole repository: where
// packages stand and what they may import, how files are kept, and that the
// documentation says what the code does.
package makegood_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the import path of the repository's root. Nested modules lie below
// it, so one table covers them all.
const module = "github.com/makegood/makegood"

// flow lists the pure packages in the order of the flow: values in, values out.
// Each may import those before it and nothing else of this repository.
var flow = []string{
	"remediator/visible",
	"remediator/money",
	"remediator/cord",
	"remediator/input",
	"remediator/missing",
	"remediator/event",
	"remediator/rule/document",
	"remediator/rule/report",
	"remediator/rule/expression",
	"remediator/rule/logic",
	"remediator/rule",
	"remediator/match/index",
	"remediator/match",
	"remediator/rule/lint",
	"remediator/window",
	"remediator/decide",
	"remediator/reconcile",
	"remediator/ledger",
	"remediator/rehearse",
	"remediator/coe",
}

// edges lists every other package with the packages of this repository that it
// may import. Packages below remediator may import the pure ones besides. A
// name ending in /... stands for everything below. No edge imports package
// remediator, which wires them, and nothing imports cmd or examples.
var edges = map[string][]string{
	"":                                    {}, // the checks of the repository itself
	"cmd/makegood":                        {"remediator", "remediator/...", "sdk", "examples/..."},
	"examples/flights":                    {"sdk"},
	"examples/pipeline":                   {"remediator", "remediator/rule", "sdk"},
	"examples/shop":                       {"remediator", "remediator/rule", "sdk", "sdk/makegoodhttp"}, // it embeds the service
	"examples/video":                      {"remediator", "remediator/rule", "remediator/sandbox", "remediator/sandbox/mailbox", "sdk"},
	"remediator":                          {"remediator/..."},
	"remediator/access":                   {},
	"remediator/act":                      {},
	"remediator/act/credit":               {"remediator/act", "remediator/problem"},
	"remediator/act/directory":            {},
	"remediator/act/notify":               {"remediator/act", "remediator/act/directory"},
	"remediator/act/stripe":               {"remediator/act", "remediator/problem"},
	"remediator/act/webhook":              {"remediator/act", "remediator/webhooks", "remediator/webhooks/signature"},
	"remediator/adoption":                 {"remediator/store/views"},
	"remediator/andon":                    {"remediator/problem"},
	"remediator/api":                      {"remediator/access", "remediator/adoption", "remediator/andon", "remediator/api/openapi", "remediator/history", "remediator/integrity", "remediator/learn", "remediator/people", "remediator/problem", "remediator/store/views"},
	"remediator/api/openapi":              {},
	"remediator/backup":                   {"remediator/act/credit", "remediator/log", "remediator/store/..."},
	"remediator/crash":                    {}, // tests alone, which wire what they need
	"remediator/history":                  {"remediator/log"},
	"remediator/ingest":                   {"remediator/log", "remediator/problem"},
	"remediator/ingest/webhook":           {"remediator/log", "remediator/problem", "remediator/webhooks", "remediator/webhooks/signature"},
	"remediator/integrity":                {"remediator/store/views"},
	"remediator/learn":                    {"remediator/store/views"},
	"remediator/log":                      {},
	"remediator/log/logtest":              {"remediator/log"},
	"remediator/match/peers":              {}, // engines to measure against, in a module of their own
	"remediator/openid":                   {"remediator/access"},
	"remediator/people":                   {"remediator/access", "remediator/store/views"},
	"remediator/problem":                  {},
	"remediator/publish":                  {},
	"remediator/sandbox":                  {},
	"remediator/sandbox/mailbox":          {},
	"remediator/serving":                  {},
	"remediator/store/folder":             {},
	"remediator/store/internal/elapsed":   {},
	"remediator/store/internal/postgres":  {},
	"remediator/store/internal/records":   {"remediator/log"},
	"remediator/store/internal/sqlite":    {},
	"remediator/store/internal/statement": {},
	"remediator/store/ledgerdb":           {"remediator/access", "remediator/act", "remediator/act/credit", "remediator/andon", "remediator/store/internal/...", "remediator/store/views"},
	"remediator/store/logdb":              {"remediator/log", "remediator/store/internal/..."},
	"remediator/store/lognats":            {"remediator/log", "remediator/store/internal/..."},
	"remediator/store/logpg":              {"remediator/log", "remediator/store/internal/..."},
	"remediator/store/natstest":           {},                                                              // servers of NATS for tests
	"remediator/store/postgrestest":       {},                                                              // a PostgreSQL for tests
	"remediator/store/speed":              {"remediator/ingest", "remediator/log", "remediator/store/..."}, // measures, tests alone
	"remediator/store/views":              {"remediator/store/internal/..."},
	"sdk":                                 {"sdk/internal/sse", "sdk/internal/spool"},
	"sdk/internal/call":                   {"sdk"},
	"sdk/internal/spool":                  {},
	"sdk/internal/sse":                    {},
	"sdk/makegoodgrpc":                    {"sdk", "sdk/internal/call"}, // in a module of its own, as is each that needs another library
	"sdk/makegoodhttp":                    {"sdk", "sdk/internal/call"},
	"sdk/makegoodopenfeature":             {"sdk"},
	"sdk/makegoodotel":                    {"sdk"},
	"sdk/makegoodslog":                    {"sdk"},
	"sdk/makegoodtest":                    {"sdk"}, // for tests of applications
	"remediator/web":                      {"remediator/access", "remediator/adoption", "remediator/andon", "remediator/history", "remediator/integrity", "remediator/learn", "remediator/openid", "remediator/people", "remediator/problem", "remediator/store/views", "remediator/web/..."},
	"remediator/web/browser":              {}, // tests alone, in a real browser
	"remediator/web/chart":                {},
	"remediator/webhooks":                 {"remediator/webhooks/signature"},
	"remediator/webhooks/signature":       {},
	"sdk/peers":                           {"sdk"}, // libraries to measure against, in a module of their own
	"tools/mutate":                        {},
	"tools/testrun":                       {},
}

// homes names the only places that may import a package from outside.
var homes = map[string][]string{
	"cel.dev/cel-go":                {"remediator/rule", "remediator/match"},
	"database/sql":                  {"remediator/store"},
	"modernc.org/sqlite":            {"remediator/store"},
	"github.com/lib/pq":             {"remediator/store"},
	"github.com/nats-io/":           {"remediator/store/lognats"},
	"github.com/synadia-io/":        {"remediator/store/lognats"},
	"github.com/gorilla/mux":        {"remediator/api"},
	"github.com/coreos/go-oidc":     {"remediator/openid"},
	"golang.org/x/oauth2":           {"remediator/openid"},
	"golang.org/x/time":             {"remediator/access", "remediator/act"},
	"golang.org/x/text":             {"remediator/visible"},
	"github.com/stripe/stripe-go":   {"remediator/act/stripe"},
	"github.com/wneessen/go-mail":   {"remediator/act/notify"},
	"github.com/emersion/":          {"remediator/sandbox/mailbox"}, // a mail server, else for tests
	"github.com/alecthomas/kong":    {"cmd/makegood"},
	"pgregory.net/rapid":            {},
	"github.com/rogpeppe":           {"tools/mutate"},
	"github.com/transparency-dev":   {},
	"github.com/axiomhq/":           {}, // a second sketch for tests
	"google.golang.org/grpc":        {"sdk/makegoodgrpc"},
	"github.com/open-feature":       {"sdk/makegoodopenfeature", "sdk/peers"},
	"github.com/cloudevents":        {"sdk", "remediator/ingest", "remediator/event"},
	"github.com/prometheus":         {"remediator", "remediator/api"},
	"github.com/dchest/siphash":     {"remediator/window", "remediator/decide"},
	"github.com/santhosh-tekuri/":   {"remediator/rule"},
	"github.com/yuin/goldmark":      {"remediator/coe"},
	"github.com/aymanbagabas/":      {"remediator/coe"}, // a diff of texts
	"github.com/klauspost/compress": {"remediator/input", "remediator/log", "remediator/ingest", "remediator/store"},
}

// impure are packages that give a pure package a world outside its arguments.
var impure = []string{
	"crypto/rand", "database/sql", "log", "log/slog", "math/rand", "math/rand/v2",
	"net", "net/http", "os", "os/exec", "os/signal", "syscall",
}

// clock are the functions of package time that read or wait for the clock.
var clock = []string{
	"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until",
}

// source is one parsed Go file.
type source struct {
	path string // slash-separated, from the root of the repository
	dir  string // the folder of path; "" for the root
	test bool
	data bool // lies below a testdata folder
	text string
	fset *token.FileSet
	file *ast.File
}

// sources parses every Go file of the repository, nested modules included.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		src, err := parse(filepath.ToSlash(name), string(text))
		if err != nil {
			return err
		}
		all = append(all, src)
		return nil
	})
	if err != nil {
		t.Fatalf("read the repository: %v", err)
	}
	if len(all) == 0 {
		t.Fatal("no Go file found: nothing was checked")
	}
	return all
}

func parse(name, text string) (source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, fmt.Errorf("parse %s: %w", name, err)
	}
	dir := path.Dir(name)
	if dir == "." {
		dir = ""
	}
	return source{
		path: name,
		dir:  dir,
		test: strings.HasSuffix(name, "_test.go"),
		data: strings.Contains("/"+name, "/testdata/"),
		text: text,
		fset: fset,
		file: file,
	}, nil
}

func (s source) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(pos).Line)
}

// imports reports whether the file imports a package.
func (s source) imports(name string) bool {
	return slices.ContainsFunc(s.file.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == strconv.Quote(name) })
}

// TestImports holds the order of the packages: who stands where and may import
// whom.
func TestImports(t *testing.T) {
	t.Parallel()
	checked, imports := 0, 0
	here := map[string]bool{}
	for _, src := range sources(t) {
		here[src.dir] = true
		for _, finding := range importFindings(src) {
			t.Error(finding)
		}
		checked++
		imports += len(src.file.Imports)
	}
	for _, place := range slices.Concat(flow, slices.Sorted(maps.Keys(edges))) {
		if !here[place] {
			t.Errorf("layout_test.go has a place for %q, but there is no such package", place)
		}
	}
	if checked == 0 || imports == 0 {
		t.Fatalf("checked %d files with %d imports: nothing was checked", checked, imports)
	}
}

// importFindings says what is wrong with the place and the imports of one file.
func importFindings(src source) []string {
	var findings []string
	if !src.data && !slices.Contains(flow, src.dir) && edges[src.dir] == nil {
		findings = append(findings, fmt.Sprintf(
			"%s: package %q has no place: add it to flow or edges in layout_test.go", src.path, src.dir))
	}
	for _, spec := range src.file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			findings = append(findings, fmt.Sprintf("%s: unquote import: %v", src.at(spec.Pos()), err))
			continue
		}
		if reason := forbidden(src, imported); reason != "" {
			findings = append(findings, fmt.Sprintf("%s: imports %s: %s", src.at(spec.Pos()), imported, reason))
		}
	}
	if slices.Contains(flow, src.dir) && !src.test {
		findings = append(findings, clockFindings(src)...)
	}
	return findings
}

// forbidden says why a file may not import a package; "" when it may.
func forbidden(src source, imported string) string {
	own, ours := strings.CutPrefix(imported, module+"/")
	switch {
	case src.data && ours:
		return "programs in testdata share no code with the product"
	case ours && within(src.dir, "sdk") && !within(own, "sdk"):
		return "the SDK imports nothing of the service"
	case ours && within(own, "cmd"):
		return "nothing imports cmd"
	case src.test || src.data:
		return "" // tests may wire anything together
	case ours && own != src.dir && !mayImport(src.dir, own):
		return "not in the table of layout_test.go"
	case !ours && slices.Contains(flow, src.dir) && slices.Contains(impure, imported):
		return "the package is pure: values in, values out"
	case ours:
		return ""
	}
	for prefix, places := range homes {
		if !strings.HasPrefix(imported, prefix) {
			continue
		}
		at := func(place string) bool { return within(src.dir, place) }
		if !slices.ContainsFunc(places, at) {
			return fmt.Sprintf("its only homes are %q", places)
		}
	}
	return ""
}

// mayImport consults flow and edges.
func mayImport(dir, own string) bool {
	if place := slices.Index(flow, dir); place >= 0 {
		return slices.Contains(flow[:place], own)
	}
	if within(dir, "remediator") && slices.Contains(flow, own) {
		return true
	}
	return slices.ContainsFunc(edges[dir], func(allowed string) bool {
		below, tree := strings.CutSuffix(allowed, "/...")
		return allowed == own || tree && strings.HasPrefix(own, below+"/")
	})
}

// within reports whether dir is the folder or lies below it.
func within(dir, folder string) bool {
	return dir == folder || strings.HasPrefix(dir, folder+"/")
}

// clockFindings names each use of the clock.
func clockFindings(src source) []string {
	var findings []string
	ast.Inspect(src.file, func(node ast.Node) bool {
		if sel, ok := node.(*ast.SelectorExpr); ok {
			name, ok := sel.X.(*ast.Ident)
			if ok && name.Name == "time" && slices.Contains(clock, sel.Sel.Name) {
				findings = append(findings, fmt.Sprintf(
					"%s: time.%s: the package is pure and takes the time as a value", src.at(sel.Pos()), sel.Sel.Name))
			}
		}
		return true
	})
	return findings
}
