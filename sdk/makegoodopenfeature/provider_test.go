package makegoodopenfeature_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodopenfeature"
)

const (
	ready   = "PROVIDER_READY[]"
	stale   = "PROVIDER_STALE[]"
	failed  = "PROVIDER_ERROR[]"
	changed = "PROVIDER_CONFIGURATION_CHANGED"
)

// TestServiceIsUp follows flags while the service is heard.
func TestServiceIsUp(t *testing.T) {
	inShop(t, false, func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		s.expectState(openfeature.ReadyState)
		s.expectEvents(ready)
		s.expect("sell", true, openfeature.StaticReason, "open")
		s.expect("apologise", false, openfeature.StaticReason, "open")
		s.expect("pay/by-invoice", true, openfeature.StaticReason, "open")

		s.svc.pull("product", true)
		s.expectEvents(changed + "[apologise sell]")
		s.expect("sell", false, openfeature.StaticReason, "closed")
		s.expect("apologise", true, openfeature.StaticReason, "closed")
		s.expect("ship", true, openfeature.StaticReason, "open")

		s.svc.pull("product", false)
		s.expectEvents(changed + "[apologise sell]")
		s.expect("sell", true, openfeature.StaticReason, "open")
		s.after(time.Hour)
		s.expectEvents()
	})
}

// TestServiceIsDownAtStart is what the library makes hard: it takes an Init that
// failed for a state and asks the provider nevertheless.
func TestServiceIsDownAtStart(t *testing.T) {
	inShop(t, true, func(t *testing.T, s *shop) {
		began := time.Now()
		if err := s.set(); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != 500*time.Millisecond {
			t.Errorf("Init took %s", took)
		}
		s.expectState(openfeature.ErrorState)
		s.expectEvents(failed)
		s.expect("sell", true, openfeature.DefaultReason, "open")
		s.expect("ship", true, openfeature.DefaultReason, "open")
		s.expect("pay/by-invoice", false, openfeature.DefaultReason, "closed")
		s.after(time.Hour)
		s.expectEvents()
		s.expectState(openfeature.ErrorState)

		s.svc.setDown(false)
		s.after(time.Minute)
		s.expectState(openfeature.ReadyState)
		s.expectEvents(changed+"[pay/by-invoice]", ready)
		s.expect("pay/by-invoice", true, openfeature.StaticReason, "open")
	})
}

func TestConnectionIsLost(t *testing.T) {
	inShop(t, false, func(t *testing.T, s *shop) {
		s.svc.pull("warehouse", true)
		s.expectEvents() // of a provider that is not set
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		s.expectEvents(ready)
		s.svc.setDown(true)
		s.after(5*time.Second - 1)
		s.expectEvents()
		s.expectState(openfeature.ReadyState)
		s.expect("sell", true, openfeature.StaticReason, "open")
		s.after(1)
		s.expectEvents(stale)
		s.expectState(openfeature.StaleState)
		s.expect("sell", true, "STALE", "open")
		s.expect("ship", false, "STALE", "closed")

		s.after(time.Minute) // past MaxStale: FailClosed closes
		s.expectEvents(changed+"[pay/by-invoice]", stale)
		s.expectState(openfeature.StaleState)
		s.expect("pay/by-invoice", false, "STALE", "closed")
		s.expect("ship", false, "STALE", "closed") // red is sticky

		s.svc.setDown(false)
		s.after(time.Minute)
		s.expectEvents(changed+"[pay/by-invoice]", ready)
		s.expectState(openfeature.ReadyState)
		s.expect("pay/by-invoice", true, openfeature.StaticReason, "open")
	})
}

// TestConnectionWasLostBefore makes a provider of a client that heard the service
// once and does not now.
func TestConnectionWasLostBefore(t *testing.T) {
	inShop(t, false, func(t *testing.T, s *shop) {
		s.svc.pull("warehouse", true)
		s.after(time.Minute)
		s.svc.setDown(true)
		s.after(time.Second)
		if err := s.set(); err != nil {
			t.Error(err)
		}
		s.expectState(openfeature.ReadyState)
		s.expect("ship", false, openfeature.StaticReason, "closed")
		s.after(5 * time.Second)
		s.expectEvents(ready, stale)
		s.expect("ship", false, "STALE", "closed")
	})
}

// TestConnectionIsRenewed loses the connection for a moment, many times.
func TestConnectionIsRenewed(t *testing.T) {
	inShop(t, false, func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		s.expectEvents(ready)
		lost := 0
		for range 20 {
			s.svc.setDown(true)
			synctest.Wait()
			if trouble, _ := s.mg.Heard(); trouble != "" {
				lost++
			}
			s.svc.setDown(false)
			s.after(30 * time.Second)
		}
		if lost != 20 {
			t.Errorf("the connection was lost %d times", lost)
		}
		s.expectEvents()
		s.expectState(openfeature.ReadyState)
	})
}

// TestStateIsToldAgainAfterInit stands for the library, which sets the state by
// Init's outcome after Init returned, and so may lose an event that came before.
func TestStateIsToldAgainAfterInit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc := newService()
		svc.held = make(chan struct{})
		s := newShop(t, svc)
		if err := s.provider.Init(openfeature.EvaluationContext{}); err == nil {
			t.Error("Init found a service that does not answer")
		}
		ended := time.Now()
		close(svc.held)
		var times []time.Duration
		for {
			e := s.next(time.Hour)
			if e.EventType == "" {
				break
			}
			if e.EventType == openfeature.ProviderReady {
				times = append(times, time.Since(ended))
			} else if e.EventType != openfeature.ProviderConfigChange { // of the gate that its mode had closed
				t.Errorf("got %+v", e)
			}
		}
		if !slices.Equal(times, []time.Duration{0, time.Second}) {
			t.Errorf("told %s after Init, want at once and again after a second", times)
		}
	})
}

// TestEventsNobodyReceives loses and finds the service while nobody listens: what
// no longer holds is not told.
func TestEventsNobodyReceives(t *testing.T) {
	inShop(t, false, func(t *testing.T, s *shop) {
		if err := s.provider.Init(openfeature.EvaluationContext{}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.svc.setDown(true)
			s.after(10 * time.Second)
			s.svc.setDown(false)
			s.after(time.Minute)
		}
		s.svc.pull("product", true)
		s.after(time.Minute)
		s.svc.pull("product", false)
		s.after(time.Minute)
		select {
		case e := <-s.provider.EventChannel():
			t.Errorf("got %+v, though all is as Init said", e)
		default:
		}
		s.svc.setDown(true)
		s.after(10 * time.Second)
		if e := <-s.provider.EventChannel(); e.EventType != openfeature.ProviderStale || e.Message == "" {
			t.Errorf("got %+v", e)
		}
		s.provider.Shutdown()
		select {
		case e, open := <-s.provider.EventChannel():
			t.Errorf("got %+v, %v of a provider that ended", e, open)
		default:
		}
	})
}

func TestShutdownAndStartAgain(t *testing.T) {
	inShop(t, false, func(t *testing.T, s *shop) {
		if d := s.provider.BooleanEvaluation(t.Context(), "sell", true, nil); !d.Value || !strings.HasPrefix(d.Error().Error(), string(openfeature.ProviderNotReadyCode)) {
			t.Errorf("before Init: %+v", d)
		}
		for range 2 {
			if err := s.set(); err != nil {
				t.Fatal(err)
			}
			s.expectState(openfeature.ReadyState)
			s.expect("sell", true, openfeature.StaticReason, "open")
			s.provider.Shutdown()
			s.provider.Shutdown()
			s.expectError("sell", openfeature.ProviderNotReadyCode)
			s.svc.pull("product", true)
			synctest.Wait()
			if err := s.provider.ShutdownWithContext(t.Context()); err != nil {
				t.Error(err)
			}
			s.heard()
			if err := s.api.SetProviderAndWait(t.Context(), openfeature.NoopProvider{}); err != nil {
				t.Error(err)
			}
			s.svc.pull("product", false)
			s.expectEvents(ready) // of the other provider
		}
		if trouble, _ := s.mg.Heard(); trouble != "" {
			t.Errorf("the client was closed as well: %s", trouble)
		}
	})
}

// TestShutdownDuringInit ends a provider that waits for the service.
func TestShutdownDuringInit(t *testing.T) {
	inShop(t, true, func(t *testing.T, s *shop) {
		began := time.Now()
		came := make(chan error, 1)
		go func() { came <- s.provider.InitWithContext(t.Context(), openfeature.EvaluationContext{}) }()
		synctest.Wait()
		s.provider.Shutdown()
		if err := <-came; err == nil || time.Since(began) > 0 {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.provider.InitWithContext(ctx, openfeature.EvaluationContext{}); err == nil || time.Since(began) > 0 {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

// TestTwoDomains binds one provider twice; the second time the connection is lost.
func TestTwoDomains(t *testing.T) {
	inShop(t, false, func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		s.svc.setDown(true)
		s.after(time.Minute)
		s.expectState(openfeature.StaleState)
		if err := s.api.SetProviderAndWait(t.Context(), s.provider, openfeature.WithDomain("checkout")); err != nil {
			t.Error(err)
		}
		checkout := s.api.NewClient(openfeature.WithDomain("checkout"))
		for _, d := range []time.Duration{time.Millisecond, time.Minute} {
			s.after(d)
			s.expectState(openfeature.StaleState)
			s.expect("sell", true, "STALE", "open")
			if got := checkout.State(); got != openfeature.StaleState {
				t.Errorf("after %s the other domain is %s", d, got)
			}
		}
		s.svc.setDown(false)
		s.after(time.Minute)
		s.expectState(openfeature.ReadyState)
		if got := checkout.State(); got != openfeature.ReadyState {
			t.Errorf("the other domain is %s", got)
		}
	})
}

// TestASecondInit comes after the state has changed and changed back: what the
// library knows is not told again.
func TestASecondInit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, newService())
		start := func() {
			t.Helper()
			if err := s.provider.Init(openfeature.EvaluationContext{}); err != nil {
				t.Fatal(err)
			}
		}
		start()
		s.svc.setDown(true)
		if e := s.next(time.Hour); e.EventType != openfeature.ProviderStale {
			t.Errorf("got %+v", e)
		}
		s.svc.setDown(false)
		for e := s.next(time.Hour); e.EventType != openfeature.ProviderReady; e = s.next(time.Hour) {
			if e.EventType != openfeature.ProviderConfigChange { // of gates that were closed meanwhile
				t.Fatalf("got %+v", e)
			}
		}
		start()
		if e := s.next(time.Hour); e.EventType != "" {
			t.Errorf("got %+v", e)
		}
	})
}

// TestAnswersFromFile starts again while the service is down.
func TestAnswersFromFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gates")
	synctest.Test(t, func(t *testing.T) {
		svc := newService()
		svc.pull("warehouse", true)
		first := newShop(t, svc, makegood.GateFile(file))
		if err := first.set(); err != nil {
			t.Fatal(err)
		}
		first.after(time.Minute)
		_ = first.mg.Close()

		svc.setDown(true)
		s := newShop(t, svc, makegood.GateFile(file))
		if err := s.set(); err == nil {
			t.Error("Init found a service that is down")
		}
		s.expectState(openfeature.ErrorState)
		s.expect("ship", false, openfeature.CachedReason, "closed")
		s.expect("sell", true, openfeature.CachedReason, "open")
		svc.pull("warehouse", false)
		svc.setDown(false)
		s.after(time.Minute)
		s.expectState(openfeature.ReadyState)
		s.expect("ship", true, openfeature.StaticReason, "open")
	})
}

// TestErrorIsToldAgain has a flag change while the service was never heard, which
// the library takes for a sign that it was.
func TestErrorIsToldAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gates")
	synctest.Test(t, func(t *testing.T) {
		svc := newService()
		first := newShop(t, svc, makegood.GateFile(file))
		_ = first.set()
		_ = first.mg.Close()
		svc.setDown(true)

		s := newShop(t, svc, makegood.GateFile(file))
		if err := s.provider.Init(openfeature.EvaluationContext{}); err == nil {
			t.Error("Init found a service that is down")
		}
		e := s.next(time.Hour)
		if e.EventType != openfeature.ProviderConfigChange || !slices.Equal(e.FlagChanges, []string{"pay/by-invoice"}) {
			t.Errorf("got %+v", e)
		}
		e = s.next(time.Hour)
		if e.EventType != openfeature.ProviderError || e.ErrorCode != openfeature.ProviderNotReadyCode || e.Message == "" {
			t.Errorf("got %+v", e)
		}
		if e = s.next(time.Hour); e.EventType != "" {
			t.Errorf("got %+v", e)
		}
	})
}

// TestNoService has a disabled client and none at all.
func TestNoService(t *testing.T) {
	t.Parallel()
	var none *makegood.Client
	for name, mg := range map[string]*makegood.Client{"disabled": newClient(t, makegood.URL("")), "nil": none} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t, newService())
				s.provider = newProvider(t, mg)
				if err := s.set(); err != nil {
					t.Error(err)
				}
				s.expectState(openfeature.ReadyState)
				s.expect("sell", true, openfeature.DefaultReason, "open")
				s.expect("pay/by-invoice", false, openfeature.DefaultReason, "closed")
				s.provider.Shutdown()
				s.expectError("sell", openfeature.ProviderNotReadyCode)
			})
		})
	}
}

func TestFlagsThatCannotBe(t *testing.T) {
	t.Parallel()
	mg := newClient(t, makegood.URL(""))
	mg.Gate("product/TABLE-7", makegood.FailClosed)
	for want, flags := range map[string]map[string]makegoodopenfeature.Flag{
		"there are no flags":                     {},
		`flag "no path"`:                         {"no path": {}},
		`flag "sell": path`:                      {"sell": {Cord: "a//b"}},
		"was declared as fail closed before":     {"sell": {Cord: "product/TABLE-7", Mode: makegood.FailOpen}},
		"at warehouse was declared as last know": {"a": {Cord: "warehouse"}, "b": {Cord: "warehouse", Mode: makegood.FailOpen}},
	} {
		p, err := makegoodopenfeature.New(mg, flags)
		if p != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestManyAskAtOnce is for the race detector.
func TestManyAskAtOnce(t *testing.T) {
	t.Parallel()
	svc := newService()
	mg := newClient(t, makegood.Handler(svc))
	p, err := makegoodopenfeature.New(mg, flags, makegoodopenfeature.StartWithin(time.Millisecond), nil)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	asked := make([]int, 4)
	for i := range asked {
		all.Go(func() {
			for range 2000 {
				if d := p.BooleanEvaluation(context.Background(), "sell", true, nil); d.Value || d.Variant == "closed" {
					asked[i]++
				}
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for range 20 {
				_ = p.Init(openfeature.EvaluationContext{})
				p.Shutdown()
			}
		})
	}
	all.Go(func() {
		for i := range 100 {
			svc.pull("product", i%2 == 0)
			svc.setDown(i%3 == 0)
		}
	})
	all.Wait()
	for _, n := range asked {
		if n != 2000 {
			t.Errorf("%d answers of 2000 make sense", n)
		}
	}
	p.Shutdown()
}
