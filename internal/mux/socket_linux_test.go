package mux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// Many datagrams leave with one call and arrive with few, whatever the version of IP.
func TestSocketCarriesBatches(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		from, to := opened(t, v6), opened(t, v6)
		const n = 3*BatchSize + 5
		var batch []Datagram
		for i := range n {
			batch = append(batch, Datagram{fmt.Appendf(nil, "datagram %d", i), addressOf(t, to)})
		}
		if sent, err := from.Send(batch); sent != n || err != nil {
			t.Fatalf("%d sent, %v", sent, err)
		}
		arrived := 0
		err := to.Receive(func(got []Datagram) {
			for _, d := range got {
				if want := fmt.Sprintf("datagram %d", arrived); string(d.Data) != want || d.Peer != addressOf(t, from) {
					t.Errorf("%q from %s, want %q from %s", d.Data, d.Peer, want, addressOf(t, from))
				}
				arrived++
			}
			if arrived == n {
				go to.Close() // which waits for this function to return
			}
		})
		if !errors.Is(err, net.ErrClosed) || arrived != n {
			t.Errorf("%d arrived, %v", arrived, err)
		}
	}
}

// A refused datagram must be reported, and must not prevent others from being sent.
func TestSocketReportsRefusals(t *testing.T) {
	s, other := opened(t, false), opened(t, false)
	closed := opened(t, false)
	nobody := addressOf(t, closed)
	closed.Close()
	var reported []netip.AddrPort
	for range 3 {
		if n, err := s.Send([]Datagram{{[]byte("x"), nobody}, {[]byte("y"), addressOf(t, other)}}); n != 2 || err != nil {
			t.Fatalf("%d sent, %v", n, err)
		}
		s.SocketErrors(func(to netip.AddrPort, err error) {
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Error(err)
			}
			reported = append(reported, to)
		})
	}
	if len(reported) != 3 || reported[0] != nobody {
		t.Errorf("reported are %v", reported)
	}
}

// Datagrams dropped by the system must be counted.
func TestSocketCountsDrops(t *testing.T) {
	s, from := opened(t, false), opened(t, false)
	buffer, dropped := s.Load()
	if buffer <= 0 || dropped != 0 {
		t.Fatalf("a new socket has a buffer of %d octets and %d drops", buffer, dropped)
	}
	large := Datagram{make([]byte, 60_000), addressOf(t, s)}
	for range buffer/len(large.Data) + 10 {
		if _, err := from.Send([]Datagram{large}); err != nil {
			t.Fatal(err)
		}
	}
	if _, dropped = s.Load(); dropped == 0 {
		t.Error("no drop is counted")
	}
}

func opened(t *testing.T, v6 bool) *batchSocket {
	t.Helper()
	source := netip.MustParseAddrPort("127.0.0.1:0")
	if v6 {
		source = netip.MustParseAddrPort("[::1]:0")
	}
	s, err := openSocket(LocalBinding{Source: source, V6: v6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.(*batchSocket)
}

func addressOf(t *testing.T, s *batchSocket) netip.AddrPort {
	t.Helper()
	return s.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}
