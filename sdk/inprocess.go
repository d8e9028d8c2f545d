package makegood

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// inProcess is a transport that calls a handler instead of a network.
type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper. Panics of the handler are the caller's,
// except those of a stream, which end it.
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if isEventStream(req.Header.Get("Accept")) {
		return t.stream(req)
	}
	w := &recorder{header: http.Header{}}
	t.handler.ServeHTTP(w, incoming(req.Context(), req))
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return w.response(req), nil
}

// incoming is a request as a server hands it to its handler.
func incoming(ctx context.Context, req *http.Request) *http.Request {
	in := req.Clone(ctx)
	in.RequestURI = req.URL.RequestURI()
	in.Host = req.URL.Host
	in.RemoteAddr = "127.0.0.1:0"
	return in
}

// stream calls the handler on a goroutine, which ends when the handler returns:
// closing the answer's body or cancelling the request tells it to.
func (t inProcess) stream(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	near, far := net.Pipe()
	hangUp := context.AfterFunc(ctx, func() { _ = near.Close() })
	w := &streamer{recorder: recorder{header: http.Header{}}, pipe: far, begun: make(chan struct{})}
	var panicked any
	go func() {
		defer cancel()
		defer func() {
			panicked = recover()
			w.begin(false)
			hangUp() // unless it was hung up: the client shall read to the end
			_ = far.Close()
		}()
		t.handler.ServeHTTP(w, incoming(ctx, req))
	}()
	select {
	case <-w.begun:
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	if w.flowing {
		res := w.response(req)
		res.ContentLength = -1
		res.Body = streamBody{io.MultiReader(&w.body, near), cancel}
		return res, nil
	}
	if panicked != nil {
		return nil, fmt.Errorf("call handler: panic: %v", panicked)
	}
	return w.response(req), nil
}

// recorder keeps a handler's answer, as much of it as anybody will read.
type recorder struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status != 0 || status < 200 { // 1xx announce a later status
		return
	}
	w.status, w.sent = status, w.header.Clone()
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if room := maxResponse - w.body.Len(); room > 0 {
		w.body.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

// response is what was recorded so far.
func (w *recorder) response(req *http.Request) *http.Response {
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status:     http.StatusText(w.status),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.sent,
		Body:          io.NopCloser(&w.body),
		ContentLength: int64(w.body.Len()),
		Request:       req,
	}
}

// streamer records an answer until the first Flush and hands on what follows as
// it comes. Like every ResponseWriter it is used by one goroutine at a time.
type streamer struct {
	recorder
	pipe    net.Conn
	once    sync.Once
	begun   chan struct{} // closed when the answer can be read
	flowing bool          // it goes on; set before begun is closed
}

// begin hands the answer to the client.
func (w *streamer) begin(flowing bool) {
	w.once.Do(func() {
		w.WriteHeader(http.StatusOK)
		w.flowing = flowing
		close(w.begun)
	})
}

// Flush implements http.Flusher.
func (w *streamer) Flush() { w.begin(true) }

// Write implements http.ResponseWriter.
func (w *streamer) Write(p []byte) (int, error) {
	if w.flowing {
		return w.pipe.Write(p)
	}
	return w.recorder.Write(p)
}

// SetWriteDeadline lets a handler give up on a client that does not read, see
// http.ResponseController.
func (w *streamer) SetWriteDeadline(deadline time.Time) error {
	return w.pipe.SetWriteDeadline(deadline)
}

// streamBody is the body of an answer that goes on.
type streamBody struct {
	io.Reader
	end context.CancelFunc
}

// Close tells the handler to end.
func (b streamBody) Close() error {
	b.end()
	return nil
}
