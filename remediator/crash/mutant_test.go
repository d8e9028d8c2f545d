package crash

import (
	"os/exec"
	"testing"

	"github.com/makegood/makegood/tools/mutate"
)

// A mutant here is a program from which one thing that keeps money safe was taken
// away. The crashes must find each, or they prove nothing: make crash MUTANT=name, and
// make faults MUTANT=name.
const (
	mutantFolder = "mutants"
	root         = "../.."
)

// TestMutants holds that each mutant is found by the test that it names, which looks for
// nothing else and takes seconds.
func TestMutants(t *testing.T) {
	t.Parallel()
	mutate.Seek(t, mutantFolder, root, 4, "Test", func(m mutate.Mutant, dir string) ([]byte, error) {
		binary, err := m.Build(root, dir)
		if err != nil {
			return nil, err
		}
		return exec.Command(binary, "-test.run=^"+m.Test+"$", "-test.timeout=5m").CombinedOutput()
	})
}
