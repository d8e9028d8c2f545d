// Package serving answers HTTP until a context ends, and does the work beside it
// that the answers need.
//
// It is for programs that run a service or a sandbox: cmd/makegood, and those that
// embed one with remediator.Start.
package serving

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Time limits of the HTTP server: a slow or silent client must not hold it.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeader         = 64 << 10
)

// ShutdownTimeout is how long requests under way may take when serving ends.
const ShutdownTimeout = 20 * time.Second

// Loopback reports whether only this machine reaches an address.
func Loopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// Serve answers HTTP, on more listeners too, and runs work beside it, until the
// context ends or the work fails. First no more requests are taken, then the work
// is ended, which is no error of it.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, work func(context.Context) error, more ...net.Listener) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
	var unused connections
	server.ConnState = unused.observe
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	worked, served := make(chan error, 1), make(chan error, 1+len(more))
	go func() { worked <- work(workCtx) }()
	for _, l := range append(more, listener) {
		go func() { served <- server.Serve(l) }()
	}
	var err error
	running := true
	select {
	case <-ctx.Done():
	case err = <-worked:
		running = false
	case err = <-served:
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), ShutdownTimeout)
	defer cancel()
	unused.end()
	if late := server.Shutdown(limit); late != nil {
		// Who is served still, would be so from what ends next.
		err = errors.Join(err, late, server.Close())
	}
	stopWork()
	if running {
		if ended := <-worked; !errors.Is(ended, context.Canceled) { // which is what it was told to be
			err = errors.Join(err, ended)
		}
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
