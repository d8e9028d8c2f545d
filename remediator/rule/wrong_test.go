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

// TestOneMistakeOneError holds that what YAML does not read as it is meant is told once, and
// nothing of what follows from it.
func TestOneMistakeOneError(t *testing.T) {
	t.Parallel()
	check(t, []mistake{
		{"let: {a: \"data.x[0]\", b: data.y[0}", "6:36", "yaml", "the [ is not closed", `let: {a: "data.x[0]", b: "data.y[0]"}`},
		{"let: {a: data.x == \"a]\", b: data.y", "6:10", "yaml", "the { is not closed", `{a: 'data.x == "a]"', b: data.y}`},
		{"let: {a: \"x, b: data.y}", "6:14", "quote", "the quote is not closed", ""},
		{"let: {a: data.x,\nb: data.y", "6:10", "yaml", "the { is not closed", "at the end of line 7"},
		{"if: data.late > 60\n  ? data.a\n  : data.b", "6:9", "yaml", `it contains ": "`, "if: >-\n      data.late > 60\n      ? data.a\n      : data.b"},
		{"if:\n  [1, 2].exists(x, x == data.n)", "7:7", "yaml", "it starts with [", "if: >-\n      [1, 2].exists(x, x == data.n)"},
		{"if: [1, 2].exists(x,\n  x == data.n)", "6:9", "yaml", "it starts with [", "if: >-\n      [1, 2].exists(x,\n      x == data.n)"},
		{"limits: per_remedy: 5.00 USD", "6:13", "yaml", "a key begins behind another", "limits: {per_remedy: 5.00 USD}"},
	})
}
