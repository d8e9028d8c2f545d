package andon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/cord"
)

// Names of the events of a stream.
const (
	eventSnapshot  = "snapshot"  // every cord that is not open
	eventCord      = "cord"      // one cord that changed
	eventHeartbeat = "heartbeat" // nothing has changed
)

// maxEvent bounds an event in bytes, so that those who listen can bound what they hold.
const maxEvent = 1 << 20

// opening is what a stream says first: how long to wait after its end.
const opening = "retry: 1000\n\n"

// heartbeat is the data of a heartbeat.
type heartbeat struct {
	At time.Time `json:"at"`
}

// event writes one event for the wire. Without an id the last one stays.
func event(id, name string, data any) []byte {
	text := encode(data)
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", name, text)
	return b.Bytes()
}

// encode writes what the service says, of which all can be written.
func encode(data any) []byte {
	text, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", data, err))
	}
	return text
}

// events writes a whole picture: a snapshot and, when not all cords fit into one
// event, those that are left as changes. Red ones go first. Only who has read to
// the end can go on from there: the id of a snapshot that is not all is none
// that a stream resumes from.
func (p picture) events(id, partID string) []byte {
	all := p.snapshot().Cords
	size := func(c Cord) int { return len(c.Cord) + 160 } // no cord takes more
	total := 0
	for _, c := range all {
		total += size(c)
	}
	if total < maxEvent {
		return event(id, eventSnapshot, Snapshot{Cords: all})
	}
	slices.SortStableFunc(all, redFirst)
	room, fit := maxEvent-1024, 0
	for fit < len(all) && size(all[fit]) <= room {
		room -= size(all[fit])
		fit++
	}
	slices.SortFunc(all[:fit], byPath)
	out := event(partID, eventSnapshot, Snapshot{Cords: all[:fit]})
	for i, c := range all[fit:] {
		at := ""
		if fit+i == len(all)-1 {
			at = id
		}
		out = append(out, event(at, eventCord, c)...)
	}
	return out
}

// redFirst puts what closes gates before what does not.
func redFirst(a, b Cord) int {
	switch {
	case cord.Above(a.Level, b.Level):
		return -1
	case cord.Above(b.Level, a.Level):
		return 1
	}
	return 0
}

// position is the id of the nth change since a start of the service.
func position(boot string, n uint64) string { return boot + "." + strconv.FormatUint(n, 10) }

// changeOf returns which change of a start an id names, false when it is none.
func changeOf(id, boot string) (n uint64, ok bool) {
	of, number, _ := strings.Cut(id, ".")
	n, err := strconv.ParseUint(number, 10, 63)
	return n, err == nil && of == boot
}
