package agent

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestManyDevices checks that each of a hundred devices answers from its own address.
func TestManyDevices(t *testing.T) {
	for name, address := range map[string]func(i int) netip.AddrPort{
		"one port":      func(i int) netip.AddrPort { return local(byte(1 + i)) },
		"one address":   func(int) netip.AddrPort { return local(1) },
		"IPv6 loopback": func(int) netip.AddrPort { return netip.AddrPortFrom(netip.IPv6Loopback(), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			var devices []Device
			for i := range 100 {
				rec := record(t, fmt.Sprintf("1.3.6.1|2|%d", i))
				devices = append(devices, rec.Serve(address(i)))
			}
			if !canListen(address(0)) {
				t.Skip("no such address here")
			}
			s := start(t, devices...)
			for i := range devices {
				// A connected socket receives only from its peer.
				c := dial(t, s.Addr(i))
				c.send(request(t, 1, "2c public get 1.3.6.1"))
				if got, want := show(t, c.next()), fmt.Sprintf("1.3.6.1=%d", i); got != want {
					t.Errorf("device %d at %s: got %s", i, s.Addr(i), got)
				}
			}
		})
	}
}

func canListen(address netip.AddrPort) bool {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(address))
	return err == nil && conn.Close() == nil
}

// Few devices of a port must listen at their addresses only; many must share a socket.
func TestSocketsOfDevices(t *testing.T) {
	rec := record(t, small...)
	six := netip.AddrPortFrom(netip.IPv6Loopback(), 0)
	s := start(t, rec.Serve(local(1)), rec.Serve(local(2)), rec.Serve(local(1)), rec.Serve(six))
	if s.Addr(0).Port() != s.Addr(1).Port() || s.Addr(0) == s.Addr(2) {
		t.Errorf("%s, %s and %s", s.Addr(0), s.Addr(1), s.Addr(2))
	}
	for _, n := range []int{1, 2, ownSockets} {
		var devices []Device
		for i := range n {
			devices = append(devices, rec.Serve(local(byte(1+i))))
		}
		s := start(t, devices...)
		if len(s.sockets) != n {
			t.Fatalf("%d devices have %d sockets", n, len(s.sockets))
		}
		for i, sock := range s.sockets {
			if at := sock.conn.LocalAddr().(*net.UDPAddr).AddrPort(); at != s.Addr(i) || at.Addr() != devices[i].Address.Addr() {
				t.Errorf("device %d of %d at %s listens at %s", i, n, s.Addr(i), at)
			}
		}
	}
}

func TestManyDevicesShareASocket(t *testing.T) {
	if !canDemultiplex {
		t.Skip("not on this system")
	}
	rec := record(t, small...)
	var devices []Device
	for i := range ownSockets + 1 {
		devices = append(devices, rec.Serve(local(byte(1+i))))
	}
	if s := start(t, devices...); len(s.sockets) != 1 || !s.sockets[0].shared {
		t.Errorf("%d devices have %d sockets", len(devices), len(s.sockets))
	}
}

func TestAnAddressThatNoDeviceHasIsSilent(t *testing.T) {
	rec := record(t, small...)
	var devices []Device
	for i := range ownSockets + 1 {
		devices = append(devices, rec.Serve(local(byte(1+i))))
	}
	s := start(t, devices...)
	stranger := netip.AddrPortFrom(local(byte(len(devices)+1)).Addr(), s.Addr(0).Port())
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, to := range []netip.AddrPort{stranger, s.Addr(1)} {
		if _, err := conn.WriteToUDPAddrPort(request(t, 1, "2c public get 1.3.6.1.1.1.0"), to); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, from, err := conn.ReadFromUDPAddrPort(make([]byte, 2048))
	if err != nil || from != s.Addr(1) {
		t.Errorf("%s answered, %v", from, err)
	}
}

func TestListenMistakes(t *testing.T) {
	rec := record(t, small...)
	if _, err := Listen(rec.Serve(netip.AddrPort{})); err == nil {
		t.Error("a device without an address listens")
	}
	taken := start(t, rec.Serve(local(1))).Addr(0)
	if _, err := Listen(rec.Serve(taken)); err == nil {
		t.Errorf("two servers listen at %s", taken)
	}
	if _, err := Listen(rec.Serve(local(9)), rec.Serve(taken), rec.Serve(taken)); err == nil {
		t.Errorf("two devices listen at %s", taken)
	}
}

func TestUptime(t *testing.T) {
	rec := record(t, "1.3.6.1|67:numeric|initial=0,rate=100,wrap=1")
	old := rec.Serve(local(1))
	old.Uptime = 1000 * time.Hour
	s, err := Listen(old)
	if err != nil {
		t.Fatal(err)
	}
	s.started.Store(new(s.started.Load().Add(-500 * time.Hour)))
	run(t, s)
	c := dial(t, s.Addr(0))
	c.send(request(t, 1, "2c public get 1.3.6.1"))
	var ticks int
	if _, err := fmt.Sscanf(show(t, c.next()), "1.3.6.1=%d", &ticks); err != nil || ticks < 540_000_000 || ticks > 541_000_000 {
		t.Errorf("up for %d hundredths of a second, %v", ticks, err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	rec := record(t, small...)
	s, err := Listen(rec.Serve(local(1)), rec.Serve(local(2)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	if !canListen(s.Addr(0)) {
		t.Error("the socket is still open")
	}
}

func TestCloseWithoutRun(t *testing.T) {
	s, err := Listen(record(t, small...).Serve(local(1)))
	if err != nil || s.Close() != nil || s.Close() != nil {
		t.Errorf("%v, %v", err, s.Close())
	}
}
