package makegood_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// effects compares what took effect with what was accepted. The caller holds the
// service's lock.
func (w *trial) effects() {
	arrived := map[string]bool{}
	for _, e := range w.svc.taken {
		typ, accepted := w.kinds[e.ID()]
		switch {
		case arrived[e.ID()]:
			w.errorf("event %s took effect twice", e.ID())
		case !accepted:
			w.errorf("event %s took effect, but was not accepted", e.ID())
		case typ != "com.example.x" || e.Type() != typ:
			w.errorf("event %s of type %s took effect, emitted was %s", e.ID(), e.Type(), typ)
		}
		arrived[e.ID()] = true
	}
	var missing []string
	refused := int64(0)
	for id, typ := range w.kinds {
		if typ != "com.example.x" {
			refused++
		} else if !arrived[id] {
			missing = append(missing, id)
		}
	}
	if int64(len(missing)) > w.lost {
		w.errorf("%d events are missing, but %d are reported lost: %.10q", len(missing), w.lost, missing)
	}
	good := int64(len(w.kinds)) - refused
	if n := w.counts; n.delivered+w.lost < good || n.rejected+w.lost < refused || w.spool == "none" && (n.delivered > good || n.rejected > refused) {
		w.errorf("%d events were to be taken and %d to be refused: %+v, lost %d", good, refused, n, w.lost)
	}
}

// order looks at the numbers of each client's events. They are in the order of
// emitting, and so are the arrivals where only one request is in flight, but for
// those that a folder out of reach has kept back.
func (w *trial) order() {
	type arrival struct {
		number int
		id     string
	}
	clients := map[string][]arrival{}
	for i, name := range w.svc.names {
		client, text, _ := strings.Cut(name, ".")
		number, err := strconv.Atoi(text)
		if err != nil {
			w.errorf("name %q: %v", name, err)
		}
		clients[client] = append(clients[client], arrival{number, w.svc.taken[i].ID()})
	}
	for client, all := range clients {
		byNumber := func(a, b arrival) int { return cmp.Compare(a.number, b.number) }
		if w.inFlight == 1 && !w.trouble && !slices.IsSortedFunc(all, byNumber) {
			w.errorf("the events of client %s came in another order", client)
		}
		slices.SortFunc(all, byNumber)
		last := map[string]string{}
		for _, a := range all {
			emitter := a.id[:strings.LastIndexByte(a.id, '/')]
			if a.id <= last[emitter] {
				w.errorf("event %s has a number above that of %s", last[emitter], a.id)
			}
			last[emitter] = a.id
		}
	}
	if len(clients) == 0 {
		w.errorf("no event arrived")
	}
}

// buried looks for all events that were refused in dead.jsonl.
func (w *trial) buried() {
	dead := map[string]bool{}
	if file, err := os.Open(filepath.Join(w.folder, "dead.jsonl")); err == nil {
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var line struct {
				Reason string
				Event  struct{ ID, Type string }
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Reason == "" || line.Event.Type == "com.example.x" {
				w.errorf("dead letter %s: %v", lines.Bytes(), err)
			}
			dead[line.Event.ID] = true
		}
	}
	alive := int64(0)
	for id, typ := range w.kinds {
		if typ != "com.example.x" && !dead[id] {
			alive++
		}
	}
	if alive > w.lost {
		w.errorf("%d events were refused and are no dead letters, %d are reported lost", alive, w.lost)
	}
}

// figures are of all trials together.
type figures struct {
	seeds, lives, accepted, delivered, rejected, lost, recovered, unsaved, full, closed int64
	repeats, requests                                                                   int
	dealt                                                                               map[string]int
	known                                                                               map[string]bool
}

func (f *figures) add(w *trial) {
	n := w.counts
	f.lives += n.lives
	f.accepted += n.accepted
	f.delivered += n.delivered
	f.rejected += n.rejected
	f.lost += w.lost
	f.recovered += n.recovered
	f.unsaved += n.unsaved
	f.full += n.full
	f.closed += n.closed
	f.repeats += w.svc.repeats
	f.requests += w.svc.requests
	for name, times := range w.site.dealt {
		f.dealt[name] += times
	}
	for _, fault := range w.site.weather.faults {
		for _, after := range []bool{false, true} {
			if after && fault.after || !after && fault.before {
				f.known[fault.title(after)] = true
			}
		}
	}
}

func (f *figures) String() string {
	total := 0
	for _, times := range f.dealt {
		total += times
	}
	return fmt.Sprintf("%d seeds, %d setups each, %d clients, %d faults of %d kinds: %d events accepted, %d delivered, %d rejected, "+
		"%d lost at a shutdown that was too short, %d recovered from spools, %d repeats dropped; %d accepted and unsaved, %d refused for room and %d after the end",
		f.seeds, len(setups()), f.lives, total, len(f.dealt), f.accepted, f.delivered, f.rejected,
		f.lost, f.recovered, f.repeats, f.unsaved, f.full, f.closed)
}

// check fails when too little happened to have shown anything.
func (f *figures) check(t *testing.T) {
	want := len(f.known)
	if testing.Short() || f.seeds < 3 {
		want /= 2
	}
	if len(f.dealt) < want || f.accepted < 200 || f.repeats == 0 || f.rejected == 0 || f.lost == 0 || f.recovered == 0 {
		t.Errorf("hardly anything was checked: %s", f)
		for name := range f.known {
			if f.dealt[name] == 0 {
				t.Logf("never happened: %s", name)
			}
		}
	}
}
