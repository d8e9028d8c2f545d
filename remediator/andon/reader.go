package andon

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// News is what one event of a stream says. What it does not say is nil.
type News struct {
	ID       string // to go on from with Last-Event-ID; empty when it has none
	Snapshot *Snapshot
	Cord     *Cord
	// A heartbeat is News without either.
}

// Reader reads what Stream wrote, for tools that show every change. Gates need
// more, and have it in the SDK, which shares no code with the service.
type Reader struct{ lines *bufio.Scanner }

// NewReader reads a stream.
func NewReader(stream io.Reader) *Reader {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, maxEvent)
	return &Reader{lines}
}

// Next waits for the next event. The error is io.EOF when the stream has ended.
func (r *Reader) Next() (News, error) {
	var news News
	name, data := "", ""
	for r.lines.Scan() {
		field, value, _ := strings.Cut(r.lines.Text(), ": ")
		switch field {
		case "id":
			news.ID = value
		case "event":
			name = value
		case "data":
			data = value
		case "":
			if data == "" {
				continue // how long to wait, or nothing
			}
			var err error
			switch name {
			case eventSnapshot:
				err = json.Unmarshal([]byte(data), &news.Snapshot)
			case eventCord:
				err = json.Unmarshal([]byte(data), &news.Cord)
			}
			if err != nil {
				return News{}, fmt.Errorf("read %s of the stream: %w", name, err)
			}
			return news, nil
		}
	}
	if err := r.lines.Err(); err != nil {
		return News{}, fmt.Errorf("read the stream: %w", err)
	}
	return News{}, io.EOF
}
