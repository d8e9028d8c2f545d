package makegood_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// clocks are the functions that read a clock, and for what. Pauses and ages are
// differences of the monotonic clock, which does not jump. What goes by the clock on
// the wall only names, stamps or is bounded: no clock decides whether an event is
// kept, sent, or sent again, and an event's number has nothing to do with time. A
// gate's age is one, for that is what [MaxStale] asks for.
var clocks = map[string]string{
	"Client.emit":        "stamps the event, and how long it may wait for company",
	"Client.EmitEvent":   "the same",
	"Client.Start":       "begins a duration",
	"Experience.End":     "ends a duration",
	"newSender":          "a part of the client's id; 74 bits are random",
	"worker.loop":        "how long an event has waited for company",
	"health.bad":         "how often is logged",
	"endpoint.post":      "Retry-After as a date, bounded to five minutes",
	"spooler.loop":       "how long a folder is left alone",
	"spooler.refuse":     "the same",
	"spooler.bury":       "stamps a dead letter",
	"feed.isPolling":     "how long gates poll",
	"feed.listen":        "the same",
	"answered":           "Retry-After as a date, bounded to five minutes",
	"newGates":           "the wall, by which a file's age is told",
	"gates.listen":       "the same",
	"gates.keep":         "how old the last word is",
	"gates.declareAgain": "the same",
	"gates.change":       "the same",
	"gates.heardLocked":  "the same",
	"gates.schedule":     "the same",
	"gates.expire":       "the same",
	"Gate.State":         "the same",
	"gateFile.note":      "how often the file is written",
	"gateFile.write":     "the same",
}

// TestClocks looks where a clock is read.
func TestClocks(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, folder := range []string{".", "internal/spool", "internal/sse"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				if readsClock(d) {
					seen[titleOf(d)] = true
				}
			}
		}
	}
	for name := range seen {
		if clocks[name] == "" {
			t.Errorf("%s reads a clock: say for what", name)
		}
	}
	for name := range clocks {
		if !seen[name] {
			t.Errorf("%s reads no clock", name)
		}
	}
}

// readsClock reports whether a declaration has time.Now, time.Since or time.Until.
func readsClock(d ast.Decl) (reads bool) {
	ast.Inspect(d, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if p, ok := s.X.(*ast.Ident); ok && p.Name == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Since" || s.Sel.Name == "Until") {
				reads = true
			}
		}
		return !reads
	})
	return reads
}

// titleOf names a function, with the type that it belongs to.
func titleOf(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return fmt.Sprintf("%T", d)
	}
	if f.Recv == nil {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	return fmt.Sprint(of, ".", f.Name.Name)
}
