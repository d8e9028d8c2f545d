package event

import (
	"fmt"
	"strings"
	"testing"
)

// TestViewLetsGo reads a small event after one that needed much memory.
func TestViewLetsGo(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range maxKept / 16 {
		fmt.Fprintf(&many, `,"%d":0`, i)
	}
	const event = `{"specversion":"1.0","id":"1","source":"/","type":"t","data":{%s}}`
	var view View
	for _, data := range []string{many.String()[1:], ""} {
		if err := view.Read(fmt.Appendf(nil, event, data), nil); err != nil {
			t.Fatal(err)
		}
		if kept := 16 * cap(view.message.names); (kept > maxKept) != (data != "") {
			t.Errorf("%d bytes of data leave %d bytes of names", len(data), kept)
		}
	}
}
