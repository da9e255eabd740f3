package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/agent"
)

// startServer runs the server as `trapline serve` does, with a configuration and more flags, and gives
// its base URL. It ends with the test.
func startServer(t testing.TB, config string, flags ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snmp.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return startServerWith(t, append([]string{"--config.file=" + file}, flags...)...)
}

func startServerWith(t testing.TB, args ...string) string {
	t.Helper()
	address := freeAddress(t)
	app := kingpin.New("trapline", "")
	command := app.Command("serve", "").Default()
	flags := newServeFlags(command)
	if _, err := app.Parse(append(args, "--web.listen-address="+address)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, flags, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	base := "http://" + address
	for {
		if response, err := http.Get(base + "/-/ready"); err == nil {
			response.Body.Close()
			return base
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatal(err)
		default:
		}
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startDevices serves recordings, each on a loopback address of its own from first on.
func startDevices(t testing.TB, first string, faults agent.Faults, recordings ...*agent.Recording) *agent.Server {
	t.Helper()
	at := netip.MustParseAddrPort(first)
	var devices []agent.Device
	for _, r := range recordings {
		d := r.Serve(at)
		d.Faults = faults
		devices = append(devices, d)
		at = netip.AddrPortFrom(at.Addr().Next(), at.Port())
	}
	return serveDevices(t, devices)
}

func serveDevices(t testing.TB, devices []agent.Device) *agent.Server {
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

// get asks the server and gives status, content type and body.
func get(t testing.TB, url string, header ...string) (int, string, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(body)
}

// shared finds test data that lies beside the checkout. Under CI it must be there.
func shared(t testing.TB, path string) string {
	t.Helper()
	full := filepath.Join("..", "..", "..", "shared", path)
	if _, err := os.Stat(full); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: the test data are not there: %v", err)
	}
	return full
}

func containsLine(text, prefix string) bool {
	return strings.HasPrefix(text, prefix) || strings.Contains(text, "\n"+prefix)
}
