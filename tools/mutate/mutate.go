// Package mutate takes one thing that matters away from the code, so that a test
// can show that it would be missed. Tests that must find faults use it.
//
// A mutant is a file in txtar form: a comment that says why it must be found, and
// pairs of parts, "old FILE" and "new FILE". The old text occurs exactly once in
// the file, whose name counts from the root of the repository. The comment may end
// with the line "Found by TestName.", or "Found by TestName of ./package.": that test
// alone is then run, which takes seconds, and it must find the mutant.
package mutate

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Mutant is a change of the code.
type Mutant struct {
	Name    string
	Test    string // that finds it; empty: whoever runs the mutant knows
	Package string // of the test, "." when the mutant does not say
	edits   []edit
}

type edit struct{ file, old, new string }

// seeker is the line of a comment that names the test.
var seeker = regexp.MustCompile(`(?m)^Found by (Test\w+)(?: of (\./\S+))?\.$`)

// Read reads the mutant of a name in a folder.
func Read(folder, name string) (Mutant, error) {
	archive, err := txtar.ParseFile(filepath.Join(folder, name+".txtar"))
	if err != nil {
		return Mutant{}, fmt.Errorf("read mutant: %w", err)
	}
	m := Mutant{Name: name}
	if strings.TrimSpace(string(archive.Comment)) == "" {
		return m, fmt.Errorf("mutant %s does not say why it must be found", name)
	}
	m.Package = "."
	if named := seeker.FindSubmatch(archive.Comment); named != nil {
		m.Test = string(named[1])
		if len(named[2]) > 0 {
			m.Package = string(named[2])
		}
	}
	if len(archive.Files) == 0 || len(archive.Files)%2 != 0 {
		return m, fmt.Errorf("mutant %s has %d parts, want pairs of old and new", name, len(archive.Files))
	}
	for i := 0; i < len(archive.Files); i += 2 {
		before, after := archive.Files[i], archive.Files[i+1]
		file, isOld := strings.CutPrefix(before.Name, "old ")
		if !isOld || after.Name != "new "+file {
			return m, fmt.Errorf("mutant %s: parts %q and %q, want old FILE and new FILE", name, before.Name, after.Name)
		}
		m.edits = append(m.edits, edit{file: file, old: string(before.Data), new: string(after.Data)})
	}
	return m, nil
}

// Names lists the mutants of a folder.
func Names(folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil {
		return nil, fmt.Errorf("list mutants: %w", err)
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(filepath.Base(file), ".txtar")
	}
	return names, nil
}

// Overlay writes the changed files into a folder, and the list of them that go
// build takes. root is the repository's.
func (m Mutant) Overlay(root, dir string) (string, error) {
	replace := map[string]string{}
	for i, e := range m.edits {
		path, err := filepath.Abs(filepath.Join(root, e.file))
		if err != nil {
			return "", err
		}
		from := path
		if changed, again := replace[path]; again {
			from = changed
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", fmt.Errorf("apply mutant %s: %w", m.Name, err)
		}
		if n := strings.Count(string(text), e.old); n != 1 {
			return "", fmt.Errorf("apply mutant %s: its old text occurs %d times in %s, want once: the code moved, move the mutant", m.Name, n, e.file)
		}
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(e.file)))
		if err := os.WriteFile(replace[path], []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o600); err != nil {
			return "", fmt.Errorf("apply mutant %s: %w", m.Name, err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o600)
}

// Build builds the tests of the package in the current folder with the mutant in
// it, into a folder, and returns the binary's name.
func (m Mutant) Build(root, dir string) (string, error) {
	overlay, err := m.Overlay(root, dir)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "mutant.test")
	cmd := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build mutant %s: %w\n%s", m.Name, err, out)
	}
	return binary, nil
}
