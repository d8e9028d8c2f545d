package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"
)

// cart is the data of the event for libraries that encode structs.
type cart struct {
	Items int    `json:"items"`
	Total string `json:"total"`
	Page  string `json:"page"`
}

// cloudEvent makes the event with the CloudEvents library, with an id of its own.
func cloudEvent() (cloudevents.Event, error) {
	e := cloudevents.NewEvent()
	e.SetID(uuid.NewString()) // as the library itself does
	e.SetSource("checkout")
	e.SetType(eventType)
	e.SetTime(time.Now())
	e.SetSubject(order)
	e.SetExtension("customer", customer)
	e.SetExtension("traceparent", trace)
	return e, e.SetData(cloudevents.ApplicationJSON, cart{Items: items, Total: total, Page: page})
}

func cloudEventJSON() (*subject, error) {
	var wrong error
	return &subject{
		name: "CloudEvents + JSON", calls: 200, does: "NewEvent and json.Marshal: the bytes of one event, which nobody sends",
		end: func() error { return wrong },
		call: func() {
			e, err := cloudEvent()
			if _, marshalled := json.Marshal(e); err != nil || marshalled != nil {
				wrong = errors.Join(err, marshalled)
			}
		},
	}, nil
}

func cloudEventSend() (*subject, error) {
	server := httptest.NewServer(blackhole)
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(server.URL))
	if err != nil {
		server.Close()
		return nil, fmt.Errorf("make CloudEvents client: %w", err)
	}
	ctx := context.Background()
	var wrong error
	return &subject{
		name: "CloudEvents Send", calls: 50, does: "the event in binary mode to a server on loopback, and its answer waited for",
		end: func() error { server.Close(); return wrong },
		call: func() {
			e, err := cloudEvent()
			if result := client.Send(ctx, e); err != nil || cloudevents.IsUndelivered(result) {
				wrong = errors.Join(err, result)
			}
		},
	}, nil
}
