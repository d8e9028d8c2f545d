package adoption

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/store/views"
)

const (
	// noteEvery is how often a node stores what it heard.
	noteEvery = 10 * time.Second
	// maxNames bounds what is remembered between: names come from outside.
	maxNames = 5000
	// maxName and maxAgent bound names, in bytes.
	maxName, maxAgent = 512, 100
	// leavingWithin bounds the last note of a node that ends.
	leavingWithin = 5 * time.Second
)

// SourceHeader is how who asks for the gates says whose program it is.
const SourceHeader = "Makegood-Source"

// Notes stores what was heard. It is safe for concurrent use.
type Notes interface {
	NoteHeard(ctx context.Context, h views.Hearing) error
}

// Ear hears which services send what, by which program, and who asks for the gates. It
// decides nothing and keeps no event waiting; what it heard in the seconds before a node
// dies is lost. It is safe for concurrent use.
type Ear struct {
	notes  Notes
	node   string
	now    func() time.Time
	logger *slog.Logger

	mu        sync.Mutex
	heard     map[[2]string]*views.Heard
	agents    map[[2]string]*views.Agent
	listeners map[[2]string]*views.Listener
	spoke     map[[2]string]bool // listeners that are to be noted though none of their streams is open
}

// NewEar returns an ear of a node.
func NewEar(notes Notes, node string, now func() time.Time, logger *slog.Logger) *Ear {
	e := &Ear{notes: notes, node: node, now: now, logger: logger, listeners: map[[2]string]*views.Listener{}}
	e.forget()
	return e
}

// forget begins anew. The caller holds mu, or nobody else has the ear.
func (e *Ear) forget() {
	e.heard, e.agents, e.spoke = map[[2]string]*views.Heard{}, map[[2]string]*views.Agent{}, map[[2]string]bool{}
}

// Hear takes events of a source that a program sent.
func (e *Ear) Hear(agent, source, kind string, events uint64) {
	now := e.now().UTC()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.add(views.Heard{Source: name(source, maxName), Type: name(kind, maxName), Events: events, First: now, Last: now})
	key := [2]string{name(source, maxName), agentName(agent)}
	if e.agents[key] == nil && len(e.agents) < maxNames {
		e.agents[key] = &views.Agent{Source: key[0], Agent: key[1]}
	}
	if a := e.agents[key]; a != nil {
		a.Last = now
	}
}

func (e *Ear) add(h views.Heard) {
	key := [2]string{h.Source, h.Type}
	switch was := e.heard[key]; {
	case was != nil:
		was.Events, was.Last = was.Events+h.Events, later(was.Last, h.Last)
	case len(e.heard) < maxNames:
		e.heard[key] = &h
	}
}

// Listens takes a request for the gates; a stream lasts until what is returned is called.
func (e *Ear) Listens(r *http.Request, stream bool) (ended func()) {
	key := [2]string{name(r.Header.Get(SourceHeader), maxName), agentName(r.Header.Get("User-Agent"))}
	streams := 0
	if stream {
		streams = 1
	}
	e.listen(key, streams)
	return func() { e.listen(key, -streams) }
}

func (e *Ear) listen(key [2]string, streams int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listeners[key] == nil {
		if len(e.listeners) >= maxNames {
			return
		}
		e.listeners[key] = &views.Listener{Source: key[0], Agent: key[1], Node: e.node}
	}
	l := e.listeners[key]
	l.Streams, l.Last = max(l.Streams+streams, 0), e.now().UTC()
	e.spoke[key] = true
}

// name cuts a name to what is kept of it.
func name(text string, most int) string {
	return strings.ToValidUTF8(text[:min(len(text), most)], "\uFFFD")
}

func agentName(text string) string {
	if text == "" {
		return "unnamed"
	}
	return name(text, maxAgent)
}

// Note stores what was heard since the last time. What cannot be stored is logged, and
// tried again.
func (e *Ear) Note(ctx context.Context) {
	h := e.take()
	if len(h.Heard)+len(h.Agents)+len(h.Listeners) == 0 {
		return
	}
	if err := e.notes.NoteHeard(ctx, h); err != nil {
		e.logger.Warn("note what was heard", "error", err)
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, one := range h.Heard {
			e.add(one)
		}
	}
}

// take returns what is to be noted, by name, and begins anew. Of a listener whose stream
// is open the node has just spoken with it: it has a heartbeat every ten seconds.
func (e *Ear) take() (h views.Hearing) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.heard {
		h.Heard = append(h.Heard, *one)
	}
	for _, one := range e.agents {
		h.Agents = append(h.Agents, *one)
	}
	for key, l := range e.listeners {
		switch {
		case l.Streams > 0:
			l.Last = e.now().UTC()
		case !e.spoke[key]:
			continue
		default:
			delete(e.listeners, key)
		}
		h.Listeners = append(h.Listeners, *l)
	}
	e.forget()
	slices.SortFunc(h.Heard, func(a, b views.Heard) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Type, b.Type))
	})
	slices.SortFunc(h.Agents, func(a, b views.Agent) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Agent, b.Agent))
	})
	slices.SortFunc(h.Listeners, func(a, b views.Listener) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Agent, b.Agent))
	})
	return h
}

// Run stores what is heard until the context ends.
func (e *Ear) Run(ctx context.Context) {
	ticker := time.NewTicker(noteEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leavingWithin)
			defer cancel()
			e.Note(leaving)
			return
		case <-ticker.C:
			e.Note(ctx)
		}
	}
}
