package api

import (
	"context"
	"net/http"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/problem"
)

// Roles of a node.
const (
	Leader   = "leader"   // it decides
	Follower = "follower" // another decides, and it would go on from there
	Outdated = "outdated" // the log has begun a newer version of the deciding than it knows
)

// Self is what a node says of itself.
type Self struct {
	Node    string `json:"node"`
	Role    string `json:"role"`
	Ordinal uint64 `json:"ordinal"` // inputs that it has folded
	Record  uint64 `json:"record"`  // of the log, the last that it has folded
	Behind  uint64 `json:"behind"`  // records of the log that it has not folded
	Log     string `json:"log"`     // engine of the log
	Files   string `json:"files"`   // digest of its own rule files, empty for none
	// LatenessS is how late, in seconds, an event may enter a window, as the log has it.
	LatenessS int64 `json:"lateness_s"`
}

// Health is the answer of GET /healthz.
type Health struct {
	Ready bool `json:"ready"`
	Self
}

// healthTimeout bounds how long a node is asked of itself: who asks may take no
// answer for a bad one.
const healthTimeout = 2 * time.Second

// health answers GET /healthz: that a node is ready, which one it is, and how far.
func (h handler) health(w http.ResponseWriter, r *http.Request) {
	if h.Self == nil || h.Ready() != nil {
		h.readiness(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	self, err := h.Self(ctx)
	if err != nil {
		problem.Write(w, http.StatusServiceUnavailable, "unavailable", "the log cannot be read")
		return
	}
	h.answer(w, r, Health{Ready: true, Self: self}, nil)
}

// ClockConfirmed is the answer of POST /v1/clock/confirm.
type ClockConfirmed struct {
	Confirmed bool      `json:"confirmed"`
	Clock     time.Time `json:"clock"` // of the node that was asked
}

// confirmClock has the log go on by the clock as it is. It is no command that is
// folded: the log, which would hold it, takes nothing before.
func (h handler) confirmClock(w http.ResponseWriter, r *http.Request) {
	if err := h.ConfirmClock(r.Context(), access.From(r.Context()).Name); err != nil {
		problem.Write(w, http.StatusServiceUnavailable, "unavailable", err.Error())
		return
	}
	h.answer(w, r, ClockConfirmed{Confirmed: true, Clock: h.Now().UTC()}, nil)
}
