package makegood_test

import (
	"os/exec"
	"testing"

	"github.com/makegood/makegood/tools/mutate"
)

// TestSDKMutants holds that the SDK's tests find each mutant of the folder
// sdk/mutants: SDKs from which one thing that keeps events was taken away. It stands
// here because the SDK's module does not know the tools. Most mutants name the test
// that finds them; the others are looked for by those of faults and of the spool,
// which take longer. A mutant that makes clients wait for ever is found by TestFaults,
// which knows when its time is nearly over. Without a mutant all these tests pass, in
// the SDK's own run.
func TestSDKMutants(t *testing.T) {
	t.Parallel()
	const seekers = "Test(Faults|.*Synced.*|.*PowerLoss|.*Flipped.*|Cut.*|ASpoolInUse.*|AFolder.*)"
	mutate.Seek(t, "sdk/mutants", ".", 15, "Test", func(m mutate.Mutant, dir string) ([]byte, error) {
		overlay, err := m.Overlay(".", dir)
		if err != nil {
			return nil, err
		}
		tests, packages := seekers, []string{".", "./internal/spool"}
		if m.Test != "" {
			tests, packages = m.Test, []string{m.Package}
		}
		// Which of several goroutines comes first decides whether some are found, so that
		// one run may find nothing.
		args := []string{"test", "-overlay", overlay, "-vet=off", "-count=5", "-short", "-failfast", "-timeout=60s", "-run", "^" + tests + "$"}
		cmd := exec.Command("go", append(args, packages...)...)
		cmd.Dir = "sdk"
		return cmd.CombinedOutput()
	})
}
