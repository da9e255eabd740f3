//go:build !linux

package engine

import "net"

// watchErrors and socketErrors are for systems that tell unconnected sockets of ICMP errors.
func watchErrors(*net.UDPConn) {}

func (p *pipe) socketErrors(*net.UDPConn) {}
