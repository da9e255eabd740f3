package engine

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// The seconds after which a stream that receives nothing is probed, between probes, and how many of them may be lost: it
// ends after five seconds of silence, as etcd's own limit would have it.
const (
	probeAfter = 2
	probeEvery = 1
	probes     = 3
)

// limitStreams has the connections of this process to a port of others end when they are silent. etcd sets a time limit for
// the streams that it reads from other voters, but on a dialer that net/http does not call: a stream that was cut off would be
// used until the kernel of the other voter sends again, which is as long after the cut is over as the cut lasted.
func limitStreams(port int) error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && leadsTo(fd, port) {
			// Another connection may have the descriptor by now: it is probed too, which does no harm.
			for option, value := range map[int]int{unix.TCP_KEEPIDLE: probeAfter, unix.TCP_KEEPINTVL: probeEvery, unix.TCP_KEEPCNT: probes} {
				_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, value)
			}
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
		}
	}
	return nil
}

// leadsTo reports whether a file descriptor is a TCP connection to a port of another host.
func leadsTo(fd, port int) bool {
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return false
	}
	switch peer, err := unix.Getpeername(fd); a := peer.(type) {
	case *unix.SockaddrInet4:
		return err == nil && a.Port == port
	case *unix.SockaddrInet6:
		return err == nil && a.Port == port
	}
	return false
}
