package serving

import (
	"net"
	"net/http"
	"sync"
)

// connections are those on which no request has begun. A server that shuts down
// waits five seconds for each in case one comes; clients open such connections
// in advance, and whoever sends on one that closes sends again elsewhere.
type connections struct {
	mu     sync.Mutex
	unused map[net.Conn]bool
	ended  bool
}

// observe hears from the server what becomes of a connection.
func (c *connections) observe(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(c.unused, conn)
	case c.ended:
		_ = conn.Close()
	case c.unused == nil:
		c.unused = map[net.Conn]bool{conn: true}
	default:
		c.unused[conn] = true
	}
}

// end closes the connections that are unused, and those that come yet.
func (c *connections) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for conn := range c.unused {
		_ = conn.Close()
	}
}
