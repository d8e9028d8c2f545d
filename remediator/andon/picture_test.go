package andon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
)

// TestStand holds how stops that the fold has not seen change what it left.
func TestStand(t *testing.T) {
	t.Parallel()
	pull := uuid.New()
	stop := []Stop{{Cord: "a", By: "ada", At: 9}}
	cases := []struct {
		name  string
		cords []cord.State
		stops []Stop
		want  cord.State
	}{
		{"nothing but a stop", nil, stop, cord.State{Cord: "a", Level: cord.Red, Since: 9, By: "ada"}},
		{"released before", []cord.State{{Cord: "a", Level: cord.Open, Pull: pull, Pulls: 3, By: "bob", Since: 5}}, stop,
			cord.State{Cord: "a", Level: cord.Red, Since: 9, By: "ada", Pulls: 3}},
		{"a call that was raised", []cord.State{{Cord: "a", Level: cord.Yellow, Pull: pull, By: "bob", Since: 5, AnswerBy: 7}}, stop,
			cord.State{Cord: "a", Level: cord.Red, Pull: pull, By: "bob", RaisedBy: "ada", Since: 9}},
		{"red already", []cord.State{{Cord: "a", Level: cord.Red, Pull: pull, By: "bob", Since: 5}}, stop,
			cord.State{Cord: "a", Level: cord.Red, Pull: pull, By: "bob", Since: 5}},
		{"no stop", []cord.State{{Cord: "a", Level: cord.Yellow, Since: 5}}, nil, cord.State{Cord: "a", Level: cord.Yellow, Since: 5}},
	}
	for _, c := range cases {
		if got := Stand(c.cords, c.stops); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestStanding holds that a path stands as the worst of itself and what is above.
func TestStanding(t *testing.T) {
	t.Parallel()
	stand := Standing([]cord.State{{Cord: "a", Level: cord.Red, Since: 1}, {Cord: "a/b", Level: cord.Yellow, Since: 2}, {Cord: "c", Level: cord.Open}})
	for path, want := range map[string]cord.Standing{
		"a":     {Cord: "a", Level: cord.Red, From: "a", How: cord.Direct, Since: 1},
		"a/b":   {Cord: "a/b", Level: cord.Red, From: "a", How: cord.Inherited, Since: 1},
		"a/b/c": {Cord: "a/b/c", Level: cord.Red, From: "a", How: cord.Inherited, Since: 1},
		"ab":    {Cord: "ab", Level: cord.Open},
		"c/d":   {Cord: "c/d", Level: cord.Open},
	} {
		if got := stand(path); got != want {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
	}
}

// A picture that is larger than one event comes whole all the same: no event is
// longer than allowed, red cords come first, and only the last event has an id
// from which a stream goes on.
func TestLargePicture(t *testing.T) {
	t.Parallel()
	large := picture{}
	for i := range 9000 {
		c := Cord{Cord: fmt.Sprintf("%s/%d", strings.Repeat("a", 64), i), Level: cord.Yellow, Since: time.Unix(int64(i), 999_999_999).UTC(), Pull: uuid.New()}
		if i >= 8000 {
			c.Level = cord.Red
		}
		large[c.Cord] = c
	}
	text := large.events("b.7", "b.part")
	got := picture{}
	reader, ids, red := NewReader(bytes.NewReader(text)), 0, 0
	for n := 0; ; n++ {
		news, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			if news.ID != "b.part" || news.Snapshot == nil {
				t.Fatalf("the first event has the id %q", news.ID)
			}
			for _, c := range news.Snapshot.Cords {
				got[c.Cord] = c
				if c.Level == cord.Red {
					red++
				}
			}
			continue
		}
		if news.Cord == nil || news.Cord.Level == cord.Open {
			t.Fatalf("event %d is %+v", n, news)
		}
		got[news.Cord.Cord] = *news.Cord
		if news.ID == "b.7" {
			ids++
		}
	}
	for _, part := range bytes.Split(text, []byte("\n\n")) {
		if len(part) > maxEvent {
			t.Errorf("an event has %d bytes", len(part))
		}
	}
	if len(got) != len(large) || red != 1000 || ids != 1 || !bytes.HasSuffix(text, []byte("\n\n")) {
		t.Errorf("got %d cords of %d, %d red ones in the first event, %d ids", len(got), len(large), red, ids)
	}
	if _, ok := changeOf("b.part", "b"); ok {
		t.Error("a stream would go on from a part")
	}
}

// FuzzReader reads whatever a server may send: it must neither panic nor go on
// for ever.
func FuzzReader(f *testing.F) {
	f.Add([]byte(opening))
	f.Add([]byte("id: b.1\nevent: snapshot\ndata: {\"cords\":[{\"cord\":\"a\",\"level\":\"red\",\"since\":\"2026-01-05T10:00:00Z\"}]}\n\n"))
	f.Add([]byte("id: b.2\nevent: cord\ndata: {\"cord\":\"a\",\"level\":\"open\",\"since\":\"2026-01-05T10:00:00Z\"}\n\nevent: heartbeat\ndata: {\"at\":\"2026-01-05T10:00:00Z\"}\n\n"))
	f.Add([]byte("event: cord\ndata: {\n\n"))
	f.Add([]byte("event: cord\r\ndata: null\r\n\r\n: comment\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		reader := NewReader(bytes.NewReader(stream))
		for range len(stream) + 1 {
			if _, err := reader.Next(); err != nil {
				return
			}
		}
		t.Error("there are more events than bytes")
	})
}
