package andon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
)

// board is what the fold and the API leave in the tables, in memory.
type board struct {
	mu    sync.Mutex
	cords map[string]cord.State
	stops map[string]Stop
	err   error // what reading gives instead
}

func newBoard() *board {
	return &board{cords: map[string]cord.State{}, stops: map[string]Stop{}}
}

// Stopped implements Store.
func (b *board) Stopped(context.Context) (cords []cord.State, stops []Stop, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.cords {
		if s.Level != cord.Open {
			cords = append(cords, s)
		}
	}
	return cords, slices.Collect(maps.Values(b.stops)), b.err
}

// Cord implements Store.
func (b *board) Cord(_ context.Context, path string) (*cord.State, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, pulled := b.cords[path]; pulled {
		return &s, b.err
	}
	return nil, b.err
}

// pull pulls a cord as the fold does.
func (b *board) pull(path, level string, at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.cords[path]
	s.Cord = path
	if s.Level == "" {
		s.Level = cord.Open
	}
	s.Tug(cord.Pull{ID: uuid.NewSHA1(uuid.NameSpaceURL, []byte(path+time.Unix(0, at).String())), Level: level, By: "ada", At: at})
	b.cords[path] = s
	delete(b.stops, path)
}

func (b *board) release(path string, at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.cords[path]
	s.Cord = path
	s.Release("bob", at)
	b.cords[path] = s
	delete(b.stops, path)
}

// stop stops a cord before the fold has seen it.
func (b *board) stop(path string, at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stops[path] = Stop{Cord: path, By: "ada", At: at}
}

// refuse takes back a stop that the fold did not allow.
func (b *board) refuse(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.stops, path)
}

func (b *board) breakDown(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// line is a hub behind an HTTP server whose connections are pipes, which hold no
// byte that was not read: in a bubble, time passes only when everybody waits.
type line struct {
	t      *testing.T
	board  *board
	hub    *Hub
	server *http.Server
	client *http.Client
	stop   func() // ends the hub's Run
}

func newLine(t *testing.T, server *http.Server) *line {
	l := &line{t: t, board: newBoard(), server: server}
	l.hub = New(Config{Store: l.board, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	mux := http.NewServeMux()
	mux.Handle("/stream", l.hub.Stream())
	mux.Handle("/gates", l.hub.Gates())
	server.Handler = mux
	pipes := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	l.client = &http.Client{Transport: &http.Transport{DialContext: pipes.dial}}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(pipes) // it ends with ErrServerClosed
	}()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		l.hub.Run(ctx)
	}()
	l.stop = func() {
		cancel()
		<-ran
	}
	t.Cleanup(func() {
		l.stop()
		l.client.CloseIdleConnections()
		_ = server.Close()
		<-served
	})
	return l
}

// begin makes the first picture.
func (l *line) begin() {
	l.t.Helper()
	if err := l.hub.Refresh(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

// get asks for a path with headers.
func (l *line) get(path string, header ...string) *http.Response {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, "http://line"+path, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := l.client.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { res.Body.Close() })
	return res
}

// listen opens a stream.
func (l *line) listen(lastID string) *Reader {
	l.t.Helper()
	res := l.get("/stream", "Last-Event-ID", lastID)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		l.t.Fatalf("the stream answers %s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	return NewReader(res.Body)
}

// next reads the next event.
func (l *line) next(r *Reader) News {
	l.t.Helper()
	news, err := r.Next()
	if err != nil {
		l.t.Fatalf("the stream ends with %v", err)
	}
	return news
}

// pipes is a listener whose connections are in memory.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, errors.New("nobody listens")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, io.EOF
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }
