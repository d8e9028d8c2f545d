package match_test

import (
	"os/exec"
	"testing"

	"github.com/makegood/makegood/tools/mutate"
)

// TestMutants holds that the comparison of the matchers finds each fault of the
// folder mutants: matchers that are wrong in one thing.
func TestMutants(t *testing.T) {
	t.Parallel()
	const root = "../.."
	mutate.Seek(t, "mutants", root, 10, "TestDifferential", func(m mutate.Mutant, dir string) ([]byte, error) {
		binary, err := m.Build(root, dir)
		if err != nil {
			return nil, err
		}
		// What is drawn finds most faults at once, and a rare one in a later run.
		const runs = 5
		for run := 1; ; run++ {
			cmd := exec.Command(binary, "-test.run=^TestDifferential$", "-rapid.checks=1000", "-rapid.nofailfile", "-rapid.shrinktime=1ms")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil || run == runs {
				return out, err
			}
		}
	})
}
