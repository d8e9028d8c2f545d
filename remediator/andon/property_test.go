package andon

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/cord"
)

// listener applies what a stream says, as a gate does.
type listener struct {
	line   *line
	body   io.Closer
	reader *Reader
	lastID string
	knows  picture
}

func (s *listener) connect() {
	res := s.line.get("/stream", "Last-Event-ID", s.lastID)
	s.body, s.reader = res.Body, NewReader(res.Body)
}

// catchUp reads until the listener has what the hub had when it was called.
func (s *listener) catchUp() {
	_, to, err := s.line.hub.listed()
	if err != nil {
		s.line.t.Fatal(err)
	}
	for s.lastID != to {
		news := s.line.next(s.reader)
		switch {
		case news.Snapshot != nil:
			s.knows = picture{}
			for _, c := range news.Snapshot.Cords {
				s.knows[c.Cord] = c
			}
		case news.Cord != nil && news.Cord.Level == cord.Open:
			delete(s.knows, news.Cord.Cord)
		case news.Cord != nil:
			s.knows[news.Cord.Cord] = *news.Cord
		}
		if news.ID != "" {
			s.lastID = news.ID
		}
	}
}

// Whatever happens to cords, and however often a connection is lost: who applies
// the snapshot and what follows knows what a new snapshot says.
func TestListenersKnowWhatASnapshotSays(t *testing.T) {
	t.Parallel()
	l := newLine(t, &http.Server{}) // one for all rounds, so that they begin with whatever was left
	l.begin()
	now, checked := int64(0), 0
	rapid.Check(t, func(r *rapid.T) {
		s := &listener{line: l}
		s.connect()
		defer func() { s.body.Close() }()
		path := rapid.SampledFrom([]string{"a", "a/b", "a/b/c", "a/d", "e"})
		level := rapid.SampledFrom([]string{cord.Yellow, cord.Red})
		r.Repeat(map[string]func(*rapid.T){
			"pull":    func(r *rapid.T) { now++; l.board.pull(path.Draw(r, "cord"), level.Draw(r, "level"), now) },
			"release": func(r *rapid.T) { now++; l.board.release(path.Draw(r, "cord"), now) },
			"stop":    func(r *rapid.T) { now++; l.board.stop(path.Draw(r, "cord"), now) },
			"refuse":  func(r *rapid.T) { l.board.refuse(path.Draw(r, "cord")) },
			"refresh": func(*rapid.T) { l.begin() },
			"catch up": func(*rapid.T) {
				s.catchUp()
			},
			"lose": func(r *rapid.T) {
				s.body.Close()
				if rapid.Bool().Draw(r, "all") {
					s.lastID = ""
				}
				s.connect()
			},
			"": func(r *rapid.T) {
				s.catchUp()
				var want Snapshot
				if err := json.NewDecoder(l.get("/gates").Body).Decode(&want); err != nil {
					r.Fatal(err)
				}
				if got := s.knows.snapshot(); !reflect.DeepEqual(got, want) {
					r.Fatalf("the listener knows %+v, a snapshot says %+v", got, want)
				}
				checked++
			},
		})
		l.begin()
		s.catchUp()
		want := picture{}
		cords, stops, _ := l.board.Stopped(t.Context())
		for _, c := range Stand(cords, stops) {
			want[c.Cord] = cordOf(c)
		}
		if !reflect.DeepEqual(s.knows, want) {
			r.Fatalf("the listener knows %+v, the tables say %+v", s.knows, want)
		}
	})
	if checked == 0 || l.hub.n == 0 {
		t.Fatal("nothing was checked")
	}
}
