package client_test

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/peers"
)

// road carries datagrams between one poll at a time and an agent, and does something to them.
type road struct {
	address         string
	there, back     atomic.Pointer[func([]byte) []byte] // nil lets all pass; an empty result loses the datagram
	client          atomic.Pointer[net.UDPAddr]
	listener, agent *net.UDPConn
}

func newRoad(t testing.TB, agent string) *road {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp4", agent)
	if err != nil {
		t.Fatal(err)
	}
	r := &road{}
	if r.agent, err = net.DialUDP("udp4", nil, to); err != nil {
		t.Fatal(err)
	}
	if r.listener, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	r.address = r.listener.LocalAddr().String()
	var carrying sync.WaitGroup
	carrying.Go(func() {
		carry(&r.there, func(b []byte) (int, error) {
			n, from, err := r.listener.ReadFromUDP(b)
			r.client.Store(from)
			return n, err
		}, r.agent.Write)
	})
	carrying.Go(func() {
		carry(&r.back, r.agent.Read, func(b []byte) (int, error) { return r.listener.WriteToUDP(b, r.client.Load()) })
	})
	t.Cleanup(func() {
		r.agent.Close()
		r.listener.Close()
		carrying.Wait()
	})
	return r
}

func carry(change *atomic.Pointer[func([]byte) []byte], read, write func([]byte) (int, error)) {
	buf := make([]byte, 1<<16)
	for {
		n, err := read(buf)
		if err != nil {
			return
		}
		b := buf[:n]
		if f := change.Load(); f != nil {
			b = (*f)(b)
		}
		if len(b) > 0 {
			_, _ = write(b)
		}
	}
}

// first does something to the first n datagrams.
func first(n int, f func([]byte) []byte) *func([]byte) []byte {
	change := func(b []byte) []byte {
		if n--; n >= 0 {
			return f(b)
		}
		return b
	}
	return &change
}

func lose([]byte) []byte { return nil }

// forge changes the last octet, which is under the digest.
func forge(b []byte) []byte {
	b[len(b)-1] ^= 1
	return b
}

const always = 1 << 30

func TestPeersBadRoads(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	for name, test := range map[string]struct {
		there, back   *func([]byte) []byte
		retries       int
		packets       int
		rediscoveries string
		want          []string
	}{
		"all is well":              {packets: 1, rediscoveries: "0"},
		"the request is lost":      {there: first(1, lose), packets: 1 + 2, rediscoveries: "1"},
		"the answer is lost":       {back: first(1, lose), packets: 1 + 2, rediscoveries: "1"},
		"two requests are lost":    {there: first(2, lose), retries: 1, packets: 1 + 3, rediscoveries: "1"},
		"everything is lost":       {there: first(always, lose), retries: 2, packets: 1 + 3, rediscoveries: "0", want: []string{"get timeout"}},
		"an answer is forged":      {back: first(1, forge), packets: 1 + 2, rediscoveries: "1"},
		"all answers are forged":   {back: first(always, forge), packets: 1 + 2, rediscoveries: "0", want: []string{"get malformed " + sysName}},
		"answers are cut off":      {back: first(always, func(b []byte) []byte { return b[:len(b)-1] }), packets: 1 + 1, rediscoveries: "0", want: []string{"get malformed"}},
		"the answer comes in twos": {back: first(always, func(b []byte) []byte { return append(b, b...) }), packets: 1, rediscoveries: "0"},
	} {
		t.Run(name, func(t *testing.T) {
			road := newRoad(t, snmpd.Address)
			e, rediscoveries := watched(t)
			x, err := e.Target(client.Spec{Engine: access.Gosnmp, Address: road.address, Auth: authOf(peers.User{Name: "usr-sha256-none", Auth: "SHA256"})})
			if err != nil {
				t.Fatal(err)
			}
			poll(t, x, getName).wantName(t, "snmpd-test")
			road.there.Store(test.there)
			road.back.Store(test.back)
			r := poll(t, x, client.Plan{Get: getName.Get, Params: params(500*time.Millisecond, test.retries, 25)})
			r.wantErrors(t, test.want...)
			if r.stats.Packets != test.packets || rediscoveries() != test.rediscoveries {
				t.Errorf("%d packets and %s rediscoveries, want %d and %s", r.stats.Packets, rediscoveries(), test.packets, test.rediscoveries)
			}
		})
	}
}

// Row 15: a request names the engine whose data it asks for (RFC 3412 section 7.1), in a kept session
// too: the agent's own, unless the target says otherwise.
func TestPeersContextEngineOnTheWire(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{EngineID: labEngine})
	own, err := hex.DecodeString(labEngine)
	if err != nil {
		t.Fatal(err)
	}
	road := newRoad(t, snmpd.Address)
	sent := make(chan []byte, 10)
	watch := func(b []byte) []byte { sent <- bytes.Clone(b); return b }
	road.there.Store(&watch)
	foreign := "\x80\x00\x00\x00\x04foreign"
	for context, want := range map[string][2]int{"": {2, 0}, foreign: {1, 1}} { // the agent's is the security engine, too
		x := target(t, client.Spec{Engine: access.Gosnmp, Address: road.address, Auth: authOf(peers.User{Name: "usr-none-none"}), ContextEngineID: context})
		for range 2 {
			poll(t, x, getName).wantName(t, "snmpd-test")
			var last []byte
			for len(sent) > 0 {
				last = <-sent
			}
			if got := [2]int{bytes.Count(last, own), bytes.Count(last, []byte(foreign))}; got != want {
				t.Errorf("context engine %q: the two engine IDs stand in it %v times, want %v", context, got, want)
			}
		}
	}
}

func TestPeersRediscoveryIsLogged(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	var log strings.Builder
	e := client.New(client.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	defer e.Close()
	x, err := e.Target(client.Spec{Engine: access.Gosnmp, Address: snmpd.Address, Auth: authOf(shaAES)})
	if err != nil {
		t.Fatal(err)
	}
	poll(t, x, getName).wantName(t, "snmpd-test")
	if log.Len() > 0 {
		t.Errorf("the first discovery is logged: %s", &log)
	}
	snmpd.Process.Stop()
	snmpd.Wipe(t)
	snmpd.Start(t)
	poll(t, x, getName).wantName(t, "snmpd-test")
	for _, want := range []string{
		`msg="SNMPv3 engine discovered anew"`, "target=" + snmpd.Address, `err="agent reports usmStatsUnknownEngineIDs"`,
		"before.id=80001f88", "before.boots=1", "now.id=80001f88", "now.boots=1",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in %s", want, &log)
		}
	}
	if strings.Contains(log.String(), peers.AuthPassphrase) {
		t.Errorf("a secret is logged: %s", &log)
	}
}
