package engine

import (
	"net"
	"net/netip"
	"syscall"
	"unsafe"
)

// watchErrors asks for the ICMP errors of an unconnected socket: without it, a closed port would be
// known by silence only.
func watchErrors(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, 1)
	})
}

// extendedErr is struct sock_extended_err of linux/errqueue.h.
type extendedErr struct {
	errno                   uint32
	origin, kind, code, pad uint8
	info, data              uint32
}

// socketErrors takes what waits in the socket's error queue: where a datagram was sent to, and why it
// did not arrive.
func (p *pipe) socketErrors(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	var data [64]byte
	var control [512]byte
	for more := true; more; {
		more = false
		_ = raw.Control(func(fd uintptr) {
			_, n, _, from, err := syscall.Recvmsg(int(fd), data[:], control[:], syscall.MSG_ERRQUEUE|syscall.MSG_DONTWAIT)
			if err != nil {
				return
			}
			more = true
			if to, ok := addrPortOf(from); ok {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.refusedLocked(to, errnoOf(control[:n]))
			}
		})
	}
}

func addrPortOf(a syscall.Sockaddr) (netip.AddrPort, bool) {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), true
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)), true
	}
	return netip.AddrPort{}, false
}

func errnoOf(control []byte) error {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return syscall.EHOSTUNREACH
	}
	for _, m := range messages {
		if len(m.Data) >= int(unsafe.Sizeof(extendedErr{})) {
			return syscall.Errno((*extendedErr)(unsafe.Pointer(&m.Data[0])).errno)
		}
	}
	return syscall.EHOSTUNREACH
}
