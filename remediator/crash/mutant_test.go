package crash

import (
	"testing"

	"github.com/makegood/makegood/tools/mutate"
)

// A mutant here is a program from which one thing that keeps money safe was taken
// away. The crashes must find each, or they prove nothing.
const (
	mutantFolder = "mutants"
	root         = "../.."
)

// TestMutantsApply checks that every mutant still fits the code. That each is
// found is for make crash MUTANT=name to show.
func TestMutantsApply(t *testing.T) {
	t.Parallel()
	names, err := mutate.Names(mutantFolder)
	if err != nil || len(names) == 0 {
		t.Fatalf("found %d mutants: nothing was checked (%v)", len(names), err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := mutate.Read(mutantFolder, name)
			if err != nil {
				t.Fatal(err)
			}
			if testing.Short() {
				_, err = m.Overlay(root, t.TempDir())
			} else {
				_, err = m.Build(root, t.TempDir())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
