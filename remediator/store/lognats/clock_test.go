package lognats_test

import (
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/lognats"
	"github.com/makegood/makegood/remediator/store/natstest"
)

// stamped is the time in a server's answer, to the minute.
var stamped = regexp.MustCompile(`"ts":"\d{4}-\d\d-\d\dT\d\d:\d\d`)

// clockAhead stands before a server, whose clock it sets ahead.
type clockAhead struct {
	server string
	by     atomic.Int64 // nanoseconds
}

// listen takes connections until the test ends, and returns where.
func (c *clockAhead) listen(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", c.server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { c.answer(client, server); _ = client.Close() }()
		}
	}()
	return listener.Addr().String()
}

// answer passes on what the server says, with its clock set ahead.
func (c *clockAhead) answer(client io.Writer, server io.Reader) {
	const most = 64 << 10 // an answer comes in one piece
	buf := make([]byte, most)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		said := stamped.ReplaceAllFunc(buf[:n], func(text []byte) []byte {
			const begin, minute = `"ts":"`, "2006-01-02T15:04"
			at, err := time.Parse(begin+minute, string(text))
			if err != nil {
				return text
			}
			return []byte(begin + at.Add(time.Duration(c.by.Load())).Format(minute))
		})
		if _, err := client.Write(said); err != nil {
			return
		}
	}
}

// TestServersClockJumps sets the server's clock twenty minutes ahead. Nothing is stored
// then until the clock is right again, or confirmed.
func TestServersClockJumps(t *testing.T) {
	t.Parallel()
	server := natstest.Single(t, natstest.Options{})
	direct, _, _ := strings.Cut(strings.TrimPrefix(server.URL(), "nats://"), "?")
	clock := &clockAhead{server: direct}
	var passed atomic.Int64 // each look at the clock is a minute after the last
	elapsed := func() time.Duration { return time.Duration(passed.Load()) }
	at := withStream("nats://" + clock.listen(t) + "?replicas=1")
	l := open(t, at, lognats.Options{Elapsed: elapsed})
	quiet := open(t, at, lognats.Options{Elapsed: elapsed}) // appends nothing before the jump
	later := func() { passed.Add(int64(time.Minute)) }
	mustAppend(t, l, "first")
	later()
	mustAppend(t, l, "second")

	clock.by.Store(int64(20 * time.Minute))
	for _, l := range []*lognats.Log{l, l, quiet} {
		later()
		if _, err := l.Append(t.Context(), []byte("ahead")); !errors.Is(err, log.ErrClockJump) {
			t.Fatalf("with the clock ahead: %v, want ErrClockJump", err)
		}
	}
	clock.by.Store(0)
	later()
	mustAppend(t, l, "right again")

	clock.by.Store(int64(40 * time.Minute))
	later()
	if _, err := l.Append(t.Context(), []byte("ahead")); !errors.Is(err, log.ErrClockJump) {
		t.Fatalf("with the clock ahead again: %v, want ErrClockJump", err)
	}
	l.ConfirmClock()
	if seq := mustAppend(t, l, "confirmed"); seq != 4 {
		t.Errorf("what was refused is stored: the record is %d, want 4", seq)
	}
}
