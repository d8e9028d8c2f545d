package makegood

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
)

// EmitEvent emits a CloudEvent that was made elsewhere, for instance one that
// was received. Id, source and time are filled in where they are missing; data of
// any content type is kept, JSON without what [Deny] and [Redact] say. The errors
// are those of TryEmit.
func (c *Client) EmitEvent(_ context.Context, e event.Event) error {
	if !c.Enabled() {
		return nil
	}
	if c.queue.full.Load() {
		c.drops.count(ErrFull)
		return ErrFull
	}
	now := time.Now()
	raw, err := encodeEvent(e, c.encoder, now)
	if err == nil {
		err = c.queue.add(raw, now)
	}
	if err != nil {
		c.drops.count(err)
	}
	return err
}

// encodeEvent writes a CloudEvent as JSON of version 1.0. The event's own code
// assumes much about what it holds, so its panics end here.
func encodeEvent(e event.Event, encoder *encoder, now time.Time) (raw []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			raw, err = nil, invalid(fmt.Sprintf("encode CloudEvent: panic: %v", p))
		}
	}()
	if e.Context == nil {
		return nil, invalid("CloudEvent has no context: make it with event.New")
	}
	e.Context = e.Context.AsV1().Clone()
	if e.ID() == "" {
		e.SetID(string(appendID(nil, now)))
	}
	if e.Source() == "" {
		e.SetSource(encoder.source)
	}
	if e.Time().IsZero() {
		e.SetTime(now)
	}
	if err := e.Validate(); err != nil {
		return nil, invalid(strings.TrimSpace(err.Error()))
	}
	if len(e.DataEncoded) > maxEvent {
		return nil, tooLarge(e.Type(), len(e.DataEncoded))
	}
	if err := redactEvent(&e, encoder.privacy); err != nil {
		return nil, err
	}
	raw, err = json.Marshal(e)
	switch {
	case err != nil:
		return nil, invalid(err.Error())
	case len(raw) > maxEvent:
		return nil, tooLarge(e.Type(), len(raw))
	case !utf8.Valid(raw):
		return nil, invalid("CloudEvent is not UTF-8")
	}
	if err := checkJSON(raw, maxDepth); err != nil {
		return nil, invalid(err.Error())
	}
	return raw, nil
}

// redactEvent takes out of an event what it should not tell.
func redactEvent(e *event.Event, p *privacy) error {
	customer, _ := e.Extensions()["customer"].(string)
	switch {
	case isMail(customer):
		return invalid("customer" + hasMail)
	case isMail(e.Subject()):
		return invalid("subject" + hasMail)
	}
	mediaType, _, _ := strings.Cut(e.DataContentType(), ";")
	if len(e.DataEncoded) == 0 || mediaType != "" && mediaType != event.ApplicationJSON && !strings.HasSuffix(mediaType, "+json") {
		return nil
	}
	clean, err := p.json(e.Type(), "data", string(e.DataEncoded))
	if err != nil {
		return err
	}
	e.DataEncoded = []byte(clean)
	return nil
}
