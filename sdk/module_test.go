package makegood_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	self      = "github.com/makegood/makegood/sdk"
	mostGraph = 25 // modules that the graph of an application gets with the SDK
)

// oldest are the releases of Go that build the SDK: that of its go.mod and the one
// after. Both are older than the one that develops it.
var oldest = []string{"1.23.0", "1.24.0"}

// goCommand runs the go command in a folder and returns the words that it prints.
func goCommand(t *testing.T, dir string, env []string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off"), env...)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, out, &problems)
	}
	return strings.Fields(string(out))
}

// application makes a module of somebody who imports the SDK and nothing else.
func application(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"go.mod":  "module example.com/shop\n\ngo " + oldest[0] + "\n\nrequire " + self + " v0.0.0\n\nreplace " + self + " => " + here + "\n",
		"main.go": "package main\n\nimport makegood \"" + self + "\"\n\nfunc main() {\n\tmg, _ := makegood.New(\"shop\")\n\t_ = mg.Close()\n}\n",
	}
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	files["go.sum"] = string(sums)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLinkedModules keeps small what an application takes on with the SDK: what is
// in its program, and what is in its graph of modules.
func TestLinkedModules(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{
		self:               true,
		"example.com/shop": true,

		"github.com/cloudevents/sdk-go/v2": true,
		"github.com/google/uuid":           true,
		// What cloudevents/sdk-go/v2/event itself needs:
		"github.com/json-iterator/go":     true,
		"github.com/modern-go/concurrent": true,
		"github.com/modern-go/reflect2":   true,
	}
	dir := application(t)
	linked := map[string]bool{}
	for _, module := range goCommand(t, dir, nil, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".") {
		linked[module] = true
		if !allowed[module] {
			t.Errorf("module %s is linked", module)
		}
	}
	if !linked[self] {
		t.Fatal("the SDK is not linked: nothing was checked")
	}
	for _, pkg := range goCommand(t, dir, nil, "list", "-deps", ".") {
		if sub, ok := strings.CutPrefix(pkg, "github.com/cloudevents/sdk-go/v2/"); ok && sub != "types" && !strings.HasPrefix(sub, "event") {
			t.Errorf("package %s is linked, want the event package only", pkg)
		}
	}
	for name, dir := range map[string]string{"the SDK": ".", "an application": dir} {
		graph := map[string]bool{}
		for _, word := range goCommand(t, dir, nil, "mod", "graph") {
			module, _, _ := strings.Cut(word, "@")
			graph[module] = true
		}
		delete(graph, "go") // the language and its tools are no modules to take on
		delete(graph, "toolchain")
		t.Logf("%s has %d modules in its graph", name, len(graph))
		if !graph[self] || len(graph) > mostGraph {
			t.Errorf("%s has %d modules in its graph, want the SDK's among at most %d", name, len(graph), mostGraph)
		}
	}
}

// TestOlderGo builds and vets the SDK, with its tests, by the toolchains of the
// older releases themselves: a function of a newer standard library is found, as
// is a newer language. Tests that need a newer release say so by a constraint.
func TestOlderGo(t *testing.T) {
	if testing.Short() {
		t.Skip("it gets two releases of Go: make test does")
	}
	t.Parallel()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if line := "\ngo " + oldest[0] + "\n"; !strings.Contains(string(text), line) {
		t.Errorf("go.mod does not say%s", line)
	}
	for _, version := range oldest {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			env := []string{"GOTOOLCHAIN=go" + version}
			cmd := exec.Command("go", "version")
			cmd.Env = append(os.Environ(), env...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Skipf("go %s cannot be had here: %v\n%s", version, err, out)
			}
			if got := goCommand(t, ".", env, "env", "GOVERSION"); len(got) != 1 || got[0] != "go"+version {
				t.Fatalf("the toolchain is %q, want go%s", got, version)
			}
			goCommand(t, ".", env, "vet", "./...")
			goCommand(t, application(t), env, "build", "-o", os.DevNull, ".")
		})
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
