package main

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/sdk"
)

// TestEmbedded runs the service inside the program that emits, without a socket
// between them. What is emitted before the service is ready arrives all the same.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	provider, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	server := httptest.NewServer(provider)
	defer server.Close()
	service, err := remediator.New(remediator.Config{
		DataDir: t.TempDir(), Provider: server.URL, Logger: slog.New(slog.DiscardHandler),
		Rules: []rule.File{{Path: "shop.yaml", Text: `rules:
  - rule: refund-broken
    owner: shop
    why: It was broken.
    event: com.example.broken
    once_per: data.order
    do: [{refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}}]
    limits: {budget: {amount: 100.00 USD, within: 1d}}
    account: "1"
    mode: live
`}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	client, err := makegood.New("shop", makegood.Handler(service))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		client.Emit(t.Context(), "com.example.broken", makegood.Customer("c-1"),
			makegood.String("order", "o-1"), makegood.String("payment", "pi_1"), makegood.Money("paid", "2.99 USD"))
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	limit, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if report, err := client.Shutdown(limit); err != nil || report.Delivered != 3 {
		t.Fatalf("delivered %d of 3 events: %v", report.Delivered, err)
	}
	if err := service.WaitIdle(limit); err != nil {
		t.Fatal(err)
	}
	totals, err := service.Totals(limit)
	if err != nil {
		t.Fatal(err)
	}
	if totals.Refunded["USD"] != 299 || provider.Summary().Totals["USD"] != 299 {
		t.Errorf("refunded %v, provider %v; want 299 US cents once", totals.Refunded, provider.Summary().Totals)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
