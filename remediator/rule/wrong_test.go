package rule_test

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/makegood/makegood/remediator/rule"
)

// TestWrongFiles holds what is said of files as people write them who know other
// tools: every mistake at once, each with its place and what was meant.
func TestWrongFiles(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/wrong.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for _, file := range archive.Files {
		_, problems := rule.Check([]rule.File{{Path: file.Name, Text: string(file.Data)}})
		said.WriteString(problems.Format() + "\n\n")
	}
	if *update {
		if err := os.WriteFile("testdata/wrong.golden", []byte(said.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, "wrong.golden"); said.String() != want {
		t.Errorf("got\n%s", said.String())
	}
	if len(archive.Files) < 40 {
		t.Errorf("%d files", len(archive.Files))
	}
}
