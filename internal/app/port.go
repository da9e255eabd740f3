package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"trapline/internal/human"
)

// FreePorts returns why an address to listen at cannot be, before anything else is begun: who is there, and which port
// is free.
func FreePorts(ctx context.Context, flags *web.FlagConfig) error {
	if flags.WebSystemdSocket != nil && *flags.WebSystemdSocket {
		return nil
	}
	for _, address := range *flags.WebListenAddresses {
		if strings.Contains(address, "://") {
			continue // of another kind
		}
		listener, err := net.Listen("tcp", address)
		if err == nil {
			_ = listener.Close()
			continue
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			return inUse(ctx, address)
		}
		return fmt.Errorf("--web.listen-address=%s: %w", address, err)
	}
	return nil
}

// inUse says who listens at an address.
func inUse(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("port %s is in use by %s", port, ListenerAt(ctx, Browsable(address)))
	if free := freePort(host, port); free != "" {
		text += fmt.Sprintf(". Use --web.listen-address=%s", free)
	}
	return errors.New(text)
}

// The bounds of asking who listens at an address.
const (
	identifyTime = 2 * time.Second
	maxStatus    = 1 << 20 // octets
)

// ListenerAt names the program that answers at an address.
func ListenerAt(ctx context.Context, address string) string {
	const stranger = "another program"
	ctx, cancel := context.WithTimeout(ctx, identifyTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/v1/status", nil)
	if err != nil {
		return stranger
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return stranger
	}
	defer response.Body.Close()
	var a struct {
		Data struct {
			Version string    `json:"version"`
			Started time.Time `json:"started"`
		} `json:"data"`
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxStatus))
	if err != nil || json.Unmarshal(text, &a) != nil || a.Data.Started.IsZero() {
		return stranger
	}
	return human.Visible(fmt.Sprintf("Trapline %.40s (running %s)", a.Data.Version, days(time.Since(a.Data.Started))))
}

// days writes how long a process has run.
func days(d time.Duration) string {
	if n := int(d.Hours() / 24); n >= 2 {
		return fmt.Sprintf("%d days", n)
	}
	return human.Age(time.Now().Add(-max(d, time.Second)))
}

// freePort returns an address with one of the next ports, or "".
func freePort(host, port string) string {
	first, err := strconv.Atoi(port)
	if err != nil {
		return ""
	}
	for n := first + 1; n <= min(first+20, 65535); n++ {
		address := net.JoinHostPort(host, strconv.Itoa(n))
		if listener, err := net.Listen("tcp", address); err == nil {
			_ = listener.Close()
			return address
		}
	}
	return ""
}

// Browsable turns a listen address into one that a client can ask.
func Browsable(listen string) string {
	host, port, _ := strings.Cut(listen, ":")
	if host == "" || host == "0.0.0.0" {
		host = "localhost"
	}
	return host + ":" + port
}
