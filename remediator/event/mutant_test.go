package event_test

import (
	"os/exec"
	"testing"

	"github.com/makegood/makegood/tools/mutate"
)

// TestMutants holds that the tests find each fault of the folder mutants: a reader that
// lets something pass that two readers could understand differently.
func TestMutants(t *testing.T) {
	t.Parallel()
	const root = "../.."
	mutate.Seek(t, "mutants", root, 10, "Test", func(m mutate.Mutant, dir string) ([]byte, error) {
		binary, err := m.Build(root, dir)
		if err != nil {
			return nil, err
		}
		return exec.Command(binary, "-test.skip=^TestMutants$", "-rapid.nofailfile", "-rapid.shrinktime=1ms").CombinedOutput()
	})
}
