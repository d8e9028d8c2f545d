package natstest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Cluster is several servers that keep each stream together.
type Cluster struct {
	Servers []*Server
	links   [][]*link // by the server that dials and the one that is dialled; nil for itself
}

// Start starts a cluster of n servers.
func Start(t testing.TB, n int, o Options) *Cluster {
	t.Helper()
	c := &Cluster{}
	if err := c.configure(t, n, o); err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Servers {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Ready(); err != nil {
		t.Fatal(err)
	}
	return c
}

// configure has each server reach each other over a link of its own. What servers
// tell of themselves leads nowhere, so that there is no other way.
func (c *Cluster) configure(t testing.TB, n int, o Options) error {
	routes, err := freePorts(n)
	if err != nil {
		return err
	}
	dir := t.TempDir()
	for i := range n {
		var to []*link
		var addresses []string
		for j := range n {
			if j == i {
				to = append(to, nil)
				continue
			}
			l, err := newLink("127.0.0.1:" + routes[j])
			if err != nil {
				return err
			}
			t.Cleanup(l.close)
			to = append(to, l)
			addresses = append(addresses, `"nats-route://`+l.address()+`"`)
		}
		c.links = append(c.links, to)
		own := filepath.Join(dir, fmt.Sprintf("n%d", i+1))
		if err := os.Mkdir(own, 0o700); err != nil {
			return err
		}
		s := &Server{}
		// Port 1 answers nobody.
		more := fmt.Sprintf("cluster {\nname: test\nlisten: \"127.0.0.1:%s\"\ncluster_advertise: \"127.0.0.1:1\"\npool_size: -1\nroutes: [%s]\n}\n",
			routes[i], strings.Join(addresses, ", "))
		if err := s.configure(own, more, o); err != nil {
			return err
		}
		c.Servers = append(c.Servers, s)
		t.Cleanup(func() { s.endWith(t) })
	}
	return nil
}

// Ready waits until all servers serve.
func (c *Cluster) Ready() error {
	var errs []error
	for _, s := range c.Servers {
		errs = append(errs, s.Ready())
	}
	return errors.Join(errs...)
}

// URL is the address of a log on the cluster.
func (c *Cluster) URL() string {
	var clients []string
	for _, s := range c.Servers {
		clients = append(clients, s.client)
	}
	return "nats://" + strings.Join(clients, ",")
}

// Named returns the server of a name, as the streams call it.
func (c *Cluster) Named(name string) *Server {
	for _, s := range c.Servers {
		if filepath.Base(s.dir) == name {
			return s
		}
	}
	return nil
}

// Isolate cuts a server off from the others. Clients reach it still.
func (c *Cluster) Isolate(s *Server) { c.between(s, (*link).cut) }

// Rejoin mends that.
func (c *Cluster) Rejoin(s *Server) { c.between(s, (*link).mend) }

// between does something to all links from and to a server.
func (c *Cluster) between(s *Server, do func(*link)) {
	for i, to := range c.links {
		for j, l := range to {
			if l != nil && (c.Servers[i] == s || c.Servers[j] == s) {
				do(l)
			}
		}
	}
}
