package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	// maxNotices bounds what waits to be told; the oldest is forgotten first, for a
	// receiver must not rely on being told.
	maxNotices = 10_000
	// hookTimeout is how long a receiver may take to answer.
	hookTimeout = 10 * time.Second
	// hookPause is how long Run waits before it tells again what was not taken.
	hookPause = time.Second
)

// Hook says where events about refunds are sent, and how badly. Stripe promises
// neither that an event comes once nor that events come in order.
type Hook struct {
	// URL takes the events. Empty: nobody is told.
	URL string `json:"url"`
	// Secret signs them, in the header Stripe-Signature.
	Secret string `json:"secret"`
	// Copies is how often each event is sent. Defaults to 1.
	Copies int `json:"copies,omitempty"`
	// Reverse sends what waits from its newest to its oldest.
	Reverse bool `json:"reverse,omitempty"`
}

// notice is an event that waits to be sent.
type notice struct {
	ID      string     `json:"id"`
	Object  string     `json:"object"`
	Version string     `json:"api_version"`
	Created int64      `json:"created"`
	Live    bool       `json:"livemode"`
	Type    string     `json:"type"`
	Data    noticeData `json:"data"`
}

type noticeData struct {
	Object refundObject `json:"object"`
}

// hooks is what is to be told, and to whom.
type hooks struct {
	to     Hook
	queue  []notice
	made   int
	queued chan struct{} // something waits
}

// SetHook says where events are sent from now on. What waits already stays.
func (s *Sandbox) SetHook(h Hook) error {
	if h.URL != "" {
		u, err := url.Parse(h.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("set hook: %q is no http or https URL", h.URL)
		}
		if h.Secret == "" {
			return errors.New("set hook: events are signed, name a secret")
		}
	}
	if h.Copies < 0 || h.Copies > 10 {
		return fmt.Errorf("set hook: %d copies, want 1 to 10", h.Copies)
	}
	setDefault(&h.Copies, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.to = h
	return nil
}

// note queues the events that a refund's change is told by. The caller holds mu.
func (s *Sandbox) note(old, changed *refund) {
	if s.hooks.to.URL == "" || old != nil && old.Status == changed.Status {
		return
	}
	kinds := []string{"refund.updated", "charge.refund.updated"}
	switch {
	case old == nil:
		kinds = []string{"refund.created"}
	case changed.Status == statusFailed:
		kinds = append(kinds, "refund.failed")
	}
	for _, kind := range kinds {
		s.hooks.made++
		s.hooks.queue = append(s.hooks.queue, notice{
			ID: fmt.Sprintf("evt_%012d", s.hooks.made), Object: "event", Version: "2025-01-01.sandbox",
			Created: s.now().Unix(), Type: kind, Data: noticeData{changed.object()},
		})
	}
	if extra := len(s.hooks.queue) - maxNotices; extra > 0 {
		s.hooks.queue = slices.Delete(s.hooks.queue, 0, extra)
	}
	select {
	case s.hooks.queued <- struct{}{}:
	default: // somebody is told already
	}
}

// Deliver sends what waits, with its copies and in the order of the Hook, and
// returns how many messages were taken. What a receiver does not take waits on.
func (s *Sandbox) Deliver(ctx context.Context) (taken int, err error) {
	s.mu.Lock()
	to, queue, now := s.hooks.to, s.hooks.queue, s.now()
	s.hooks.queue = nil
	s.mu.Unlock()
	if to.URL == "" {
		return 0, nil
	}
	order := slices.Clone(queue)
	if to.Reverse {
		slices.Reverse(order)
	}
	var left []notice
	for _, n := range order {
		for range to.Copies {
			if sendErr := send(ctx, to, n, now); sendErr != nil {
				err = errors.Join(err, sendErr)
				left = append(left, n)
				break
			}
			taken++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.queue = append(left, s.hooks.queue...)
	return taken, err
}

// send tells one event.
func send(ctx context.Context, to Hook, n notice, now time.Time) error {
	body, err := json.Marshal(n)
	if err != nil {
		panic(fmt.Sprintf("encode event: %v", err)) // it is made of text and numbers
	}
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send event: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Stripe-Signature", Signature(to.Secret, body, now))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("send event: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxForm)) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("send event %s: the receiver answered %s", n.ID, answer.Status)
	}
	return nil
}

// Signature is the value of Stripe-Signature: the time, and the HMAC-SHA256 of
// time, point and body under the secret, as docs.stripe.com/webhooks has it.
func Signature(secret string, body []byte, at time.Time) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Run sends events as they come until the context ends.
func (s *Sandbox) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.hooks.queued:
		}
		if _, err := s.Deliver(ctx); err == nil {
			continue
		}
		pause := time.NewTimer(hookPause)
		select {
		case <-ctx.Done():
		case <-pause.C:
			select {
			case s.hooks.queued <- struct{}{}:
			default:
			}
		}
		pause.Stop()
	}
}
