package engine

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// authenticate is the method by which a client gets a token for its password.
const authenticate = "/etcdserverpb.Auth/Authenticate"

// forgetToken has a client forget a token that the server does not know any more, after a restart for instance. Servers of etcd 3.4 refuse
// the request for another one if it comes with the old one, as all requests do; the client would repeat it without end. It forgets its token
// where a server wants none.
func forgetToken(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	err := invoke(ctx, method, request, reply, cc, options...)
	if refused := rpctypes.Error(err); method == authenticate && (errors.Is(refused, rpctypes.ErrInvalidAuthToken) || errors.Is(refused, rpctypes.ErrAuthOldRevision)) {
		return rpctypes.ErrGRPCAuthNotEnabled
	}
	return err
}
