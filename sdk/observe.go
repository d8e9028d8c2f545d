package makegood

import "context"

// eventFunc is what OnEvent is given.
type eventFunc = func(ctx context.Context, event []byte, verbatim []string)

// OnEvent calls f with each event that was accepted: with the context given to
// Emit and the event's JSON as it will be sent, which f must not keep or change.
// verbatim are the keys of the fields, and customer or subject, that were given as
// [Verbatim] or [Email]: no redaction has seen them, and what is not the service
// should not see them. It runs in the caller of Emit and should be quick; a panic
// of it ends there. It may be given several times.
func OnEvent(f func(ctx context.Context, event []byte, verbatim []string)) Option {
	return func(c *config) {
		if f == nil {
			c.fail("OnEvent is nil: leave the option out")
			return
		}
		c.observers = append(c.observers, f)
	}
}

// observe tells the observers of an accepted event.
func (c *Client) observe(ctx context.Context, event []byte, attrs []Attr) {
	if ctx == nil {
		ctx = context.Background()
	}
	var verbatim []string
	for i := range attrs {
		switch a := &attrs[i]; {
		case a.mark != markVerbatim:
		case a.kind > kindData:
			verbatim = append(verbatim, string([]byte(a.key))) // a copy, so that the caller's text stays on its stack
		case a.kind == kindCustomer, a.kind == kindSubject:
			verbatim = append(verbatim, ownNames[a.kind])
		}
	}
	for _, f := range c.observers {
		func() {
			defer func() { _ = recover() }()
			f(ctx, event, verbatim)
		}()
	}
}
