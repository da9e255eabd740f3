package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// recoverWait bounds how long a server may take to start alone.
const recoverWait = 30 * time.Second

// inUse reports whether a server runs with our data, which holds the lock of its database.
func (c *Config) inUse() bool {
	file := c.database()
	if _, err := os.Stat(file); err != nil {
		return false // bbolt would make one
	}
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{Timeout: time.Second})
	if err == nil {
		_ = db.Close()
	}
	return errors.Is(err, bbolterrors.ErrTimeout)
}

// Recover makes a cluster of one out of the data of our own server, or without data a new one, and stops it after use. No
// other server reaches it meanwhile. The server must not run.
func (e *Engine) Recover(ctx context.Context, use func(context.Context, *clientv3.Client) error) error {
	if e.server == nil {
		return errors.New("this member runs no server of the engine")
	}
	if e.config.inUse() {
		return fmt.Errorf("another process has the files in %s: stop Trapline here first", e.config.Dir)
	}
	if err := e.config.beginRecovery(); err != nil {
		return err
	}
	if err := e.recover(ctx, use); err != nil {
		return err
	}
	return e.config.endRecovery()
}

func (e *Engine) recover(ctx context.Context, use func(context.Context, *clientv3.Client) error) error {
	starting, cancel := context.WithTimeout(ctx, recoverWait)
	defer cancel()
	failed := make(chan string, 1)
	settings, err := e.server.alone(failed)
	if err != nil {
		return err
	}
	etcd, err := start(starting, settings, failed)
	if err != nil {
		return fmt.Errorf("cannot start the engine alone: %w", err)
	}
	defer e.server.stop(etcd)
	select {
	case <-etcd.Server.ReadyNotify():
	case text := <-failed:
		return errors.New(text)
	case <-starting.Done():
		return starting.Err()
	}
	client := v3client.New(etcd.Server)
	defer client.Close()
	return use(ctx, client)
}

// alone are the settings of a server that has no others.
func (s *server) alone(failed chan string) (*embed.Config, error) {
	settings, err := s.settings(failed)
	if err != nil {
		return nil, err
	}
	settings.ForceNewCluster = s.config.HasData()
	settings.InitialCluster = s.config.Member + "=" + s.config.url(s.config.Member, s.config.Peers)
	if settings.ListenPeerUrls, err = urls(s.config.url("127.0.0.1", 0)); err != nil {
		return nil, err
	}
	settings.ListenClientUrls = settings.ListenPeerUrls
	settings.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(&output{log: slog.New(slog.DiscardHandler)}, failed)) // others do not answer
	return settings, nil
}

// Close closes the clients of an engine that is not run.
func (e *Engine) Close() { e.close() }
