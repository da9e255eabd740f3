package engine

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"trapline/internal/cluster/engine/enginetest"
)

// Whatever keeps a member from a voter is named, in the place of a timeout: the system's error, or whose certificate is refused
// and why.
func TestSilenceHasAReason(t *testing.T) {
	const host = "127.0.68.101"
	ports := enginetest.Ports(t, host)
	files := enginetest.NewAuthority(t, host)
	at := func(member string, a *enginetest.Authority) Config {
		c := Config{Cluster: "test", Member: member, Voters: []string{host}, Engine: ports[0], Peers: ports[1], Dir: t.TempDir(), Lease: 5 * time.Second, Log: quiet()}
		if a != nil {
			c.TLS = &TLS{CAFile: a.CAFile, CertFile: a.CertFile, KeyFile: a.KeyFile}
		}
		return c
	}
	other := enginetest.NewAuthority(t, host)
	ours := enginetest.NewAuthority(t, host)
	ours.CAFile = files.CAFile // the certificate of another authority
	mute, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	port := func(c Config, l net.Listener) Config {
		_, text, _ := net.SplitHostPort(l.Addr().String())
		c.Engine, _ = strconv.Atoi(text)
		return c
	}
	named := at("member", files)
	named.Voters = []string{"voter.invalid"}
	closed, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	refused := port(at("member", files), closed)
	closed.Close()

	e, err := New(at(host, files))
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Run(t, e)
	for want, c := range map[string]Config{
		"":                                     at("member", files),
		"no such host":                         named,
		"connection refused":                   refused,
		"i/o timeout":                          port(at("member", nil), mute),
		"its certificate is not accepted":      at("member", other),
		"it refuses the certificate of this m": at("member", ours),
		"EOF|reset|closed":                     at("member", nil),
	} {
		e, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, err := range e.Silent(t.Context()) {
			got = fmt.Sprint(err)
		}
		e.Close()
		found := got == "" && want == ""
		for text := range strings.SplitSeq(want, "|") {
			found = found || text != "" && strings.Contains(got, text)
		}
		if !found {
			t.Errorf("%q: want %q", got, want)
		}
	}
}

// A server without a majority is named as one.
func TestSilenceWithoutMajority(t *testing.T) {
	v := newVoters(t, "68.15")
	v.start(0)
	v.start(1)
	v.await("two of three answer", func() bool { return len(v.engines[0].Silent(t.Context())) == 1 })
	v.stops[1]()
	asks, err := New(Config{Cluster: "test", Member: "another", Voters: v.configs[0].Voters, Engine: v.configs[0].Engine, Peers: v.configs[0].Peers, Lease: v.configs[0].Lease, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer asks.Close()
	v.await("the one that is left does not reach a majority", func() bool {
		silent, own := asks.Silent(t.Context()), v.engines[0].Silent(t.Context())
		return len(silent) == 3 && silent[v.configs[0].Member] == errNoLeader && strings.Contains(silent[v.configs[1].Member].Error(), "refused") && len(own) == 2
	})
}
