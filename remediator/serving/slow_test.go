package serving_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/remediator/serving"
)

// wires is a listener whose connections have no buffer: what nobody reads is not
// written.
type wires struct {
	made  chan net.Conn
	ended chan struct{}
	end   func()
}

func newWires() *wires {
	w := &wires{made: make(chan net.Conn), ended: make(chan struct{})}
	w.end = sync.OnceFunc(func() { close(w.ended) })
	return w
}

// Accept implements net.Listener.
func (w *wires) Accept() (net.Conn, error) {
	select {
	case conn := <-w.made:
		return conn, nil
	case <-w.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (w *wires) Close() error {
	w.end()
	return nil
}

// Addr implements net.Listener.
func (w *wires) Addr() net.Addr { return &net.TCPAddr{} }

func (w *wires) dial() net.Conn {
	here, there := net.Pipe()
	w.made <- there
	return here
}

// ended returns after how long the other side closes a connection.
func ended(conn net.Conn) time.Duration {
	began := time.Now()
	_, _ = io.Copy(io.Discard, conn) // however it ends
	return time.Since(began)
}

// slow is a client that takes its time.
type slow struct {
	what, sends string
	each        time.Duration // of a byte; 0: all at once. Below 0 it reads nothing either
	want        time.Duration // for which it is served
}

var slowClients = []slow{
	{"says nothing", "", 0, 5 * time.Second},
	{"sends headers byte by byte", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 100), time.Second, 5 * time.Second},
	{"never ends its headers", "GET / HTTP/1.1\r\nHost: a\r\n", 0, 5 * time.Second},
	{"sends a body byte by byte", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 500), time.Second, 60 * time.Second},
	{"reads nothing of a long answer", "GET /long HTTP/1.1\r\nHost: a\r\n\r\n", -1, 60 * time.Second},
}

// send sends what it has to say, a body byte by byte behind its headers. That nobody
// takes it any more is what is tested.
func (c slow) send(conn net.Conn) {
	text := c.sends
	if head, body, _ := strings.Cut(text, "\r\n\r\n"); body != "" {
		_, _ = conn.Write([]byte(head + "\r\n\r\n"))
		text = body
	}
	if c.each <= 0 {
		_, _ = conn.Write([]byte(text))
		return
	}
	for _, one := range []byte(text) {
		if _, err := conn.Write([]byte{one}); err != nil {
			return
		}
		time.Sleep(c.each)
	}
}

// isServed holds for how long a client is served.
func (c slow) isServed(t *testing.T, conn net.Conn) {
	began := time.Now()
	go c.send(conn)
	if c.each < 0 {
		time.Sleep(2 * c.want) // without reading
		if took := ended(conn); took > 0 {
			t.Errorf("a client that %s is served for %v more", c.what, took)
		}
		return
	}
	ended(conn)
	if took := time.Since(began); took < c.want || took > c.want+2*time.Second {
		t.Errorf("a client that %s is served for %v, want %v", c.what, took, c.want)
	}
}

// answer answers with the length of a body, or with a long answer.
func answer(w http.ResponseWriter, r *http.Request) {
	for n := 0; r.URL.Path == "/long" && n < 1000; n++ {
		if _, err := w.Write(make([]byte, 64<<10)); err != nil {
			return
		}
	}
	body, err := io.ReadAll(r.Body)
	fmt.Fprint(w, len(body), err)
}

// TestSlowClients holds for how long a client may take over each part of a request, that
// others are answered meanwhile, and that those who are slow do not delay the end.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wire := newWires()
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() {
			served <- serving.Serve(ctx, wire, http.HandlerFunc(answer), func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		var all sync.WaitGroup
		for _, c := range slowClients {
			conn := wire.dial()
			all.Go(func() { c.isServed(t, conn) })
		}
		for range 50 {
			conn := wire.dial()
			go func() { _, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) }()
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("others are not answered: %v", err)
			}
		}
		all.Wait()
		long := wire.dial()
		if _, err := long.Write([]byte("GET /long HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stop()
		began := time.Now()
		if err := <-served; !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > serving.ShutdownTimeout+time.Second {
			t.Errorf("it ends after %v with %v", time.Since(began), err)
		}
		if took := ended(long); took > 0 {
			t.Errorf("who read nothing is served for %v more", took)
		}
	})
}
