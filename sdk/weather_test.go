package makegood_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Events of these types never take effect, whatever the weather.
const (
	refusedType = "com.example.refused" // named by the service, one by one
	largeType   = "com.example.large"   // too large for a proxy on the way (413)
	poisonType  = "com.example.poison"  // the service cannot read on behind it
)

// hangUp cuts the connection of a request without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset rather than an end
	}
	_ = conn.Close()
}

// halfAnswer promises more than it sends.
func halfAnswer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+100))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	_ = http.NewResponseController(w).Flush()
	hangUp(w)
}

// fault is a way in which a request goes wrong.
type fault struct {
	name string
	// before says that it also happens without the service having heard of the
	// request, after that it also happens when the request has taken effect.
	before, after bool
	answer        func(w http.ResponseWriter, r *http.Request)
	long          bool // it lasts longer than the request
}

// title tells the two ways of a fault apart.
func (f fault) title(after bool) string {
	if after {
		return f.name + ", after the effect"
	}
	return f.name
}

// status answers with a status and headers, given as pairs.
func status(code int, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// half answers with half a body.
func half(code int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { halfAnswer(w, code, body) }
}

// faults are those that need nothing but an answer.
var faults = []fault{
	{"answer 500", true, true, status(http.StatusInternalServerError), false},
	{"answer 503", true, true, status(http.StatusServiceUnavailable, "Retry-After", "0"), false},
	{"answer 429", true, true, status(http.StatusTooManyRequests, "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"), false},
	{"answer 302", true, true, status(http.StatusFound, "Location", "/elsewhere"), false},
	{"answer 400 of a proxy", true, true, status(http.StatusBadRequest), false},
	{"half of a 400", true, true, half(http.StatusBadRequest, `{"accepted":1,`), false},
	{"half of a 503", true, true, half(http.StatusServiceUnavailable, `{"ty`), false},
	{"half of a 202", false, true, half(http.StatusAccepted, `{"acc`), false}, // it counts, however little of it comes
	{"reset", true, true, func(w http.ResponseWriter, _ *http.Request) { hangUp(w) }, false},
}

// tooSlow needs a client that does not wait for ever.
var tooSlow = fault{"no answer in time", true, true, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, false}

// weather stands between clients and the service, and is bad half of the time, at
// most twice in a row to keep the pauses short. It deals all faults out before it
// repeats one.
type weather struct {
	next  http.Handler
	lasts func() bool // a fault is not over yet; nil when none is long

	mu     sync.Mutex
	random *rand.Rand
	fair   bool // for good
	faults []fault
	deck   []int
	row    int
	dealt  map[string]int
}

func newWeather(next http.Handler, random *rand.Rand, all ...fault) *weather {
	return &weather{next: next, random: random, faults: all, dealt: map[string]int{}}
}

// clear ends all faults for good.
func (w *weather) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fair = true
}

// draw returns a fault, nil for none, and whether the request takes effect.
func (w *weather) draw() (f *fault, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fair || w.row >= 2 && w.lasts != nil && w.lasts() {
		return nil, false
	}
	if w.row >= 2 || w.random.IntN(2) == 0 {
		w.row = 0
		return nil, false
	}
	w.row++
	if len(w.deck) == 0 {
		w.deck = w.random.Perm(2 * len(w.faults))
	}
	card := w.deck[0]
	w.deck = w.deck[1:]
	f, after = &w.faults[card/2], card%2 == 1
	if f.long {
		w.row++
	}
	if after && !f.after || !after && !f.before {
		after = !after
	}
	w.dealt[f.title(after)]++
	return f, after
}

func (w *weather) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	f, after := w.draw()
	switch {
	case f == nil:
		w.next.ServeHTTP(rw, r)
		return
	case after:
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client went away
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		answer := httptest.NewRecorder()
		w.next.ServeHTTP(answer, r)
		if f.name == "half of a 202" && answer.Code != http.StatusAccepted {
			hangUp(rw) // it would not be true
			return
		}
	}
	if f.name == "reset" && !after { // in the middle of the request
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	} else {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	f.answer(rw, r)
}

// site is where a service is: an address that can be dead for a while, a token
// that changes, and a proxy that takes no large events.
type site struct {
	*weather
	service *service
	server  *http.Server
	file    string // the clients' token

	mu       sync.Mutex
	listener net.Listener // nil while the site is down
	refuse   int          // that many connections more before it is up again
	token    int
	late     int // answers 401 before the file has the new token
}

// newSite opens a site whose weather has all faults.
func newSite(t testing.TB, svc *service, random *rand.Rand, file string, zipped bool) *site {
	s := &site{service: svc, file: file}
	all := append([]fault{tooSlow,
		{"down", true, true, func(w http.ResponseWriter, _ *http.Request) { s.down(1); hangUp(w) }, true},
		{"down for longer", true, true, func(w http.ResponseWriter, _ *http.Request) { s.down(2); hangUp(w) }, true},
		{"another token", true, false, func(w http.ResponseWriter, _ *http.Request) { s.rotate(0); s.deny(w) }, false},
		{"another token, known later", true, false, func(w http.ResponseWriter, _ *http.Request) { s.rotate(1); s.deny(w) }, true},
	}, faults...)
	if zipped { // the client zips no more after that, so it comes once
		all = append(all, fault{"answer 415", true, false, status(http.StatusUnsupportedMediaType), false})
	}
	s.weather = newWeather(http.HandlerFunc(s.proxy), random, all...)
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(quiet().Handler(), slog.LevelError)}
	t.Cleanup(func() { _ = s.server.Close() })
	s.weather.lasts = func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.listener == nil || s.late > 0
	}
	s.writeToken()
	if err := s.up(); err != nil {
		t.Fatal(err)
	}
	return s
}

// up listens again. The caller holds mu, or is alone.
func (s *site) up() (err error) {
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	go func(l net.Listener) { _ = s.server.Serve(l) }(s.listener)
	return nil
}

// down lets that many connections be refused.
func (s *site) down(refuse int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		_ = s.listener.Close() // connections from before are hung up as requests come
		s.listener, s.refuse = nil, refuse
	}
}

// dial is how clients find the site. While it is down they find a port at which
// nobody listens.
func (s *site) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	address := "127.0.0.1:1"
	if s.listener != nil {
		address = s.listener.Addr().String()
	}
	s.mu.Unlock()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err == nil {
		return conn, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse--; s.listener == nil && s.refuse <= 0 {
		err = errors.Join(err, s.up())
	}
	return nil, err
}

// rotate makes another token the right one.
func (s *site) rotate(late int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token++
	s.late = late
	if late == 0 {
		s.writeToken()
	}
}

func (s *site) writeToken() {
	text := fmt.Appendf(nil, "token-%d", s.token)
	if err := errors.Join(os.WriteFile(s.file+".new", text, 0o600), os.Rename(s.file+".new", s.file)); err != nil {
		panic(err)
	}
}

func (s *site) deny(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }

// proxy looks at the token and at the size of events, and stops reading at poison.
func (s *site) proxy(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	isDown, allowed := s.listener == nil, r.Header.Get("Authorization") == fmt.Sprintf("Bearer token-%d", s.token)
	if !isDown && !allowed {
		if s.late--; s.late <= 0 {
			s.writeToken()
		}
	}
	s.mu.Unlock()
	switch {
	case isDown: // on a connection from before
		if _, silent := w.(*httptest.ResponseRecorder); !silent {
			hangUp(w)
		}
		return
	case !allowed:
		s.deny(w)
		return
	}
	raw, err := readBody(r)
	if err != nil {
		return // the client went away
	}
	text := string(raw)
	switch before, _, poisoned := strings.Cut(text, poisonType); {
	case strings.Contains(text, largeType):
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case poisoned:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"accepted":0,"rejected":[{"index":%d,"code":"syntax","detail":"poison"}]}`, strings.Count(before, `"specversion"`)-1)
	default:
		r.Header.Del("Content-Encoding")
		r.Body = io.NopCloser(bytes.NewReader(raw))
		s.service.ServeHTTP(w, r)
	}
}
