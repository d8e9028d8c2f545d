package decide_test

import (
	"cmp"
	"os/exec"
	"testing"

	"github.com/makegood/makegood/tools/mutate"
)

// TestMutants holds that the comparison with the model of limits, or the one that a mutant
// names, finds each fault of the folder mutants: a fold that is wrong in one thing.
func TestMutants(t *testing.T) {
	t.Parallel()
	const root = "../.."
	mutate.Seek(t, "mutants", root, 6, "TestLimitsEqualNaiveModel", func(m mutate.Mutant, dir string) ([]byte, error) {
		binary, err := m.Build(root, dir)
		if err != nil {
			return nil, err
		}
		test := cmp.Or(m.Test, "TestLimitsEqualNaiveModel")
		return exec.Command(binary, "-test.run=^"+test+"$", "-test.timeout=5m", "-rapid.nofailfile", "-rapid.shrinktime=1ms").CombinedOutput()
	})
}
