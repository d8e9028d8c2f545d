package sse_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/makegood/makegood/sdk/internal/sse"
)

// read returns every event of a stream as id|name|data, and why it ended.
func read(source io.Reader, limit int) (events []string, retry time.Duration, err error) {
	r := sse.NewReader(source, limit)
	for {
		e, err := r.Next()
		if err != nil {
			return events, r.Retry(), err
		}
		events = append(events, fmt.Sprintf("%s|%s|%s", e.ID, e.Name, e.Data))
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100)
	for _, tc := range []struct {
		name, stream string
		want         []string
		err          error
	}{
		{"one event", "id: b.1\nevent: cord\ndata: {}\n\n", []string{"b.1|cord|{}"}, io.EOF},
		{"carriage returns", "event: a\rdata: 1\r\rdata: 2\r\r", []string{"|a|1", "||2"}, io.EOF},
		{"both line ends", "event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", []string{"|a|1", "||2"}, io.EOF},
		{"an id stays", "id: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n", []string{"7||1", "7||2", "||3"}, io.EOF},
		{"an id with a zero byte", "id: 7\ndata: 1\n\nid: 8\x00\ndata: 2\n\n", []string{"7||1", "7||2"}, io.EOF},
		{"an id of an event without data", "id: 7\n\ndata: 1\n\n", []string{"7||1"}, io.EOF},
		{"lines of data", "data: a\ndata:b\ndata\ndata:  c\n\n", []string{"||a\nb\n\n c"}, io.EOF},
		{"empty data is data", "data\n\n", []string{"||"}, io.EOF},
		{"no data", "event: x\n\ndata: 1\n\n", []string{"||1"}, io.EOF},
		{"comments and unknown fields", ": hello\nfoo: bar\n:\ndata: 1\n\n", []string{"||1"}, io.EOF},
		{"byte order mark", "\xef\xbb\xbfdata: 1\n\n", []string{"||1"}, io.EOF},
		{"cut off", "data: 1\n\ndata: 2\n", []string{"||1"}, io.EOF},
		{"nothing", "", nil, io.EOF},
		{"at the limit", "data: " + long[:58] + "\n\n", []string{"||" + long[:58]}, io.EOF},
		{"long line", "data: 1\n\ndata: " + long + "\n\n", []string{"||1"}, sse.ErrTooLarge},
		{"line without an end", "data: " + long, nil, sse.ErrTooLarge},
		{"long comment", ":" + long + "\n", nil, sse.ErrTooLarge},
		{"many lines", strings.Repeat("data: 1\n", 10) + "\n", nil, sse.ErrTooLarge},
		{"many comments", strings.Repeat(": hello\n", 100) + "data: 1\n\n", []string{"||1"}, io.EOF},
	} {
		for how, source := range map[string]io.Reader{
			"at once":      strings.NewReader(tc.stream),
			"byte by byte": iotest.OneByteReader(strings.NewReader(tc.stream)),
		} {
			got, _, err := read(source, 64)
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tc.want) || !errors.Is(err, tc.err) {
				t.Errorf("%s, %s: got %q, %v; want %q, %v", tc.name, how, got, err, tc.want, tc.err)
			}
		}
	}
}

func TestRetryIsKept(t *testing.T) {
	t.Parallel()
	for stream, want := range map[string]time.Duration{
		"retry: 1000\n\n": time.Second, "retry: soon\n": 0, "retry: -1\n": 0, "retry: 99999999999\n": 0, "retry:250\nretry: x\n": 250 * time.Millisecond,
	} {
		if _, got, _ := read(strings.NewReader(stream), 64); got != want {
			t.Errorf("%q: got %s, want %s", stream, got, want)
		}
	}
}

// TestAnEventIsThereAsSoonAsItsLastByte has a server that sends nothing after
// a line that ends in CR.
func TestAnEventIsThereAsSoonAsItsLastByte(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n\n", "\r\r", "\r\n\r\n"} {
		from, to := io.Pipe()
		go func() { _, _ = to.Write([]byte("data: 1" + end)) }()
		if e, err := sse.NewReader(from, 64).Next(); err != nil || string(e.Data) != "1" {
			t.Errorf("%q: got %q, %v", end, e.Data, err)
		}
		_ = from.Close()
	}
}

// FuzzReader holds a stream to its limit, and to the same events however it is
// cut and whatever ends its lines.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"retry: 1000\n\nid: 00000000000000ff.7\nevent: snapshot\ndata: {\"cords\":[]}\n\nevent: heartbeat\ndata: {\"at\":\"2026-01-05T10:00:00Z\"}\n\n",
		"\xef\xbb\xbfdata\r\rid:\x00\r\n\r\n:c\n", "data: a\ndata: b\n\n", "event: x\n\n", strings.Repeat("data: 1\n", 40),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		const limit = 256
		whole, retry, err := read(bytes.NewReader(stream), limit)
		if err != io.EOF && err != sse.ErrTooLarge {
			t.Fatalf("ended with %v", err)
		}
		for _, e := range whole {
			if i := strings.Index(e, "|"); len(e)-i > limit+2 { // the id may be older than the event
				t.Errorf("an event of %d bytes", len(e))
			}
		}
		cut, cutRetry, cutErr := read(iotest.OneByteReader(bytes.NewReader(stream)), limit)
		if fmt.Sprint(whole) != fmt.Sprint(cut) || retry != cutRetry || err != cutErr {
			t.Errorf("got %q at once and %q byte by byte", whole, cut)
		}
		if !bytes.Contains(stream, []byte("\r")) {
			other, _, otherErr := read(bytes.NewReader(bytes.ReplaceAll(stream, []byte("\n"), []byte("\r\n"))), limit)
			if fmt.Sprint(whole) != fmt.Sprint(other) || err != otherErr {
				t.Errorf("got %q with LF and %q with CRLF", whole, other)
			}
		}
	})
}
