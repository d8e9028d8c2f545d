// Package makegoodopenfeature makes gates the flags of OpenFeature, for programs
// that ask for feature flags already: a stopped line switches a feature off.
//
//	provider, err := makegoodopenfeature.New(mg, map[string]makegoodopenfeature.Flag{
//		"sell-table-7":   {Cord: "product/TABLE-7", Mode: makegood.FailOpen},
//		"show-apology":   {Cord: "product/TABLE-7", Mode: makegood.FailOpen, WhenClosed: true},
//		"pay/by-invoice": {}, // the key is the path of the cord
//	})
//	err = openfeature.SetProviderAndWait(provider)
//	…
//	sell, _ := client.BooleanValue(ctx, "sell-table-7", false, openfeature.EvaluationContext{})
//
// A flag is true while its gate is open and false while it is closed, unless
// WhenClosed says so. Flags are declared: a key that is not is FLAG_NOT_FOUND, and
// not an open gate. The context of an evaluation changes nothing.
//
// # What an evaluation says
//
//	variant        open or closed, the answer of the gate
//	reason STATIC  as the service says
//	       STALE   the service has not been heard for five seconds: the gate's last
//	               answer, or that of its mode once it is older than MaxStale
//	       CACHED  the service was not heard yet: from the file of makegood.GateFile
//	       DEFAULT nothing is known: the mode's answer; so in a disabled client
//	       ERROR   with TYPE_MISMATCH, FLAG_NOT_FOUND, or PROVIDER_NOT_READY before
//	               Init and after Shutdown: the caller's own default is the value
//	metadata       cord and mode
//
// # When the service is down
//
// Init waits half a second for the service, see [StartWithin], since until then
// OpenFeature answers every flag by its caller's default. Without the service it
// returns an error and the provider's state is ERROR. That is no reason to stop:
// OpenFeature asks the provider nevertheless, and it answers by what is known and
// by the modes. PROVIDER_READY follows when the service is heard, PROVIDER_STALE
// when it has not been heard for five seconds, so that a connection that is renewed
// tells nobody. PROVIDER_CONFIGURATION_CHANGED names the flags whose gates changed.
//
// Shutdown ends the provider and not the client, which belongs to who made it. The
// same provider may be started again.
package makegoodopenfeature

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/makegood/makegood/sdk"
)

// name is the provider's in events and metadata.
const name = "makegood"

// Flag is a boolean flag that a gate decides.
type Flag struct {
	Cord       string        // the path of the cord; defaults to the flag's key
	WhenClosed bool          // the value while the gate is closed; while it is open the other one
	Mode       makegood.Mode // how the gate answers when the service cannot be asked; defaults to LastKnown
	MaxStale   time.Duration // as makegood.MaxStale; defaults to a minute
}

// Option changes how a provider works.
type Option func(*Provider)

// StartWithin is how long Init waits for the service before it returns an error.
// Defaults to 500 ms, also when d is not positive.
func StartWithin(d time.Duration) Option {
	return func(p *Provider) {
		if d > 0 {
			p.startWithin = d
		}
	}
}

// Provider is a provider of OpenFeature. It is safe for concurrent use.
type Provider struct {
	client      *makegood.Client
	flags       map[string]*flag
	probe       *makegood.Gate // any of them: all know the same of the service
	startWithin time.Duration
	standing    atomic.Int32
	events      chan openfeature.Event

	life    sync.Mutex // held while the provider starts and ends
	watcher *watcher   // nil while it is not started

	mu      sync.Mutex
	changed map[string]bool // flags whose gates changed and of which nobody was told
	wake    chan struct{}   // that there are any
}

var (
	_ openfeature.FeatureProvider          = (*Provider)(nil)
	_ openfeature.ContextAwareStateHandler = (*Provider)(nil)
	_ openfeature.EventHandler             = (*Provider)(nil)
)

// New makes a provider of a client's gates and declares them. The error says what
// is wrong with a flag. Flags of a nil or disabled client answer by their modes.
func New(client *makegood.Client, flags map[string]Flag, opts ...Option) (*Provider, error) {
	p := &Provider{
		client:      client,
		flags:       make(map[string]*flag, len(flags)),
		startWithin: 500 * time.Millisecond,
		events:      make(chan openfeature.Event),
		changed:     map[string]bool{},
		wake:        make(chan struct{}, 1),
	}
	for _, opt := range opts {
		if opt != nil {
			opt(p)
		}
	}
	var errs []error
	if len(flags) == 0 {
		errs = append(errs, errors.New("makegoodopenfeature: there are no flags"))
	}
	for _, key := range slices.Sorted(maps.Keys(flags)) {
		f := flags[key]
		if f.Cord == "" {
			f.Cord = key
		}
		gate := client.Gate(f.Cord, f.Mode, makegood.MaxStale(f.MaxStale))
		switch state := gate.State(); {
		case state.Unkept && client != nil:
			errs = append(errs, fmt.Errorf("makegoodopenfeature: flag %q: %s", key, state.Problem))
		case state.Mode != f.Mode:
			errs = append(errs, fmt.Errorf("makegoodopenfeature: flag %q: the gate at %s was declared as %s before", key, f.Cord, state.Mode))
		default:
			p.flags[key], p.probe = newFlag(gate, f), gate
			gate.OnChange(func(bool) { p.flip(key) })
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

// Metadata implements openfeature.FeatureProvider.
func (p *Provider) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: name} }

// Hooks implements openfeature.FeatureProvider: there are none.
func (p *Provider) Hooks() []openfeature.Hook { return nil }

// EventChannel implements openfeature.EventHandler. An event that nobody receives
// gives way to the next one.
func (p *Provider) EventChannel() <-chan openfeature.Event { return p.events }

// BooleanEvaluation implements openfeature.FeatureProvider.
func (p *Provider) BooleanEvaluation(_ context.Context, key string, otherwise bool, _ openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	f, found := p.flags[key]
	if !found {
		return openfeature.BoolResolutionDetail{Value: otherwise, ProviderResolutionDetail: notFound(key)}
	}
	s := standing(p.standing.Load())
	if s == notReady {
		return openfeature.BoolResolutionDetail{Value: otherwise, ProviderResolutionDetail: unready()}
	}
	answer := f.open[s]
	if f.gate.Closed() {
		answer = f.closed[s]
	}
	answer.FlagMetadata = maps.Clone(f.about) // some versions of the library hand it to who may change it
	return answer
}

// StringEvaluation implements openfeature.FeatureProvider: no flag is a string.
func (p *Provider) StringEvaluation(_ context.Context, key, otherwise string, _ openfeature.FlattenedContext) openfeature.StringResolutionDetail {
	return openfeature.StringResolutionDetail{Value: otherwise, ProviderResolutionDetail: p.mismatch(key)}
}

// FloatEvaluation implements openfeature.FeatureProvider: no flag is a number.
func (p *Provider) FloatEvaluation(_ context.Context, key string, otherwise float64, _ openfeature.FlattenedContext) openfeature.FloatResolutionDetail {
	return openfeature.FloatResolutionDetail{Value: otherwise, ProviderResolutionDetail: p.mismatch(key)}
}

// IntEvaluation implements openfeature.FeatureProvider: no flag is a number.
func (p *Provider) IntEvaluation(_ context.Context, key string, otherwise int64, _ openfeature.FlattenedContext) openfeature.IntResolutionDetail {
	return openfeature.IntResolutionDetail{Value: otherwise, ProviderResolutionDetail: p.mismatch(key)}
}

// ObjectEvaluation implements openfeature.FeatureProvider: no flag is an object.
func (p *Provider) ObjectEvaluation(_ context.Context, key string, otherwise any, _ openfeature.FlattenedContext) openfeature.InterfaceResolutionDetail {
	return openfeature.InterfaceResolutionDetail{Value: otherwise, ProviderResolutionDetail: p.mismatch(key)}
}

// mismatch answers whoever asks for a flag as what it is not.
func (p *Provider) mismatch(key string) openfeature.ProviderResolutionDetail {
	if p.flags[key] == nil {
		return notFound(key)
	}
	if standing(p.standing.Load()) == notReady {
		return unready()
	}
	return failed(openfeature.NewTypeMismatchResolutionError(fmt.Sprintf("flag %q is a boolean", key)))
}
