package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/getsentry/sentry-go"
	"github.com/posthog/posthog-go"
	"github.com/segmentio/analytics-go/v3"
)

// taker is a server that takes what a library for analytics sends.
func taker() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		blackhole(noHeader{w}, r)
		fmt.Fprint(w, "{}")
	}))
}

// noHeader leaves the status to be 200, which all of these libraries expect.
type noHeader struct{ http.ResponseWriter }

func (noHeader) WriteHeader(int) {}

// quiet keeps what the libraries log of their own.
type quiet struct{}

func (quiet) Debugf(string, ...any) {}
func (quiet) Logf(string, ...any)   {}
func (quiet) Warnf(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}

func segmentEnqueue() (*subject, error) {
	server := taker()
	client, err := analytics.NewWithConfig("key", analytics.Config{Endpoint: server.URL, Logger: quiet{}})
	if err != nil {
		server.Close()
		return nil, fmt.Errorf("make segment client: %w", err)
	}
	var wrong error
	return &subject{
		name: "segment Enqueue", calls: 50, does: "a message into a channel of 100; one goroutine encodes and posts, the caller waits when it is full",
		end: func() error { return errors.Join(wrong, client.Close(), closed(server)) },
		call: func() {
			if err := client.Enqueue(analytics.Track{UserId: customer, Event: eventType, Properties: analytics.NewProperties().
				Set("subject", order).Set("items", items).Set("total", total).Set("page", page)}); err != nil {
				wrong = err
			}
		},
	}, nil
}

func posthogEnqueue() (*subject, error) {
	server := taker()
	client, err := posthog.NewWithConfig("key", posthog.Config{Endpoint: server.URL, Logger: quiet{}})
	if err != nil {
		server.Close()
		return nil, fmt.Errorf("make posthog client: %w", err)
	}
	var wrong error
	return &subject{
		name: "posthog Enqueue", calls: 50, does: "a message into a channel of 100; one goroutine encodes and posts, the caller waits when it is full",
		end: func() error { return errors.Join(wrong, client.Close(), closed(server)) },
		call: func() {
			if err := client.Enqueue(posthog.Capture{DistinctId: customer, Event: eventType, Properties: posthog.NewProperties().
				Set("subject", order).Set("items", items).Set("total", total).Set("page", page)}); err != nil {
				wrong = err
			}
		},
	}, nil
}

func sentryCapture() (*subject, error) {
	server := taker()
	client, err := sentry.NewClient(sentry.ClientOptions{Dsn: strings.Replace(server.URL, "http://", "http://key@", 1) + "/1"})
	if err != nil {
		server.Close()
		return nil, fmt.Errorf("make sentry client: %w", err)
	}
	captured := 0
	return &subject{
		name: "sentry CaptureEvent", calls: 20, does: "an event through its integrations into a bounded queue, which drops what does not fit; others encode and post",
		end: func() error {
			client.Close()
			if captured == 0 {
				return errors.Join(errors.New("measure sentry: it captured nothing"), closed(server))
			}
			return closed(server)
		},
		call: func() {
			e := sentry.NewEvent()
			e.Message, e.Timestamp, e.User.ID = eventType, time.Now(), customer
			e.Tags = map[string]string{"subject": order, "total": total, "page": page}
			e.Contexts = map[string]sentry.Context{"cart": {"items": items}}
			if client.CaptureEvent(e, &sentry.EventHint{Context: context.Background()}, nil) != nil {
				captured++
			}
		},
	}, nil
}

func closed(server *httptest.Server) error {
	server.CloseClientConnections()
	server.Close()
	return nil
}
