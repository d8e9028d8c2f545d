// Package peers compares what emitting an event and asking a gate cost their
// caller with other libraries that an application could use in their place. It is a module of its
// own so that the SDK does not depend on any of them, and holds benchmarks only:
//
//	cd sdk/peers && go test -run none -bench . -benchtime 1x
package peers
