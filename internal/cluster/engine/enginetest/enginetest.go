// Package enginetest runs engines in tests.
package enginetest

import (
	"context"
	"net"
	"testing"
	"time"
)

// Ports returns two free TCP ports of an address, which differ.
func Ports(t *testing.T, host string) (ports [2]int) {
	t.Helper()
	for i := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// Run runs an engine until the test ends, and returns when it is up.
func Run(t *testing.T, e interface {
	Run(ctx context.Context) error
	Up() bool
}) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = e.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if <-ended; err != nil {
			t.Error(err)
		}
	})
	for !e.Up() {
		select {
		case <-ended:
			t.Fatalf("the engine ends: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
