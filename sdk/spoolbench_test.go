//go:build go1.24

package makegood_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// BenchmarkEmitSpool reports an event into a spool as a multiple of the same event
// without one, by the fastest turns of both. Between turns the disk catches up.
func BenchmarkEmitSpool(b *testing.B) {
	plain := newClient(b, makegood.Handler(sink()), makegood.Memory(64<<20))
	disk := newClient(b, makegood.Handler(sink()), makegood.Memory(64<<20), makegood.Spool(b.TempDir()))
	inTurns(b, "x/none", shop(disk), shop(plain), func() { flush(b, plain) }, func() { flush(b, disk) })
	if r := disk.Stats(); r.Full > 0 || r.Delivered != r.Accepted {
		b.Errorf("got %+v", r)
	}
}

// BenchmarkEmitSync reports an event with SpoolSync as a multiple of what a disk
// takes at least: to write as many bytes and sync them. Many callers share one sync.
func BenchmarkEmitSync(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			c := newClient(b, makegood.Handler(sink()), makegood.Spool(b.TempDir()), makegood.SpoolSync())
			b.ResetTimer()
			began := time.Now()
			var wg sync.WaitGroup
			for range callers {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for range b.N/callers + 1 {
						if err := c.TryEmit(context.Background(), "com.example.cart.abandoned", makegood.Customer("c-42"), makegood.Int("items", 3)); err != nil {
							b.Error(err)
						}
					}
				}()
			}
			wg.Wait()
			each := time.Since(began) / time.Duration(b.N)
			b.StopTimer()
			b.ReportMetric(float64(each)/float64(floorOfSync(b)), "x/fsync")
		})
	}
}

// floorOfSync is the mean time to append 300 bytes to a file and sync them.
func floorOfSync(b *testing.B) time.Duration {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	const rounds = 200
	began := time.Now()
	for range rounds {
		if _, err := file.Write(make([]byte, 300)); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began) / rounds
}
