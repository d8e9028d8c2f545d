package makegood

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxEvent is the size of an event that every CloudEvents intermediary must
// forward; the service takes no larger one.
const maxEvent = 64 << 10

// The service takes no event with a longer id, source, subject or customer, or
// type: these become keys of tables and labels of metrics.
const (
	maxText = 1024
	maxType = 255
)

// reservedType begins the types of the service's own events.
const reservedType = "makegood."

// Errors of TryEmit and EmitEvent. Errors that wrap ErrInvalid, ErrTooLarge and
// ErrUnsaved say what is wrong.
var (
	ErrFull     = errors.New("makegood: memory is full")
	ErrTooLarge = errors.New("makegood: event is larger than 64 KiB")
	ErrClosed   = errors.New("makegood: client is closed")
	ErrInvalid  = errors.New("makegood: event is invalid")

	// ErrUnsaved is an event that was accepted in memory and will be sent from
	// there, because the disk did not take it as [SpoolSync] asks for. Who emits it
	// again should give it an [ID].
	ErrUnsaved = errors.New("makegood: event is not on disk")
)

// encoder turns attributes into the JSON of one CloudEvent by appending, without
// reflection.
type encoder struct {
	head   string // from the opening brace to the opening quote of the id
	source string
	trace  func(context.Context) string
	clock  clock

	privacy *privacy
}

func newEncoder(cfg *config) *encoder {
	head := []byte(`{"specversion":"1.0","source":"`)
	head = appendText(head, cfg.source)
	for _, ext := range [...][2]string{{"serviceversion", cfg.version}, {"environment", cfg.environment}} {
		if ext[1] != "" {
			head = append(head, `","`+ext[0]+`":"`...)
			head = appendText(head, ext[1])
		}
	}
	return &encoder{head: string(append(head, `","id":"`...)), source: cfg.source, trace: cfg.trace, privacy: newPrivacy(cfg)}
}

// event appends one event to b. On an error b is of no use.
func (e *encoder) event(ctx context.Context, b []byte, now time.Time, typ string, attrs []Attr) ([]byte, error) {
	var own [kindData]*Attr
	fields, size := 0, len(typ)
	for i := range attrs {
		a := &attrs[i]
		size += len(a.key) + len(a.text)
		switch {
		case a.kind > kindData:
			fields++
		case a.kind != kindAt && a.kind != kindSeverity && a.text == "": // nothing is given
		case own[a.kind] != nil:
			return b, invalid("attribute " + ownNames[a.kind] + " is given twice")
		default:
			own[a.kind] = a
		}
	}
	if size > maxEvent { // before copying what cannot fit
		return b, tooLarge(typ, size)
	}
	b, err := e.context(ctx, b, now, typ, &own)
	if err == nil && fields > 0 {
		b, err = e.fields(append(b, `,"datacontenttype":"application/json","data":{`...), typ, attrs, fields)
		b = append(b, '}')
	}
	if err != nil {
		return b, err
	}
	if b = append(b, '}'); len(b) > maxEvent {
		return b, tooLarge(typ, len(b))
	}
	return b, nil
}

// ownNames are the attributes of the event itself as errors name them.
var ownNames = [kindData]string{
	kindID: "id", kindAt: "time", kindSubject: "subject", kindCustomer: "customer", kindSeverity: "severitynumber",
}

// context appends the event's context attributes.
func (e *encoder) context(ctx context.Context, b []byte, now time.Time, typ string, own *[kindData]*Attr) ([]byte, error) {
	var ok bool
	b = append(b, e.head...)
	if a := own[kindID]; a == nil {
		b = appendID(b, now)
	} else if b, ok = appendStrict(b, a.text); !ok || len(a.text) > maxText {
		return b, badText("id", a.text, maxText)
	}
	b = append(b, `","type":"`...)
	if b, ok = appendStrict(b, typ); !ok || len(typ) > maxType {
		return b, badText("type", typ, maxType)
	}
	if typ == "" {
		return b, invalid("type is empty")
	}
	if strings.HasPrefix(typ, reservedType) {
		return b, reserved(typ)
	}
	b = append(b, `","time":"`...)
	if a := own[kindAt]; a == nil {
		b = e.clock.appendNow(b, now)
	} else if b, ok = appendTime(b, int64(a.num), a.nanos); !ok || !isEventTime(int64(a.num)) {
		return b, badTime()
	}
	for _, k := range [...]kind{kindSubject, kindCustomer} {
		a := own[k]
		if a == nil {
			continue
		}
		var err error
		b = append(append(append(b, `","`...), ownNames[k]...), `":"`...)
		if b, err = e.named(b, ownNames[k], a); err != nil {
			return b, err
		}
	}
	if e.trace != nil {
		if parent := traceParent(ctx, e.trace); parent != "" {
			b = append(append(b, `","traceparent":"`...), parent...)
		}
	}
	b = append(b, '"')
	if a := own[kindSeverity]; a != nil {
		if a.num < 1 || a.num > 24 {
			return b, badSeverity(int64(a.num))
		}
		b = strconv.AppendUint(append(b, `,"severitynumber":`...), a.num, 10)
	}
	return b, nil
}

// traceParent asks the application's function, which may do anything, and
// returns a W3C traceparent or nothing: a bad trace is no reason to lose an event.
func traceParent(ctx context.Context, from func(context.Context) string) (parent string) {
	defer func() {
		if recover() != nil {
			parent = ""
		}
	}()
	if ctx == nil {
		ctx = context.Background()
	}
	parent = from(ctx)
	if len(parent) < len("00-")+32+1+16+len("-01") || len(parent) > 128 || !isPlain(parent) {
		return ""
	}
	return parent
}

// fields appends the fields of data.
func (e *encoder) fields(b []byte, typ string, attrs []Attr, fields int) ([]byte, error) {
	const few = 32 // up to here comparing all pairs is cheaper than a map
	var seen map[string]bool
	if fields > few {
		seen = make(map[string]bool, fields)
	}
	first := true
	for i := range attrs {
		a := &attrs[i]
		if a.kind <= kindData {
			continue
		}
		if err := checkKey(a.key, attrs[:i], seen); err != nil {
			return b, err
		}
		if a.mark == markNone && e.privacy.denies(a.key) {
			e.privacy.redacted.Add(1)
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '"')
		var ok bool
		if b, ok = appendStrict(b, a.key); !ok {
			return b, badText("data key", a.key, maxEvent)
		}
		b = append(b, '"', ':')
		var err error
		if b, err = e.value(b, typ, a); err != nil {
			return b, err
		}
	}
	return b, nil
}

// checkKey refuses a key that is empty, repeated or misplaced.
func checkKey(key string, before []Attr, seen map[string]bool) error {
	switch key {
	case "":
		return invalid("data key is empty")
	case "customer", "subject":
		return invalid("data key " + quote(key) + " is an attribute of the event: use Customer or Subject")
	case "traceparent", "severitynumber", "specversion", "dataschema", "datacontenttype":
		return invalid("data key " + quote(key) + " is an attribute of the event")
	}
	if seen != nil {
		if seen[key] {
			return invalid("data key " + quote(key) + " is repeated")
		}
		seen[string([]byte(key))] = true // a copy, so that the caller's text stays on its stack
		return nil
	}
	for i := range before {
		if before[i].key == key && before[i].kind > kindData {
			return invalid("data key " + quote(key) + " is repeated")
		}
	}
	return nil
}

// value appends the value of one field.
func (e *encoder) value(b []byte, typ string, a *Attr) ([]byte, error) {
	switch a.kind {
	case kindString:
		b, err := e.text(append(b, '"'), typ, a)
		return append(b, '"'), err
	case kindInt:
		if a.mark == markNone && isCardNumber(int64(a.num)) {
			return e.privacy.appendCard(b), nil
		}
		return strconv.AppendInt(b, int64(a.num), 10), nil
	case kindFloat:
		f := math.Float64frombits(a.num)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return b, invalid("data field " + quote(a.key) + " is not a finite number")
		}
		if a.mark == markNone && isCardFloat(f) {
			return e.privacy.appendCard(b), nil
		}
		return appendFloat(b, f), nil
	case kindBool:
		return strconv.AppendBool(b, a.num == 1), nil
	case kindMoney:
		if !isMoney(a.text) {
			return b, invalid("data field " + quote(a.key) + " is not an amount: got " + quote(a.text) + `, want one like "2.99 USD"`)
		}
		return append(append(append(b, '"'), a.text...), '"'), nil
	case kindTime:
		b, ok := appendTime(append(b, '"'), int64(a.num), a.nanos)
		if !ok {
			return b, invalid("data field " + quote(a.key) + " is outside the years 0 to 9999")
		}
		return append(b, '"'), nil
	case kindRaw:
		text, err := a.text, error(nil)
		if a.mark == markNone {
			text, err = e.privacy.json(typ, a.key, a.text)
		}
		return append(b, text...), err
	default:
		return b, invalid("data field " + quote(a.key) + ": " + string([]byte(a.text)))
	}
}

// text appends the text of a field, without what it should not tell.
func (e *encoder) text(b []byte, typ string, a *Attr) ([]byte, error) {
	switch a.mark {
	case markHash:
		return e.privacy.appendHash(b, a.text)
	case markMask:
		return appendStars(b, a.text), nil
	case markVerbatim:
		return appendText(b, a.text), nil
	}
	text, err := e.privacy.text(typ, a.key, a.text)
	return appendText(b, text), err
}

const hasMail = " is an e-mail address: use a pseudonymous id, or Hash"

// named appends the customer or the subject, which become keys of the service:
// changing them would mix up two, so that an address in one is refused.
func (e *encoder) named(b []byte, what string, a *Attr) ([]byte, error) {
	if a.mark == markHash {
		return e.privacy.appendHash(b, a.text)
	}
	if a.mark != markVerbatim && isMail(a.text) {
		return b, invalid(what + hasMail)
	}
	b, ok := appendStrict(b, a.text)
	if !ok || len(a.text) > maxText {
		return b, badText(what, a.text, maxText)
	}
	return b, nil
}

// invalid says why an event is. What an application's own code says about a value may
// tell of whom it is.
func invalid(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, mask(why)) }

func reserved(typ string) error {
	return invalid("type " + quote(typ) + " begins with " + reservedType + ", as those of the service do: use your own domain")
}

func badTime() error { return invalid("time is outside the years 1678 to 2261") }

func badSeverity(number int64) error {
	return invalid("severity " + strconv.FormatInt(number, 10) + " is not between 1 and 24")
}

// ofType says of which type an invalid event is, for whoever finds the error in a
// log, far from the call.
func ofType(err error, typ string) error {
	name := quote(typ)
	if !errors.Is(err, ErrInvalid) || typ == "" || strings.Contains(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%w; its type is %s", err, name)
}

func badText(what, text string, most int) error {
	return invalid(what + " " + quote(text) + " is blank, longer than " + strconv.Itoa(most) + " bytes, has control characters or is not UTF-8")
}

func tooLarge(typ string, size int) error {
	return fmt.Errorf("%w: event of type %s takes %d bytes", ErrTooLarge, quote(typ), size)
}
