package makegood_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/makegood/makegood/sdk"
)

// The service is down, and the application is deployed meanwhile. What the first
// process accepted is sent by the second.
func ExampleSpool() {
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer down.Close()
	up := httptest.NewServer(http.HandlerFunc(printer))
	defer up.Close()
	root, err := os.MkdirTemp("", "checkout")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(root)
	folder, address := filepath.Join(root, "makegood"), down.URL

	mg, err := makegood.New("checkout", makegood.URL(address), makegood.Spool(folder), makegood.SpoolSync())
	if err != nil {
		fmt.Println(err)
		return
	}
	err = mg.TryEmit(context.Background(), "com.example.payment.declined", makegood.Customer("c-42"), makegood.Int("attempt", 2))
	fmt.Println("on disk:", err == nil)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	report, err := mg.Shutdown(over)
	fmt.Println("spooled:", report.Spooled, "lost:", report.Lost, err)

	address = up.URL
	mg, err = makegood.New("checkout", makegood.URL(address), makegood.Spool(folder), makegood.SpoolSync())
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err = mg.Shutdown(context.Background())
	fmt.Println("recovered:", report.Recovered, "delivered:", report.Delivered, err)
	// Output:
	// on disk: true
	// spooled: 1 lost: 0 <nil>
	// checkout com.example.payment.declined  c-42 {"attempt":2}
	// recovered: 1 delivered: 1 <nil>
}
