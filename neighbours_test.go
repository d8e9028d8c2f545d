package makegood_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	neighbourRow = regexp.MustCompile("(?m)^\\| `sdk/(\\w+)` \\| [^|]+ \\| (`[^`]+`)? ?\\|$")
	moduleList   = regexp.MustCompile(`(?m)^MODULES := (.+)$`)
)

// TestNeighbours holds docs/sdk-neighbours.md to the packages beside the SDK: it
// names them all, says which are modules of their own and on what, and each
// snippet is part of an example or a test of its package, which are run.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	const document = "docs/sdk-neighbours.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	library := map[string]string{}
	for _, row := range neighbourRow.FindAllStringSubmatch(string(text), -1) {
		library[row[1]] = strings.Trim(row[2], "`")
	}
	folders, err := filepath.Glob("sdk/makegood*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("found no neighbours: %v", err)
	}
	for _, folder := range folders {
		on, named := library[filepath.Base(folder)]
		mod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		switch {
		case !named:
			t.Errorf("%s has no row for %s", document, folder)
		case on == "" && err == nil, on != "" && !strings.Contains(string(mod), "\t"+on+" v"):
			t.Errorf("%s says that %s is a module on %q, which is not so", document, folder, on)
		case on != "" && !strings.Contains(string(mod), "\ngo 1.25.0\n"):
			t.Errorf("%s says which Go the modules need; %s needs another", document, folder)
		}
	}
	snippets := 0
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		folder, _, _ := strings.Cut(section, "\n")
		tests := testsOf(t, filepath.Join("sdk", folder))
		for _, b := range fence.FindAllStringSubmatch(section, -1) {
			snippets++
			if b[1] != "go" || !strings.Contains(tests, flat(b[2])) {
				t.Errorf("no test of sdk/%s has this snippet:\n%s", folder, b[2])
			}
		}
	}
	if snippets < len(folders) {
		t.Errorf("%d snippets for %d packages", snippets, len(folders))
	}
}

// testsOf is the text of a package's tests.
func testsOf(t *testing.T, folder string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(flat(string(text)))
	}
	return all.String()
}

// flat is Go code without its indentation.
func flat(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestModulesAreChecked finds a nested module that no target of the Makefile tests.
func TestModulesAreChecked(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	list := moduleList.FindStringSubmatch(string(makefile))
	if list == nil {
		t.Fatal("the Makefile lists no modules")
	}
	checked := strings.Fields(list[1])
	nested, err := filepath.Glob("sdk/*/go.mod")
	if err != nil || len(nested) == 0 {
		t.Fatalf("found no nested module: %v", err)
	}
	for _, mod := range nested {
		if dir := filepath.ToSlash(filepath.Dir(mod)); dir != "sdk/peers" && !slices.Contains(checked, dir) {
			t.Errorf("the Makefile's MODULES are without %s", dir)
		}
	}
}
