package natstest

import (
	"io"
	"net"
	"sync"
)

// link carries the connections of one server to another, until it is cut.
type link struct {
	listener net.Listener
	to       string

	mu      sync.Mutex
	severed bool
	open    map[net.Conn]bool
}

func newLink(to string) (*link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{listener: listener, to: to, open: map[net.Conn]bool{}}
	go l.accept()
	return l, nil
}

func (l *link) address() string { return l.listener.Addr().String() }

func (l *link) accept() {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return // closed
		}
		go l.carry(from)
	}
}

// carry carries one connection until either side ends it.
func (l *link) carry(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", l.to)
	if err != nil {
		return // the server is not there
	}
	defer to.Close()
	if !l.keep(from, to) {
		return
	}
	defer l.forget(from, to)
	go func() {
		_, _ = io.Copy(to, from)
		_ = to.Close()
		_ = from.Close()
	}()
	_, _ = io.Copy(from, to)
}

func (l *link) keep(ends ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		l.open[end] = true
	}
	return !l.severed
}

func (l *link) forget(ends ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		delete(l.open, end)
	}
}

// cut ends what is carried, and carries nothing more.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.severed = true
	for end := range l.open {
		_ = end.Close()
	}
}

func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.severed = false
}

func (l *link) close() {
	_ = l.listener.Close()
	l.cut()
}
