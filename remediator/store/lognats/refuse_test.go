package lognats_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/lognats"
	"github.com/makegood/makegood/remediator/store/natstest"
)

// TestAddressIsNamed holds that an address that is wrong is refused with what is wrong
// with it, and never with the password in it.
func TestAddressIsNamed(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"":                                     "does not begin with nats://",
		"http://u:secret@a":                    "does not begin with nats://",
		"nats://u:secret@a,":                   "server 2 of the address is no host",
		"nats://u:secret@a/x":                  "server 1 of the address is no host",
		"nats://u:secret@a?replicas=7":         "replicas=7 of the address is no number from 1 to 5",
		"nats://u:secret@a?stream=a.b":         "stream=a.b of the address is no name",
		"nats://u:secret@a?stream=":            "stream of the address is empty",
		"nats://u:secret@a?strem=a":            "cannot set strem",
		"nats://u:secret@a?cert=a":             "give both or neither",
		"nats://u:secret@a?%zz":                "cannot be read",
		"nats://u:secret@127.0.0.1:1?stream=a": "no servers available",
	} {
		_, err := lognats.OpenReadOnly(t.Context(), at)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", at, err, want)
		}
	}
}

// TestStreamThatLosesRecordsIsRefused changes one thing of a stream after the other.
func TestStreamThatLosesRecordsIsRefused(t *testing.T) {
	t.Parallel()
	server := natstest.Single(t, natstest.Options{})
	_, js := jetStream(t, server.URL())
	for want, change := range map[string]func(*jetstream.StreamConfig){
		"not the log of a remediator": func(c *jetstream.StreamConfig) { c.Metadata = nil },
		"this program knows version":  func(c *jetstream.StreamConfig) { c.Metadata["makegood-version"] = "2" },
		"something else":              func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, c.Name+".more") },
		"kept in memory":              func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"removes what was read":       func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
		"max_age removes":             func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"remove the oldest":           func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 5, jetstream.DiscardOld },
		"can be deleted":              func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"read directly":               func(c *jetstream.StreamConfig) { c.AllowDirect = false },
	} {
		at := withStream(server.URL())
		l := open(t, at, lognats.Options{})
		stream, err := js.Stream(t.Context(), l.Name())
		if err != nil {
			t.Fatal(err)
		}
		config := stream.CachedInfo().Config
		change(&config)
		if err := js.DeleteStream(t.Context(), l.Name()); err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateStream(t.Context(), config); err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if _, err := lognats.OpenReadOnly(t.Context(), at); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if _, err := l.Head(t.Context()); err == nil || errors.Is(err, log.ErrAway) {
			t.Errorf("a log whose stream was made again: %v", err)
		}
	}
	if _, err := lognats.OpenReadOnly(t.Context(), withStream(server.URL())); err == nil || !strings.Contains(err.Error(), "there is no stream") {
		t.Errorf("no stream: %v", err)
	}
}

// TestForget holds that records go from the beginning, no younger and no later than is
// said, that the last stays, and that reading goes on behind what went.
func TestForget(t *testing.T) {
	t.Parallel()
	server := natstest.Single(t, natstest.Options{})
	l := open(t, withStream(server.URL()), lognats.Options{})
	if gone, err := l.Forget(t.Context(), 10, 0); err != nil || gone != 0 {
		t.Errorf("an empty log forgets %d records, %v", gone, err)
	}
	for n := range 10 {
		mustAppend(t, l, fmt.Sprint(n))
	}
	for _, c := range []struct {
		through uint64
		keep    time.Duration
		gone    uint64
		first   uint64
	}{{5, time.Hour, 0, 1}, {4, 0, 4, 5}, {4, 0, 0, 5}, {100, 0, 5, 10}} {
		gone, err := l.Forget(t.Context(), c.through, c.keep)
		if err != nil || gone != c.gone {
			t.Errorf("forget through %d: %d records went, %v; want %d", c.through, gone, err, c.gone)
		}
		records, err := l.Read(t.Context(), 0, 20)
		if err != nil || len(records) != int(11-c.first) || records[0].Seq != c.first {
			t.Errorf("after that %d records, %v, want from %d", len(records), err, c.first)
		}
	}
	if seq := mustAppend(t, l, "next"); seq != 11 {
		t.Errorf("the next record is %d", seq)
	}
}

// TestTwoBeginNoLog has two handles begin one log: the second is refused.
func TestTwoBeginNoLog(t *testing.T) {
	t.Parallel()
	server := natstest.Single(t, natstest.Options{})
	at := withStream(server.URL())
	first, second := open(t, at, lognats.Options{}), open(t, at, lognats.Options{})
	mustAppend(t, first, "genesis")
	if _, err := second.Append(t.Context(), []byte("another genesis")); err == nil || errors.Is(err, log.ErrAway) {
		t.Errorf("a second beginning: %v", err)
	}
	if head, err := first.Head(t.Context()); err != nil || head != 1 {
		t.Errorf("the log ends at %d, %v", head, err)
	}
}
