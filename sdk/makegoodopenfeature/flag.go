package makegoodopenfeature

import (
	"fmt"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/makegood/makegood/sdk"
)

// standing is where the provider's knowledge stands.
type standing int32

const (
	notReady standing = iota // not started, or ended
	byMode                   // nothing is known
	fromFile                 // from the last time that the program ran
	known                    // the service is heard
	stale                    // the service was heard and is no more
	standings
)

// reasons are those of OpenFeature; its library for Go has no name for the last.
var reasons = [standings]openfeature.Reason{
	notReady: openfeature.ErrorReason, byMode: openfeature.DefaultReason, fromFile: openfeature.CachedReason, known: openfeature.StaticReason, stale: "STALE",
}

// flag is a gate with all its answers, made beforehand.
type flag struct {
	gate         *makegood.Gate
	open, closed [standings]openfeature.BoolResolutionDetail
	about        openfeature.FlagMetadata
}

func newFlag(gate *makegood.Gate, f Flag) *flag {
	all := &flag{gate: gate, about: openfeature.FlagMetadata{"cord": f.Cord, "mode": f.Mode.String()}}
	for s, reason := range reasons {
		all.open[s] = openfeature.BoolResolutionDetail{Value: !f.WhenClosed, ProviderResolutionDetail: openfeature.ProviderResolutionDetail{Reason: reason, Variant: "open"}}
		all.closed[s] = openfeature.BoolResolutionDetail{Value: f.WhenClosed, ProviderResolutionDetail: openfeature.ProviderResolutionDetail{Reason: reason, Variant: "closed"}}
	}
	return all
}

func failed(err openfeature.ResolutionError) openfeature.ProviderResolutionDetail {
	return openfeature.ProviderResolutionDetail{Reason: openfeature.ErrorReason, ResolutionError: err}
}

func notFound(key string) openfeature.ProviderResolutionDetail {
	return failed(openfeature.NewFlagNotFoundResolutionError(fmt.Sprintf("there is no flag %q: declare it", key)))
}

func unready() openfeature.ProviderResolutionDetail {
	return failed(openfeature.NewProviderNotReadyResolutionError("the provider is not started, or was shut down"))
}
