package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/makegood/makegood/sdk"
)

// The event that every library emits: five attributes, and a trace where there is
// a place for it.
const (
	eventType = "com.example.cart.abandoned"
	customer  = "c-42"
	order     = "order/77"
	items     = 3
	total     = "59.90 USD"
	page      = "/checkout/payment"
	trace     = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

const memory = 64 << 20 // of a client: none of its events is dropped here

// blackhole takes everything at once.
var blackhole = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusAccepted)
})

// emitting measures emitting one event, by us and by others.
func emitting(t *table, rounds int) error {
	subjects, err := open(clock, emit, emitTyped, zerologInfo, zapInfo, slogInfo, otelLog, segmentEnqueue, posthogEnqueue,
		cloudEventJSON, sentryCapture, cloudEventSend)
	if err != nil {
		return err
	}
	if err := takeTurns(rounds, subjects); err != nil {
		return err
	}
	now, ours, typed := subjects[0], subjects[1], subjects[2]
	first := rowOf(ours, now)
	first.wanted = atMost(first.ratio, 8).and("0 allocs", first.allocs == 0)
	second := rowOf(typed, ours)
	second.wanted = atMost(second.ratio, 2)
	t.add(rowOf(now, now), first, second)
	least := map[string]float64{"OTel log Emit": 4, "CloudEvents + JSON": 10, "CloudEvents Send": 80}
	for _, s := range subjects[3:] {
		r := rowOf(s, ours)
		if want, ok := least[s.name]; ok {
			r.wanted = atLeast(r.ratio, want)
			delete(least, s.name)
		}
		t.add(r)
	}
	if len(least) > 0 {
		return fmt.Errorf("measure peers: nothing is named %v", least)
	}
	return nil
}

func clock() (*subject, error) {
	var last time.Time
	return &subject{
		name: "time.Now", calls: 5000, does: "the least that an event with a time can cost",
		call: func() { last = time.Now() }, end: func() error { _ = last; return nil },
	}, nil
}

// client makes a client that emits to a handler and must drop nothing.
func client(handler http.Handler, opts ...makegood.Option) (c *makegood.Client, end func() error, err error) {
	opts = append([]makegood.Option{makegood.Handler(handler), makegood.TraceParent(func(context.Context) string { return trace }),
		makegood.Logger(slog.New(slog.DiscardHandler))}, opts...)
	c, err = makegood.New("checkout", opts...)
	return c, func() error {
		r, err := c.Shutdown(context.Background())
		if err == nil && r.Accepted != r.Delivered {
			err = fmt.Errorf("measure Emit: events were dropped, so its figure means nothing: %+v", r)
		}
		return err
	}, err
}

// shop emits the event. It is not inlined because its copies would call Customer
// and the like, which inline into a function of an application.
//
//go:noinline
func shop(c *makegood.Client) func() {
	ctx := context.Background()
	return func() {
		c.Emit(ctx, eventType, makegood.Customer(customer), makegood.Subject(order),
			makegood.Int("items", items), makegood.Money("total", total), makegood.String("page", page))
	}
}

func emit() (*subject, error) {
	c, end, err := client(blackhole, makegood.Memory(memory))
	if err != nil {
		return nil, err
	}
	full := func() error {
		if r := c.Stats(); r.Full > 0 || r.Invalid > 0 {
			return errors.Join(fmt.Errorf("measure Emit: events were dropped, so its figure means nothing: %+v", r), end())
		}
		return end()
	}
	return &subject{name: "Emit", calls: 2000, call: shop(c), end: full,
		does: "five attributes, privacy and trace, as JSON into a buffer; one sender posts it"}, nil
}

// abandoned is the event of shop as a type.
type abandoned struct {
	Customer string `makegood:"customer"`
	Order    string `makegood:"subject"`
	Items    int    `json:"items"`
	Total    string `json:"total" makegood:"money"`
	Page     string `json:"page"`
}

func emitTyped() (*subject, error) {
	c, end, err := client(blackhole, makegood.Memory(memory))
	if err != nil {
		return nil, err
	}
	event, ctx := makegood.Define[abandoned](eventType), context.Background()
	return &subject{name: "typed Emit", calls: 2000, end: end, does: "the same, from a struct", call: func() {
		event.Emit(ctx, c, abandoned{Customer: customer, Order: order, Items: items, Total: total, Page: page})
	}}, event.Err()
}
