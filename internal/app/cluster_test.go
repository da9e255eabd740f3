package app

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/exporter-toolkit/web"

	"trapline/internal/runtimeconfig"
)

// The address under which Prometheus reaches a member is where it listens; on all addresses, its name.
func TestWebAddress(t *testing.T) {
	off := false
	for _, one := range []struct {
		member, want string
		listen       []string
	}{
		{"poller-1", "poller-1:9116", []string{":9116"}},
		{"poller-1", "poller-1:80", []string{"0.0.0.0:80"}},
		{"2001:db8::1", "[2001:db8::1]:9116", []string{"[::]:9116"}},
		{"poller-1", "192.0.2.7:9116", []string{"127.0.0.1:9116", "192.0.2.7:9116"}},
		{"poller-1", "web.example:9116", []string{"localhost:9116", "web.example:9116"}},
		{"127.0.0.3", "127.0.0.3:9116", []string{"127.0.0.3:9116"}},
		{"poller-1", "", []string{"127.0.0.1:9116"}}, // a proxy stands before it
		{"poller-1", "", []string{":0"}},
		{"poller-1", "", []string{"vsock://:9116"}},
		{"poller-1", "", []string{"9116"}},
	} {
		if got := webAddress(one.member, &web.FlagConfig{WebListenAddresses: &one.listen, WebSystemdSocket: &off}); got != one.want {
			t.Errorf("member %s at %v: %q, want %q", one.member, one.listen, got, one.want)
		}
	}
	on, listen := true, []string{":9116"}
	if got := webAddress("poller-1", &web.FlagConfig{WebListenAddresses: &listen, WebSystemdSocket: &on}); got != "" {
		t.Errorf("by a socket of systemd: %q", got)
	}
}

// A reload whose files cannot be read, for their disk does not answer, keeps no shard from being taken or lost.
func TestReloadThatHangsKeepsNoShard(t *testing.T) {
	reads, released := make(chan struct{}), make(chan struct{})
	r := newReloader(func() (*runtimeconfig.Config, error) {
		close(reads)
		<-released
		return nil, errors.New("input/output error")
	}, nil, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	ended := make(chan error)
	go func() { ended <- r.reload() }()
	<-reads
	applied := make(chan struct{})
	go r.again(func() bool { return false }, func(*runtimeconfig.Config) { close(applied) })
	select {
	case <-applied:
	case <-time.After(time.Minute):
		t.Error("shards wait for the files of a reload")
	}
	close(released)
	if err := <-ended; err == nil {
		t.Error("the reload succeeds")
	}
}
