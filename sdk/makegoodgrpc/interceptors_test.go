package makegoodgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	shop "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodgrpc"
	"github.com/makegood/makegood/sdk/makegoodtest"
)

const (
	parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unary  = "/grpc.testing.TestService/UnaryCall"
	input  = "/grpc.testing.TestService/StreamingInputCall"
	output = "/grpc.testing.TestService/StreamingOutputCall"
	both   = "/grpc.testing.TestService/FullDuplexCall"
)

// service answers with the status that it is asked for, and panics at code 99.
type service struct {
	shop.UnimplementedTestServiceServer
	calls atomic.Int32
	waits chan struct{} // closed when a handler waits for the end of its call
}

func (s *service) answer(request *shop.EchoStatus) error {
	s.calls.Add(1)
	switch code := request.GetCode(); code {
	case 99:
		panic("no")
	case 98:
		return errors.New("not a status")
	case 97:
		return fmt.Errorf("ask the bank: %w", context.DeadlineExceeded)
	default:
		return status.Error(codes.Code(code), request.GetMessage())
	}
}

func (s *service) UnaryCall(ctx context.Context, r *shop.SimpleRequest) (*shop.SimpleResponse, error) {
	if s.waits != nil {
		close(s.waits)
		<-ctx.Done()
	}
	return &shop.SimpleResponse{}, s.answer(r.ResponseStatus)
}

func (s *service) StreamingInputCall(stream shop.TestService_StreamingInputCallServer) error {
	if _, err := stream.Recv(); err != nil {
		return s.answer(&shop.EchoStatus{Code: int32(codes.DataLoss)})
	}
	return stream.SendAndClose(&shop.StreamingInputCallResponse{AggregatedPayloadSize: 1})
}

func (s *service) StreamingOutputCall(r *shop.StreamingOutputCallRequest, stream shop.TestService_StreamingOutputCallServer) error {
	if err := stream.Send(&shop.StreamingOutputCallResponse{}); err != nil {
		return err
	}
	return s.answer(r.ResponseStatus)
}

func (s *service) FullDuplexCall(stream shop.TestService_FullDuplexCallServer) error {
	request, err := stream.Recv()
	if err != nil {
		return err
	}
	return s.answer(request.ResponseStatus)
}

// recovers stands outside of what is tested, as in a program that outlives panics.
func recovers(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (answer any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = status.Error(codes.Internal, fmt.Sprint("recovered: ", p))
		}
	}()
	return handler(ctx, request)
}

// serve runs a server and returns a connection to it.
func serve(t testing.TB, s shop.TestServiceServer, server []grpc.ServerOption, client ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	srv := grpc.NewServer(server...)
	shop.RegisterTestServiceServer(srv, s)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///shop", append(client,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		srv.Stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return conn
}

func fails(code codes.Code) *shop.SimpleRequest {
	return &shop.SimpleRequest{ResponseStatus: &shop.EchoStatus{Code: int32(code), Message: "c-42"}}
}

func customerOf(_ context.Context, request any) string {
	if r, ok := request.(*shop.SimpleRequest); ok {
		return r.GetResponseStatus().GetMessage()
	}
	return ""
}

// TestCodes asks for every code there is, of the server and in the client.
func TestCodes(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	tell := makegoodgrpc.New(told.Client(), "com.example.grpc.", makegoodgrpc.Customer(customerOf))
	conn := serve(t, &service{}, []grpc.ServerOption{grpc.ChainUnaryInterceptor(tell.UnaryServer)}, grpc.WithChainUnaryInterceptor(tell.UnaryClient))
	want := map[codes.Code]string{
		codes.Unknown: "UNKNOWN", codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.Unimplemented: "UNIMPLEMENTED",
		codes.Internal: "INTERNAL", codes.Unavailable: "UNAVAILABLE", codes.DataLoss: "DATA_LOSS",
	}
	asked, heard := 0, 0
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		told.Reset()
		_, err := shop.NewTestServiceClient(conn).UnaryCall(t.Context(), fails(code))
		if status.Code(err) != code {
			t.Errorf("%s: %v", code, err)
		}
		asked++
		if want[code] == "" {
			told.None()
			continue
		}
		heard++
		for _, side := range []string{"server", "client"} {
			told.Expect("com.example.grpc.failed", makegood.String("side", side), makegood.String("route", unary), makegood.Customer("c-42"),
				makegood.Int("status", int(code)), makegood.String("code", want[code]), makegood.String("outcome", "error"))
		}
	}
	if asked != 17 || heard != len(want) {
		t.Errorf("asked for %d codes and heard of %d", asked, heard)
	}
	for code, seen := range map[codes.Code]codes.Code{98: codes.Unknown, 97: codes.DeadlineExceeded} {
		told.Reset()
		if _, err := shop.NewTestServiceClient(conn).UnaryCall(t.Context(), fails(code)); status.Code(err) != seen {
			t.Errorf("%d: %v", code, err)
		}
		told.Expect("com.example.grpc.failed", makegood.String("side", "server"), makegood.Int("status", int(seen)))
		told.Expect("com.example.grpc.failed", makegood.String("side", "client"), makegood.Int("status", int(seen)))
	}
}

func TestCodeOfTheApplication(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	tell := makegoodgrpc.New(told.Client(), "com.example.grpc", makegoodgrpc.Failed(func(c codes.Code) bool { return c == 70 || c == codes.NotFound }),
		makegoodgrpc.Attributes(func(context.Context, any) []makegood.Attr { return []makegood.Attr{makegood.String("shop", "north")} }),
		makegoodgrpc.Customer(func(context.Context, any) string { panic("no session") }))
	conn := serve(t, &service{}, []grpc.ServerOption{grpc.ChainUnaryInterceptor(tell.UnaryServer)})
	for code, name := range map[codes.Code]string{70: "CODE(70)", codes.NotFound: "NOT_FOUND", codes.Internal: ""} {
		told.Reset()
		_, _ = shop.NewTestServiceClient(conn).UnaryCall(t.Context(), fails(code))
		if name == "" {
			told.None()
			continue
		}
		told.Expect("com.example.grpc.failed", makegood.String("code", name), makegood.String("shop", "north"))
	}
}

func TestPanicIsToldAndGoesOn(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	tell := makegoodgrpc.New(told.Client(), "com.example.grpc", makegoodgrpc.Customer(customerOf))
	conn := serve(t, &service{}, []grpc.ServerOption{grpc.ChainUnaryInterceptor(recovers, tell.UnaryServer)})
	_, err := shop.NewTestServiceClient(conn).UnaryCall(t.Context(), fails(99))
	if status.Code(err) != codes.Internal || status.Convert(err).Message() != "recovered: no" {
		t.Errorf("got %v", err)
	}
	told.Expect("com.example.grpc.failed", makegood.String("outcome", "panic"), makegood.Int("status", 2), makegood.Customer("c-42"))
}

func TestSlow(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	tell := makegoodgrpc.New(told.Client(), "com.example.grpc", makegoodgrpc.SlowAfter(1))
	conn := serve(t, &service{}, []grpc.ServerOption{grpc.ChainUnaryInterceptor(tell.UnaryServer), grpc.ChainStreamInterceptor(tell.StreamServer)})
	if _, err := shop.NewTestServiceClient(conn).UnaryCall(t.Context(), fails(codes.OK)); err != nil {
		t.Fatal(err)
	}
	told.Expect("com.example.grpc.slow", makegood.String("outcome", "slow"), makegood.String("code", "OK"), makegood.String("route", unary))
	told.Reset()
	drain(t, conn, codes.OK) // a stream
	told.None()

	never := makegoodgrpc.New(told.Client(), "com.example.grpc", makegoodgrpc.SlowAfter(0))
	conn = serve(t, &service{}, []grpc.ServerOption{grpc.ChainUnaryInterceptor(never.UnaryServer)})
	if _, err := shop.NewTestServiceClient(conn).UnaryCall(t.Context(), fails(codes.OK)); err != nil {
		t.Fatal(err)
	}
	told.None()
}

// drain reads a stream of the server to its end.
func drain(t *testing.T, conn *grpc.ClientConn, code codes.Code) {
	t.Helper()
	stream, err := shop.NewTestServiceClient(conn).StreamingOutputCall(t.Context(), &shop.StreamingOutputCallRequest{ResponseStatus: &shop.EchoStatus{Code: int32(code)}})
	for err == nil {
		_, err = stream.Recv()
	}
	if err != io.EOF && status.Code(err) != code {
		t.Errorf("%s: %v", code, err)
	}
}

// TestStreams ends streams of each kind well and badly: each bad end is told of
// once by each side.
func TestStreams(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	tell := makegoodgrpc.New(told.Client(), "com.example.grpc")
	conn := serve(t, &service{}, []grpc.ServerOption{grpc.ChainStreamInterceptor(tell.StreamServer)}, grpc.WithChainStreamInterceptor(tell.StreamClient))
	client := shop.NewTestServiceClient(conn)
	expect := func(route string, code codes.Code) {
		t.Helper()
		for _, side := range []string{"server", "client"} {
			told.Expect("com.example.grpc.failed", makegood.String("side", side), makegood.String("route", route), makegood.Int("status", int(code)))
		}
		if n := told.Count("com.example.grpc.failed"); n != 2 {
			t.Errorf("%s: told %d times", route, n)
		}
		told.Reset()
	}

	drain(t, conn, codes.OK)
	told.None()
	drain(t, conn, codes.Unavailable)
	expect(output, codes.Unavailable)

	in, err := client.StreamingInputCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.CloseAndRecv(); status.Code(err) != codes.DataLoss {
		t.Errorf("got %v", err)
	}
	expect(input, codes.DataLoss)

	in, err = client.StreamingInputCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = in.Send(&shop.StreamingInputCallRequest{})
	if _, err := in.CloseAndRecv(); err != nil {
		t.Error(err)
	}
	told.None()

	duplex, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = duplex.Send(&shop.StreamingOutputCallRequest{ResponseStatus: &shop.EchoStatus{Code: int32(codes.Internal)}})
	for range 2 { // an application may ask twice how it ended
		if _, err := duplex.Recv(); status.Code(err) != codes.Internal {
			t.Errorf("got %v", err)
		}
	}
	expect(both, codes.Internal)
}

// TestStreamsThatNeverBegin has clients that cannot connect or cannot send.
func TestStreamsThatNeverBegin(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	tell := makegoodgrpc.New(told.Client(), "com.example.grpc", makegoodgrpc.Failed(func(codes.Code) bool { return true }))
	conn := serve(t, &service{}, nil, grpc.WithChainStreamInterceptor(tell.StreamClient))
	duplex, err := shop.NewTestServiceClient(conn).FullDuplexCall(t.Context(), grpc.MaxCallSendMsgSize(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := duplex.Send(&shop.StreamingOutputCallRequest{ResponseStatus: &shop.EchoStatus{Code: 1}}); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %v", err)
		}
	}
	told.Expect("com.example.grpc.failed", makegood.String("code", "RESOURCE_EXHAUSTED"), makegood.String("route", both))
	if n := told.Count("com.example.grpc.failed"); n != 1 {
		t.Errorf("told %d times", n)
	}

	told.Reset()
	nowhere, err := grpc.NewClient("passthrough:///nowhere", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithChainStreamInterceptor(tell.StreamClient),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return nil, errors.New("nobody listens") }))
	if err != nil {
		t.Fatal(err)
	}
	defer nowhere.Close()
	if _, err := shop.NewTestServiceClient(nowhere).FullDuplexCall(t.Context()); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	told.Expect("com.example.grpc.failed", makegood.String("code", "UNAVAILABLE"), makegood.String("side", "client"))
}

// TestCallThatWasGivenUp has a client go away while the handler works.
func TestCallThatWasGivenUp(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	handled := make(chan struct{})
	notes := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		defer close(handled)
		return handler(ctx, request)
	}
	tell := makegoodgrpc.New(told.Client(), "com.example.grpc")
	s := &service{waits: make(chan struct{})}
	conn := serve(t, s, []grpc.ServerOption{grpc.ChainUnaryInterceptor(notes, tell.UnaryServer)})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.waits
		cancel()
	}()
	if _, err := shop.NewTestServiceClient(conn).UnaryCall(ctx, fails(codes.Internal)); status.Code(err) != codes.Canceled {
		t.Errorf("got %v", err)
	}
	<-handled
	told.Expect("com.example.grpc.failed", makegood.Bool("gave_up", true))
}

func TestTraceParent(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t, makegood.TraceParent(makegoodgrpc.TraceParent))
	tell := makegoodgrpc.New(told.Client(), "com.example.grpc")
	conn := serve(t, &service{}, []grpc.ServerOption{grpc.ChainUnaryInterceptor(tell.UnaryServer)}, grpc.WithChainUnaryInterceptor(tell.UnaryClient))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", parent)
	_, _ = shop.NewTestServiceClient(conn).UnaryCall(ctx, fails(codes.Internal))
	seen := 0
	for _, e := range told.Events() {
		if e.Extensions()["traceparent"] == parent {
			seen++
		}
	}
	if seen != 2 {
		t.Errorf("%d events have the trace, want those of both sides", seen)
	}
	if got := makegoodgrpc.TraceParent(t.Context()); got != "" {
		t.Errorf("got %q of no call", got)
	}
}

// TestNilClient serves with interceptors that have nobody to tell.
func TestNilClient(t *testing.T) {
	t.Parallel()
	tell := makegoodgrpc.New(nil, "com.example.grpc")
	conn := serve(t, &service{}, []grpc.ServerOption{grpc.ChainUnaryInterceptor(tell.UnaryServer)})
	if _, err := shop.NewTestServiceClient(conn).UnaryCall(t.Context(), fails(codes.Internal)); status.Code(err) != codes.Internal {
		t.Errorf("got %v", err)
	}
}

func TestStopWhenClosed(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	gate := told.Client().Gate("product/TABLE-7", makegood.FailOpen)
	stop := makegoodgrpc.StopWhenClosed(gate, unary, "/shop.Orders/", "/grpc.testing.TestService/FullDuplexCall")
	s := &service{}
	retries := `{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.01s", "maxBackoff": "0.01s",
		"backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`
	conn := serve(t, s, []grpc.ServerOption{grpc.ChainUnaryInterceptor(stop.UnaryServer), grpc.ChainStreamInterceptor(stop.StreamServer)},
		grpc.WithDefaultServiceConfig(retries))
	client := shop.NewTestServiceClient(conn)

	if _, err := client.UnaryCall(t.Context(), fails(codes.Unavailable)); s.calls.Swap(0) != 5 {
		t.Errorf("open: %v: the retry policy is not in force", err)
	}
	told.Pull("product")
	_, err := client.UnaryCall(t.Context(), fails(codes.OK))
	if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "not available at the moment: product/TABLE-7 is stopped" {
		t.Errorf("closed: %v", err)
	}
	var trailer metadata.MD
	duplex, err := client.FullDuplexCall(t.Context(), grpc.Trailer(&trailer))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := duplex.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("closed: %v", err)
	}
	if got := trailer.Get("grpc-retry-pushback-ms"); len(got) != 1 || got[0] != "-1" {
		t.Errorf("pushback %q", got)
	}
	if n := s.calls.Load(); n != 0 {
		t.Errorf("%d calls came through", n)
	}
	drain(t, conn, codes.OK) // a method that is not named
	if n := s.calls.Load(); n != 1 {
		t.Errorf("%d calls came through, want 1", n)
	}
	told.Release("product")
	if _, err := client.UnaryCall(t.Context(), fails(codes.OK)); err != nil {
		t.Errorf("open again: %v", err)
	}
}

// TestStopSparesHealthChecks closes a gate for a whole server, which must go on to
// answer whoever asks whether it is alive.
func TestStopSparesHealthChecks(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	stop := makegoodgrpc.StopWhenClosed(told.Client().Gate("shop", makegood.FailOpen))
	told.Pull("shop")
	for method, want := range map[string]codes.Code{
		grpc_health_v1.Health_Check_FullMethodName: codes.OK, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": codes.OK,
		"/shop.Orders/Place": codes.Unavailable, "/grpcish.Orders/Place": codes.Unavailable,
	} {
		_, err := stop.UnaryServer(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { return nil, nil })
		if status.Code(err) != want {
			t.Errorf("%s: got %v, want %s", method, err, want)
		}
	}
}

// BenchmarkUnaryServer measures what an interceptor adds to a call that is not told
// of, beside the clock that it reads.
func BenchmarkUnaryServer(b *testing.B) {
	tell := makegoodgrpc.New(nil, "com.example.grpc")
	info := &grpc.UnaryServerInfo{FullMethod: unary}
	handler := func(context.Context, any) (any, error) { return nil, nil }
	ctx := context.Background()
	var told, clock time.Duration
	const turns, calls = 100, 1000
	for b.Loop() {
		for range turns {
			began := time.Now()
			for range calls {
				_, _ = tell.UnaryServer(ctx, nil, info, handler)
			}
			told = least(told, time.Since(began))
			began = time.Now()
			for range calls {
				_ = time.Since(time.Now())
			}
			clock = least(clock, time.Since(began))
		}
	}
	b.ReportMetric(float64(told.Nanoseconds())/calls, "ns/call")
	b.ReportMetric(float64(told)/float64(clock), "call/clock")
}

// least is the shorter of two durations, the first of which may be none yet.
func least(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return b
	}
	return a
}
