package agent

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

const canDemultiplex = true

// openShared opens one socket at a port for all addresses of the system, or of the loopback
// interface. The control message of each request contains its destination; sent with a response it
// sets the source.
func openShared(like netip.Addr, port uint16, loopback bool) (*socket, error) {
	network, any := "udp4", netip.IPv4Unspecified()
	level, option := syscall.IPPROTO_IP, syscall.IP_PKTINFO
	if !like.Unmap().Is4() {
		network, any = "udp6", netip.IPv6Unspecified()
		level, option = syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO
	}
	config := net.ListenConfig{}
	if loopback {
		config.Control = onLoopback
	}
	packets, err := config.ListenPacket(context.Background(), network, netip.AddrPortFrom(any, port).String())
	if err != nil {
		return nil, err
	}
	conn := packets.(*net.UDPConn)
	raw, err := conn.SyscallConn()
	if err == nil {
		var set error
		err = raw.Control(func(fd uintptr) { set = syscall.SetsockoptInt(int(fd), level, option, 1) })
		err = errors.Join(err, set)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s := newSocket(conn)
	s.shared, s.devices = true, map[netip.Addr]*device{}
	return s, nil
}

// onLoopback binds a socket to the loopback interface. Kernels before 5.7 allow that to root only;
// without it the socket receives from all interfaces, and still answers only for the addresses of
// its devices.
func onLoopback(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, "lo")
	})
}

// destination returns the address in a control message IP_PKTINFO (ip(7)) or IPV6_PKTINFO (RFC
// 3542).
func destination(control []byte) (netip.Addr, bool) {
	const header = syscall.SizeofCmsghdr
	if len(control) < header {
		return netip.Addr{}, false
	}
	level := int(int32(binary.NativeEndian.Uint32(control[header-8:])))
	data := control[header:]
	switch {
	case level == syscall.IPPROTO_IP && len(data) >= syscall.SizeofInet4Pktinfo:
		return netip.AddrFrom4([4]byte(data[8:12])), true
	case level == syscall.IPPROTO_IPV6 && len(data) >= syscall.SizeofInet6Pktinfo:
		return netip.AddrFrom16([16]byte(data[:16])), true
	}
	return netip.Addr{}, false
}
