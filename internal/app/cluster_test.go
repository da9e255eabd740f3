package app

import (
	"testing"

	"github.com/prometheus/exporter-toolkit/web"
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
