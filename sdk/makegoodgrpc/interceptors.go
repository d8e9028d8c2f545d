// Package makegoodgrpc tells Makegood what customers experience of gRPC, on the
// side of the server or of the client, and refuses calls whose gate is closed.
//
//	tell := makegoodgrpc.New(mg, "com.example.shop.grpc", makegoodgrpc.Customer(customerOf))
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(authenticate, tell.UnaryServer),
//		grpc.ChainStreamInterceptor(authenticateStream, tell.StreamServer))
//
// Two types of events are emitted, named after the prefix: PREFIX.failed for a
// call that ended with a code that is not the caller's doing, see [Failed], and
// for a handler that panics; PREFIX.slow for one that took two seconds or longer,
// see [SlowAfter]. Their data:
//
//	side         server or client
//	route        /shop.Orders/Place, the full method
//	status       14, the number of the code; 2 (Unknown) when the handler panicked
//	code         UNAVAILABLE, its name
//	duration_ms  how long the call took, a stream from its beginning to its end
//	outcome      error, panic or slow
//	gave_up      true when the caller had gone before the end
//
// A panic goes on after it was told of. gRPC itself ends the program then, and
// what was emitted last with it: an interceptor that recovers belongs outside of
// these, earlier in the chain.
package makegoodgrpc

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/internal/call"
)

// Interceptors tell of the calls that pass through them. Its methods are
// interceptors of gRPC and safe for concurrent use.
type Interceptors struct {
	client    *makegood.Client
	prefix    string
	slowAfter time.Duration
	failed    func(codes.Code) bool
	customer  func(ctx context.Context, request any) string
	more      func(ctx context.Context, request any) []makegood.Attr
}

// Option changes what interceptors do.
type Option func(*Interceptors)

// SlowAfter is how long a call may take before it is slow. Streams are never slow:
// many last on purpose. Defaults to two seconds; 0 means that none is.
func SlowAfter(d time.Duration) Option { return func(i *Interceptors) { i.slowAfter = d } }

// Failed decides which codes are a failure that a customer felt. Defaults to those
// that OpenTelemetry takes for errors of a server: Unknown, DeadlineExceeded,
// Unimplemented, Internal, Unavailable and DataLoss. OK is never asked about.
func Failed(f func(codes.Code) bool) Option { return func(i *Interceptors) { i.failed = f } }

// Customer finds the pseudonymous id of who made a call, in its context or its
// request, which is nil for streams. It is asked only for calls that are told of,
// after them, with the context that the interceptor got: whoever puts the customer
// there belongs earlier in the chain.
func Customer(f func(ctx context.Context, request any) string) Option {
	return func(i *Interceptors) { i.customer = f }
}

// Attributes adds attributes to every event, under other keys than those above: an
// event with two fields of one key is refused. Its arguments are those of Customer.
func Attributes(f func(ctx context.Context, request any) []makegood.Attr) Option {
	return func(i *Interceptors) { i.more = f }
}

// New returns interceptors. prefix begins the types of the events and names your
// domain, like "com.example.shop.grpc". A nil client tells nothing.
func New(client *makegood.Client, prefix string, opts ...Option) *Interceptors {
	i := &Interceptors{client: client, prefix: strings.TrimSuffix(prefix, "."), slowAfter: 2 * time.Second, failed: isServerError}
	for _, opt := range opts {
		if opt != nil {
			opt(i)
		}
	}
	return i
}

// isServerError reports whether a code is an error of the server, as in
// OpenTelemetry's semantic conventions for gRPC.
func isServerError(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	}
	return false
}

// UnaryServer is a grpc.UnaryServerInterceptor.
func (i *Interceptors) UnaryServer(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
	c := ongoing{of: i, ctx: ctx, side: "server", route: info.FullMethod, request: request, began: time.Now(), unary: true}
	defer c.end(&err)
	return handler(ctx, request)
}

// StreamServer is a grpc.StreamServerInterceptor.
func (i *Interceptors) StreamServer(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	c := ongoing{of: i, ctx: stream.Context(), side: "server", route: info.FullMethod, began: time.Now()}
	defer c.end(&err)
	return handler(service, stream)
}

// UnaryClient is a grpc.UnaryClientInterceptor. What a retry policy of the
// connection tries again is one call.
func (i *Interceptors) UnaryClient(ctx context.Context, method string, request, answer any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) (err error) {
	c := ongoing{of: i, ctx: ctx, side: "client", route: method, request: request, began: time.Now(), unary: true}
	defer c.end(&err)
	return invoke(ctx, method, request, answer, conn, opts...)
}

// StreamClient is a grpc.StreamClientInterceptor. A stream that is given up before
// its end was received is not told of.
func (i *Interceptors) StreamClient(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	c := &ongoing{of: i, ctx: ctx, side: "client", route: method, began: time.Now()}
	stream, err := open(ctx, desc, conn, method, opts...)
	if err != nil {
		c.tell(err, false)
		return nil, err
	}
	return &clientStream{ClientStream: stream, call: c}, nil
}

// clientStream notes how a stream ends, which the one who receives learns.
type clientStream struct {
	grpc.ClientStream
	call *ongoing
	once sync.Once
}

// SendMsg implements grpc.ClientStream. io.EOF says that receiving tells why.
func (s *clientStream) SendMsg(message any) error {
	err := s.ClientStream.SendMsg(message)
	if err != nil && err != io.EOF {
		s.end(err)
	}
	return err
}

// RecvMsg implements grpc.ClientStream.
func (s *clientStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	if err != nil && err != io.EOF {
		s.end(err)
	}
	return err
}

// end tells of a bad end. A good one is nothing to tell of.
func (s *clientStream) end(err error) {
	s.once.Do(func() { s.call.tell(err, false) })
}

// ongoing is a call on its way.
type ongoing struct {
	of          *Interceptors
	ctx         context.Context
	side, route string
	request     any // nil for a stream
	began       time.Time
	unary       bool
}

// end tells of a call as its interceptor returns or panics.
func (c *ongoing) end(err *error) {
	p := recover()
	c.tell(*err, p != nil)
	if p != nil {
		panic(p)
	}
}

// tell emits an event where there is something to tell of.
func (c *ongoing) tell(err error, panicked bool) {
	took := time.Since(c.began)
	code := codeOf(err)
	switch slow := c.of.slowAfter; {
	case panicked:
		c.emit("failed", "panic", codes.Unknown, took)
	case code != codes.OK && c.isFailure(code):
		c.emit("failed", "error", code, took)
	case code == codes.OK && c.unary && slow > 0 && took >= slow:
		c.emit("slow", "slow", code, took)
	}
}

// codeOf is the code that the other side gets for an error.
func codeOf(err error) codes.Code {
	if s, ok := status.FromError(err); ok {
		return s.Code()
	}
	return status.FromContextError(err).Code()
}

func (c *ongoing) isFailure(code codes.Code) bool {
	return call.Ask(func() bool { return c.of.failed(code) })
}

func (c *ongoing) emit(kind, outcome string, code codes.Code, took time.Duration) {
	attrs := []makegood.Attr{
		makegood.String("side", c.side), makegood.String("route", c.route),
		makegood.Int("status", uint32(code)), makegood.String("code", nameOf(code)),
	}
	customer := call.Ask(func() string { return c.of.customer(c.ctx, c.request) })
	attrs = append(attrs, call.Attrs(c.ctx, took, outcome, customer)...)
	more := call.Ask(func() []makegood.Attr { return c.of.more(c.ctx, c.request) })
	c.of.client.Emit(c.ctx, c.of.prefix+"."+kind, append(attrs, more...)...)
}
