//go:build go1.25

package makegood_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/sdk"
)

// asking makes a client in a bubble with one gate, which is closed.
func asking(t *testing.T, svc http.Handler, opts ...makegood.Option) (*makegood.Client, *makegood.Gate) {
	c := newClient(t, append([]makegood.Option{makegood.Handler(svc)}, opts...)...)
	gate := c.Gate("line/1", makegood.FailClosed)
	synctest.Wait()
	return c, gate
}

// TestWhereStreamingDoesNotWorkGatesPoll has proxies of every kind in between.
func TestWhereStreamingDoesNotWorkGatesPoll(t *testing.T) {
	t.Parallel()
	status := func(code int) func(w http.ResponseWriter, r *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, stream := range map[string]func(w http.ResponseWriter, r *http.Request){
		"404": status(404), "405": status(405), "406": status(406), "415": status(415), "502": status(502), "504": status(504),
		"no stream": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"ends":      func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/event-stream") },
		"gathers":   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"gathers the body": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"panics": func(http.ResponseWriter, *http.Request) { panic("no streams") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				svc := newAndon()
				svc.answer(func(w http.ResponseWriter, r *http.Request) bool {
					if strings.HasSuffix(r.URL.Path, "/stream") {
						stream(w, r)
						return true
					}
					return false
				})
				c, gate := asking(t, svc)
				defer c.Close()
				pass(25 * time.Second)
				if name == "panics" { // that is no answer of a proxy
					if !strings.Contains(gate.State().Problem, "panic") {
						t.Error(gate.State())
					}
					return
				}
				for i, level := range []string{"red", "open", "red"} {
					svc.set("line/1", level)
					pass(20 * time.Second) // a question every ten seconds, or a stream that is tried for as long
					if want := level == "red"; gate.Closed() != want {
						t.Fatalf("step %d: %s", i, gate.State())
					}
				}
				svc.asked()
				pass(time.Hour)
				streams, polls := 0, 0
				for _, asked := range svc.asked() {
					switch asked {
					case "andon/stream 0000000000000001.3":
						streams++
					case `andon/gates "0000000000000001.3"`:
						polls++
					default:
						t.Errorf("asked %q", asked)
					}
				}
				if streams < 5 || streams > 12 || polls < 300 || polls > 370 || !gate.Closed() {
					t.Errorf("%d streams and %d questions in an hour; %s", streams, polls, gate.State())
				}
				svc.answer(nil)
				pass(10 * time.Minute) // streaming works again, and is noticed
				svc.set("line/1", "open")
				synctest.Wait()
				if gate.Closed() {
					t.Errorf("still polling: %s", gate.State())
				}
			})
		})
	}
}

// TestAnOutageIsNotAFlood counts what a client asks in an hour without a service.
func TestAnOutageIsNotAFlood(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"busy": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "3600") // longer than gates may be blind
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		},
		"not found": noPage,
		"hangs":     neverEnds,
		"panics":    func(http.ResponseWriter, *http.Request) bool { panic("no") },
		"garbage":   garbage,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newLogLines()
				svc := newAndon()
				svc.answer(fault)
				c, gate := asking(t, svc, makegood.Logger(slog.New(log)))
				pass(time.Hour)
				if n := len(svc.asked()); n < 120 || n > 1600 {
					t.Errorf("%d requests in an hour", n)
				}
				if state := gate.State(); !state.Closed || state.Freshness != "never connected" || state.Problem == "" {
					t.Error(state)
				}
				if lines := log.all(); len(lines) != 1 || !strings.Contains(lines[0], "not heard") {
					t.Errorf("want one line, got %q", lines)
				}
				svc.answer(nil)
				pass(25 * time.Second)
				if gate.Closed() || gate.State().Freshness != "known" {
					t.Errorf("not heard again: %s", gate.State())
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestASilentStreamIsCut has streams that stop speaking without ending.
func TestASilentStreamIsCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc := newAndon()
		c, gate := asking(t, svc)
		defer c.Close()
		svc.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/stream") {
				return false
			}
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, heartbeat)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return true
		})
		svc.asked()
		pass(29 * time.Second)
		svc.set("line/1", "red")
		svc.mu.Lock()
		svc.fault = nil
		svc.mu.Unlock()
		pass(3 * time.Second)
		if got := svc.asked(); len(got) != 2 || !gate.Closed() {
			t.Errorf("asked %q; %s", got, gate.State())
		}
	})
}

// TestBadEventsAreNotBelieved sends each on a stream of its own after a good
// snapshot. The gate keeps what it knew, and asks anew.
func TestBadEventsAreNotBelieved(t *testing.T) {
	t.Parallel()
	red := `{"cord":"line/1","level":"red","since":"2026-01-05T10:00:00Z"}`
	for name, events := range map[string]string{
		"no JSON":             "id: 0000000000000001.9\nevent: cord\ndata: {\n\n",
		"another level":       "id: 0000000000000001.9\nevent: cord\ndata: " + strings.Replace(red, "red", "purple", 1) + "\n\n",
		"an illegal cord":     "id: 0000000000000001.9\nevent: cord\ndata: " + strings.Replace(red, "line/1", "line//1", 1) + "\n\n",
		"a bad time":          "id: 0000000000000001.9\nevent: cord\ndata: " + strings.Replace(red, "2026-", "", 1) + "\n\n",
		"another boot":        "id: 0000000000000002.1\nevent: cord\ndata: " + red + "\n\n",
		"no boot":             "id\nevent: cord\ndata: " + red + "\n\n",
		"an id of controls":   "id: 0000000000000001.\x01\nevent: cord\ndata: " + red + "\n\n",
		"an endless id":       "id: 0000000000000001." + strings.Repeat("9", 100_000) + "\nevent: cord\ndata: " + red + "\n\n",
		"a snapshot of null":  "id: 0000000000000001.9\nevent: snapshot\ndata: null\n\n",
		"a snapshot of none":  "id: 0000000000000001.9\nevent: snapshot\ndata: {}\n\n",
		"a bad snapshot":      "id: 0000000000000001.9\nevent: snapshot\ndata: {\"cords\":[" + red + ",{}]}\n\n",
		"a nameless snapshot": "id\nevent: snapshot\ndata: {\"cords\":[" + red + "]}\n\n",
		"an endless line":     "data: " + strings.Repeat("x", 2<<20),
		"a huge event":        strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 1100) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				svc := newAndon()
				svc.set("other", "yellow")
				c, gate := asking(t, svc)
				defer c.Close()
				sent := false
				svc.answer(func(w http.ResponseWriter, r *http.Request) bool {
					if sent || !strings.HasSuffix(r.URL.Path, "/stream") {
						return false
					}
					sent = true
					w.Header().Set("Content-Type", "text/event-stream")
					fmt.Fprint(w, heartbeat)
					w.(http.Flusher).Flush()
					fmt.Fprint(w, events)
					<-r.Context().Done()
					return true
				})
				pass(5 * time.Second)
				if !sent || gate.Closed() || gate.State().Freshness != "known" {
					t.Errorf("sent %v: %s", sent, gate.State())
				}
				svc.set("line", "red")
				synctest.Wait()
				if !gate.Closed() {
					t.Errorf("the stream after it is not heard: %s", gate.State())
				}
			})
		})
	}
}

// TestAServiceThatIsNotUnderstoodIsNotHeard has a cord with a level of a later
// version, which comes again with each stream.
func TestAServiceThatIsNotUnderstoodIsNotHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newLogLines()
		svc := newAndon()
		c, gate := asking(t, svc, makegood.Logger(slog.New(log)))
		defer c.Close()
		svc.set("line/2", "purple")
		pass(50 * time.Second)
		if gate.Closed() {
			t.Errorf("closed before it is stale: %s", gate.State())
		}
		pass(20 * time.Second)
		if state := gate.State(); !state.Closed || state.Freshness != "stale" || !strings.Contains(state.Problem, `"purple"`) {
			t.Error(state)
		}
		if lines := log.all(); len(lines) == 0 || !strings.Contains(lines[0], "purple") {
			t.Errorf("logged %q", lines)
		}
		svc.set("line/2", "open")
		pass(20 * time.Second)
		if gate.Closed() {
			t.Error(gate.State())
		}
	})
}

// TestAProxyMayChangeTheTag has one that weakens it and one that takes it away.
func TestAProxyMayChangeTheTag(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{`W/"0000000000000001.0"`: `andon/gates "0000000000000001.0"`, "": "andon/gates"} {
		synctest.Test(t, func(t *testing.T) {
			svc := newAndon()
			svc.answer(func(w http.ResponseWriter, r *http.Request) bool {
				if !noStream(w, r) {
					w.Header().Set("ETag", tag)
					fmt.Fprint(w, `{"cords":[{"cord":"line","level":"red"}]}`)
				}
				return true
			})
			c, gate := asking(t, svc)
			defer c.Close()
			pass(25 * time.Second)
			if got := svc.asked(); !slices.Contains(got[2:], want) || !gate.Closed() || gate.State().Freshness != "known" {
				t.Errorf("asked %q; %s", got, gate.State())
			}
		})
	}
}

// TestAHeartbeatAloneVouchesForNothing has a service that never says what is so.
func TestAHeartbeatAloneVouchesForNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc := newAndon()
		svc.answer(func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "id: 0000000000000001.1\n"+heartbeat, "id: 0000000000000001.2\nevent: cord\ndata: "+cordJSON("line/2", "red")+"\n\n")
			w.(http.Flusher).Flush()
			return true
		})
		c, gate := asking(t, svc)
		defer c.Close()
		pass(time.Minute)
		if state := gate.State(); !state.Closed || state.Freshness != "never connected" || state.Problem == "" {
			t.Error(state)
		}
		over, cancel := context.WithCancel(context.Background())
		cancel()
		if err := c.WaitReady(over); err == nil {
			t.Error("the gates are said to be ready")
		}
	})
}

func TestATokenThatWasReplacedIsReadAgainByGates(t *testing.T) {
	svc := newAndon()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer new" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		svc.ServeHTTP(w, r)
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAKEGOOD_TOKEN", "")
	t.Setenv("MAKEGOOD_TOKEN_FILE", file)
	c := newClient(t, makegood.URL(server.URL))
	defer c.Close()
	gate := c.Gate("line/1", makegood.FailClosed)
	until(t, func() bool { return strings.Contains(gate.State().Problem, "401") })
	if err := os.WriteFile(file, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	ready(t, c)
	if gate.Closed() {
		t.Error(gate.State())
	}
}

// TestAnApplicationsClientWithATimeoutStillStreams gives the client a limit that
// is meant for requests that end.
func TestAnApplicationsClientWithATimeoutStillStreams(t *testing.T) {
	t.Parallel()
	svc, c := serveAndon(t, makegood.HTTPClient(&http.Client{Timeout: time.Nanosecond, Transport: &http.Transport{}}))
	gate := c.Gate("line/1", makegood.FailClosed)
	changes := changesOf(gate)
	svc.set("line/1", "red")
	if !next(t, changes) {
		t.Error("not closed")
	}
	if got := svc.asked(); !slices.Equal(got, []string{"andon/stream"}) {
		t.Errorf("asked %q", got)
	}
}

// TestListenersMayDoAnything has one that panics, one that closes the client and
// one that hangs.
func TestListenersMayDoAnything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc := newAndon()
		c, gate := asking(t, svc)
		var told []bool
		hung := make(chan struct{})
		gate.OnChange(func(bool) { panic("an application may do anything") })
		gate.OnChange(func(closed bool) {
			told = append(told, closed)
			if len(told) == 2 {
				<-hung
			}
		})
		for _, level := range []string{"red", "open", "red", "open"} { // the last two while it hangs
			svc.set("line/1", level)
			synctest.Wait()
		}
		svc.set("line/1", "red")
		synctest.Wait()
		close(hung)
		synctest.Wait()
		if !slices.Equal(told, []bool{true, false, true}) {
			t.Errorf("told %v", told)
		}
		gate.OnChange(func(bool) { _ = c.Close() })
		svc.set("line/1", "open")
		synctest.Wait()
		if gate.Closed() || c.WaitReady(context.Background()) != nil { // it had been heard
			t.Error(gate.State())
		}
	})
}

// stubborn is a transport that does not listen to its context.
type stubborn struct{ release chan struct{} }

func (s stubborn) RoundTrip(*http.Request) (*http.Response, error) {
	<-s.release
	return nil, errors.New("released")
}

func TestCloseDoesNotWaitForAStubbornTransport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stubborn{make(chan struct{})}
		c := newClient(t, makegood.URL("http://makegood.example.com"), makegood.HTTPClient(&http.Client{Transport: s}))
		gate := c.Gate("line/1", makegood.FailClosed)
		synctest.Wait()
		began := time.Now()
		if err := c.Close(); err != nil || time.Since(began) > time.Second || !gate.Closed() {
			t.Errorf("took %s: %v; %s", time.Since(began), err, gate.State())
		}
		close(s.release)
	})
}
