package makegoodgrpc

import (
	"context"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// names are the codes as gRPC's specification writes them, by number.
var names = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// nameOf is a code in words.
func nameOf(code codes.Code) string {
	if int64(code) < int64(len(names)) {
		return names[code]
	}
	return "CODE(" + strconv.FormatUint(uint64(code), 10) + ")" // an application may make its own
}

// TraceParent returns the W3C traceparent of the call that a context belongs to:
// of the call that goes out with it or, without one, of the call that came in. A
// client is given it when it is made, unless a tracing library has its own:
//
//	makegood.New("shop", makegood.TraceParent(makegoodgrpc.TraceParent))
func TraceParent(ctx context.Context) string {
	const key = "traceparent"
	if out, ok := metadata.FromOutgoingContext(ctx); ok {
		if values := out.Get(key); len(values) > 0 {
			return values[0]
		}
	}
	if values := metadata.ValueFromIncomingContext(ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}
