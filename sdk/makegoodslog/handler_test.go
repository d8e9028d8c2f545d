package makegoodslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodslog"
	"github.com/makegood/makegood/sdk/makegoodtest"
)

func TestRecordsWithAnEventAreEmitted(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	var log bytes.Buffer
	logger := slog.New(makegoodslog.NewHandler(told.Client(), slog.NewTextHandler(&log, nil)))
	logger.Info("nothing to tell", "customer", "c-1")
	logger.Debug("not logged", makegoodslog.Event("com.example.x"))
	told.None()

	logger.With("customer", "c-42", "shop", "north").WithGroup("payment").With("try", 1).
		Warn("declined", makegoodslog.Event("com.example.declined"), "amount", "2.99 USD", "err", errors.New("no funds"),
			slog.Group("bank", "code", 51), "took", 1500*time.Millisecond)
	e := told.Expect("com.example.declined", makegood.Customer("c-42"), makegood.String("shop", "north"), makegood.Severity(13),
		makegood.String("message", "declined"), makegood.Any("payment", map[string]any{
			"try": 1, "amount": "2.99 USD", "err": "no funds", "bank": map[string]any{"code": 51}, "took": 1.5}))
	if age := time.Since(e.Time()); age < 0 || age > time.Minute {
		t.Errorf("time %s", e.Time())
	}
	if !strings.Contains(log.String(), "payment.amount=\"2.99 USD\"") || !strings.Contains(log.String(), "nothing to tell") {
		t.Errorf("log %s", log.String())
	}
	told.Reset()
	logger.With(makegoodslog.Event("com.example.y")).Error("all of them", "subject", "order/7", "subject", "order/8")
	if e := told.Expect("com.example.y", makegood.Severity(17)); e.Subject() != "order/8" {
		t.Errorf("got %s", e)
	}
}

// TestHandlerKeepsTheRules runs the library's own test of handlers.
func TestHandlerKeepsTheRules(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	var log bytes.Buffer
	handler := makegoodslog.NewHandler(told.Client(), slog.NewJSONHandler(&log, nil))
	err := slogtest.TestHandler(handler, func() (all []map[string]any) {
		for _, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
			var record map[string]any
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatal(err)
			}
			all = append(all, record)
		}
		return all
	})
	if err != nil {
		t.Error(err)
	}
	told.None()
}

func TestNilClientOnlyLogs(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	slog.New(makegoodslog.NewHandler(nil, slog.NewTextHandler(&log, nil))).Info("x", makegoodslog.Event("com.example.x"))
	if !strings.Contains(log.String(), "com.example.x") {
		t.Errorf("log %s", log.String())
	}
}

// nilError has an Error that reads what a nil pointer does not have.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// TestNoAttributeCostsTheEvent logs what programs log.
func TestNoAttributeCostsTheEvent(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	log := slog.New(makegoodslog.NewHandler(told.Client(), slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.Level(-100)})))
	var none *nilError
	log.Warn("m", makegoodslog.Event("com.example.nil"), "err", error(none))
	log.Warn("m", makegoodslog.Event("com.example.number"), "customer", 42, "subject", netip.IPv6Loopback())
	log.Warn("m", makegoodslog.Event("com.example.nobody"), "customer", nil, "subject", new(string))
	log.Warn("m", makegoodslog.Event("com.example.group"), slog.Group("customer", "id", 42), "kept", 1)
	log.Warn("m", makegoodslog.Event("com.example.ours"), "traceparent", "x", "specversion", 2, "kept", 1)
	log.Warn("m", makegoodslog.Event("com.example.unknown"), "customer", (*url.URL)(nil))
	log.Log(context.Background(), 100, "m", makegoodslog.Event("com.example.worst"))
	log.Log(context.Background(), -100, "m", makegoodslog.Event("com.example.least"))
	log.Warn("m", makegoodslog.Event("com.example.message"), "message", "mine")
	told.Expect("com.example.nil", makegood.String("err", "<nil>"), makegood.String("message", "m"))
	told.Expect("com.example.number", makegood.Customer("42"), makegood.Subject("::1"))
	if e := told.Expect("com.example.nobody"); e.Subject() != "" || e.Extensions()["customer"] != nil {
		t.Errorf("got %s", e)
	}
	told.Expect("com.example.group", makegood.Int("kept", 1))
	told.Expect("com.example.ours", makegood.Int("kept", 1))
	if e := told.Expect("com.example.unknown"); e.Extensions()["customer"] != nil {
		t.Errorf("got %s", e)
	}
	told.Expect("com.example.worst", makegood.Severity(24))
	told.Expect("com.example.least", makegood.Severity(1))
	told.Expect("com.example.message", makegood.String("message", "mine"))
}

// deep is a list in a list in a list, n times.
func deep(n int) any {
	var v any = 1
	for range n {
		v = []any{v}
	}
	return v
}

// TestWhatCannotBeWritten logs values and names that no event can have: each is left
// out or says why, and what stands beside it is told.
func TestWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	log := slog.New(makegoodslog.NewHandler(told.Client(), slog.NewTextHandler(io.Discard, nil)))
	const typ, unwritten = "com.example.x", "!ERROR:"
	for name, value := range map[string]any{
		"channel": make(chan int), "function": func() {}, "NaN": math.NaN(), "infinite": float32(math.Inf(1)), "complex": 1i,
		"repeated": json.RawMessage(`{"a":1,"a":2}`), "broken": json.RawMessage("{"), "deep": deep(100), "long": strings.Repeat("x", 65<<10),
		"late": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "map of channels": map[string]any{"c": make(chan int)},
	} {
		log.Warn("m", makegoodslog.Event(typ), "value", value, "kept", 1)
		var data struct {
			Value string
			Kept  int
		}
		if e := told.Expect(typ, makegood.Int("kept", 1)); e.DataAs(&data) != nil || !strings.HasPrefix(data.Value, unwritten) {
			t.Errorf("%s: got %s", name, e)
		}
		told.Reset()
	}
	log.Warn("m", makegoodslog.Event(typ), slog.Group("group", "value", make(chan int), "kept", 1))
	told.Expect(typ, makegood.Any("group", map[string]any{"value": unwritten + makegood.Any("value", make(chan int)).Err().Error(), "kept": 1}))
	told.Reset()
	log.Warn("m", makegoodslog.Event(typ), "bad\x01key", 1, "customer", "jane@example.com", "subject", "a\x00b", "kept", 1)
	if e := told.Expect(typ, makegood.Int("kept", 1)); e.Subject() != "" || len(e.Extensions()) != 1 {
		t.Errorf("got %s", e)
	}
	told.Reset()
	record := slog.NewRecord(time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), slog.LevelWarn, "m", 0)
	record.AddAttrs(makegoodslog.Event(typ))
	if err := log.Handler().Handle(context.Background(), record); err != nil {
		t.Error(err)
	}
	told.Expect(typ, makegood.String("message", "m"))
}

// A log line that says what it means to a customer becomes an event too.
func Example() {
	told := makegoodtest.New(&testing.T{})
	mg := told.Client() // a program's is of makegood.New
	plain := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	ctx := context.Background()

	log := slog.New(makegoodslog.NewHandler(mg, plain))
	log.WarnContext(ctx, "payment declined", makegoodslog.Event("com.example.payment.declined"),
		"customer", "c-42", "amount", "59.90 USD")

	for _, e := range told.Events() {
		var data struct{ Amount string }
		fmt.Println(e.DataAs(&data), e.Type(), e.Extensions()["customer"], data.Amount)
	}
	// Output:
	// level=WARN msg="payment declined" experience=com.example.payment.declined customer=c-42 amount="59.90 USD"
	// <nil> com.example.payment.declined c-42 59.90 USD
}
