package lognats_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/log/logtest"
	"github.com/makegood/makegood/remediator/store/lognats"
	"github.com/makegood/makegood/remediator/store/natstest"
)

// made counts the streams of this process.
var made atomic.Int64

// place is a log in a stream of the test's own.
type place struct {
	server *natstest.Server
	at     string
}

// withStream is the address of a log on servers, in a stream of its own.
func withStream(at string) string {
	sign := "?"
	if strings.Contains(at, "?") {
		sign = "&"
	}
	return fmt.Sprintf("%s%sstream=t%d", at, sign, made.Add(1))
}

func (p *place) Open(t *testing.T) log.Log {
	t.Helper()
	return open(t, p.at, lognats.Options{})
}

func (p *place) OpenReadOnly(t *testing.T) (log.Log, error) {
	t.Helper()
	l, err := lognats.OpenReadOnly(t.Context(), p.at)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { l.Close() })
	return l, nil
}

func mayBegin() error { return nil }

func open(t testing.TB, at string, o lognats.Options) *lognats.Log {
	t.Helper()
	o.MayBegin = mayBegin
	l, err := lognats.Open(context.Background(), at, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Crash kills the server. The process that appended leaves a connection behind.
func (p *place) Crash(t *testing.T) {
	t.Helper()
	if err := errors.Join(p.server.Kill(), p.server.Start(), p.server.Ready()); err != nil {
		t.Fatal(err)
	}
}

// BeginLate begins an append beside the log. A stream takes a message whole or not at
// all, so that until then nothing of it is there.
func (p *place) BeginLate(t *testing.T, blob []byte) func() {
	l := open(t, p.at, lognats.Options{})
	return func() {
		if _, err := l.Append(t.Context(), blob); err != nil {
			t.Error(err)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	shared := natstest.Single(t, natstest.Options{})
	logtest.Run(t, func(t *testing.T) logtest.Place {
		server := shared
		if strings.HasSuffix(t.Name(), "/Crash") { // it would hurt the others
			server = natstest.Single(t, natstest.Options{})
		}
		return &place{server, withStream(server.URL())}
	})
}

// jetStream is a connection beside the log.
func jetStream(t testing.TB, at string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	servers, _, _ := strings.Cut(at, "?")
	conn, err := nats.Connect(servers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return conn, js
}

func mustAppend(t testing.TB, l *lognats.Log, text string) uint64 {
	t.Helper()
	seq, err := l.Append(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// BenchmarkAppend appends records of 500 events, compressed, to a server that has each
// on disk before it answers. The floor is what publishing the same bytes takes.
func BenchmarkAppend(b *testing.B) {
	blob := bytes.Repeat([]byte("0123456789abcdef"), 50<<10/16)
	server := natstest.Single(b, natstest.Options{Sync: true})
	cluster := natstest.Start(b, 3, natstest.Options{Sync: true})
	for _, kept := range []struct{ name, at string }{{"single", server.URL()}, {"cluster", cluster.URL()}} {
		l := open(b, withStream(kept.at), lognats.Options{})
		_, js := jetStream(b, kept.at)
		replicas := map[string]int{"single": 1, "cluster": 3}[kept.name]
		if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "floor", Subjects: []string{"floor"}, Replicas: replicas}); err != nil {
			b.Fatal(err)
		}
		b.Run(kept.name+"/floor", func(b *testing.B) {
			b.SetBytes(int64(len(blob)))
			for b.Loop() {
				if _, err := js.Publish(b.Context(), "floor", blob); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(kept.name+"/append", func(b *testing.B) {
			b.SetBytes(int64(len(blob)))
			for b.Loop() {
				if _, err := l.Append(b.Context(), blob); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(kept.name+"/read", func(b *testing.B) {
			after := uint64(0)
			b.SetBytes(int64(len(blob)))
			for read := 0; read < b.N; {
				records, err := l.Read(b.Context(), after, 64)
				if err != nil {
					b.Fatal(err)
				}
				if after = 0; len(records) > 0 {
					after = records[len(records)-1].Seq
				}
				read += len(records)
			}
		})
	}
}
