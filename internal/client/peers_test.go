package client_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/peers"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

const (
	sysName   = "1.3.6.1.2.1.1.5.0"
	sysUpTime = "1.3.6.1.2.1.1.3.0"
	nameLine  = sysName + ` OCTET STRING "snmpd-test"`
)

// getName asks for sysName; briefly when no answer is to be expected.
var (
	getName = client.Plan{Get: walkOf(sysName), Params: patient(25)}
	briefly = client.Plan{Get: walkOf(sysName), Params: params(150*time.Millisecond, 1, 25)}
)

// tested is the engine that most tests run with: Trapline's own, or TRAPLINE_ENGINE.
var tested = os.Getenv("TRAPLINE_ENGINE")

func authOf(u peers.User) *access.Auth {
	a := &access.Auth{Version: 3, SecurityLevel: access.NoAuthNoPriv, Username: u.Name}
	if u.Auth != "" {
		a.SecurityLevel, a.AuthProtocol, a.Password = access.AuthNoPriv, u.Auth, peers.AuthPassphrase
	}
	if u.Priv != "" {
		a.SecurityLevel, a.PrivProtocol, a.PrivPassword = access.AuthPriv, u.Priv, peers.PrivPassphrase
	}
	return a
}

var shaAES = peers.User{Name: "usr-sha-aes", Auth: "SHA", Priv: "AES"}

func community(version int, name string) *access.Auth {
	return &access.Auth{Version: access.Version(version), Community: setting.Secret(name)}
}

// wantName wants the answer to getName.
func (r result) wantName(t testing.TB, name string) {
	t.Helper()
	r.wantErrors(t)
	if want := []string{sysName + ` OCTET STRING "` + name + `"`}; !slices.Equal(r.lines, want) {
		t.Errorf("got %q, want %q", r.lines, want)
	}
}

func recordings(names ...string) map[string]string {
	all := map[string]string{}
	for _, n := range names {
		all[n] = sysName + "|4|" + n + "\n"
	}
	return all
}

// Rows 1 to 7, 22 and 45: every version and user, over IPv4 and IPv6, all at the same time.
func TestPeersEveryVersionAndUser(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{Users: peers.Users()})
	simulated := peers.StartSnmpsimd(t, recordings("public", "snmpd-test"))
	e := newEngine(t)
	var polls sync.WaitGroup
	ask := func(name, address string, a *access.Auth, context string) {
		if address == "" {
			return
		}
		polls.Go(func() {
			x, err := e.Target(client.Spec{Engine: tested, Address: address, Auth: a, Context: context})
			if err != nil {
				t.Error(err)
				return
			}
			if r := poll(t, x, getName); r.err != nil || len(r.lines) != 1 || !strings.HasSuffix(r.lines[0], name+`"`) {
				t.Errorf("%s as %s: %q, %v", address, a.Username, r.lines, r.err)
			}
		})
	}
	v6 := func(address string) string {
		if address == "" {
			return ""
		}
		return "udp6:" + address
	}
	for _, version := range []int{1, 2} {
		for _, address := range []string{snmpd.Address, snmpd.Address6, v6(snmpd.Address6)} {
			ask("snmpd-test", address, community(version, "public"), "")
		}
		for _, address := range append(simulated.Addresses[:], simulated.Address6, v6(simulated.Address6)) {
			ask("public", address, community(version, "public"), "")
		}
	}
	for _, u := range peers.Users() {
		ask("snmpd-test", snmpd.Address, authOf(u), "")
		ask("snmpd-test", snmpd.Address6, authOf(u), "")
	}
	for _, u := range peers.SnmpsimUsers() {
		if u.Priv == "3DES" && tested == access.Gosnmp {
			continue // which does not have it
		}
		ask("public", simulated.Addresses[0], authOf(u), "public")
		ask("snmpd-test", simulated.Address6, authOf(u), "snmpd-test")
	}
	polls.Wait()
}

// Row 2: instances travel together.
func TestPeersInstancesInOnePDU(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	plan := client.Plan{Get: walkOf(sysName, "1.3.6.1.2.1.1.4.0", "1.3.6.1.2.1.1.6.0", peers.Knob), Params: patient(25)}
	r := poll(t, target(t, client.Spec{Engine: tested, Address: snmpd.Address}), plan)
	r.wantErrors(t)
	want := []string{nameLine, `1.3.6.1.2.1.1.4.0 OCTET STRING "nobody@example.test"`, `1.3.6.1.2.1.1.6.0 OCTET STRING "rack 1"`, peers.Knob + " INTEGER 10"}
	if !slices.Equal(r.lines, want) || r.stats.Packets != 1 {
		t.Errorf("%q in %d packets", r.lines, r.stats.Packets)
	}
}

// Rows 14 and 15.
func TestPeersContexts(t *testing.T) {
	simulated := peers.StartSnmpsimd(t, recordings("geist", "c3750"))
	user := authOf(shaAES)
	for _, context := range []string{"geist", "c3750"} {
		poll(t, target(t, client.Spec{Engine: tested, Address: simulated.Addresses[0], Auth: user, Context: context}), getName).wantName(t, context)
		own := *user
		own.ContextName = context
		poll(t, target(t, client.Spec{Engine: tested, Address: simulated.Addresses[0], Auth: &own}), getName).wantName(t, context)
	}
	foreign := client.Spec{Engine: tested, Address: simulated.Addresses[0], Auth: user, Context: "geist", ContextEngineID: "\x80\x00\x00\x00\x04xyz"}
	poll(t, target(t, foreign), getName).wantErrors(t, "get unknown_context")

	behind := peers.StartSnmpd(t, peers.SnmpdOptions{})
	proxy := peers.StartSnmpd(t, peers.SnmpdOptions{Config: strings.Join([]string{
		"sysName proxy",
		"createUser usr-ctx SHA " + peers.AuthPassphrase + " AES " + peers.PrivPassphrase,
		"view all included .1",
		"rouser -s usm usr-ctx priv -V all *",
		"proxy -Cn remote1 -v 2c -c public " + behind.Address + " .1.3.6.1.2.1.1",
	}, "\n")})
	user = authOf(peers.User{Name: "usr-ctx", Auth: "SHA", Priv: "AES"})
	poll(t, target(t, client.Spec{Engine: tested, Address: proxy.Address, Auth: user}), getName).wantName(t, "proxy")
	poll(t, target(t, client.Spec{Engine: tested, Address: proxy.Address, Auth: user, Context: "remote1"}), getName).wantName(t, "snmpd-test")
	// Net-SNMP takes any context engine for its own.
	poll(t, target(t, client.Spec{Engine: tested, Address: proxy.Address, Auth: user, ContextEngineID: foreign.ContextEngineID}), getName).wantName(t, "proxy")
	poll(t, target(t, client.Spec{Engine: tested, Address: proxy.Address, Auth: user, Context: "nowhere"}), briefly).wantErrors(t, "get timeout")
}

// Row 16: each failure has its own reason, and none takes longer than it must.
func TestPeersFailuresAreDistinguished(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{Users: peers.Users()})
	user := func(change func(*access.Auth)) *access.Auth {
		a := authOf(shaAES)
		change(a)
		return a
	}
	for name, test := range map[string]struct {
		auth *access.Auth
		want string
	}{
		"wrong community":           {community(2, "wrong"), "get timeout"},
		"unknown user":              {user(func(a *access.Auth) { a.Username = "nobody" }), "get unknown_user"},
		"wrong password":            {user(func(a *access.Auth) { a.Password = "wrong-password" }), "get wrong_digest"},
		"wrong authentication":      {user(func(a *access.Auth) { a.AuthProtocol = "SHA256" }), "get wrong_digest"},
		"wrong privacy password":    {user(func(a *access.Auth) { a.PrivPassword = "wrong-password" }), "get timeout"},
		"the other way to AES-256":  {user(func(a *access.Auth) { a.Username, a.PrivProtocol = "usr-sha-aes256", "AES256C" }), "get timeout"},
		"and back":                  {user(func(a *access.Auth) { a.Username, a.PrivProtocol = "usr-sha-aes256c", "AES256" }), "get timeout"},
		"a level that is too low":   {user(func(a *access.Auth) { a.SecurityLevel = access.AuthNoPriv }), "get authorization"},
		"no authentication at all":  {user(func(a *access.Auth) { a.SecurityLevel = access.NoAuthNoPriv }), "get authorization"},
		"a level the user has not":  {user(func(a *access.Auth) { a.Username = "usr-none-none" }), "get unsupported_level"},
		"a password file too short": {user(func(a *access.Auth) { a.Password, a.PasswordFile = "", shortFile(t) }), "get wrong_digest"},
		"a password file not there": {user(func(a *access.Auth) { a.Password, a.PasswordFile = "", "/nonexistent" }), "connect credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := briefly
			if !strings.HasSuffix(test.want, "timeout") {
				plan = getName
				plan.Params.Timeout.Duration = time.Hour
			}
			plan.Walk = walkOf("1.3.6.1.2.1.1")
			r := poll(t, target(t, client.Spec{Engine: tested, Address: snmpd.Address, Auth: test.auth}), plan)
			r.wantErrors(t, test.want)
			r.wantLines(t, 0)
		})
	}
}

// Row 21: by address and by name. Row 23: the agent's log shows where a request came from.
func TestPeersAddresses(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	_, port, _ := net.SplitHostPort(snmpd.Address)
	for _, address := range []string{"localhost:" + port, "udp://localhost:" + port, "udp4:127.0.0.1:" + port} {
		poll(t, target(t, client.Spec{Engine: tested, Address: address}), getName).wantName(t, "snmpd-test")
	}
	source, _ := peers.FreeUDPAddresses(t)
	for _, source := range []netip.AddrPort{
		netip.MustParseAddrPort("127.0.0.2:0"),
		netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), netip.MustParseAddrPort(source).Port()),
	} {
		poll(t, target(t, client.Spec{Engine: tested, Address: snmpd.Address, Source: source}), getName).wantName(t, "snmpd-test")
		want := "Connection from UDP: [" + strings.TrimSuffix(source.String(), ":0")
		want = strings.Replace(want, "127.0.0.2", "127.0.0.2]:", 1)
		want = strings.Replace(want, "127.0.0.3:", "127.0.0.3]:", 1)
		snmpd.Process.Await(t, func() bool { return strings.Contains(snmpd.Process.Output(), want) })
	}
}

// Row 26: a port where nobody listens is refused at once, and heals by itself.
func TestPeersRefusedAndBack(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	for _, a := range []*access.Auth{community(2, "public"), authOf(shaAES)} {
		x := target(t, client.Spec{Engine: tested, Address: snmpd.Address, Auth: a})
		poll(t, x, getName).wantName(t, "snmpd-test")
		snmpd.Process.Stop()
		plan := getName
		plan.Params.Timeout.Duration = time.Hour
		r := poll(t, x, plan)
		r.wantErrors(t, "get refused")
		if r.stats.Packets != 1 {
			t.Errorf("%d packets", r.stats.Packets)
		}
		snmpd.Start(t)
		poll(t, x, getName).wantName(t, "snmpd-test")
	}
}

// Row 44: one that never answers delays nobody.
func TestPeersDeadTargetDelaysNobody(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	hole := newAgent(t, func(question) [][]byte { return nil })
	e := newEngine(t)
	dead, err := e.Target(client.Spec{Engine: tested, Address: hole.address})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan result, 1)
	go func() {
		waiting <- pollContext(ctx, dead, client.Plan{Get: getName.Get, Params: params(time.Hour, 0, 25)})
	}()
	for _, u := range peers.UsualUsers() {
		x, err := e.Target(client.Spec{Engine: tested, Address: snmpd.Address, Auth: authOf(u)})
		if err != nil {
			t.Fatal(err)
		}
		poll(t, x, getName).wantName(t, "snmpd-test")
	}
	cancel()
	(<-waiting).wantErrors(t, "get canceled")
}

// Row 47: three addresses, three recordings, a thousand polls mixed.
func TestPeersNoAnswerGoesAstray(t *testing.T) {
	names := []string{"one", "two", "three"}
	simulated := peers.StartSnmpsimd(t, recordings(names...))
	e := newEngine(t)
	const each = 1000 / 9
	var polls sync.WaitGroup
	for _, name := range names {
		for _, address := range simulated.Addresses {
			x, err := e.Target(client.Spec{Engine: tested, Address: address, Auth: community(2, name)})
			if err != nil {
				t.Fatal(err)
			}
			polls.Go(func() {
				for range each {
					_, err := x.Poll(t.Context(), &getName, func(v snmp.VarBind) {
						if string(v.Value) != name {
							t.Errorf("%s answers %q", name, v.Value)
						}
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	polls.Wait()
}
