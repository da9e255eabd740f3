package engine

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// Connections to the port of the voters are probed soon, and no others.
func TestStreamsAreLimited(t *testing.T) {
	open := func() (c *net.TCPConn, port int) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn.(*net.TCPConn), l.Addr().(*net.TCPAddr).Port
	}
	idle := func(c *net.TCPConn) (seconds int) {
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.Control(func(fd uintptr) {
			if seconds, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE); err != nil {
				t.Fatal(err)
			}
		})
		return seconds
	}
	peer, port := open()
	other, _ := open()
	before := idle(other)
	if err := limitStreams(port); err != nil {
		t.Fatal(err)
	}
	if got := idle(peer); got != probeAfter {
		t.Errorf("a connection to the port is probed after %d s, want %d", got, probeAfter)
	}
	if got := idle(other); got != before || got == probeAfter {
		t.Errorf("another one is probed after %d s, was %d", got, before)
	}
}
