package problem_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/problem"
)

var used = regexp.MustCompile(`problem\.Write\(w, [^"\n]*, "([a-z-]+)"|urn:makegood:problem:([a-z-]+)|problem\.Prefix\+"([a-z-]+)"`)

// TestKinds holds that the table has every kind that the service's sources name and no
// other, and that the page of the API tells of each.
func TestKinds(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, path)
		for _, match := range used.FindAllStringSubmatch(string(text), -1) {
			names[match[1]+match[2]+match[3]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := problem.Kinds()
	if len(names) < 20 || len(kinds) < 20 {
		t.Fatalf("%d kinds are named and %d listed", len(names), len(kinds))
	}
	if !slices.IsSortedFunc(kinds, func(a, b problem.Kind) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the kinds are not in the order of their names")
	}
	for _, kind := range kinds {
		if !names[kind.Name] {
			t.Errorf("%s is listed, and nothing answers it", kind.Name)
		}
		delete(names, kind.Name)
		if row := "| `" + kind.Name + "` |"; !strings.Contains(string(page), row) || !strings.Contains(string(page), kind.Meaning) {
			t.Errorf("docs/api.md does not say of %s: %s", kind.Name, kind.Meaning)
		}
	}
	for name := range names {
		t.Errorf("%s is answered and not listed", name)
	}
}
