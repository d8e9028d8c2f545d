package makegood_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(out))
	if len(lines) == 0 {
		t.Fatal("go list found nothing")
	}
	return lines
}

// TestLinkedModules keeps small what an application takes on with the SDK.
func TestLinkedModules(t *testing.T) {
	t.Parallel()
	const self = "github.com/makegood/makegood/sdk"
	allowed := map[string]bool{
		"github.com/cloudevents/sdk-go/v2": true,
		"github.com/google/uuid":           true,
		// What cloudevents/sdk-go/v2/event itself needs:
		"github.com/json-iterator/go":     true,
		"github.com/modern-go/concurrent": true,
		"github.com/modern-go/reflect2":   true,
	}
	for _, module := range goList(t, "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".") {
		if module != self && !allowed[module] {
			t.Errorf("module %s is linked", module)
		}
	}
	for _, pkg := range goList(t, "-deps", ".") {
		if sub, ok := strings.CutPrefix(pkg, "github.com/cloudevents/sdk-go/v2/"); ok && sub != "types" && !strings.HasPrefix(sub, "event") {
			t.Errorf("package %s is linked, want the event package only", pkg)
		}
	}
	if n := len(goList(t, "-m", "-f", "{{.Path}}", "all")); n > 25 {
		t.Errorf("the module graph has %d modules, want at most 25", n)
	}
}

// TestPublicNames keeps the package small enough to know by heart.
func TestPublicNames(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			names = append(names, declared(d)...)
		}
	}
	t.Logf("%d names: %s", len(names), strings.Join(names, " "))
	const most = 60 // nine of them are for gates, six for privacy, three for typed events and experiences
	if len(names) == 0 || len(names) > most {
		t.Errorf("%d public names, want 1 to %d", len(names), most)
	}
}

// declared returns the exported names of a declaration; methods belong to their type.
func declared(d ast.Decl) (names []string) {
	add := func(id *ast.Ident) {
		if id.IsExported() {
			names = append(names, id.Name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			add(d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				add(spec.Name)
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					add(id)
				}
			}
		}
	}
	return names
}
