package makegoodopenfeature

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

const (
	// lostAfter is how long the service is not heard before anybody is told.
	lostAfter = 5 * time.Second
	// settling is how long after Init a state is told once more. The library sets
	// the state that Init's outcome means after Init returned, and what the channel
	// brings may come before that and be lost.
	settling = time.Second
)

// Init implements openfeature.StateHandler.
func (p *Provider) Init(global openfeature.EvaluationContext) error {
	return p.InitWithContext(context.Background(), global)
}

// InitWithContext implements openfeature.ContextAwareStateHandler. It waits for the
// service as long as ctx and StartWithin allow. After an error the provider goes on
// to listen, and answers.
func (p *Provider) InitWithContext(ctx context.Context, _ openfeature.EvaluationContext) error {
	if !p.client.Enabled() {
		p.standing.Store(int32(byMode)) // for ever: there is nothing to wait for
		return nil
	}
	w := p.start()
	err := w.wait(ctx)
	select {
	case w.started <- err:
		return err
	case <-w.run.Done():
		return notStarted("the provider was shut down meanwhile")
	}
}

// notStarted is why an Init fails.
func notStarted(why string) error {
	return &openfeature.ProviderInitError{ErrorCode: openfeature.ProviderNotReadyCode, Message: why}
}

// Shutdown implements openfeature.StateHandler.
func (p *Provider) Shutdown() {
	p.life.Lock()
	defer p.life.Unlock()
	if w := p.watcher; w != nil {
		w.cancel()
		<-w.ended
		p.watcher = nil
	}
	p.standing.Store(int32(notReady))
}

// ShutdownWithContext implements openfeature.ContextAwareStateHandler.
func (p *Provider) ShutdownWithContext(context.Context) error {
	p.Shutdown() // waits for nothing that takes time
	return nil
}

// flip notes that a flag's gate changed.
func (p *Provider) flip(key string) {
	p.mu.Lock()
	p.changed[key] = true
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// flipped takes what flip noted.
func (p *Provider) flipped() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := slices.Sorted(maps.Keys(p.changed))
	clear(p.changed)
	return keys
}

// watcher tells of the provider's state while it is started.
type watcher struct {
	provider *Provider
	run      context.Context
	cancel   context.CancelFunc
	started  chan error // what each Init came to
	ended    chan struct{}

	state    openfeature.EventType // that the provider is in
	told     openfeature.EventType // that the library knows; empty: it may not
	trouble  string                // why the service is not heard
	turned   <-chan struct{}       // when that begins or ends
	closed   map[string]bool       // the answers of gates that the library knows, by flag
	changed  []string              // flags whose gates answer otherwise
	ready    bool                  // an Init has ended: before that the library's state is its own
	early    bool                  // something was told while settling
	lost     *time.Timer           // set while the state is ready and the service is not heard
	settling *time.Timer
}

// start returns the watcher, which it begins if none is at work.
func (p *Provider) start() *watcher {
	p.life.Lock()
	defer p.life.Unlock()
	if p.watcher != nil {
		return p.watcher
	}
	w := &watcher{
		provider: p, started: make(chan error), ended: make(chan struct{}),
		lost: time.NewTimer(lostAfter), settling: time.NewTimer(settling),
	}
	w.run, w.cancel = context.WithCancel(context.Background())
	w.lost.Stop()
	w.settling.Stop()
	w.begin()
	p.watcher = w
	go w.loop()
	return w
}

// begin finds out where things stand.
func (w *watcher) begin() {
	w.trouble, w.turned = w.provider.client.Heard()
	now := byMode
	if w.provider.probe.State().FromFile {
		now = fromFile
	}
	w.provider.standing.Store(int32(now))
	w.state = openfeature.ProviderError // unless Init hears the service
}

// heard notes that the service is heard.
func (w *watcher) heard() {
	w.lost.Stop()
	w.state = openfeature.ProviderReady
	w.provider.standing.Store(int32(known))
}

// wait waits for the service on behalf of an Init.
func (w *watcher) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.provider.startWithin)
	defer cancel()
	stop := context.AfterFunc(w.run, cancel)
	defer stop()
	if err := w.provider.client.WaitReady(ctx); err != nil {
		return notStarted(err.Error())
	}
	return nil
}

// loop watches until the provider is shut down. It never waits for a receiver
// alone: what is told is what holds when it is received.
func (w *watcher) loop() {
	defer close(w.ended)
	defer w.lost.Stop()
	defer w.settling.Stop()
	for {
		event, some := w.next()
		var events chan openfeature.Event // nil, which nobody receives from
		if some {
			events = w.provider.events
		}
		select {
		case <-w.run.Done():
			return
		case events <- event:
			w.sent(event)
		case err := <-w.started:
			w.begun(err)
		case <-w.turned:
			w.turn()
		case <-w.lost.C:
			w.state = openfeature.ProviderStale
			w.provider.standing.Store(int32(stale))
		case <-w.settling.C:
			if w.early {
				w.told, w.early = "", false
			}
		case <-w.provider.wake:
			w.compare(w.provider.flipped())
		}
	}
}

// begun takes what an Init came to for what the library will know.
func (w *watcher) begun(err error) {
	w.told = openfeature.ProviderError
	if err == nil { // the service was heard, though perhaps it is no more
		w.told = openfeature.ProviderReady
		if w.state == openfeature.ProviderError {
			w.heard()
		}
	}
	w.turn()      // which the loop may not have seen yet
	if !w.ready { // nobody knows an older answer
		w.ready, w.changed, w.closed = true, nil, make(map[string]bool, len(w.provider.flags))
		for key, f := range w.provider.flags {
			w.closed[key] = f.gate.Closed()
		}
	}
	w.early = false
	w.settling.Reset(settling)
}

// compare finds out which flags are to be told of, after the gates of some changed.
func (w *watcher) compare(keys []string) {
	for _, key := range keys {
		i, pending := slices.BinarySearch(w.changed, key)
		switch differs := w.provider.flags[key].gate.Closed() != w.closed[key]; {
		case differs && !pending:
			w.changed = slices.Insert(w.changed, i, key)
		case !differs && pending:
			w.changed = slices.Delete(w.changed, i, i+1)
		}
	}
}

// turn asks whether the service is heard.
func (w *watcher) turn() {
	w.trouble, w.turned = w.provider.client.Heard()
	switch {
	case w.trouble == "":
		w.heard()
	case w.state == openfeature.ProviderReady:
		w.lost.Reset(lostAfter)
	}
}

// next is what there is to tell, the state before the flags.
func (w *watcher) next() (event openfeature.Event, some bool) {
	event.ProviderName = name
	switch {
	case !w.ready:
		return event, false
	case w.told != w.state:
		event.EventType = w.state
		event.Message = w.trouble
		switch w.state {
		case openfeature.ProviderReady:
			event.Message = "the service is heard"
		case openfeature.ProviderError:
			event.ErrorCode = openfeature.ProviderNotReadyCode
		}
		return event, true
	case len(w.changed) > 0:
		event.EventType, event.FlagChanges = openfeature.ProviderConfigChange, slices.Clone(w.changed)
		return event, true
	}
	return event, false
}

// sent notes that an event was received.
func (w *watcher) sent(event openfeature.Event) {
	if event.EventType != openfeature.ProviderConfigChange {
		w.told = event.EventType
		w.early = true
		return
	}
	for _, key := range event.FlagChanges {
		w.closed[key] = !w.closed[key]
	}
	w.changed = nil
	if w.state != openfeature.ProviderReady {
		w.told = "" // the library takes a change of flags for a sign that all is well
	}
}
