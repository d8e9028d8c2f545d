package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// mutant is a program from which one thing that keeps money safe was taken away.
// The crashes must find each, or they prove nothing. A mutant is a file below
// mutants/: why it must be found, and the file, the old text and the new one.
type mutant struct {
	name  string
	edits []edit
}

// edit replaces a text that occurs exactly once in a file.
type edit struct{ file, old, new string }

const (
	mutantFolder = "mutants"
	root         = "../.."
)

func readMutant(name string) (mutant, error) {
	archive, err := txtar.ParseFile(filepath.Join(mutantFolder, name+".txtar"))
	if err != nil {
		return mutant{}, fmt.Errorf("read mutant: %w", err)
	}
	m := mutant{name: name}
	if strings.TrimSpace(string(archive.Comment)) == "" {
		return m, fmt.Errorf("mutant %s does not say why it must be found", name)
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

// overlay writes the changed files and the list of them that go build takes.
func (m mutant) overlay(dir string) (string, error) {
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
			return "", fmt.Errorf("apply mutant %s: %w", m.name, err)
		}
		if n := strings.Count(string(text), e.old); n != 1 {
			return "", fmt.Errorf("apply mutant %s: its old text occurs %d times in %s, want once: the code moved, move the mutant", m.name, n, e.file)
		}
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(e.file)))
		if err := os.WriteFile(replace[path], []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o600); err != nil {
			return "", fmt.Errorf("apply mutant %s: %w", m.name, err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o600)
}

// build builds this test's binary with the mutant in it.
func (m mutant) build(dir string) (string, error) {
	overlay, err := m.overlay(dir)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "mutant.test")
	cmd := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build mutant %s: %w\n%s", m.name, err, out)
	}
	return binary, nil
}

// TestMutantsApply checks that every mutant still fits the code. That each is
// found is for make crash MUTANT=name to show.
func TestMutantsApply(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(mutantFolder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d mutants: nothing was checked (%v)", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := readMutant(name)
			if err != nil {
				t.Fatal(err)
			}
			if testing.Short() {
				_, err = m.overlay(t.TempDir())
			} else {
				_, err = m.build(t.TempDir())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
