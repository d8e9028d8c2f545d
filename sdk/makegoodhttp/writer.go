package makegoodhttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
)

// writer notes the status of an answer. What the wrapped writer can do beyond
// that, it can: by http.ResponseController, and by the interfaces that handlers
// commonly ask for.
type writer struct {
	http.ResponseWriter
	status   int
	hijacked bool
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // 1xx announce a later status
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	w.answer()
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets the server send a file by itself.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.answer()
	return io.Copy(w.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (w *writer) Flush() {
	w.answer()
	_ = http.NewResponseController(w.ResponseWriter).Flush() // one that cannot flush has nothing to flush
}

// Hijack implements http.Hijacker.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.hijacked = err == nil
	return conn, rw, err
}

func (w *writer) answer() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

// lasts reports whether the answer is one that takes long on purpose.
func (w *writer) lasts() bool {
	return w.hijacked || strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream")
}
