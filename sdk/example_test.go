package makegood_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/makegood/makegood/sdk"
)

// printer stands for the Makegood service and prints what it is sent.
func printer(w http.ResponseWriter, r *http.Request) {
	var events []struct {
		Source, Type, Subject, Customer string
		Data                            json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&events); err != nil {
		fmt.Println(err)
	}
	for _, e := range events {
		fmt.Println(e.Source, e.Type, e.Subject, e.Customer, string(e.Data))
	}
	w.WriteHeader(http.StatusAccepted)
}

// An application makes one client when it starts and closes it when it ends.
// Where MAKEGOOD_URL is set, the option URL is not needed.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(printer))
	defer server.Close()

	mg, err := makegood.New("checkout", makegood.URL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	mg.Emit(context.Background(), "com.example.cart.abandoned",
		makegood.Customer("c-42"), makegood.Subject("order/77"),
		makegood.Int("items", 3), makegood.Money("total", "59.90 USD"))
	if err := mg.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// checkout com.example.cart.abandoned order/77 c-42 {"items":3,"total":"59.90 USD"}
}

// In tests and on a laptop no address is set: the client does nothing, and the
// code that uses it stays the same.
func ExampleNew_disabled() {
	mg, err := makegood.New("checkout", makegood.URL(""), makegood.Logger(quiet()))
	mg.Emit(context.Background(), "com.example.cart.abandoned")
	fmt.Println(mg.Enabled(), err, mg.Close())
	// Output: false <nil> <nil>
}

// TryEmit is for callers that want to know whether an event was accepted.
func ExampleClient_TryEmit() {
	mg, err := makegood.New("checkout", makegood.Handler(http.HandlerFunc(printer)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mg.Close()
	err = mg.TryEmit(context.Background(), "com.example.cart.abandoned", makegood.Money("total", "59,90"))
	fmt.Println(errors.Is(err, makegood.ErrInvalid))
	fmt.Println(err)
	// Output:
	// true
	// makegood: event is invalid: data field "total" is not an amount: got "59,90", want one like "2.99 USD"; its type is "com.example.cart.abandoned"
}

// A batch job that replays history gives every event its own id and time, and
// waits where an application would rather drop.
func ExampleClient_Flush() {
	mg, err := makegood.New("import", makegood.Source("/history/2001"), makegood.Handler(http.HandlerFunc(printer)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mg.Close()
	ctx := context.Background()
	for i, at := range []time.Time{time.Date(2001, 1, 1, 0, 1, 0, 0, time.UTC), time.Date(2001, 1, 1, 0, 7, 0, 0, time.UTC)} {
		for {
			err := mg.TryEmit(ctx, "com.example.flight.arrived",
				makegood.ID(fmt.Sprintf("fl-%d", i)), makegood.At(at), makegood.Int("delay_min", 33*i))
			if !errors.Is(err, makegood.ErrFull) {
				break
			}
			if err := mg.Flush(ctx); err != nil {
				fmt.Println(err)
			}
		}
	}
	fmt.Println(mg.Flush(ctx), mg.Stats().Delivered)
	// Output:
	// /history/2001 com.example.flight.arrived   {"delay_min":0}
	// /history/2001 com.example.flight.arrived   {"delay_min":33}
	// <nil> 2
}

// An event that another program made goes on as it is.
func ExampleClient_EmitEvent() {
	mg, err := makegood.New("gateway", makegood.Handler(http.HandlerFunc(printer)))
	if err != nil {
		fmt.Println(err)
		return
	}
	e := event.New()
	e.SetSource("https://shop.example.com")
	e.SetType("com.example.contact.closed")
	e.SetExtension("customer", "c-7")
	if err := e.SetData(event.ApplicationJSON, map[string]any{"reason": "defective"}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(mg.EmitEvent(context.Background(), e))
	fmt.Println(mg.Close())
	// Output:
	// <nil>
	// https://shop.example.com com.example.contact.closed  c-7 {"reason":"defective"}
	// <nil>
}

// stopped stands for a Makegood service where somebody has pulled a cord.
func stopped(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "id: 00000000000000ff.1\nevent: snapshot\n",
		`data: {"cords":[{"cord":"product/TABLE-7","level":"red","since":"2026-01-05T10:00:00Z"}]}`, "\n\n")
}

// A shop asks before it sells. The gate is declared once, with what it should
// answer when nobody can say; asking it is one atomic load.
func ExampleClient_Gate() {
	server := httptest.NewServer(http.HandlerFunc(stopped))
	defer server.Close()
	mg, err := makegood.New("shop", makegood.URL(server.URL), makegood.Logger(quiet()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mg.Close()

	table := mg.Gate("product/TABLE-7", makegood.FailOpen, makegood.MaxStale(time.Minute))
	chair := mg.Gate("product/CHAIR-2", makegood.FailOpen)
	if err := mg.WaitReady(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(table.Closed(), chair.Closed(), mg.Closed("product/TABLE-7/left-handed"))
	fmt.Println(table.State().Level, table.State().Since.Format(time.DateOnly))
	// Output:
	// true false true
	// red 2026-01-05
}

// OnDrop feeds a program's own metrics or log.
func ExampleOnDrop() {
	drops := make(chan string, 1)
	mg, err := makegood.New("checkout", makegood.Handler(http.HandlerFunc(printer)),
		makegood.OnDrop(func(sums makegood.Report, last error) {
			drops <- fmt.Sprintf("invalid %d: %v", sums.Invalid, last)
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer mg.Close()
	mg.Emit(context.Background(), "")
	fmt.Println(<-drops)
	// Output: invalid 1: makegood: event is invalid: type is empty
}

// PaymentDeclined is the data of an event. Its tags say what belongs to the event
// itself, and what must not be told as it is.
type PaymentDeclined struct {
	Customer string `makegood:"customer"`
	Order    string `makegood:"subject"`
	Amount   string `json:"amount" makegood:"money"`
	Reason   string `json:"reason"`
	Card     string `json:"card" makegood:"pii=mask"`
}

var Declined = makegood.Define[PaymentDeclined]("com.example.payment.declined")

// A type of event is defined once, as a variable of the package.
func ExampleDefine() {
	server := httptest.NewServer(http.HandlerFunc(printer))
	defer server.Close()
	mg, err := makegood.New("checkout", makegood.URL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	Declined.Emit(context.Background(), mg, PaymentDeclined{
		Customer: "c-42", Order: "order/77", Amount: "59.90 USD", Reason: "insufficient_funds", Card: "visa 4242 4242",
	})
	if err := mg.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// checkout com.example.payment.declined order/77 c-42 {"amount":"59.90 USD","reason":"insufficient_funds","card":"**** **** 4242"}
}
