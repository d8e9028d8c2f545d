package makegood_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// maxExampleLines is what a reader takes in at one sitting.
const maxExampleLines = 120

// TestExamples holds what the folders below examples promise: each has no more Go
// than that, tests apart, and both READMEs say how to run the programs. What they
// do, their own tests hold.
func TestExamples(t *testing.T) {
	t.Parallel()
	lines, programs := map[string]int{}, 0
	for _, src := range sources(t) {
		if !within(src.dir, "examples") || src.test {
			continue
		}
		lines[src.dir] += strings.Count(src.text, "\n")
		if src.file.Name.Name != "main" || path.Base(src.path) != "main.go" {
			continue
		}
		programs++
		for _, readme := range []string{"README.md", src.dir + "/README.md"} {
			text, err := os.ReadFile(readme)
			if command := "go run ./" + src.dir; err != nil || !strings.Contains(string(text), command) {
				t.Errorf("%s does not say %s (%v)", readme, command, err)
			}
		}
	}
	for folder, n := range lines {
		if n > maxExampleLines {
			t.Errorf("%s has %d lines of Go, the limit of an example is %d", folder, n, maxExampleLines)
		}
	}
	if programs == 0 {
		t.Fatal("no example: nothing was checked")
	}
}

// TestExampleRules checks and tests the rules of each example as those of a live
// service are.
func TestExampleRules(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("examples/*/rules")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no rules: nothing was checked (%v)", err)
	}
	for _, folder := range folders {
		rules, tests := rehearse.Split(ruleFiles(t, folder))
		set, problems := rule.Check(rules)
		if set == nil || len(problems) > 0 {
			t.Errorf("%s: rules check: %v", folder, &problems)
			continue
		}
		ran, err := rehearse.Test(t.Context(), set, tests, nil)
		if err != nil {
			t.Fatal(err)
		}
		if problems := slices.Concat(ran.Problems, rehearse.Demand(set, ran)); len(problems) > 0 || len(ran.Conditions) == 0 {
			t.Errorf("%s: rules test: %v, %d conditions", folder, &problems, len(ran.Conditions))
		}
	}
}

// ruleFiles reads the rules below a folder, their tests and the events that these
// name, by their paths from there.
func ruleFiles(t *testing.T, folder string) []rule.File {
	t.Helper()
	var files []rule.File
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".yaml", ".json"}, filepath.Ext(name)) {
			return err
		}
		text, err := fs.ReadFile(os.DirFS(folder), name)
		files = append(files, rule.File{Path: name, Text: string(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
