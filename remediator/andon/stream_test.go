package andon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/remediator/cord"
)

// TestStream holds what a stream says and when. Each case is a server of its own
// in a bubble, where ten seconds pass as soon as everybody waits for them.
func TestStream(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		run  func(t *testing.T, l *line)
	}{
		{"begins with a snapshot of what is not open, by path", streamBegins},
		{"begins with an empty list when everything is open", streamBeginsEmpty},
		{"tells each change with the next id", streamTells},
		{"tells nothing twice and nothing that did not change", streamIsQuiet},
		{"a stop that the fold has not seen is red, and open again when refused", streamEarly},
		{"goes on from Last-Event-ID after a heartbeat", streamResumes},
		{"has nothing but a heartbeat for who is up to date", streamUpToDate},
		{"begins anew for an id of another start", streamOtherBoot},
		{"begins anew for an id that is too old", streamTooOld},
		{"goes on from the oldest change that is kept", streamOldestKept},
		{"begins anew for an id that makes no sense", streamNonsense},
		{"beats every ten seconds, without an id", streamBeats},
		{"beats no more when the store cannot be read, and is refused", streamBlind},
		{"drops a reader that does not read, who comes back to a snapshot", streamSlow},
		{"ends for a reader that fell too far behind, and leaves nothing out before", streamBehind},
		{"ends when the server shuts down", streamShutdown},
		{"ends when the hub ends", streamEnds},
		{"forgets readers that went away", streamGone},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// The server's limits are for requests; a stream outlives them.
				c.run(t, newLine(t, &http.Server{ReadTimeout: time.Second, WriteTimeout: time.Second}))
			})
		})
	}
}

// changed lets the hub read the board, and waits until everybody knows.
func (l *line) changed() {
	l.hub.Changed()
	synctest.Wait()
}

func paths(s *Snapshot) string {
	if s == nil {
		return "no snapshot"
	}
	var text []string
	for _, c := range s.Cords {
		text = append(text, c.Cord+" "+c.Level)
	}
	return strings.Join(text, ", ")
}

func streamBegins(t *testing.T, l *line) {
	l.board.pull("product/TABLE-7", cord.Red, 2)
	l.board.pull("airport/ORD", cord.Yellow, 1)
	l.board.pull("airport/JFK", cord.Yellow, 1)
	l.board.release("airport/JFK", 2)
	l.begin()
	res := l.get("/stream")
	news := l.next(NewReader(res.Body))
	if got := paths(news.Snapshot); got != "airport/ORD yellow, product/TABLE-7 red" {
		t.Errorf("got %q", got)
	}
	if news.ID != l.hub.boot+".0" || len(l.hub.boot) != 16 {
		t.Errorf("id %q of start %q", news.ID, l.hub.boot)
	}
	c := news.Snapshot.Cords[1]
	if c.Since.UnixNano() != 2 || c.Pull != l.board.cords["product/TABLE-7"].Pull {
		t.Errorf("got %+v", c)
	}
}

func streamBeginsEmpty(t *testing.T, l *line) {
	l.begin()
	res := l.get("/stream")
	want := "retry: 1000\n\nid: " + l.hub.boot + ".0\nevent: snapshot\ndata: {\"cords\":[]}\n\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != want {
		t.Errorf("got %q, %v", got, err)
	}
}

func streamTells(t *testing.T, l *line) {
	l.begin()
	r := l.listen("")
	l.next(r)
	l.board.pull("product/TABLE-7", cord.Yellow, 5)
	l.changed()
	first := l.next(r)
	if first.Cord == nil || first.Cord.Level != cord.Yellow || first.ID != l.hub.boot+".1" {
		t.Fatalf("got %+v", first)
	}
	l.board.release("product/TABLE-7", 7)
	l.board.pull("airport/ORD", cord.Red, 8)
	l.changed()
	second, third := l.next(r), l.next(r)
	if second.Cord.Cord != "airport/ORD" || third.Cord.Cord != "product/TABLE-7" || third.ID != l.hub.boot+".3" {
		t.Errorf("got %+v and %+v", second, third)
	}
	if c := third.Cord; c.Level != cord.Open || c.Since.UnixNano() != 7 || c.Pull != first.Cord.Pull {
		t.Errorf("the release is told as %+v", c)
	}
}

func streamIsQuiet(t *testing.T, l *line) {
	l.begin()
	r := l.listen("")
	l.next(r)
	l.board.pull("a", cord.Red, 1)
	l.changed()
	l.next(r)
	l.board.pull("a", cord.Yellow, 2) // evidence
	l.changed()
	l.changed()
	l.board.pull("b", cord.Red, 3)
	l.changed()
	if news := l.next(r); news.Cord == nil || news.Cord.Cord != "b" || news.ID != l.hub.boot+".2" {
		t.Errorf("got %+v", news)
	}
}

func streamEarly(t *testing.T, l *line) {
	l.board.pull("a", cord.Yellow, 1)
	l.begin()
	r := l.listen("")
	l.next(r)
	l.board.stop("a", 5)
	l.board.stop("b", 6)
	l.changed()
	a, b := l.next(r).Cord, l.next(r).Cord
	if a.Level != cord.Red || a.Since.UnixNano() != 5 || b.Cord != "b" || b.Level != cord.Red || b.Pull.Version() != 0 {
		t.Errorf("got %+v and %+v", a, b)
	}
	l.board.pull("a", cord.Red, 7)
	l.board.refuse("b")
	l.changed()
	a, b = l.next(r).Cord, l.next(r).Cord
	if a.Level != cord.Red || a.Since.UnixNano() != 7 || b.Level != cord.Open || !b.Since.Equal(time.Now()) {
		t.Errorf("got %+v and %+v", a, b)
	}
}

// change pulls a cord, releases it, pulls it again: n changes.
func (l *line) change(n int) {
	for i := range n {
		if i%2 == 0 {
			l.board.pull("busy", cord.Red, int64(i+1))
		} else {
			l.board.release("busy", int64(i+1))
		}
		l.begin()
	}
}

func streamResumes(t *testing.T, l *line) {
	l.begin()
	l.change(3)
	r := l.listen(l.hub.boot + ".1")
	if first := l.next(r); first.Cord != nil || first.Snapshot != nil || first.ID != "" {
		t.Fatalf("first comes %+v, want a heartbeat", first)
	}
	a, b := l.next(r), l.next(r)
	if a.ID != l.hub.boot+".2" || b.ID != l.hub.boot+".3" || a.Cord.Level != cord.Open || b.Cord.Level != cord.Red {
		t.Errorf("got %+v and %+v", a, b)
	}
}

func streamUpToDate(t *testing.T, l *line) {
	l.begin()
	l.change(3)
	r := l.listen(l.hub.boot + ".3")
	began := time.Now()
	if first := l.next(r); first != (News{}) || time.Since(began) != 0 {
		t.Fatalf("first comes %+v after %s, want a heartbeat at once", first, time.Since(began))
	}
	if second := l.next(r); second != (News{}) || time.Since(began) != heartbeatEvery {
		t.Errorf("second comes %+v after %s", second, time.Since(began))
	}
}

func streamOtherBoot(t *testing.T, l *line) {
	l.begin()
	l.change(3)
	if first := l.next(l.listen("0123456789abcdef.3")); paths(first.Snapshot) != "busy red" {
		t.Errorf("first comes %+v", first)
	}
}

func streamTooOld(t *testing.T, l *line) {
	l.begin()
	l.change(keptChanges + 1)
	if first := l.next(l.listen(l.hub.boot + ".0")); paths(first.Snapshot) != "busy red" {
		t.Errorf("first comes %+v", first)
	}
}

func streamOldestKept(t *testing.T, l *line) {
	l.begin()
	l.change(keptChanges + 1)
	r := l.listen(l.hub.boot + ".1")
	if first := l.next(r); first != (News{}) {
		t.Fatalf("first comes %+v, want a heartbeat", first)
	}
	for n := range keptChanges {
		if news := l.next(r); news.ID != fmt.Sprintf("%s.%d", l.hub.boot, n+2) {
			t.Fatalf("change %d has the id %s", n+2, news.ID)
		}
	}
}

func streamNonsense(t *testing.T, l *line) {
	l.begin()
	l.change(1)
	for _, id := range []string{"x", ".", l.hub.boot, l.hub.boot + ".", l.hub.boot + ".-1", l.hub.boot + ".2", l.hub.boot + ".part", l.hub.boot + ".99999999999999999999"} {
		if first := l.next(l.listen(id)); first.Snapshot == nil {
			t.Errorf("after Last-Event-ID %q comes %+v", id, first)
		}
	}
}

func streamBeats(t *testing.T, l *line) {
	l.begin()
	r := l.listen("")
	began := time.Now()
	l.next(r)
	for n := range 12 { // longer than any limit of the server
		if news := l.next(r); news != (News{}) || time.Since(began) != time.Duration(n+1)*heartbeatEvery {
			t.Fatalf("after %s comes %+v", time.Since(began), news)
		}
	}
}

func streamBlind(t *testing.T, l *line) {
	if res := l.get("/stream"); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("before the first picture the stream answers %s", res.Status)
	}
	l.begin()
	r := l.listen("")
	l.next(r)
	l.board.breakDown(errors.New("the disk is gone"))
	l.board.pull("a", cord.Red, 1)
	l.changed()
	for _, path := range []string{"/stream", "/gates"} {
		if res := l.get(path); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s answers %s though nobody knows what is stopped", path, res.Status)
		}
	}
	mended := 4*heartbeatEvery + heartbeatEvery/2
	time.AfterFunc(mended, func() { l.board.breakDown(nil) })
	began := time.Now()
	news := l.next(r)
	if news.Cord == nil || time.Since(began) < mended || time.Since(began) > mended+retryRead {
		t.Errorf("after %s comes %+v, want the pull as soon as the store can be read", time.Since(began), news)
	}
}

func streamSlow(t *testing.T, l *line) {
	l.begin()
	res := l.get("/stream")
	r := NewReader(res.Body)
	l.next(r)
	// The transport reads ahead what its buffer holds; nobody reads the rest.
	l.change(2 * keptChanges)
	synctest.Wait()
	time.Sleep(writeWithin + time.Second)
	synctest.Wait()
	if l.hub.streams != 0 {
		t.Errorf("%d streams are open, want the slow one dropped", l.hub.streams)
	}
	last := ""
	for {
		news, err := r.Next()
		if err != nil {
			break
		}
		last = news.ID
	}
	l.change(keptChanges)
	if first := l.next(l.listen(last)); first.Snapshot == nil {
		t.Errorf("who comes back after id %s gets %+v", last, first)
	}
}

func streamBehind(t *testing.T, l *line) {
	l.begin()
	r := l.listen("")
	l.next(r)
	l.change(3 * keptChanges)
	for n := 1; ; n++ {
		news, err := r.Next()
		if err == io.EOF && n < 3*keptChanges {
			break
		}
		if err != nil || news.ID != fmt.Sprintf("%s.%d", l.hub.boot, n) {
			t.Fatalf("change %d comes as %+v, %v: want every change, or the end of the stream", n, news, err)
		}
	}
}

func streamShutdown(t *testing.T, l *line) {
	l.begin()
	r, again := l.listen(""), l.listen("")
	l.next(r)
	l.next(again)
	limit, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	down := make(chan error, 1)
	go func() { down <- l.server.Shutdown(limit) }()
	for _, r := range []*Reader{r, again} {
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("the stream ends with %v", err)
		}
	}
	if err := <-down; err != nil {
		t.Fatal(err)
	}
	if err := l.server.Shutdown(limit); err != nil { // once more does no harm
		t.Error(err)
	}
}

func streamEnds(t *testing.T, l *line) {
	l.begin()
	r := l.listen("")
	l.next(r)
	l.stop()
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("the stream ends with %v", err)
	}
	if res := l.get("/stream"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("afterwards it answers %s", res.Status)
	}
}

func streamGone(t *testing.T, l *line) {
	l.begin()
	res := l.get("/stream")
	l.next(NewReader(res.Body))
	if l.hub.streams != 1 {
		t.Errorf("%d streams are open, want 1", l.hub.streams)
	}
	res.Body.Close()
	synctest.Wait()
	if l.hub.streams != 0 {
		t.Errorf("%d streams are open, want none", l.hub.streams)
	}
}

// TestGates holds the answer for those who ask from time to time.
func TestGates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, &http.Server{})
		l.board.pull("a", cord.Red, 1)
		l.begin()
		res := l.get("/gates")
		tag := res.Header.Get("ETag")
		var s Snapshot
		if err := json.NewDecoder(res.Body).Decode(&s); err != nil || paths(&s) != "a red" {
			t.Errorf("got %+v, %v", s, err)
		}
		if tag != `"`+l.hub.boot+`.0"` || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %v", res.Header)
		}
		for _, tags := range []string{tag, `"x", ` + tag, "W/" + tag, "*"} {
			if res := l.get("/gates", "If-None-Match", tags); res.StatusCode != http.StatusNotModified {
				t.Errorf("If-None-Match %s gets %s", tags, res.Status)
			}
		}
		l.board.release("a", 2)
		l.changed()
		res = l.get("/gates", "If-None-Match", tag)
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != "{\"cords\":[]}\n" || res.Header.Get("ETag") != `"`+l.hub.boot+`.1"` {
			t.Errorf("got %s, %q, %v", res.Header.Get("ETag"), body, err)
		}
	})
}

// TestFull holds how many may listen.
func TestFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, &http.Server{})
		l.begin()
		l.hub.streams = maxStreams - 1
		l.next(l.listen(""))
		if res := l.get("/stream"); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("one more stream than allowed gets %s", res.Status)
		}
		if res := l.get("/gates"); res.StatusCode != http.StatusOK {
			t.Errorf("who polls instead gets %s", res.Status)
		}
		l.hub.streams = 1
	})
}

// TestStreamOverHTTP2 holds that streams which share a connection are told of
// changes, and end with their server.
func TestStreamOverHTTP2(t *testing.T) {
	t.Parallel()
	b := newBoard()
	hub := New(Config{Store: b, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	refresh := func() {
		if err := hub.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	refresh()
	server := httptest.NewUnstartedServer(hub.Stream())
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	var readers []*Reader
	for range 5 {
		res, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		if res.ProtoMajor != 2 {
			t.Fatalf("the stream is %s", res.Proto)
		}
		readers = append(readers, NewReader(res.Body))
	}
	b.pull("a", cord.Red, 1)
	refresh()
	for _, r := range readers {
		first, err := r.Next()
		if err != nil || first.Snapshot == nil {
			t.Fatalf("first comes %+v, %v", first, err)
		}
		if len(first.Snapshot.Cords) > 0 {
			continue // it began after the pull
		}
		if news, err := r.Next(); err != nil || news.Cord == nil || news.Cord.Cord != "a" {
			t.Fatalf("then comes %+v, %v", news, err)
		}
	}
	if err := server.Config.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range readers {
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("the stream ends with %v", err)
		}
	}
}
