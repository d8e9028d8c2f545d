package makegood_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoDataChannelIsClosed reads the source of the SDK: only channels that carry
// nothing are closed. Whoever still sends to a closed channel panics, and emitting
// must never do that.
func TestNoDataChannelIsClosed(t *testing.T) {
	t.Parallel()
	folders := map[string][]string{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "peers" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			folders[filepath.Dir(name)] = append(folders[filepath.Dir(name)], name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	closed := 0
	for _, files := range folders {
		n, findings := dataCloses(t, files, nil)
		closed += n
		for _, finding := range findings {
			t.Error(finding)
		}
	}
	if len(folders) < 5 || closed < 5 {
		t.Errorf("found %d packages in which %d channels are closed: nothing was checked", len(folders), closed)
	}
	t.Logf("%d channels are closed, in %d packages", closed, len(folders))

	const wrong = "package p\nimport \"time\"\ntype q struct { events chan []byte; done chan struct{}; at chan time.Time }\n" +
		"func (q *q) end() { close(q.done); func() { close(q.events) }(); close(q.at) }\n"
	if n, findings := dataCloses(t, []string{"wrong.go"}, wrong); n != 3 || len(findings) != 2 {
		t.Errorf("of three channels that are closed, two with data, it finds %d and %q", n, findings)
	}
}

// dataCloses counts the channels that a package closes, and names those that carry
// something. What the package imports is left unknown: a channel of it counts as
// one with data.
func dataCloses(t *testing.T, names []string, text any) (closed int, findings []string) {
	t.Helper()
	fset, files := token.NewFileSet(), []*ast.File{}
	for _, name := range names {
		file, err := parser.ParseFile(fset, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Error: func(error) {}, Importer: noImports{}}
	_, _ = config.Check(filepath.Dir(names[0]), fset, files, &info) // what is imported is missing, which is no matter here
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "close" || len(call.Args) != 1 {
				return true
			}
			closed++
			channel, _ := info.TypeOf(call.Args[0]).(*types.Chan)
			if channel == nil || types.TypeString(channel.Elem(), nil) != "struct{}" {
				findings = append(findings, fset.Position(call.Pos()).String()+": a channel is closed that is not seen to carry nothing")
			}
			return true
		})
	}
	return closed, findings
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not looked for") }
