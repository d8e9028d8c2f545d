package remediator_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/sdk"
)

// started starts a service whose temporary files lie in a folder of the test's
// own, which it returns.
func started(t *testing.T, ctx context.Context, cfg remediator.Config) (*remediator.Running, string) {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	cfg.Logger = slog.New(slog.DiscardHandler)
	service, err := remediator.Start(ctx, cfg, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return service, folder
}

func isEmpty(t *testing.T, folder string) {
	t.Helper()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestStart tells a started service of an event at once, and closes it twice.
func TestStart(t *testing.T) {
	service, folder := started(t, t.Context(), remediator.Config{Rules: stopProduct})
	client, err := makegood.New("shop", makegood.URL(service.URL), makegood.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	client.Emit(t.Context(), "com.example.broken", makegood.String("sku", "TABLE-7"))
	if report, err := client.Shutdown(t.Context()); err != nil || report.Delivered != 1 {
		t.Errorf("delivered %d events, %v", report.Delivered, err)
	}
	if err := service.WaitIdle(t.Context()); err != nil {
		t.Error(err)
	}
	if totals, err := service.Totals(t.Context()); err != nil || totals.Pulls != 1 {
		t.Errorf("%d pulls, %v", totals.Pulls, err)
	}
	select {
	case <-service.Ended():
		t.Error("it ended before it was closed")
	default:
	}
	for range 2 {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	}
	<-service.Ended()
	isEmpty(t, folder)
	if _, err := http.Get(service.URL); err == nil {
		t.Error("it answers after it was closed")
	}
}

// TestStartEndsWithItsContext holds that a context that ends takes the service
// with it, and that a folder of the program's own stays.
func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	data := filepath.Join(t.TempDir(), "data")
	service, folder := started(t, ctx, remediator.Config{DataDir: data})
	cancel()
	<-service.Ended()
	if err := service.Close(); err != nil {
		t.Error(err)
	}
	isEmpty(t, folder)
	if _, err := os.Stat(filepath.Join(data, "log.db")); err != nil {
		t.Error(err)
	}
}

// TestStartIsForThisMachine holds that a started service without tokens is open to
// its own machine alone, pages in its owner's browser excluded.
func TestStartIsForThisMachine(t *testing.T) {
	service, _ := started(t, t.Context(), remediator.Config{})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, service.URL+"/v1/andon/gates", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "shop.example"
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a request to another name is answered with %s", answer.Status)
	}
	if err := service.Close(); err != nil {
		t.Error(err)
	}
}

// TestStartRefused holds that what cannot start says why and leaves nothing.
func TestStartRefused(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	for _, c := range []struct {
		address, says string
		cfg           remediator.Config
	}{
		{"127.0.0.1:-1", "listen: ", remediator.Config{}},
		{"0.0.0.0:0", "needs an AdminToken", remediator.Config{}},
		{"127.0.0.1:0", "bad.yaml", remediator.Config{Rules: []rule.File{{Path: "bad.yaml", Text: "rules: 1"}}}},
	} {
		service, err := remediator.Start(t.Context(), c.cfg, c.address)
		if err == nil || !strings.Contains(err.Error(), c.says) || service != nil {
			t.Errorf("on %s: %v, want %q", c.address, err, c.says)
		}
	}
	over, end := context.WithCancel(t.Context())
	end()
	if service, err := remediator.Start(over, remediator.Config{}, "127.0.0.1:0"); !errors.Is(err, context.Canceled) || service != nil {
		t.Errorf("in a context that is over: %v", err)
	}
	isEmpty(t, folder)
}
