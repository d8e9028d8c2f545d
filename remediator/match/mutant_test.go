package match_test

import (
	"os/exec"
	"testing"

	"github.com/makegood/makegood/tools/mutate"
)

// TestMutants holds that the comparison of the matchers, or the test that a mutant names,
// finds each fault of the folder mutants: matchers that are wrong in one thing.
func TestMutants(t *testing.T) {
	t.Parallel()
	const root = "../.."
	mutate.Seek(t, "mutants", root, 10, "TestDifferential", func(m mutate.Mutant, dir string) ([]byte, error) {
		binary, err := m.Build(root, dir)
		if err != nil {
			return nil, err
		}
		// What is drawn finds most faults at once, and a rare one in a later run.
		test, runs := "TestDifferential", 5
		if m.Test != "" {
			test, runs = m.Test, 1
		}
		for run := 1; ; run++ {
			cmd := exec.Command(binary, "-test.run=^"+test+"$", "-rapid.checks=1000", "-rapid.nofailfile", "-rapid.shrinktime=1ms")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil || run == runs {
				return out, err
			}
		}
	})
}
