package listen

import (
	"net"
	"syscall"
)

// enlarge sets the receive buffer of a socket, beyond net.core.rmem_max where the process may.
func enlarge(conn *net.UDPConn, size int) {
	_ = conn.SetReadBuffer(size)
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, size) // without CAP_NET_ADMIN the kernel's limit holds
	})
}
