package remediator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/makegood/makegood/remediator/serving"
)

// Running is a service that works in this process and answers on an address.
type Running struct {
	*Service
	// URL is where the service answers, for makegood.URL and for people.
	URL string

	folder string // to be removed at the end; "" for none
	end    context.CancelFunc
	ended  chan struct{}
	why    error // set before ended is closed
}

// Start runs a service inside the program that calls it, on an address like
// "127.0.0.1:8080"; port 0 is a free one. It returns when the service takes events.
//
// Without a data folder the service has a temporary one, which Close removes with
// all that was decided. An address that other machines reach needs an
// administrator's token; one that only this machine reaches gets LocalNames where
// no token is set. The service ends with the context or with Close.
func Start(ctx context.Context, cfg Config, address string) (*Running, error) {
	r := &Running{ended: make(chan struct{})}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	r.URL = "http://" + listener.Addr().String()
	if cfg.AdminToken == "" {
		if !serving.Loopback(listener.Addr()) {
			return nil, errors.Join(listener.Close(), fmt.Errorf(
				"listen on %s: other machines reach it, so it needs an AdminToken: set one, or listen on an address like 127.0.0.1:8080", address))
		}
		cfg.LocalNames = true
	}
	if cfg.DataDir == "" {
		if r.folder, err = os.MkdirTemp("", "makegood-"); err != nil {
			return nil, errors.Join(fmt.Errorf("make temporary folder: %w", err), listener.Close())
		}
		cfg.DataDir = r.folder
	}
	if r.Service, err = New(cfg); err != nil {
		return nil, errors.Join(err, listener.Close(), r.remove())
	}
	ready := make(chan struct{})
	r.onReady = sync.OnceFunc(func() { close(ready) })
	running, end := context.WithCancel(ctx)
	r.end = end
	go func() {
		defer close(r.ended)
		r.why = errors.Join(serving.Serve(running, listener, r.Service, r.Run), r.Service.Close(), r.remove())
	}()
	select {
	case <-ready:
		return r, nil
	case <-r.ended:
		return nil, cmp.Or(r.why, context.Cause(ctx))
	}
}

// Ended is closed when the service has ended: because of Close, of the context, or
// of what only a person can mend, which Close says.
func (r *Running) Ended() <-chan struct{} { return r.ended }

// Close answers the requests under way, ends the service and gives everything
// back. The error is why the service ended, if it did so by itself; more calls
// return the same.
func (r *Running) Close() error {
	r.end()
	<-r.ended
	return r.why
}

func (r *Running) remove() error {
	if r.folder == "" {
		return nil
	}
	if err := os.RemoveAll(r.folder); err != nil {
		return fmt.Errorf("remove temporary folder: %w", err)
	}
	return nil
}
