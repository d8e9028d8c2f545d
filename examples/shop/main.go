// Command shop is an example web shop that stops selling what customers complain
// about, and the service that stops it, in one program.
//
// It is for readers who want to see gates at work. An agent notes complaints in a
// form; each becomes an event. A rule pulls the product's andon cord when three
// customers have the same defect within a week, and the product's page, which asks
// a gate each time, has nothing to buy within the second. See README.md.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/sdk"
)

const (
	startWithin = 30 * time.Second // until the service speaks
	stopWithin  = 10 * time.Second // until the last request has its answer
	readWithin  = 5 * time.Second  // of a request's header
)

//go:embed rules/damaged-product.yaml
var damagedProduct string

// catalogue is what the shop sells.
var catalogue = []product{
	{SKU: "TABLE-7", Name: "Table, oak", Price: "249.00 EUR", Sold: 120},
	{SKU: "CHAIR-2", Name: "Chair, beech", Price: "79.00 EUR", Sold: 96},
	{SKU: "LAMP-1", Name: "Lamp, brass", Price: "59.00 EUR", Sold: 44},
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address of the shop and of the service")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

// run sells until the context ends. What the service decided is gone afterwards:
// its folder is a temporary one.
func run(ctx context.Context, listen string) (err error) {
	dir, err := os.MkdirTemp("", "makegood-shop-")
	if err != nil {
		return fmt.Errorf("make temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := start(ctx, dir, listen, catalogue)
	if err != nil {
		return err
	}
	fmt.Printf("The shop is at %s, the form of its agents at %[1]s/contact. Ctrl-C ends it.\n", s.url)
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	return errors.Join(err, s.stop())
}

// site is the running parts: the service, the shop, and the server of both.
type site struct {
	*shop
	url     string
	service *remediator.Service
	server  *http.Server
	end     context.CancelFunc // of the service
	ran     chan error         // what Run came to
	failed  chan error         // what ended the service or the server though nobody stopped it
}

// start starts everything on one address.
func start(ctx context.Context, dir, listen string, products []product) (*site, error) {
	service, err := remediator.New(remediator.Config{
		DataDir: dir, Author: "shop", Logger: slog.New(slog.DiscardHandler),
		Rules: []rule.File{{Path: "damaged-product.yaml", Text: damagedProduct}},
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), service.Close())
	}
	s := &site{url: "http://" + listener.Addr().String(), service: service, ran: make(chan error, 1), failed: make(chan error, 2)}
	client, err := makegood.New("shop", makegood.URL(s.url))
	if err != nil {
		return nil, errors.Join(err, listener.Close(), service.Close())
	}
	s.shop = newShop(client, products)
	mux := http.NewServeMux()
	mux.Handle("/", s.shop.pages())
	for _, path := range []string{"/v1/", "/readyz", "/checkpoint"} {
		mux.Handle(path, service)
	}
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: readWithin}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	go func() {
		err := service.Run(running)
		s.ran <- err
		if running.Err() == nil {
			s.failed <- err
		}
	}()
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	limit, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := client.WaitReady(limit); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// stop delivers what is left, answers who is still asking, and ends the service.
func (s *site) stop() error {
	limit, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	err := errors.Join(s.client.Close(), s.server.Shutdown(limit))
	s.end()
	return errors.Join(err, <-s.ran, s.service.Close())
}
