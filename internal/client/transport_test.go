package client_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

func TestFailuresBeforeAnyAnswer(t *testing.T) {
	closed := newAgent(t, nil)
	closed.conn.Close()
	for name, test := range map[string]struct {
		spec client.Spec
		want string
	}{
		"nothing listens there":      {client.Spec{Engine: tested, Address: closed.address}, "walk refused"},
		"nothing listens there, TCP": {client.Spec{Engine: tested, Address: "tcp://" + closed.address}, "connect refused"},
		"a name without an address":  {client.Spec{Engine: tested, Address: "no-such-host.invalid"}, "connect resolve"},
		"a source that is not here":  {client.Spec{Engine: tested, Address: closed.address, Source: netip.MustParseAddrPort("192.0.2.1:0")}, "connect unreachable"},
		"a source of another family": {client.Spec{Engine: tested, Address: closed.address, Source: netip.MustParseAddrPort("[::1]:0")}, "connect unreachable"},
		"a community file that is not there": {client.Spec{Engine: tested, Address: closed.address, Auth: &access.Auth{Version: 2, CommunityFile: "/nonexistent"}},
			"connect credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			r := poll(t, target(t, test.spec), client.Plan{Walk: walkOf(columnOID, "1.3.6.1.2.1.1"), Params: params(time.Hour, 3, 10)})
			r.wantErrors(t, test.want)
			if r.stats.Packets > 1 {
				t.Errorf("%d packets", r.stats.Packets)
			}
		})
	}
}

func TestSource(t *testing.T) {
	free := newAgent(t, nil)
	free.conn.Close()
	port := netip.MustParseAddrPort(free.address).Port()
	for _, unconnected := range []bool{false, true} {
		for _, source := range []string{"127.0.0.2:0", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), port).String()} {
			want := netip.MustParseAddrPort(source)
			seen := make(chan netip.AddrPort, 8)
			peer := echoSource(t, seen)
			e := newEngine(t)
			x, err := e.Target(client.Spec{Engine: tested, Address: peer, Source: want})
			if err != nil {
				t.Fatal(err)
			}
			plan := client.Plan{Walk: walkOf(columnOID), Params: patient(10).WithDefaults(client.Params{UseUnconnectedUDPSocket: unconnected})}
			plan.Params.UseUnconnectedUDPSocket = unconnected
			var polls sync.WaitGroup
			for range 4 { // with gosnmp, a fixed port serves them one after the other
				polls.Go(func() {
					if _, err := x.Poll(t.Context(), &plan, func(snmp.VarBind) {}); err != nil {
						t.Error(err)
					}
				})
			}
			polls.Wait()
			e.Close()
			if got := <-seen; got.Addr() != want.Addr() || (want.Port() != 0 && got.Port() != want.Port()) {
				t.Errorf("came from %s, want %s", got, want)
			}
		}
	}
}

// A target may be asked through one network interface.
func TestSourceInterface(t *testing.T) {
	a := newAgent(t, column(3).answer)
	for _, name := range []string{"", access.Gosnmp} {
		plan := client.Plan{Walk: walkOf(columnOID), Params: patient(10)}
		poll(t, target(t, client.Spec{Engine: name, Address: a.address, Interface: "lo"}), plan).wantLines(t, 3)
		poll(t, target(t, client.Spec{Engine: name, Address: a.address, Interface: "none-such"}), plan).wantErrors(t, "connect unreachable")
	}
}

// echoSource is an agent that returns the source of a request.
func echoSource(t *testing.T, seen chan<- netip.AddrPort) (address string) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			m, _ := snmp.ParseMessage(buf[:n])
			seen <- from
			_, _ = conn.WriteToUDPAddrPort(column(3).answer(question{Message: m, oid: oid(columnOID)})[0], from)
		}
	}()
	return conn.LocalAddr().String()
}

// A multi-homed agent answers from an address that was not asked.
func TestAnswerFromAnotherAddress(t *testing.T) {
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skipf("no second address on loopback: %v", err)
	}
	defer other.Close()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			m, _ := snmp.ParseMessage(buf[:n])
			_, _ = other.WriteToUDPAddrPort(column(3).answer(question{Message: m, oid: oid(columnOID)})[0], from)
		}
	}()
	x := target(t, client.Spec{Engine: tested, Address: conn.LocalAddr().String()})
	plan := client.Plan{Walk: walkOf(columnOID), Params: params(100*time.Millisecond, 0, 10)}
	poll(t, x, plan).wantErrors(t, "walk timeout")
	plan.Params = patient(10)
	plan.Params.UseUnconnectedUDPSocket = true
	r := poll(t, x, plan)
	r.wantErrors(t)
	r.wantLines(t, 3)
}

func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 2000)
		for n := 0; n < 3; n++ {
			size, err := conn.Read(buf)
			if err != nil {
				return
			}
			q := question{}
			q.Message, _ = snmp.ParseMessage(buf[:size])
			v, _, _ := snmp.CutVarBind(q.VarBinds)
			q.oid = v.Name
			b := column(100).answer(q)[0]
			_, _ = conn.Write(b[:1]) // in pieces, the last followed by an unsolicited message
			_, _ = conn.Write(b[1:10])
			_, _ = conn.Write(append(b[10:], "\x30\x03\x02\x01\x01"...))
		}
	}()
	x := target(t, client.Spec{Engine: tested, Address: "tcp://" + listener.Addr().String()})
	r := poll(t, x, client.Plan{Walk: walkOf(columnOID), Params: patient(30)})
	r.wantLines(t, 90)
	r.wantErrors(t, "walk unreachable "+columnOID+" after "+columnOID+".90") // the agent hung up
}
