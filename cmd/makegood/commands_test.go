package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestCommandsOverURL holds that docs/commands.md lists every command, and says of each
// whether it works with a service elsewhere, by --url.
func TestCommandsOverURL(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{} // yes or no, by command
	for _, row := range regexp.MustCompile("(?m)^\\| `makegood ([a-z -]+)` \\| (yes|no) \\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		if listed[row[1]] != "" {
			t.Errorf("makegood %s is listed twice", row[1])
		}
		if listed[row[1]] = row[2]; row[3] == "" {
			t.Errorf("nothing is said of makegood %s", row[1])
		}
	}
	parser, err := kong.New(&commands{}, kong.Name("makegood"))
	if err != nil {
		t.Fatal(err)
	}
	aliases := regexp.MustCompile(` \([^)]*\)`)
	leaves := parser.Model.Leaves(false)
	for _, leaf := range leaves {
		name, over := aliases.ReplaceAllString(strings.TrimPrefix(leaf.Path(), "makegood "), ""), "no"
		for _, flags := range leaf.AllFlags(false) {
			if slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Name == "url" }) {
				over = "yes"
			}
		}
		if listed[name] != over {
			t.Errorf("makegood %s works over --url: %s; docs/commands.md says %q", name, over, listed[name])
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf("docs/commands.md lists makegood %s, which is no command", name)
	}
	if len(leaves) < 50 {
		t.Errorf("only %d commands were looked at", len(leaves))
	}
}
