package makegood

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// EmitEvent emits a CloudEvent that was made elsewhere, for instance one that
// was received. Id, source and time are filled in where they are missing. Data of
// any content type is kept: JSON, text and XML without what [Deny] and [Redact] say,
// all else as it is. Extensions are left out or masked like fields, but no function
// of Redact sees them. The errors are those of TryEmit.
func (c *Client) EmitEvent(ctx context.Context, e event.Event) error {
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
		err = c.queue.add(ctx, raw, now)
	}
	if c.observers != nil && accepted(err) {
		c.observe(ctx, raw, nil)
	}
	return c.refused(err)
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
	if err := checkReceived(&e); err != nil {
		return nil, err
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

// checkReceived refuses what Emit would, and the service as well.
func checkReceived(e *event.Event) error {
	for _, text := range [...]struct {
		what, text string
		most       int
	}{
		{"id", e.ID(), maxText}, {"source", e.Source(), maxText}, {"type", e.Type(), maxType}, {"subject", e.Subject(), maxText},
		{"customer", extensionText(e, "customer"), maxText},
	} {
		if _, ok := appendStrict(nil, text.text); !ok || len(text.text) > text.most {
			return badText(text.what, text.text, text.most)
		}
	}
	switch number, isNumber := e.Extensions()["severitynumber"].(int32); {
	case strings.HasPrefix(e.Type(), reservedType):
		return reserved(e.Type())
	case !isEventTime(e.Time().Unix()):
		return badTime()
	case isNumber && (number < 1 || number > 24):
		return badSeverity(int64(number))
	case isMail(extensionText(e, "customer")):
		return invalid("customer" + hasMail)
	case isMail(e.Subject()):
		return invalid("subject" + hasMail)
	}
	return nil
}

// extensionText is an extension as a text, empty when it can be none.
func extensionText(e *event.Event, name string) string {
	text, err := types.Format(e.Extensions()[name])
	if err != nil {
		return ""
	}
	return text
}

// redactEvent takes out of an event what it should not tell.
func redactEvent(e *event.Event, p *privacy) error {
	for name := range e.Extensions() {
		switch text := extensionText(e, name); {
		case name == "customer", name == "traceparent", name == "tracestate":
		case p.denies(name):
			p.redacted.Add(1)
			e.SetExtension(name, nil) // takes it out
		case mask(text) != text:
			p.redacted.Add(1)
			e.SetExtension(name, mask(text))
		}
	}
	if len(e.DataEncoded) == 0 {
		return nil
	}
	mediaType, _, _ := strings.Cut(e.DataContentType(), ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	redact := p.text
	switch {
	case mediaType == "", strings.HasSuffix(mediaType, "/json"), strings.HasSuffix(mediaType, "+json"):
		redact = p.json
	case !strings.HasPrefix(mediaType, "text/") && !strings.HasSuffix(mediaType, "/xml") && !strings.HasSuffix(mediaType, "+xml"):
		return nil // nobody knows what a text is in it
	}
	clean, err := redact(e.Type(), "data", string(e.DataEncoded))
	if err != nil {
		return err
	}
	e.DataEncoded = []byte(clean)
	return nil
}
