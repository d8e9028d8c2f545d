package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxAdmin bounds the body of a call to /sandbox/.
const maxAdmin = 16 << 20

// readJSON reads a body strictly, so that a misspelt fault is not silently none.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdmin))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = fmt.Errorf("one value is wanted, more follows")
		}
	}
	return !refused(w, err)
}

// refused answers an error, if there is one.
func refused(w http.ResponseWriter, err error) bool {
	if err == nil {
		return false
	}
	answer{http.StatusBadRequest, invalid("", "", "%v", err)}.send(w)
	return true
}

func (s *Sandbox) adminSummary(w http.ResponseWriter, _ *http.Request) {
	answer{http.StatusOK, s.Summary()}.send(w)
}

func (s *Sandbox) adminPayments(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	if !readJSON(w, r, &body) {
		return
	}
	payments := []Payment{{}}
	var into any = &payments[0]
	if bytes.HasPrefix(body, []byte("[")) {
		into = &payments
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if refused(w, dec.Decode(into)) {
		return
	}
	for _, p := range payments {
		if refused(w, s.AddPayment(p)) {
			return
		}
	}
	answer{http.StatusOK, map[string]int{"payments": len(payments)}}.send(w)
}

func (s *Sandbox) adminFaults(w http.ResponseWriter, r *http.Request) {
	var plan Plan
	if !readJSON(w, r, &plan) || refused(w, s.SetFaults(plan)) {
		return
	}
	answer{http.StatusOK, plan}.send(w)
}

func (s *Sandbox) adminClock(w http.ResponseWriter, r *http.Request) {
	var body struct {
		AdvanceS int64 `json:"advance_s"`
	}
	if !readJSON(w, r, &body) {
		return
	}
	now, err := s.Advance(time.Duration(body.AdvanceS) * time.Second)
	if refused(w, err) {
		return
	}
	answer{http.StatusOK, map[string]string{"now": now.UTC().Format(time.RFC3339)}}.send(w)
}

func (s *Sandbox) adminRefund(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Status        string `json:"status"`
		FailureReason string `json:"failure_reason"`
	}
	if !readJSON(w, r, &body) || refused(w, s.SetStatus(r.PathValue("id"), body.Status, body.FailureReason)) {
		return
	}
	answer{http.StatusOK, map[string]string{"status": body.Status}}.send(w)
}

func (s *Sandbox) adminHook(w http.ResponseWriter, r *http.Request) {
	var hook Hook
	if !readJSON(w, r, &hook) || refused(w, s.SetHook(hook)) {
		return
	}
	answer{http.StatusOK, map[string]string{"url": hook.URL}}.send(w)
}

func (s *Sandbox) adminDeliver(w http.ResponseWriter, r *http.Request) {
	taken, err := s.Deliver(r.Context())
	if refused(w, err) {
		return
	}
	answer{http.StatusOK, map[string]int{"taken": taken}}.send(w)
}
