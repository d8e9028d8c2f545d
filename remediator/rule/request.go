package rule

import (
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule/document"
)

// People ask for refunds too, and their requests go through a rule like events:
// a rule file may say its limits.
const (
	// RequestName is the rule that takes what people ask for.
	RequestName = event.ReservedPrefix + "refund-request"
	// RequestType is the type of the events that requests become. Its data has
	// request (its id), payment, amount, by (the person) and reference.
	RequestType = event.ReservedPrefix + "refund.requested"
)

// requests checks that reserved types and the rule for them go together.
func (b *builder) requests() {
	isReserved := func(name string) bool { return strings.HasPrefix(name, event.ReservedPrefix) }
	reserved := slices.ContainsFunc(b.r.Events, isReserved)
	switch {
	case b.r.Name == RequestName && !slices.Equal(b.r.Events, []string{RequestType}) && len(b.r.Events) > 0:
		b.Errorf(b.m.Key("event"), "reserved", "write event: "+RequestType, "the rule %s is for what people ask for", RequestName)
	case reserved && b.r.Name != RequestName && b.r.Name != "":
		b.Errorf(b.m.Key("event"), "reserved", "only the rule "+RequestName+" hears them", "types that begin with %s are the service's own", event.ReservedPrefix)
	case b.r.Name == RequestName && (b.m.Has("window") || b.m.Has("unless") || b.r.Mode == Canary):
		b.Errorf(document.At(b.m.Node), "reserved", "leave window, unless and canary out", "the rule %s answers each request by itself", RequestName)
	case b.r.Unless != nil && slices.ContainsFunc(b.r.Unless.Events, isReserved):
		b.Errorf(b.m.Key("unless"), "reserved", "wait for an event of your own", "types that begin with %s are the service's own", event.ReservedPrefix)
	}
}
