package client_test

import (
	"context"
	"net"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/mux"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// A discovery is not a response to a poll: a device that answers discoveries but drops the user's
// messages must time out as a whole, in each poll, and be distinguished from an absent device.
func TestPeersDiscoveryIsNoAnswer(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{EngineID: "8000000001020304"})
	nobody, err := net.ListenPacket("udp4", "127.0.22.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nobody.Close() })
	wrong := func(change func(*access.Auth)) *access.Auth {
		a := authOf(shaAES)
		a.PrivPassword = "wrong-password"
		change(a)
		return a
	}
	as := func(*access.Auth) {}
	for name, test := range map[string]struct {
		spec       client.Spec
		discovered bool
	}{
		"privacy password":        {client.Spec{Address: snmpd.Address, Auth: wrong(as)}, true},
		"privacy protocol":        {client.Spec{Address: snmpd.Address, Auth: wrong(func(a *access.Auth) { a.PrivProtocol = "DES" })}, true},
		"with the engine ID set":  {client.Spec{Address: snmpd.Address, Auth: wrong(func(a *access.Auth) { a.EngineID = "8000000001020304" })}, true},
		"context":                 {client.Spec{Address: snmpd.Address, Auth: authOf(shaAES), Context: "nowhere"}, true},
		"community":               {client.Spec{Address: snmpd.Address, Auth: community(2, "wrong")}, false},
		"nobody there":            {client.Spec{Address: nobody.LocalAddr().String(), Auth: authOf(shaAES)}, false},
		"nobody, with the ID set": {client.Spec{Address: nobody.LocalAddr().String(), Auth: wrong(func(a *access.Auth) { a.EngineID = "8000000001020304" })}, false},
	} {
		for _, by := range bothEngines {
			if by == access.Gosnmp && test.discovered && test.spec.Auth.EngineID != "" {
				continue // gosnmp returns the NotInTimeWindow Report as the failure
			}
			t.Run(name+by, func(t *testing.T) {
				t.Parallel()
				spec := test.spec
				spec.Engine = by
				x := target(t, spec)
				for n := range 3 {
					progress := mux.NewProgress(func() {})
					ctx, cancel := context.WithTimeout(mux.WithProgress(t.Context(), progress), 20*time.Second)
					_, err := x.Poll(ctx, &briefly, func(snmp.VarBind) {})
					cancel()
					list := access.Errors(err)
					if len(list) != 1 || list[0].Reason != access.Timeout || !list[0].TargetFailed() || list[0].Discovered != test.discovered {
						t.Errorf("poll %d: %v: %+v", n, err, list)
					}
					if progress.Answered() {
						t.Errorf("poll %d: the discovery is an answer", n)
					}
				}
			})
		}
	}
}

// That a device is there is found out in each poll anew.
func TestPeersDiscoveryIsOfThePoll(t *testing.T) {
	for _, by := range bothEngines {
		snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
		a := authOf(shaAES)
		a.PrivPassword = "wrong-password"
		x := target(t, client.Spec{Engine: by, Address: snmpd.Address, Auth: a})
		if r := poll(t, x, briefly); len(r.errors) != 1 || !r.errors[0].Discovered {
			t.Errorf("%s: %v", by, r.err)
		}
		snmpd.Process.Kill()
		if r := poll(t, x, briefly); len(r.errors) != 1 || r.errors[0].Discovered {
			t.Errorf("%s, killed: %v", by, r.err)
		}
	}
}

// A poll that ends before its requests must not prevent requests of the next one.
func TestPeersPollsThatEndEarlyAsk(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	a := authOf(shaAES)
	a.PrivPassword = "wrong-password"
	x := target(t, client.Spec{Address: snmpd.Address, Auth: a})
	patient := client.Plan{Get: walkOf(sysName), Params: params(2*time.Second, 3, 25)}
	for n := range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		r := pollContext(ctx, x, patient)
		cancel()
		if len(r.errors) != 1 || !r.errors[0].Discovered || r.stats.Packets == 0 {
			t.Errorf("poll %d: %d packets, %v", n, r.stats.Packets, r.err)
		}
	}
}
