package makegoodgrpc_test

import (
	"context"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodgrpc"
	"github.com/makegood/makegood/sdk/makegoodtest"
)

// broken is a stream that the server has ended: sending says only that, receiving
// says why.
type broken struct{ grpc.ClientStream }

func (broken) SendMsg(any) error { return io.EOF }
func (broken) RecvMsg(any) error { return status.Error(codes.Internal, "no") }

// TestTheReasonIsReceived holds that a stream's end is told with the code that
// receiving gives, and not with that of the io.EOF that sending gives before.
func TestTheReasonIsReceived(t *testing.T) {
	t.Parallel()
	told := makegoodtest.New(t)
	open := func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
		return broken{}, nil
	}
	stream, err := makegoodgrpc.New(told.Client(), "com.example.grpc", nil).StreamClient(t.Context(), nil, nil, "/shop.Orders/Place", open)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(nil); err != io.EOF {
		t.Errorf("send: %v", err)
	}
	told.None()
	if err := stream.RecvMsg(nil); status.Code(err) != codes.Internal {
		t.Errorf("receive: %v", err)
	}
	told.Expect("com.example.grpc.failed", makegood.Int("status", int(codes.Internal)))
}
