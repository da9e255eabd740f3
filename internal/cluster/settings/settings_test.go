package settings

import (
	"strings"
	"testing"
	"time"

	"trapline/internal/setting"
)

func TestProblemsOfSettings(t *testing.T) {
	loopbacks := []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}
	tls := &TLS{CAFile: "ca.pem", CertFile: "c.pem", KeyFile: "k.pem"}
	heavy := -1.0
	for _, c := range []struct {
		settings Settings
		problem  string // "" if there is none
	}{
		{Settings{Members: loopbacks, Member: "127.0.0.1"}, ""},
		{Settings{Members: []string{"a", "b", "c"}, Member: "a", TLS: tls}, ""},
		{Settings{Members: []string{"a", "b", "c"}, Member: "a", Insecure: true}, ""},
		{Settings{Members: []string{"a", "b", "c"}, Member: "a"}, "insecure: true"},
		{Settings{Members: loopbacks, Member: "poller-4"}, "poller-4 may be reached from other machines"},
		{Settings{Members: loopbacks, Member: "poller-4", TLS: tls}, ""},
		{Settings{Members: loopbacks, Member: "127.0.0.4"}, ""},
		{Settings{Members: []string{"a", "b"}, Member: "a", TLS: tls}, "3 or 5"},
		{Settings{Members: append(loopbacks, "127.0.0.4"), Member: "x"}, "3 or 5"},
		{Settings{Members: []string{"127.0.0.1", "127.0.0.1", "127.0.0.3"}, Member: "x"}, "twice"},
		{Settings{Members: []string{"a/b", "b", "c"}, Member: "a", TLS: tls}, "not a host"},
		{Settings{Members: []string{"a,b=http://x", "b", "c"}, Member: "a", TLS: tls}, "not a host"},
		{Settings{Members: loopbacks, Member: "x/y"}, "not a name"},
		{Settings{Members: loopbacks, Name: "x/y", Member: "x"}, "not a name"},
		{Settings{Members: loopbacks, Member: "x", Zone: "a/b"}, "not a zone"},
		{Settings{Members: loopbacks, Member: "x", Weight: &heavy}, "write 0 to 1000"},
		{Settings{Members: loopbacks, Member: "x", Lease: setting.Duration{Duration: time.Second}}, "write 2s to 1m0s"},
		{Settings{Members: loopbacks, Member: "x", Ports: Ports{Engine: 2380}}, "write different numbers"},
		{Settings{Members: loopbacks, Member: "x", Ports: Ports{Peers: 70000}}, "not a port"},
		{Settings{Members: loopbacks, Member: "x", TLS: &TLS{CAFile: "ca.pem"}}, "cert_file is required"},
		{Settings{Members: []string{"a:9117", "b", "c"}, Member: "a", TLS: tls}, "without a port"},
		{Settings{Members: []string{"fd00::1", "fd00::2", "fd00::3"}, Member: "fd00::1", TLS: tls}, ""},
		{Settings{Members: loopbacks[:1], Member: "x"}, "weight: 0"},
		{Settings{Member: "x", Etcd: &Etcd{}}, "endpoints"},
		{Settings{Member: "x", TLS: tls, Etcd: etcd("https://e:2379")}, ""},
		{Settings{Member: "x", Insecure: true, Etcd: etcd("http://e:2379")}, ""},
		{Settings{Member: "127.0.0.1", Etcd: etcd("http://127.0.0.1:2379")}, ""},
		{Settings{Member: "x", Etcd: etcd("https://e:2379")}, "x may be reached from other machines"},
		{Settings{Member: "x", TLS: tls, Etcd: etcd("http://e:2379")}, "write https://"},
		{Settings{Member: "x", TLS: tls, Etcd: etcd("e:2379")}, "not the URL of a server"},
		{Settings{Member: "x", TLS: tls, Etcd: &Etcd{Endpoints: []string{"https://e:2379"}, Username: "u"}}, "written together"},
		{Settings{Member: "x", TLS: tls, Etcd: &Etcd{Endpoints: []string{"https://e:2379"}, TLS: &EtcdTLS{CertFile: "c.pem"}}}, "etcd.tls.ca_file"},
		{Settings{Member: "x", TLS: tls, Members: loopbacks, Etcd: etcd("https://e:2379")}, "leave members out"},
	} {
		var texts []string
		for _, p := range c.settings.Problems() {
			texts = append(texts, p.Path+": "+p.Text)
		}
		all := strings.Join(texts, "\n")
		if (c.problem == "") != (all == "") || !strings.Contains(all, c.problem) {
			t.Errorf("%+v: %q, want %q", c.settings, all, c.problem)
		}
	}
}

func TestVoters(t *testing.T) {
	s := Settings{Members: []string{"a", "b", "c"}}
	for member, want := range map[string]bool{"a": true, "d": false} {
		s.Member = member
		if s.Voter() != want {
			t.Errorf("%s votes: %v", member, !want)
		}
	}
}

func etcd(endpoint string) *Etcd { return &Etcd{Endpoints: []string{endpoint}} }
