package makegoodslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
		for line := range strings.Lines(log.String()) {
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

// A log line that says what it means to a customer becomes an event too.
func Example() {
	told := makegoodtest.New(&testing.T{}) // a program gives the client of makegood.New
	plain := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	log := slog.New(makegoodslog.NewHandler(told.Client(), plain))

	log.WarnContext(context.Background(), "payment declined", makegoodslog.Event("com.example.payment.declined"), "customer", "c-42", "amount", "59.90 USD")

	for _, e := range told.Events() {
		var data struct{ Amount string }
		fmt.Println(e.DataAs(&data), e.Type(), e.Extensions()["customer"], data.Amount)
	}
	// Output:
	// level=WARN msg="payment declined" experience=com.example.payment.declined customer=c-42 amount="59.90 USD"
	// <nil> com.example.payment.declined c-42 59.90 USD
}
