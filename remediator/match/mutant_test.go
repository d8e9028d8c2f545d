package match_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/makegood/makegood/tools/mutate"
)

// TestMutants holds that the comparison of the matchers finds each fault of the
// folder mutants: matchers that are wrong in one thing.
func TestMutants(t *testing.T) {
	t.Parallel()
	const folder, root, fewest = "mutants", "../..", 10
	names, err := mutate.Names(folder)
	if err != nil || len(names) < fewest {
		t.Fatalf("found %d mutants, want %d at least (%v)", len(names), fewest, err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			m, err := mutate.Read(folder, name)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if testing.Short() {
				if _, err := m.Overlay(root, dir); err != nil {
					t.Error(err)
				}
				return
			}
			binary, err := m.Build(root, dir)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(binary, "-test.run=^TestDifferential$", "-rapid.checks=1000", "-rapid.nofailfile", "-rapid.shrinktime=1ms")
			cmd.Dir = dir
			switch out, err := cmd.CombinedOutput(); {
			case err == nil:
				t.Errorf("the fault is not found")
			case !strings.Contains(string(out), "--- FAIL: TestDifferential"):
				t.Errorf("the comparison did not run: %v\n%s", err, out)
			}
		})
	}
}
