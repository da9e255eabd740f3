package client_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	simulator "trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/peers"
)

// The answer to an attempt is good while a later one is under way: the agent takes longer for its
// first answer than the poll waits for it.
func TestPeersLateAnswer(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{"slow": "1.3.6.1.2.1.1.5.0|4:delay|value=slow,wait=400,deviation=0\n"})
	for _, version := range []int{1, 2} {
		x := target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(version, "slow")})
		r := poll(t, x, client.Plan{Get: walkOf(sysName), Params: params(250*time.Millisecond, 20, 25)})
		r.wantName(t, "slow")
		if r.stats.Retries == 0 {
			t.Error("the answer was in time")
		}
	}
}

// With max_window 1 no request is sent before the one before is answered, however many columns there
// are and whatever is known of them.
func TestWindowOfOneOnTheWire(t *testing.T) {
	var a *agent
	rows := append(column(60), number("1.3.6.1.2.1.2.2.1.2.1", 1), number("1.3.6.1.2.1.2.2.1.2.2", 1), number("1.3.6.1.2.1.2.2.1.3.1", 1))
	ready := make(chan struct{})
	a = newAgent(t, func(q question) [][]byte {
		<-ready
		_ = a.conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		if n, err := a.conn.Read(make([]byte, 2000)); err == nil {
			t.Errorf("%d octets came before the answer", n)
		}
		_ = a.conn.SetReadDeadline(time.Time{})
		return rows.answer(q)
	})
	close(ready)
	x := target(t, client.Spec{Engine: tested, Address: a.address})
	plan := client.Plan{Get: instances(3), Walk: walkOf(columnOID, "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.3"), Params: patient(20)}
	plan.Columns, plan.Params.MaxWindow = plan.Walk, 1
	for range 3 {
		r := poll(t, x, plan)
		r.wantErrors(t)
		r.wantLines(t, 3+len(rows))
	}
}

// A name is looked up for every poll: a device that moves is found again.
func TestANameIsLookedUpAgain(t *testing.T) {
	var devices []simulator.Device
	for _, host := range []string{"127.0.0.2", "127.0.0.3"} {
		var b simulator.Builder
		b.Text(oid(sysName), host)
		devices = append(devices, b.Recording().Serve(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
	}
	server, err := simulator.Listen(devices...)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Run(t.Context()) })
	t.Cleanup(running.Wait)
	names := startNameServer(t)
	_, port, _ := net.SplitHostPort(server.Addr(0).String())
	x := target(t, client.Spec{Engine: tested, Address: "switch.example:" + port})
	for _, host := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.2"} {
		names.set(netip.MustParseAddr(host))
		poll(t, x, getName).wantName(t, host)
	}
}

// nameServer answers every question for an IPv4 address (RFC 1035) with the one that was set.
type nameServer struct {
	mu      sync.Mutex
	address netip.Addr
}

func (s *nameServer) set(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = a
}

// startNameServer makes all look-ups of this process ask the server, until the test ends.
func startNameServer(t *testing.T) *nameServer {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{}
	usual := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
	var serving sync.WaitGroup
	serving.Go(func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(s.answer(buf[:n]), from)
		}
	})
	t.Cleanup(func() {
		net.DefaultResolver = usual
		conn.Close()
		serving.Wait()
	})
	return s
}

func (s *nameServer) answer(question []byte) []byte {
	const header, typeA = 12, 1
	end := header
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	end += 5 // the last label's end, type and class
	b := append([]byte{question[0], question[1], 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0}, question[header:end]...)
	if kind != typeA {
		return b // there is nothing of another type
	}
	b[7] = 1                                                      // one answer:
	b = append(b, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4) // that name, type, class, not to be kept, four octets
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(b, s.address.AsSlice()...)
}
