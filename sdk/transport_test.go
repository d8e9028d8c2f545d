package makegood_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/makegood/makegood/sdk"
)

// throughProxy makes a client whose requests to any address reach the server.
func throughProxy(server *httptest.Server) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}}}
}

func TestBodiesAreCompressedUnlessTheServiceIsOnThisMachine(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	svc.faults = func(n int, _ func() int, w http.ResponseWriter) bool {
		if n != 2 {
			return false
		}
		w.WriteHeader(http.StatusUnsupportedMediaType) // from here on, uncompressed
		return true
	}
	server := httptest.NewServer(svc)
	defer server.Close()
	c := newClient(t, makegood.URL("http://makegood.example.com"), makegood.HTTPClient(throughProxy(server)))
	for range 3 {
		c.Emit(context.Background(), "com.example.x")
		flush(t, c)
	}
	var got []string
	for _, h := range svc.headers {
		got = append(got, h.Get("Content-Encoding"))
	}
	if fmt.Sprint(got) != "[gzip gzip  ]" {
		t.Errorf("content encodings: %q", got)
	}
}

// TestAnEndlessAnswerIsCutOff has a service whose first answer never ends, and a
// log handler that panics about it.
func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	first := make(chan struct{}, 1)
	first <- struct{}{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-first:
			w.WriteHeader(http.StatusInternalServerError)
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		default:
			svc.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	c := newClient(t, makegood.URL(server.URL), makegood.Logger(slog.New(panicLog{slog.NewTextHandler(io.Discard, nil)})))
	c.Emit(context.Background(), "com.example.x")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Flush(ctx); err != nil {
		t.Error(err)
	}
}

type panicLog struct{ slog.Handler }

func (panicLog) Enabled(context.Context, slog.Level) bool  { return true }
func (panicLog) Handle(context.Context, slog.Record) error { panic("no log") }

// hoarder is a transport that reads the body of its first request only after it
// has answered, which transports may do.
type hoarder struct {
	http.RoundTripper
	body chan io.ReadCloser
}

func (h hoarder) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case h.body <- req.Body:
		return nil, errors.New("connection lost")
	default:
		return h.RoundTripper.RoundTrip(req)
	}
}

func TestATransportCannotReadABufferThatIsUsedAgain(t *testing.T) {
	t.Parallel()
	svc := newService(t)
	server := httptest.NewServer(svc)
	defer server.Close()
	h := hoarder{http.DefaultTransport, make(chan io.ReadCloser, 1)}
	c := newClient(t, makegood.URL(server.URL), makegood.HTTPClient(&http.Client{Transport: h}))
	c.Emit(context.Background(), "com.example.x")
	flush(t, c)
	if text, err := io.ReadAll(<-h.body); err == nil || len(text) > 0 {
		t.Errorf("read %q, %v from a request that is over", text, err)
	}
	if _, taken := svc.count(); taken != 1 {
		t.Errorf("%d events arrived", taken)
	}
}
