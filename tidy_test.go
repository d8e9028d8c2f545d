package makegood_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// Limits on size: what is longer is two things.
const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

// drawers are package names that say nothing about what is inside.
var drawers = []string{"common", "helpers", "models", "types", "util", "utils"}

// TestTidy holds the limits on size and the habits that a machine can check.
func TestTidy(t *testing.T) {
	t.Parallel()
	all := sources(t)
	functions := 0
	for _, src := range all {
		for _, finding := range tidyFindings(src) {
			t.Error(finding)
		}
		for _, decl := range src.file.Decls {
			if _, ok := decl.(*ast.FuncDecl); ok {
				functions++
			}
		}
	}
	for _, finding := range docFindings(all) {
		t.Error(finding)
	}
	if len(all) == 0 || functions == 0 {
		t.Fatalf("checked %d files with %d functions: nothing was checked", len(all), functions)
	}
}

// tidyFindings says what is untidy in one file.
func tidyFindings(src source) []string {
	var findings []string
	add := func(pos token.Pos, format string, args ...any) {
		findings = append(findings, src.at(pos)+": "+fmt.Sprintf(format, args...))
	}
	if n := strings.Count(src.text, "\n"); n > maxFileLines {
		add(src.file.FileEnd-1, "the file has %d lines, the limit is %d", n, maxFileLines)
	}
	if slices.Contains(drawers, strings.TrimSuffix(src.file.Name.Name, "_test")) {
		add(src.file.Name.Pos(), "package %s says nothing about what is inside", src.file.Name.Name)
	}
	for _, comment := range src.file.Comments {
		for _, word := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"} {
			if strings.Contains(comment.Text(), word) {
				add(comment.Pos(), "%s: finish it or leave it out", word)
			}
		}
	}
	ast.Inspect(src.file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncDecl:
			first, last := src.fset.Position(n.Pos()).Line, src.fset.Position(n.End()).Line
			if lines := last - first + 1; lines > maxFunctionLines {
				add(n.Pos(), "%s has %d lines, the limit is %d", n.Name.Name, lines, maxFunctionLines)
			}
		case *ast.SelectorExpr:
			name, ok := n.X.(*ast.Ident)
			if ok && src.test && name.Name == "time" && n.Sel.Name == "Sleep" && !src.imports("testing/synctest") {
				add(n.Pos(), "a test waits for a signal or a condition, not for time to pass, unless time is synctest's")
			}
		case *ast.BasicLit:
			if !src.test && n.Kind == token.STRING && strings.Contains(strings.ToLower(n.Value), "failed "+"to ") {
				add(n.Pos(), "an error is verb and object: what was being done, not that it failed")
			}
		}
		return true
	})
	return findings
}

// docFindings names packages without a package comment or with several.
// Programs below testdata need none.
func docFindings(all []source) []string {
	docs := map[string][]string{}
	for _, src := range all {
		if src.data {
			continue
		}
		if docs[src.dir] == nil {
			docs[src.dir] = []string{}
		}
		if src.file.Doc != nil {
			docs[src.dir] = append(docs[src.dir], src.path)
		}
	}
	var findings []string
	for dir, files := range docs {
		if len(files) != 1 {
			findings = append(findings, fmt.Sprintf(
				"%s/: %d package comments %v, want one: what it is, for whom, how it fits", dir, len(files), files))
		}
	}
	slices.Sort(findings)
	return findings
}

// TestChecksFind shows that each check of this repository finds what it is for.
func TestChecksFind(t *testing.T) {
	t.Parallel()
	const doc, nothing = "// Package p is here.\n", "nothing"
	long := "package p\nfunc f() {\n" + strings.Repeat("_ = 1\n", maxFunctionLines) + "}\n"
	cases := []struct{ name, path, text, want string }{
		{"no place", "remediator/nowhere/a.go", "package nowhere", "has no place"},
		{"against the flow", "remediator/money/a.go", `package money; import "` + module + `/remediator/rule"`, "not in the table"},
		{"edge to edge", "remediator/act/stripe/a.go", `package stripe; import "` + module + `/remediator/act/credit"`, "not in the table"},
		{"edge to wiring", "remediator/api/a.go", `package api; import "` + module + `/remediator"`, "not in the table"},
		{"sdk to service", "sdk/a_test.go", `package makegood; import "` + module + `/remediator/input"`, "nothing of the service"},
		{"to cmd", "remediator/a_test.go", `package remediator; import "` + module + `/cmd/makegood"`, "nothing imports cmd"},
		{"oracle shares", "testdata/oracle/main.go", `package main; import "` + module + `/remediator/money"`, "share no code"},
		{"pure with files", "remediator/rule/a.go", `package rule; import "os"`, "is pure"},
		{"pure with clock", "remediator/rule/a.go", "package rule\nvar now = time.Now()", "time.Now"},
		{"SQL outside", "remediator/api/a.go", `package api; import "database/sql"`, "only homes"},
		{"long file", "a.go", "package p\n" + strings.Repeat("\n", maxFileLines), "the file has 501 lines"},
		{"long function", "a.go", long, "f has 72 lines"},
		{"drawer", "a.go", "package util", "says nothing"},
		{"unfinished", "a.go", "package p\n// TO" + "DO: later.\n", "finish it"},
		{"sleep", "a_test.go", "package p\nfunc f() { time.Sleep(1) }", "waits for a signal"},
		{"sleep in a bubble", "a_test.go", "package p\nimport \"testing/synctest\"\nfunc f() { time.Sleep(1) }", nothing},
		{"error text", "a.go", "package p\nvar e = errors.New(\"failed " + "to open\")", "verb and object"},
	}
	for _, c := range cases {
		src, err := parse(c.path, c.text)
		if err != nil {
			t.Fatal(err)
		}
		findings := append(importFindings(src), tidyFindings(src)...)
		if c.want == nothing && len(findings) > 0 || c.want != nothing && !strings.Contains(strings.Join(findings, "\n"), c.want) {
			t.Errorf("%s: got %q, want %q in it", c.name, findings, c.want)
		}
	}
	src, err := parse("a.go", doc+"package p")
	if err != nil {
		t.Fatal(err)
	}
	if len(docFindings([]source{src})) != 0 || len(docFindings([]source{src, src})) != 1 {
		t.Error("a second package comment is not found")
	}
}
