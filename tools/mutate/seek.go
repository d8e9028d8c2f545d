package mutate

import (
	"flag"
	"strings"
	"testing"
)

var every = flag.Bool("mutants", false, "seek every mutant instead of the first of each folder")

// Seek shows that tests find each mutant of a folder, which holds at least fewest of
// them. run runs the tests with the overlay of one, whose files lie in dir, and
// returns what they print. A mutant is found when the test that it names, or else
// tests, fails by its name: what does not build, or is killed from outside, shows
// nothing. Where one of several tests will do, tests is what their names begin with.
// Without the flag -mutants (make mutants) that is done for the first one only, for each
// has a program of its own to be built; of the others it is seen that they still fit the
// code. The short tests see no more of any.
func Seek(t *testing.T, folder, root string, fewest int, tests string, run func(m Mutant, dir string) ([]byte, error)) {
	t.Helper()
	names, err := Names(folder)
	if err != nil || len(names) < fewest {
		t.Fatalf("found %d mutants, want %d at least (%v)", len(names), fewest, err)
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			m, err := Read(folder, name)
			if err != nil {
				t.Fatal(err)
			}
			dir, found := t.TempDir(), "--- FAIL: "+tests
			if m.Test != "" {
				found = "--- FAIL: " + m.Test + " "
			}
			if testing.Short() || i > 0 && !*every {
				if _, err := m.Overlay(root, dir); err != nil {
					t.Error(err)
				}
				return
			}
			switch out, err := run(m, dir); {
			case err == nil:
				t.Error("the fault is not found")
			case !strings.Contains(string(out), found):
				t.Errorf("the tests did not run: %v\n%s", err, out)
			}
		})
	}
}
