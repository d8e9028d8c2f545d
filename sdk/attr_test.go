package makegood_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// TestAttrErr holds that an attribute is wrong exactly when an event of it alone is.
func TestAttrErr(t *testing.T) {
	t.Parallel()
	c := newClient(t, makegood.Handler(newService(t)), makegood.HashKey("0123456789abcdef"))
	long := strings.Repeat("x", 2000)
	wrong := 0
	for _, a := range []makegood.Attr{
		{}, makegood.Customer(""), makegood.Customer("c-42"), makegood.Customer("jane@example.com"), makegood.Customer(long), makegood.Customer("a\x00"),
		makegood.Hash(makegood.Customer("jane@example.com")), makegood.Hash(makegood.Customer(long)), makegood.Verbatim(makegood.Customer("jane@example.com")),
		makegood.Hash(makegood.String("", "a")), makegood.Hash(makegood.String("who", "jane@example.com")), makegood.Hash(makegood.Int("a", 1)),
		makegood.Subject(" "), makegood.ID(long), makegood.ID("e-1"), makegood.At(time.Time{}), makegood.At(time.Now()), makegood.Severity(9), makegood.Severity(25),
		makegood.String("a", long), makegood.String("", "a"), makegood.String("customer", "a"), makegood.String("a\n", "a"), makegood.String("password", "a"),
		makegood.String("a", strings.Repeat(long, 40)), makegood.Float("a", math.NaN()), makegood.Float("a", 1), makegood.Money("a", "2,99"), makegood.Money("a", "2.99 USD"),
		makegood.Any("a", make(chan int)), makegood.Any("a", []int{1}), makegood.Time("a", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
	} {
		err, want := a.Err(), c.TryEmit(context.Background(), "a", a)
		if (err == nil) != (want == nil) || errors.Is(err, makegood.ErrInvalid) != errors.Is(want, makegood.ErrInvalid) || errors.Is(err, makegood.ErrTooLarge) != errors.Is(want, makegood.ErrTooLarge) {
			t.Errorf("%.80v: got %v, an event of it alone %v", a, err, want)
		}
		if err != nil {
			wrong++
		}
	}
	if wrong < 10 {
		t.Errorf("%d are wrong", wrong)
	}
}
