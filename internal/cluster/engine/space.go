package engine

import (
	"cmp"
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// errFull is the error of a database that is full of what is in use.
var errFull = errors.New("nine tenths of the database are in use")

// Free gives back the space of what was compacted in the database of our own server, and has it take writes again if that is
// enough. It answers nobody meanwhile.
func (e *Engine) Free(ctx context.Context) error {
	etcd := e.server.running()
	own, err := e.Own()
	if etcd == nil || err != nil {
		return ErrNoServer
	}
	backend := etcd.Server.Backend()
	if err := backend.Defrag(); err != nil {
		return err
	}
	if backend.Size() > cmp.Or(e.config.Quota, defaultQuota)/10*9 {
		return errFull
	}
	_, err = own.AlarmDisarm(ctx, &clientv3.AlarmMember{MemberID: uint64(etcd.Server.MemberID()), Alarm: etcdserverpb.AlarmType_NOSPACE})
	return err
}
