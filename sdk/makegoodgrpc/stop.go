package makegoodgrpc

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/makegood/makegood/sdk"
)

// Stop refuses calls while a gate is closed. Its methods are interceptors of gRPC.
type Stop struct {
	gate    *makegood.Gate
	methods []string
}

// StopWhenClosed returns interceptors that refuse calls of the given methods while
// a gate is closed: full ones like "/shop.Orders/Place", or "/shop.Orders/" for all
// of a service. Without any they refuse every call but those of gRPC's own
// services, such as health checks. Streams that were accepted before go on.
//
// A refused call gets the code Unavailable, with the path of the gate, and the word
// that the client's retry policy should not try again at once. Where interceptors
// that tell stand outside of these, earlier in the chain, they tell of it.
func StopWhenClosed(gate *makegood.Gate, methods ...string) *Stop {
	return &Stop{gate: gate, methods: methods}
}

// UnaryServer is a grpc.UnaryServerInterceptor.
func (s *Stop) UnaryServer(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if s.stops(info.FullMethod) {
		_ = grpc.SetTrailer(ctx, dontRetry()) // without a transport there is no client that would retry
		return nil, s.refusal()
	}
	return handler(ctx, request)
}

// StreamServer is a grpc.StreamServerInterceptor.
func (s *Stop) StreamServer(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if s.stops(info.FullMethod) {
		stream.SetTrailer(dontRetry())
		return s.refusal()
	}
	return handler(service, stream)
}

// stops reports whether a call is refused now.
func (s *Stop) stops(method string) bool {
	if !s.gate.Closed() {
		return false
	}
	if len(s.methods) == 0 {
		return !strings.HasPrefix(method, "/grpc.")
	}
	return slices.ContainsFunc(s.methods, func(m string) bool {
		return m == method || strings.HasSuffix(m, "/") && strings.HasPrefix(method, m)
	})
}

// dontRetry is the pushback of gRFC A6: a negative time means not to retry.
func dontRetry() metadata.MD { return metadata.Pairs("grpc-retry-pushback-ms", "-1") }

func (s *Stop) refusal() error {
	return status.Errorf(codes.Unavailable, "not available at the moment: %s is stopped", s.gate.State().Path)
}
