package programtest

import (
	"context"
	"net/netip"
	"testing"

	"trapline/internal/agent"
)

// StartDevices serves recordings, each on a loopback address of its own from first on.
func StartDevices(t testing.TB, first string, faults agent.Faults, recordings ...*agent.Recording) *agent.Server {
	t.Helper()
	at := netip.MustParseAddrPort(first)
	var devices []agent.Device
	for _, r := range recordings {
		d := r.Serve(at)
		d.Faults = faults
		devices = append(devices, d)
		at = netip.AddrPortFrom(at.Addr().Next(), at.Port())
	}
	return ServeDevices(t, devices)
}

// ServeDevices serves devices until the end of the test.
func ServeDevices(t testing.TB, devices []agent.Device) *agent.Server {
	t.Helper()
	server, err := agent.Listen(devices...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return server
}
