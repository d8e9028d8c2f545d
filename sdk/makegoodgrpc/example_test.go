package makegoodgrpc_test

import (
	"context"
	"fmt"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodgrpc"
	"github.com/makegood/makegood/sdk/makegoodtest"
)

// bank is a service that does not work.
type bank struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (bank) Check(context.Context, *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return nil, status.Error(codes.Unavailable, "the bank does not answer")
}

// A server gets the interceptors once. Calls that fail or take long become events.
func Example() {
	told := makegoodtest.New(&testing.T{}, makegood.TraceParent(makegoodgrpc.TraceParent))
	mg := told.Client() // a program's is of makegood.New
	tell := makegoodgrpc.New(mg, "com.example.shop.grpc",
		makegoodgrpc.Customer(func(ctx context.Context, _ any) string {
			if id := metadata.ValueFromIncomingContext(ctx, "customer"); len(id) > 0 {
				return id[0]
			}
			return ""
		}))
	stop := makegoodgrpc.StopWhenClosed(mg.Gate("product/TABLE-7", makegood.FailOpen), "/shop.Orders/Place")
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(tell.UnaryServer, stop.UnaryServer),
		grpc.ChainStreamInterceptor(tell.StreamServer, stop.StreamServer))
	grpc_health_v1.RegisterHealthServer(server, bank{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "customer", "c-42")
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	fmt.Println(status.Code(err))

	for _, e := range told.Events() {
		var data struct{ Side, Route, Code, Outcome string }
		fmt.Println(e.DataAs(&data), e.Type(), e.Extensions()["customer"], data)
	}
	// Output:
	// Unavailable
	// <nil> com.example.shop.grpc.failed c-42 {server /grpc.health.v1.Health/Check UNAVAILABLE error}
}
