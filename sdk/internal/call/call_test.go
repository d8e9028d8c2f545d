package call_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/internal/call"
	"github.com/makegood/makegood/sdk/makegoodtest"
)

func TestAttrs(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithTimeout(context.Background(), -time.Second)
	defer cancel()
	for _, c := range []struct {
		ctx      context.Context
		customer string
		want     string
	}{
		{context.Background(), "c-42", `{"duration_ms":1.5,"outcome":"slow"}`},
		{late, "", `{"duration_ms":1.5,"outcome":"slow"}`},
		{gone, "c-42", `{"duration_ms":1.5,"outcome":"slow","gave_up":true}`},
	} {
		told.Client().Emit(context.Background(), "com.example.slow", call.Attrs(c.ctx, 1500*time.Microsecond, "slow", c.customer)...)
		e := told.Expect("com.example.slow", makegood.Customer(c.customer))
		if _, named := e.Extensions()["customer"]; string(e.Data()) != c.want || named != (c.customer != "") {
			t.Errorf("got %s, want %s", e, c.want)
		}
		told.Reset()
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	var none func() string
	for name, f := range map[string]func() string{
		"nil": none, "panic": func() string { panic(errors.New("no")) }, "panic after an answer": func() (s string) { s = "half"; panic("no") },
	} {
		if got := call.Ask(f); got != "" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if got := call.Ask(func() int { return 3 }); got != 3 {
		t.Errorf("got %d", got)
	}
}
