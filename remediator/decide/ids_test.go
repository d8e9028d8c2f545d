package decide

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// TestDerive: ids are those of the library, which others can derive as well.
func TestDerive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		space, name := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "space")), rapid.String().Draw(t, "name")
		if got, want := derive(space, name), uuid.NewSHA1(space, []byte(name)); got != want {
			t.Fatalf("in %s, %q is %s, the library says %s", space, name, got, want)
		}
	})
}
