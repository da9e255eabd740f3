package peers

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports are allocated below the ephemeral range of the system, so that a program that starts late,
// or restarts, finds its port free. Each test process has its own block, and listens on the block's
// first port while it runs, so that no other process uses the block.
const (
	firstBlock = 20000
	lastBlock  = 32000
	blockSize  = 200
)

var ports struct {
	mu    sync.Mutex
	block net.Listener
	first int // first port of the block
	taken int // number of ports allocated
}

// nextPort returns the next port of the block, starting over after its end.
func nextPort(t testing.TB) string {
	t.Helper()
	ports.mu.Lock()
	defer ports.mu.Unlock()
	for first := firstBlock; ports.block == nil; first += blockSize {
		if first > lastBlock {
			t.Fatalf("no ports are left from %d to %d", firstBlock, lastBlock)
		}
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", first)); err == nil {
			ports.block, ports.first = l, first
		}
	}
	ports.taken++
	return strconv.Itoa(ports.first + 1 + ports.taken%(blockSize-1))
}

// FreeTCPAddress returns a loopback address with a free port.
func FreeTCPAddress(t testing.TB) string {
	t.Helper()
	for range blockSize {
		address := net.JoinHostPort("127.0.0.1", nextPort(t))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// FreeUDPAddresses returns the same free port on both loopback addresses. The second is empty
// without IPv6.
func FreeUDPAddresses(t testing.TB) (v4, v6 string) {
	t.Helper()
	for range blockSize {
		port := nextPort(t)
		v4, v6 = net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port)
		if !free(v4) {
			continue
		}
		if free(v6) {
			return v4, v6
		}
		if !free("[::1]:0") {
			return v4, ""
		}
	}
	t.Fatal("no port is free on both 127.0.0.1 and ::1")
	return "", ""
}

// free reports whether a UDP socket can bind the address.
func free(address string) bool {
	c, err := net.ListenPacket("udp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}
