package makegoodtest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodtest"
)

// failing is a test whose failures are looked at.
type failing struct {
	testing.TB
	mu      sync.Mutex
	said    []string
	cleanup []func()
}

func (f *failing) Helper()          {}
func (f *failing) Cleanup(c func()) { f.cleanup = append(f.cleanup, c) }
func (f *failing) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, fmt.Sprintf(format, args...))
}
func (f *failing) Fatalf(format string, args ...any) { f.Errorf(format, args...); runtime.Goexit() }

// failures runs f as a test and returns what it said against it.
func failures(t *testing.T, f func(told *makegoodtest.Recorder)) string {
	t.Helper()
	test := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, c := range test.cleanup {
				c()
			}
		}()
		f(makegoodtest.New(test))
	}()
	<-done
	test.mu.Lock()
	defer test.mu.Unlock()
	return strings.Join(test.said, "\n")
}

func TestExpect(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	ctx := context.Background()
	told.None()
	told.Client().Emit(ctx, "com.example.a", makegood.Customer("c-1"), makegood.Int("items", 3), makegood.Money("total", "2.99 USD"))
	told.Client().Emit(ctx, "com.example.a", makegood.Customer("c-2"), makegood.Subject("order/7"))
	if e := told.Expect("com.example.a", makegood.Customer("c-2")); e.Subject() != "order/7" {
		t.Errorf("got %s", e)
	}
	told.Expect("com.example.a", makegood.Int("items", 3), makegood.Money("total", "2.99 USD"))
	told.None("com.example.b")
	if n := told.Count("com.example.a"); n != 2 || len(told.Events()) != 2 {
		t.Errorf("%d events", n)
	}
	told.Reset()
	told.None()
}

func TestFailuresSayWhatWas(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	emitted := func(told *makegoodtest.Recorder) {
		told.Client().Emit(ctx, "com.example.a", makegood.Customer("c-1"), makegood.Int("items", 3))
	}
	for want, f := range map[string]func(*makegoodtest.Recorder){
		"no event of type com.example.b was emitted; there were 1 of com.example.a": func(told *makegoodtest.Recorder) {
			emitted(told)
			told.Expect("com.example.b")
		},
		"no event of type com.example.b was emitted; none at all was": func(told *makegoodtest.Recorder) { told.Expect("com.example.b") },
		"differs in\n\tcustomer: got c-1, want c-2\n\tdata.items: got 3, want 4": func(told *makegoodtest.Recorder) {
			emitted(told)
			told.Expect("com.example.a", makegood.Customer("c-2"), makegood.Int("items", 4))
		},
		`an event of type com.example.a was emitted: {"items":3}`: func(told *makegoodtest.Recorder) {
			emitted(told)
			told.None()
		},
		"an event was dropped: makegood: event is invalid": func(told *makegoodtest.Recorder) {
			told.Client().Emit(ctx, "com.example.a", makegood.Money("total", "2,99"))
		},
		"the expected event cannot be": func(told *makegoodtest.Recorder) { told.Expect("", makegood.Int("items", 4)) },
		`change cord a//b`:             func(told *makegoodtest.Recorder) { told.Pull("a//b") },
	} {
		if got := failures(t, f); !strings.Contains(got, want) {
			t.Errorf("want a failure with %q, got %q", want, got)
		}
	}
	if got := failures(t, emitted); got != "" {
		t.Errorf("a test that is right fails: %s", got)
	}
}

func TestCords(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	table := told.Client().Gate("product/TABLE-7", makegood.FailOpen)
	for range 50 {
		told.Pull("product/TABLE-7")
		if !table.Closed() {
			t.Fatal("the gate is open after the pull")
		}
		told.Pull("product")
		told.Release("product/TABLE-7")
		if !table.Closed() {
			t.Fatal("the gate is open though the cord above is red")
		}
		told.Release("product")
		if table.Closed() || told.Client().Closed("product/TABLE-8") {
			t.Fatal("a gate is closed after the release")
		}
	}
	told.Release("never/pulled")
}

// shop is an application.
type shop struct {
	mg    *makegood.Client
	table *makegood.Gate
}

var errNotForSale = errors.New("not for sale")

func (s *shop) buy(customer string) error {
	if s.table.Closed() {
		s.mg.Emit(context.Background(), "com.example.purchase.refused", makegood.Customer(customer))
		return errNotForSale
	}
	return nil
}

// A test gives the recorder's client to the application, pulls cords, and looks at
// what the application told.
func Example() {
	t := &testing.T{} // the test's own
	told := makegoodtest.New(t)
	s := &shop{mg: told.Client(), table: told.Client().Gate("product/TABLE-7", makegood.FailOpen)}

	fmt.Println(s.buy("c-42"))
	told.Pull("product/TABLE-7")
	fmt.Println(s.buy("c-42"))
	e := told.Expect("com.example.purchase.refused", makegood.Customer("c-42"))
	fmt.Println(e.Type(), e.Extensions()["customer"])
	// Output:
	// <nil>
	// not for sale
	// com.example.purchase.refused c-42
}
