package makegoodopenfeature_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/makegood/makegood/sdk"
)

// points are the requirements of OpenFeature's specification that are a provider's
// to meet, by number: section 1 where evaluation meets it, 2 and 5.
var points = map[string]func(t *testing.T, s *shop){
	"1.7.3 READY after an Init that ends normally": func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Error(err)
		}
		s.expectState(openfeature.ReadyState)
	},
	"1.7.4 ERROR after an Init that ends abnormally": func(t *testing.T, s *shop) {
		s.svc.setDown(true)
		s.provider = newProvider(t, newClient(t, makegood.Handler(s.svc)))
		if s.set() == nil {
			t.Error("no error")
		}
		s.expectState(openfeature.ErrorState)
	},
	"1.7.6 PROVIDER_NOT_READY while Init goes on": func(t *testing.T, s *shop) {
		s.svc.setDown(true)
		s.provider = newProvider(t, newClient(t, makegood.Handler(s.svc)))
		if err := s.api.SetProvider(t.Context(), s.provider); err != nil {
			t.Error(err)
		}
		sell, err := s.client.BooleanValue(t.Context(), "sell", true, openfeature.EvaluationContext{})
		if err == nil || !strings.HasPrefix(err.Error(), string(openfeature.ProviderNotReadyCode)) || !sell {
			t.Errorf("got %v, %v", sell, err)
		}
		s.after(time.Second)
		s.expect("sell", true, openfeature.DefaultReason, "open")
	},
	"2.1.1 metadata names the provider": func(t *testing.T, s *shop) {
		if got := s.provider.Metadata().Name; got != "makegood" {
			t.Errorf("got %q", got)
		}
	},
	"2.2.2.1 methods for every type, 2.2.7 an error code in cases of abnormal execution": func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]openfeature.ErrorCode{"sell": openfeature.TypeMismatchCode, "unknown": openfeature.FlagNotFoundCode, "product/TABLE-7": openfeature.FlagNotFoundCode} {
			s.expectTyped(key, want)
		}
		s.expectError("unknown", openfeature.FlagNotFoundCode)
		s.provider.Shutdown()
		s.expectTyped("sell", openfeature.ProviderNotReadyCode)
	},
	"2.2.3 value, 2.2.4 variant, 2.2.5 reason, 2.2.6 no error code, 2.3.2 no error message": func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		s.expect("sell", true, openfeature.StaticReason, "open")
		s.svc.pull("product", true)
		synctest.Wait()
		s.expect("sell", false, openfeature.StaticReason, "closed")
	},
	"2.2.9 flag metadata, 2.2.10 of strings, numbers and booleans": func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		got, err := s.client.BooleanValueDetails(t.Context(), "sell", false, openfeature.EvaluationContext{})
		cord, noCord := got.FlagMetadata.GetString("cord")
		mode, noMode := got.FlagMetadata.GetString("mode")
		if err := errors.Join(err, noCord, noMode); err != nil || cord != "product/TABLE-7" || mode != "fail open" || len(got.FlagMetadata) != 2 {
			t.Errorf("got %+v, %v", got.FlagMetadata, err)
		}
		got.FlagMetadata["cord"] = "mine" // whoever changes it changes a copy
		if again, _ := s.client.BooleanValueDetails(t.Context(), "sell", false, openfeature.EvaluationContext{}); again.FlagMetadata["cord"] != "product/TABLE-7" {
			t.Errorf("got %+v", again.FlagMetadata)
		}
	},
	"2.2.1 the evaluation context is optional, and changes nothing": func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		about := openfeature.NewEvaluationContext("c-42", map[string]any{"country": "PT"})
		if sell, err := s.client.BooleanValue(t.Context(), "sell", false, about); err != nil || !sell {
			t.Errorf("got %v, %v", sell, err)
		}
	},
	"2.3.1 hooks": func(t *testing.T, s *shop) {
		if n := len(s.provider.Hooks()); n != 0 {
			t.Errorf("%d hooks", n)
		}
	},
	"2.4.2.1 Init ends abnormally when the provider is not ready": func(t *testing.T, s *shop) {
		s.svc.setDown(true)
		p := newProvider(t, newClient(t, makegood.Handler(s.svc)))
		var failure *openfeature.ProviderInitError
		if err := p.Init(openfeature.EvaluationContext{}); !errors.As(err, &failure) || failure.ErrorCode != openfeature.ProviderNotReadyCode || failure.Message == "" {
			t.Errorf("got %v", err)
		}
	},
	"2.5.1 Shutdown disposes of what runs, 2.5.2 and makes the provider as it was before Init": func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		if err := s.api.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if d := s.provider.BooleanEvaluation(t.Context(), "sell", true, nil); !d.Value || d.ResolutionDetail().ErrorCode != openfeature.ProviderNotReadyCode {
			t.Errorf("got %+v", d)
		}
		s.api = isolated.NewAPI()
		s.client = s.api.NewClient()
		defer func() { _ = s.api.Shutdown(context.Background()) }()
		if err := s.set(); err != nil {
			t.Error(err)
		}
		s.expect("sell", true, openfeature.StaticReason, "open")
	},
	"5.1.1 a payload of details, 5.1.2 handlers of API and client run": func(t *testing.T, s *shop) {
		if err := s.set(); err != nil {
			t.Fatal(err)
		}
		var told []string
		handler := func(d openfeature.EventDetails) { told = append(told, d.FlagChanges...) }
		s.client.AddHandler(openfeature.ProviderConfigChange, &handler)
		s.heard()
		s.svc.pull("warehouse", true)
		s.expectEvents(changed + "[ship]")
		if len(told) != 1 || told[0] != "ship" {
			t.Errorf("got %q", told)
		}
	},
	"5.3.1 PROVIDER_READY after Init": func(t *testing.T, s *shop) {
		_ = s.set()
		s.expectEvents(ready)
	},
	"5.3.2 PROVIDER_ERROR after Init, and PROVIDER_READY when it can": func(t *testing.T, s *shop) {
		s.svc.setDown(true)
		s.provider = newProvider(t, newClient(t, makegood.Handler(s.svc)))
		_ = s.set()
		s.expectEvents(failed)
		s.after(time.Minute)
		s.svc.setDown(false)
		s.after(time.Minute)
		s.expectEvents(changed+"[pay/by-invoice]", ready)
	},
	"5.3.3 handlers that come late run": func(t *testing.T, s *shop) {
		_ = s.set()
		s.svc.setDown(true)
		s.after(time.Minute / 2)
		ran := false
		handler := func(openfeature.EventDetails) { ran = true }
		s.client.AddHandler(openfeature.ProviderStale, &handler)
		if !ran {
			t.Error("it did not run")
		}
	},
}

func TestSpecification(t *testing.T) {
	t.Parallel()
	if len(points) == 0 {
		t.Fatal("nothing is checked")
	}
	for point, check := range points {
		t.Run(point, func(t *testing.T) { inShop(t, false, check) })
	}
}

// expectTyped asks for a flag as everything but a boolean.
func (s *shop) expectTyped(key string, want openfeature.ErrorCode) {
	s.t.Helper()
	ctx, none := s.t.Context(), openfeature.EvaluationContext{}
	text, err1 := s.client.StringValueDetails(ctx, key, "mine", none)
	float, err2 := s.client.FloatValueDetails(ctx, key, 2.5, none)
	whole, err3 := s.client.IntValueDetails(ctx, key, 7, none)
	object, err4 := s.client.ObjectValueDetails(ctx, key, "mine", none)
	if text.Value != "mine" || float.Value != 2.5 || whole.Value != 7 || object.Value != "mine" {
		s.t.Errorf("%s: got %v %v %v %v, not what the caller would have", key, text.Value, float.Value, whole.Value, object.Value)
	}
	for i, d := range []openfeature.EvaluationDetails{text.EvaluationDetails, float.EvaluationDetails, whole.EvaluationDetails, object.EvaluationDetails} {
		if err := []error{err1, err2, err3, err4}[i]; err == nil || d.ErrorCode != want || d.Reason != openfeature.ErrorReason || d.ErrorMessage == "" {
			s.t.Errorf("%s as %s: got %+v, %v; want %s", key, d.FlagType, d, err, want)
		}
	}
}
