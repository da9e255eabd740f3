//go:build !linux

package listen

import "net"

// enlarge sets the receive buffer of a socket.
func enlarge(conn *net.UDPConn, size int) { _ = conn.SetReadBuffer(size) }
