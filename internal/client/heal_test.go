package client_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/mux"
	"trapline/internal/peers"
)

const labEngine = "80001f88047472617020746573"

// watched is an engine whose rediscoveries can be counted.
func watched(t testing.TB) (*client.Client, func() string) {
	registry := prometheus.NewRegistry()
	e := client.New(client.Options{Metrics: mux.NewMetrics(registry)})
	t.Cleanup(func() { e.Close() })
	return e, func() string {
		_, rest, _ := strings.Cut(exposition(t, registry), "\ntrapline_engine_rediscoveries_total ")
		count, _, _ := strings.Cut(rest, "\n")
		return count
	}
}

// Rows 17 and 18: the agent comes back as another one. The poll that meets it heals by itself.
func TestPeersAgentComesBack(t *testing.T) {
	for _, test := range []comeback{
		{"with its memory: boots went up", labEngine, false, 2, "0"},
		{"with its memory and an engine ID it drew", "", false, 2, "0"},
		{"without memory: boots went back", labEngine, true, 2, "1"},
		{"without memory: another engine ID", "", true, 3, "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{EngineID: test.engineID})
			snmpd.Process.Stop()
			snmpd.Start(t) // boots are 2 now
			for _, u := range []peers.User{{Name: "usr-none-none"}, {Name: "usr-sha256-none", Auth: "SHA256"}, shaAES} {
				test.run(t, snmpd, u, "")
				test.run(t, snmpd, u, access.Gosnmp)
			}
		})
	}
}

// comeback is a way in which an agent returns, and its maximum cost with gosnmp.
type comeback struct {
	name, engineID string
	wiped          bool
	packets        int // of the first poll thereafter
	rediscoveries  string
}

func (c comeback) run(t *testing.T, snmpd *peers.Snmpd, u peers.User, name string) {
	t.Helper()
	e, rediscoveries := watched(t)
	x, err := e.Target(client.Spec{Engine: name, Address: snmpd.Address, Auth: authOf(u)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		poll(t, x, getName).wantName(t, "snmpd-test")
	}
	before := x.Boots()
	snmpd.Process.Stop()
	if c.wiped {
		snmpd.Wipe(t)
	}
	snmpd.Start(t)
	r := poll(t, x, getName)
	r.wantName(t, "snmpd-test")
	if got := rediscoveries(); r.stats.Packets > c.packets || (name == access.Gosnmp && got != c.rediscoveries) {
		t.Errorf("%s %s: %d packets and %s rediscoveries, want %d and %s", u.Name, name, r.stats.Packets, got, c.packets, c.rediscoveries)
	}
	// Without authentication nobody looks at boots.
	if after := x.Boots(); u.Auth != "" && !c.wiped && after != before+1 {
		t.Errorf("%s %s: boots went from %d to %d", u.Name, name, before, after)
	}
	if r := poll(t, x, getName); r.stats.Packets != 1 {
		t.Errorf("%s %s: the next poll takes %d packets", u.Name, name, r.stats.Packets)
	}
	snmpd.Process.Stop()
	snmpd.Start(t) // so that boots can go back again
}

// Sessions are kept: only the first poll looks for the engine, and neither silence nor a clock that
// was set makes one fail.
func TestPeersSessionsAreKept(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	for _, u := range []peers.User{{Name: "usr-sha256-none", Auth: "SHA256"}, shaAES, {Name: "usr-md5-des", Auth: "MD5", Priv: "DES"}} {
		e, rediscoveries := watched(t)
		x, err := e.Target(client.Spec{Engine: access.Gosnmp, Address: snmpd.Address, Auth: authOf(u)})
		if err != nil {
			t.Fatal(err)
		}
		first := poll(t, x, getName)
		first.wantName(t, "snmpd-test")
		for what, change := range map[string]func(){
			"at once":                        func() {},
			"after half an hour":             func() { x.Rest(30 * time.Minute) },
			"the agent's clock was set back": func() { x.TurnClock(time.Hour) },
		} {
			change()
			r := poll(t, x, getName)
			r.wantName(t, "snmpd-test")
			want := 1
			if strings.Contains(what, "clock") {
				want = 2 // the Report that shows the time, and the answer
			}
			if r.stats.Packets != want || r.stats.Retries != 0 {
				t.Errorf("%s, %s: stats are %+v", u.Name, what, r.stats)
			}
		}
		if rediscoveries() != "0" {
			t.Errorf("%s: %s rediscoveries", u.Name, rediscoveries())
		}
	}
}

// Row 19: agents that were cloned have one engine ID, but boots and time of their own.
func TestPeersTwoAgentsWithOneEngineID(t *testing.T) {
	one := peers.StartSnmpd(t, peers.SnmpdOptions{EngineID: labEngine})
	two := peers.StartSnmpd(t, peers.SnmpdOptions{EngineID: labEngine, Config: "sysName two"})
	for range 2 {
		two.Process.Stop()
		two.Start(t)
	}
	e, rediscoveries := watched(t)
	var polls sync.WaitGroup
	for _, snmpd := range []*peers.Snmpd{one, two} {
		x, err := e.Target(client.Spec{Engine: access.Gosnmp, Address: snmpd.Address, Auth: authOf(shaAES)})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			polls.Go(func() {
				for range 20 {
					if r := poll(t, x, getName); r.err != nil {
						t.Error(r.err)
					}
				}
			})
		}
	}
	polls.Wait()
	if rediscoveries() != "0" {
		t.Errorf("%s rediscoveries", rediscoveries())
	}
}

// A password that changes in its file is used from the next poll on, as is one that the agent knows
// by another name.
func TestPeersPasswordChanges(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	file := filepath.Join(t.TempDir(), "password")
	a := authOf(shaAES)
	a.Password, a.PasswordFile = "", file
	x := target(t, client.Spec{Engine: access.Gosnmp, Address: snmpd.Address, Auth: a})
	for _, test := range []struct{ password, want string }{
		{peers.AuthPassphrase, ""}, {"wrong-password", "get wrong_digest"}, {peers.AuthPassphrase, ""},
	} {
		if err := os.WriteFile(file, fmt.Appendln(nil, test.password), 0o600); err != nil {
			t.Fatal(err)
		}
		r := poll(t, x, getName)
		if test.want == "" {
			r.wantName(t, "snmpd-test")
		} else {
			r.wantErrors(t, test.want)
		}
	}
}

func shortFile(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("seven77\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
