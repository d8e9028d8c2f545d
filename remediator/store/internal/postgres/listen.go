package postgres

import (
	"time"

	"github.com/lib/pq"
)

const (
	// A listener that lost its connection tries again between these two.
	reconnectFirst, reconnectLast = 100 * time.Millisecond, 10 * time.Second
	// pingEvery finds out that a silent connection is dead.
	pingEvery = time.Minute
)

// Listen calls what stands behind a channel whenever something is announced on it,
// and all of them after each loss of the connection. It is a hint: announcements get
// lost, and whoever waits looks again after a while. Stop ends it.
func (s *Server) Listen(wake map[string]func()) (stop func() error) {
	listener := pq.NewDialListener(newDialer(), s.dsn, reconnectFirst, reconnectLast, nil)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		for channel := range wake {
			_ = listener.Listen(channel) // it waits for the first connection, or for Close
		}
	}()
	go func() {
		defer close(ended)
		ping := time.NewTicker(pingEvery)
		defer ping.Stop()
		for {
			select {
			case <-done:
				return
			case n := <-listener.Notify:
				for channel, call := range wake {
					if n == nil || n.Channel == channel { // nil: the connection was lost and is there again
						call()
					}
				}
			case <-ping.C:
				_ = listener.Ping() // when it does not answer, the listener connects anew
			}
		}
	}()
	return func() error {
		close(done)
		<-ended
		return listener.Close()
	}
}
