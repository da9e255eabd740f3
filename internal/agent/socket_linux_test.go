package agent

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// A shared socket of devices on loopback must not receive from other machines.
func TestASharedSocketHearsLoopback(t *testing.T) {
	for _, loopback := range []bool{true, false} {
		s, err := openShared(netip.MustParseAddr("127.0.0.1"), 0, loopback)
		if err != nil {
			t.Fatal(err)
		}
		defer s.conn.Close()
		raw, err := s.conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var name [16]byte // IFNAMSIZ
		size := uint32(len(name))
		var failed syscall.Errno
		err = raw.Control(func(fd uintptr) {
			_, _, failed = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size)), 0)
		})
		if err != nil || failed != 0 {
			t.Fatal(err, failed)
		}
		if got := strings.TrimRight(string(name[:]), "\x00"); (got == "lo") != loopback {
			t.Errorf("loopback %v: bound to %q", loopback, got)
		}
	}
}
