package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/cmd/trapline/serve"
	"trapline/internal/app"
	"trapline/internal/peers"
)

// startServer runs the server as `trapline serve` does, with a configuration and more flags, and returns
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
	return startServerLogging(t, slog.DiscardHandler, args...)
}

func startServerLogging(t testing.TB, log slog.Handler, args ...string) string {
	t.Helper()
	address := peers.FreeTCPAddress(t)
	line := kingpin.New("trapline", "")
	command := line.Command("serve", "").Default()
	flags := serve.AddServeFlags(command)
	if _, err := line.Parse(append(args, "--web.listen-address="+address)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, flags, slog.New(log)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	base := "http://" + address
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if response, err := http.Get(base + "/-/ready"); err == nil {
			response.Body.Close()
			return base
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// get returns status, content type and body of an answer of the server.
// awaitReady waits until a process serves and is ready.
func awaitReady(t testing.TB, p *peers.Process, base string) {
	t.Helper()
	p.Await(t, func() bool {
		response, err := http.Get(base + "/-/ready")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

func get(t testing.TB, url string, header ...string) (int, string, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request(t, url, header...))
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

func containsLine(text, prefix string) bool {
	return strings.HasPrefix(text, prefix) || strings.Contains(text, "\n"+prefix)
}

func ask(ctx context.Context, method, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", address, response.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}
