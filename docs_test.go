package makegood_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	inlineCode   = regexp.MustCompile("`([^`\n]+)`")
	relativeLink = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)
	fenced       = regexp.MustCompile("(?ms)^```.*?^```$")
	savedAs      = regexp.MustCompile("(?i)save[^`]* as `[^`]+`:")
	pathLike     = regexp.MustCompile(`^[A-Za-z0-9_.*/-]+$`)
)

// TestDocPaths checks that every path which the documentation names is there:
// links from the document's folder, and paths in code from there or from the
// root.
func TestDocPaths(t *testing.T) {
	t.Parallel()
	top := topLevel(t)
	documents, checked := 0, 0
	for _, name := range documentation(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		documents++
		prose := fenced.ReplaceAllString(string(text), "")
		prose = savedAs.ReplaceAllString(prose, "") // files that a reader makes
		for _, link := range relativeLink.FindAllStringSubmatch(prose, -1) {
			checked++
			if here := filepath.Join(filepath.Dir(name), link[1]); !exists(here) {
				t.Errorf("%s links to %s, which is not there", name, link[1])
			}
		}
		for _, code := range inlineCode.FindAllStringSubmatch(prose, -1) {
			first, _, _ := strings.Cut(code[1], "/")
			// What commands write is there only where they were run.
			if pathLike.MatchString(code[1]) && slices.Contains(top, first) && first != "build" && first != "bin" {
				checked++
				if here := filepath.Join(filepath.Dir(name), code[1]); !exists(here) && !exists(code[1]) {
					t.Errorf("%s names %s, which is not there", name, code[1])
				}
			}
		}
	}
	if documents == 0 || checked == 0 {
		t.Fatalf("checked %d paths in %d documents: nothing was checked", checked, documents)
	}
}

// exists reports whether a path, which may be a pattern, names anything.
func exists(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

// topLevel lists the names in the root of the repository.
func topLevel(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// documentation lists every Markdown file of the repository.
func documentation(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "testdata", "node_modules"}, entry.Name()) {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
