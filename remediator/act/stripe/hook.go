package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/problem"
)

const (
	// maxEvent bounds the body of an event in bytes. Those about refunds have some
	// thousand.
	maxEvent = 1 << 20
	// lookTimeout is how long the provider may take when it is asked about a refund;
	// it waits for our answer meanwhile, and sends the event again without one.
	lookTimeout = 10 * time.Second
	// ByWebhook says that a refund was looked at because the provider said so.
	ByWebhook = "webhook"
)

// HookConfig of the door for Stripe's events. All fields are required.
type HookConfig struct {
	// Secrets of the endpoint, as Stripe shows them (whsec_…). While they rotate
	// there are two; an event that is signed by any of them is believed.
	Secrets []string
	// See looks at a refund at Stripe and appends how it stands.
	See    func(ctx context.Context, ref, by string) (decide.SeenBody, error)
	Logger *slog.Logger
}

// Hook answers Stripe's events. An event is a hint: it names a refund, which is then
// fetched, and nothing else that the event says is believed. So it does not matter
// how often events come and in which order. 200 means that how the refund stands is
// in the log, or that the event is about something else.
func Hook(cfg HookConfig) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			problem.Write(w, http.StatusMethodNotAllowed, "method", "events are sent with POST")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
		if err != nil {
			problem.Write(w, http.StatusRequestEntityTooLarge, "too-large", "the event has more than 1 MiB, or was cut off")
			return
		}
		if err := verify(body, r.Header.Get("Stripe-Signature"), cfg.Secrets); err != nil {
			refuse(w, err)
			return
		}
		ref, err := refundOfEvent(body)
		switch {
		case err != nil:
			problem.Write(w, http.StatusBadRequest, "malformed", "the body is no event: "+err.Error())
		case ref == "":
			took(w, 0)
		default:
			cfg.look(w, r, ref)
		}
	})
}

// look looks at the refund that an event names.
func (cfg HookConfig) look(w http.ResponseWriter, r *http.Request, ref string) {
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	defer cancel()
	_, err := cfg.See(ctx, ref, ByWebhook)
	var known *act.Error
	switch {
	case err == nil:
		took(w, 1)
	case errors.As(err, &known) && known.Status == decide.Failed:
		// Stripe has no such refund: one of its test mode, or of another account.
		problem.Write(w, http.StatusNotFound, "not-found", "the provider knows no refund with this id")
	default:
		cfg.Logger.WarnContext(r.Context(), "look at refund", slog.String("refund", ref), slog.Any("error", err))
		problem.Write(w, http.StatusServiceUnavailable, "unavailable", "the refund cannot be looked at now: send the event again")
	}
}

// verify holds a body against its signature by each secret; the error is that of the
// first one.
func verify(body []byte, header string, secrets []string) error {
	first := webhook.ErrNoValidSignature
	for i, secret := range secrets {
		err := webhook.ValidatePayload(body, header, secret)
		if err == nil {
			return nil
		}
		if i == 0 || errors.Is(first, webhook.ErrNoValidSignature) {
			first = err
		}
	}
	return first
}

func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, webhook.ErrTooOld):
		problem.Write(w, http.StatusBadRequest, "timestamp", "the event was signed more than five minutes ago; check the clocks of both sides")
	case errors.Is(err, webhook.ErrNotSigned), errors.Is(err, webhook.ErrInvalidHeader):
		problem.Write(w, http.StatusBadRequest, "webhook-header", "the header Stripe-Signature is missing, or no signature")
	default:
		problem.Write(w, http.StatusUnauthorized, "signature", "no signature fits a secret of this endpoint")
	}
}

// refundOfEvent returns the id of the refund that an event is about; empty when it is
// about something else.
func refundOfEvent(body []byte) (string, error) {
	var event struct {
		Data struct {
			Object struct {
				ID     string `json:"id"`
				Object string `json:"object"`
			} `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return "", err
	}
	if event.Data.Object.Object != "refund" {
		return "", nil
	}
	return event.Data.Object.ID, nil
}

func took(w http.ResponseWriter, n int) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]int{"accepted": n}) // an error here means that nobody reads the answer any more
}
