// Package peers compares what emitting an event costs its caller with other
// libraries that an application could use in its place. It is a module of its
// own so that the SDK does not depend on any of them, and holds benchmarks only:
//
//	cd sdk/peers && go test -run none -bench . -benchtime 1x
package peers
