package makegood_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// TestOnDropThatEndsItsGoroutine holds that reports go on when a function of the
// application ends its goroutine, as the FailNow of a test does.
func TestOnDropThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	told := make(chan error, 2)
	c := newClient(t, makegood.Handler(newAndon()), makegood.OnDrop(func(_ makegood.Report, err error) {
		told <- err
		runtime.Goexit()
	}))
	for n := range 2 {
		c.Emit(context.Background(), "com.example.a", makegood.Money("total", "2,99"))
		select {
		case <-told:
		case <-time.After(20 * time.Second):
			t.Fatalf("report %d does not come", n+1)
		}
	}
}
