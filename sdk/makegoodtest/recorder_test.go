package makegoodtest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

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
func failures(t *testing.T, f func(told *makegoodtest.Recorder), opts ...makegood.Option) string {
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
		f(makegoodtest.New(test, opts...))
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
		"differs in\n\tid: got e-1, want e-2\n\ttime: got 2026-03-01 08:00:00 +0000 UTC, want 2026-03-01 09:00:00 +0000 UTC": func(told *makegoodtest.Recorder) {
			at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
			told.Client().Emit(ctx, "com.example.a", makegood.ID("e-1"), makegood.At(at))
			told.Expect("com.example.a", makegood.ID("e-1"))
			told.Expect("com.example.a", makegood.At(at))
			told.Expect("com.example.a", makegood.ID("e-2"), makegood.At(at.Add(time.Hour)))
		},
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
		"differs in\n\tsubject: got order/7, want order/8": func(told *makegoodtest.Recorder) {
			told.Client().Emit(ctx, "com.example.a", makegood.Subject("order/7"))
			told.Expect("com.example.a", makegood.Subject("order/8"))
		},
		"attribute 2 of the expected event is never told": func(told *makegoodtest.Recorder) {
			told.Client().Emit(ctx, "com.example.a", makegood.String("note", "to jane@example.com"), makegood.String("password", "x"))
			told.Expect("com.example.a", makegood.String("note", "to jane@example.com"), makegood.String("password", "y"))
		},
		`change cord a//b`: func(told *makegoodtest.Recorder) { told.Pull("a//b") },
	} {
		if got := failures(t, f); !strings.Contains(got, want) {
			t.Errorf("want a failure with %q, got %q", want, got)
		}
	}
	if got := failures(t, emitted); got != "" {
		t.Errorf("a test that is right fails: %s", got)
	}
}

// TestWhatIsLostFailsTheTest shuts the client down without the time to deliver.
func TestWhatIsLostFailsTheTest(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for range 1000 { // for now and then the recorder is faster
		var lost error
		said := failures(t, func(told *makegoodtest.Recorder) {
			told.Client().Emit(context.Background(), "com.example.a")
			_, lost = told.Client().Shutdown(over)
		})
		if lost == nil {
			continue
		}
		if want := "close client: makegood: deliver events: 1 of 1 lost"; !strings.Contains(said, want) {
			t.Errorf("want a failure with %q, got %q", want, said)
		}
		return
	}
	t.Error("nothing was lost")
}

// TestExpectWhatIsRedacted names texts as the application had them, whatever becomes
// of them before they are told.
func TestExpectWhatIsRedacted(t *testing.T) {
	t.Parallel()
	observed := 0
	options := []makegood.Option{
		makegood.HashKey("0123456789abcdef"), makegood.Deny("nickname"),
		makegood.Redact(func(_, key, text string) string { return strings.Replace(text, "room ", "place "+key+" ", 1) }),
		makegood.Version("1.2"), makegood.Spool(t.TempDir()),
		makegood.OnEvent(func(context.Context, []byte, []string) { observed++ }),
	}
	emitted := func(told *makegoodtest.Recorder) {
		told.Client().Emit(context.Background(), "com.example.a", makegood.Hash(makegood.String("guest", "jane")), makegood.String("note", "room 7, jane@example.com"), makegood.String("nickname", "J"))
	}
	told := makegoodtest.New(t, options...)
	emitted(told)
	e := told.Expect("com.example.a", makegood.Hash(makegood.String("guest", "jane")), makegood.String("note", "room 7, jane@example.com"))
	if text := string(e.Data()); strings.Contains(text, "jane") || !strings.Contains(text, `"place note 7, [email]"`) || observed != 1 {
		t.Errorf("%s is told, and observed %d times", text, observed)
	}
	for want, expect := range map[string]makegood.Attr{
		"differs in\n\tdata.guest: got ":                                        makegood.Hash(makegood.String("guest", "john")),
		"differs in\n\tdata.note: got place note 7, [email], want place note 8": makegood.String("note", "room 8"),
		"attribute 1 of the expected event is never told":                       makegood.String("nickname", "J"),
	} {
		got := failures(t, func(told *makegoodtest.Recorder) {
			emitted(told)
			told.Expect("com.example.a", expect)
		}, options[:3]...)
		if !strings.Contains(got, want) {
			t.Errorf("want a failure with %q, got %q", want, got)
		}
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
		told.Pull("product/TABLE-70")
		told.Release("product")
		if table.Closed() || told.Client().Closed("product/TABLE-8") {
			t.Fatal("a gate is closed after the release")
		}
		told.Pull("product/TABLE-7") // no gate of another name
		told.Release("product/TABLE-70")
		if told.Client().Closed("product/TABLE-70") {
			t.Fatal("a gate is closed after the release, by a cord that only begins like its path")
		}
		told.Release("product/TABLE-7")
	}
	told.Release("never/pulled")
}

// TestListenersThatEndTheirGoroutine fail a test where they should not, from another
// goroutine; the others are told all the same.
func TestListenersThatEndTheirGoroutine(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	gate := told.Client().Gate("product/TABLE-7", makegood.FailOpen)
	heard := make(chan bool, 2)
	gate.OnChange(func(bool) { runtime.Goexit() })
	gate.OnChange(func(closed bool) { heard <- closed })
	told.Pull("product/TABLE-7")
	if !<-heard {
		t.Error("got open, want closed")
	}
	told.Release("product/TABLE-7")
	if <-heard {
		t.Error("got closed, want open")
	}
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
	told.None()

	told.Pull("product/TABLE-7")
	fmt.Println(s.buy("c-42"))
	e := told.Expect("com.example.purchase.refused", makegood.Customer("c-42"))
	fmt.Println(e.Type(), e.Extensions()["customer"])
	// Output:
	// <nil>
	// not for sale
	// com.example.purchase.refused c-42
}
