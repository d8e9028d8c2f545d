package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxForm bounds the body of a call.
const maxForm = 64 << 10

// maxKey is the length of the longest idempotency key.
const maxKey = 255

// operation is a write that passed the checks of its parameters. The caller
// holds mu; the change is committed together with the answer.
type operation func(now time.Time, pending bool) (change, answer)

// write answers a call that changes something. Its order is that of Stripe: what
// is refused before the operation begins is not remembered for the key.
func (s *Sandbox) write(parse func(*http.Request, url.Values) (operation, *answer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !authorized(r) {
			errNoKey.send(w)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			answer{http.StatusBadRequest, invalid("", "", "Invalid form: %v", err)}.send(w)
			return
		}
		key := r.Header.Get("Idempotency-Key")
		if len(key) > maxKey {
			answer{http.StatusBadRequest, invalid("", "", "Idempotency-Key is longer than %d characters.", maxKey)}.send(w)
			return
		}
		fault, plan := s.begin(true)
		if early(w, fault, plan, key) {
			return
		}
		do, refused := parse(r, r.PostForm)
		if refused != nil {
			refused.send(w)
			return
		}
		done := s.execute(do, key, digest(r), fault, plan)
		defer done.release()
		late(w, r, fault, plan)
		if done.replayed {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		sendBody(w, done.status, done.body)
	}
}

// read answers a call that changes nothing.
func (s *Sandbox) read(find func(*http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !authorized(r) {
			errNoKey.send(w)
			return
		}
		fault, plan := s.begin(false)
		if early(w, fault, plan, "") {
			return
		}
		found := s.locked(func() answer { return find(r) })
		if fault == ServerError {
			found = errInternal
		}
		late(w, r, fault, plan)
		found.send(w)
	}
}

func (s *Sandbox) locked(find func() answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return find()
}

// begin counts a call and draws its fault.
func (s *Sandbox) begin(write bool) (Fault, Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	return s.faults.draw(write), s.faults.plan
}

// early answers a call whose fault comes before its effect.
func early(w http.ResponseWriter, fault Fault, plan Plan, key string) bool {
	switch {
	case fault == RateLimit:
		w.Header().Set("Retry-After", strconv.Itoa(plan.RetryAfterS))
		rateLimited().send(w)
	case fault == Unavailable:
		errUnavailable.send(w)
	case fault == InUse && key != "":
		inUse(key).send(w)
	case fault == Cut:
		hangUp(w)
	default:
		return false
	}
	return true
}

// late keeps an answer back, or loses it.
func late(w http.ResponseWriter, r *http.Request, fault Fault, plan Plan) {
	switch fault {
	case Lost:
		hangUp(w)
	case Slow:
		wait := time.NewTimer(plan.slow())
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-r.Context().Done(): // the client gave up
		}
	}
}

// hangUp ends the connection in the middle of an answer. Before its first byte
// Go's HTTP client would send a call with an idempotency key again by itself, and
// nobody would notice that anything was lost.
func hangUp(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusOK)
	// What was sent so far has to leave the server's buffer; if the connection is
	// gone already, so much the better.
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// done is an operation's answer, new or replayed.
type done struct {
	status   int
	body     []byte
	replayed bool
	release  func() // ends the use of the key
}

// execute carries an operation out once for its key.
func (s *Sandbox) execute(do operation, key, digest string, fault Fault, plan Plan) done {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.remembered(key, digest); ok {
		return known
	}
	if fault == Delayed {
		s.inUse[key] = key != ""
		s.mu.Unlock()
		<-time.After(plan.slow()) // whether or not the client waits
		s.mu.Lock()
		delete(s.inUse, key)
	}
	now := s.now()
	s.settle()
	c, a := do(now, fault == Pending)
	if fault == ServerError {
		a = errInternal
	}
	out := a.done()
	if key != "" {
		c.Key = &keyed{Key: key, Digest: digest, At: now.Unix(), Status: out.status, Body: string(out.body)}
	}
	if err := s.commit(c); err != nil {
		return errInternal.done()
	}
	if fault == Slow {
		s.inUse[key] = key != ""
		out.release = func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.inUse, key)
		}
	}
	return out
}

// remembered answers a call whose key is known. The caller holds mu.
func (s *Sandbox) remembered(key, digest string) (done, bool) {
	if s.inUse[key] {
		return inUse(key).done(), true
	}
	k := s.state.keys[key]
	if k == nil || s.now().Unix()-k.At >= int64(s.cfg.KeyLifetime/time.Second) {
		return done{}, false
	}
	if k.Digest != digest {
		return otherParameters(key).done(), true
	}
	s.replays++
	return done{status: k.Status, body: []byte(k.Body), replayed: true, release: func() {}}, true
}

func (a answer) done() done {
	body, err := json.Marshal(a.body)
	if err != nil {
		panic(fmt.Sprintf("encode answer: %v", err)) // bodies are made of text and numbers
	}
	return done{status: a.status, body: body, release: func() {}}
}

// digest tells requests apart that carry the same key.
func digest(r *http.Request) string {
	sum := sha256.Sum256([]byte(r.Method + " " + r.URL.Path + "\n" + r.PostForm.Encode()))
	return hex.EncodeToString(sum[:])
}
