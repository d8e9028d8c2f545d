package decide

import (
	"strconv"
	"testing"

	"github.com/makegood/makegood/remediator/window"
)

// A large state is snapshot more rarely, so that it does not take the time of the
// deciding.
func TestSnapshotsOfManyWindowsAreRare(t *testing.T) {
	t.Parallel()
	f := New(Config{})
	due := func() (at []uint64) {
		for inputs := range uint64(600_000) {
			if f.manyInputs(inputs) {
				at = append(at, inputs/1000)
			}
		}
		return at
	}
	if at := due(); len(at) != 5 || at[0] != 100 {
		t.Errorf("without windows it is due after %v thousand inputs", at)
	}
	windows := window.NewTable(1, nil)
	for key := range uint64(30_000_000 / 17) { // a record of one entry has 17 bytes
		windows.Add(key*0x9e3779b97f4a7c15, window.Entry{}, -1)
	}
	f.windows["r"] = windows
	if at := due(); len(at) != 3 || at[0] != 300 {
		t.Errorf("with windows of 30 MB it is due after %v thousand inputs", at)
	}
	waits := newWaiting("")
	for n := range 39_000 {
		waits.Open[key(strconv.Itoa(n))] = &opening{}
	}
	f.state.Waiting["w"] = waits
	if at := due(); len(at) != 1 || at[0] != 500 {
		t.Errorf("with 39,000 events that wait besides it is due after %v thousand inputs", at)
	}
}
