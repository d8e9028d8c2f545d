package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
)

const (
	// silence is how long a stream that speaks every ten seconds may be silent.
	silence = 30 * time.Second
	// reconnectEvery is how long to wait before connecting again.
	reconnectEvery = time.Second
)

type watchCordsCommand struct {
	asked
	Cord   string `arg:"" optional:"" name:"path" help:"Only cords at, above and below this path."`
	Output string `enum:"table,json" default:"table" help:"table, or json for one object a line."`
}

// cordChange is one line of what is watched.
type cordChange struct {
	andon.Cord
	How string `json:"how,omitempty"` // it reaches the path that is watched: direct or inherited
}

// Run prints changes until it is interrupted. It begins with what is not open,
// and connects again when the connection is lost.
func (c *watchCordsCommand) Run(p *program) error {
	if c.Cord != "" {
		if err := cord.CheckPath(c.Cord); err != nil {
			return usageError(err.Error())
		}
	}
	if _, err := c.options(); err != nil {
		return err
	}
	w := &watcher{watchCordsCommand: c, program: p}
	for lost := ""; ; {
		err := w.follow()
		var refused refusedError
		switch {
		case p.ctx.Err() != nil:
			return nil // this is how watching ends
		case errors.As(err, &refused), errors.Is(err, errPrint):
			return err
		case err.Error() != lost || w.heard:
			lost = err.Error()
			fmt.Fprintf(p.stderr, "makegood: %s; connecting again\n", plain(lost))
		}
		w.heard = false
		select {
		case <-p.ctx.Done():
			return nil
		case <-time.After(reconnectEvery):
		}
	}
}

// refusedError is an answer that trying again does not change.
type refusedError string

func (e refusedError) Error() string { return string(e) }

// errPrint says that nobody reads what is printed.
var errPrint = errors.New("print change")

// watcher knows what it has printed.
type watcher struct {
	*watchCordsCommand
	*program
	lastID string
	knows  map[string]andon.Cord
	heard  bool // the stream said something since it was opened
}

// follow prints what one stream says, until it ends.
func (w *watcher) follow() error {
	ctx, cancel := context.WithCancelCause(w.ctx)
	defer cancel(nil)
	watch := time.AfterFunc(silence, func() { cancel(errors.New("the service was silent for " + silence.String())) })
	defer watch.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(w.URL, "/")+"/v1/andon/stream", nil)
	if err != nil {
		return refusedError("ask service: " + err.Error())
	}
	req.Header.Set("Accept", "text/event-stream")
	if w.lastID != "" {
		req.Header.Set("Last-Event-ID", w.lastID)
	}
	token, err := w.bearer()
	if err != nil {
		return refusedError(err.Error())
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask service: %w", err)
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode >= 400 && answer.StatusCode < 500:
		return refusedError(readAnswer(answer, true, nil).Error())
	case answer.StatusCode != http.StatusOK:
		return readAnswer(answer, true, nil)
	}
	for reader := andon.NewReader(answer.Body); ; {
		news, err := reader.Next()
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if errors.Is(err, io.EOF) {
			return errors.New("the service ended the stream")
		}
		if err != nil {
			return err
		}
		watch.Reset(silence)
		if err := w.take(news); err != nil {
			return err
		}
	}
}

// take prints what is new in an event.
func (w *watcher) take(news andon.News) error {
	w.heard = true
	var changes []andon.Cord
	switch {
	case news.Snapshot != nil:
		changes = w.missed(news.Snapshot.Cords)
	case news.Cord != nil:
		changes = []andon.Cord{*news.Cord}
	}
	if news.ID != "" {
		w.lastID = news.ID
	}
	for _, c := range changes {
		if c.Level == cord.Open {
			delete(w.knows, c.Cord)
		} else {
			w.knows[c.Cord] = c
		}
		if err := w.print(c); err != nil {
			return errors.Join(errPrint, err)
		}
	}
	return nil
}

// missed returns what a snapshot says that was not printed. What was released
// meanwhile opens now, for nobody says when it did.
func (w *watcher) missed(now []andon.Cord) []andon.Cord {
	var changes []andon.Cord
	still := map[string]bool{}
	for _, c := range now {
		still[c.Cord] = true
		if w.knows[c.Cord] != c {
			changes = append(changes, c)
		}
	}
	for _, path := range sortedKeys(w.knows) {
		if !still[path] {
			changes = append(changes, andon.Cord{Cord: path, Level: cord.Open, Since: time.Now().UTC(), Pull: w.knows[path].Pull})
		}
	}
	if w.knows == nil {
		w.knows = map[string]andon.Cord{}
	}
	return changes
}

// print prints a change that concerns the path.
func (w *watcher) print(c andon.Cord) error {
	change := cordChange{Cord: c}
	switch path := w.Cord; {
	case path == "" || strings.HasPrefix(c.Cord, path+"/"):
	case c.Cord == path:
		change.How = cord.Direct
	case strings.HasPrefix(path, c.Cord+"/"):
		change.How = cord.Inherited
	default:
		return nil
	}
	if w.Output == "json" {
		return json.NewEncoder(w.stdout).Encode(change)
	}
	_, err := fmt.Fprintf(w.stdout, "%s  %-6s  %s  %s\n", c.Since.Format(time.RFC3339), c.Level, plain(c.Cord), change.How)
	return err
}
