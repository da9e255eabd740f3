package mux

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSocket moves many datagrams with one system call: recvmmsg and sendmmsg.
type batchSocket struct {
	conn    *net.UDPConn
	raw     syscall.RawConn
	v6      bool
	in, out frames
	zones   map[uint32]string // names of interfaces, for link-local addresses
}

// frames are the arguments of the system call for a batch.
type frames struct {
	headers [BatchSize]messageHeader
	vectors [BatchSize]syscall.Iovec
	names   [BatchSize]syscall.RawSockaddrInet6 // RawSockaddrInet4 is shorter
}

// messageHeader is struct mmsghdr.
type messageHeader struct {
	header syscall.Msghdr
	size   uint32
}

func openSocket(o LocalBinding) (Socket, error) {
	conn, err := o.Listen()
	if err != nil {
		return nil, err
	}
	s := &batchSocket{conn: conn, v6: o.V6, zones: map[uint32]string{}}
	if s.raw, err = conn.SyscallConn(); err != nil {
		return nil, err
	}
	s.prepare()
	buffers := make([]byte, BatchSize*MaxDatagram) // pages never touched take no memory
	for i := range BatchSize {
		s.in.point(i, buffers[i*MaxDatagram:(i+1)*MaxDatagram])
	}
	return s, nil
}

// prepare asks for a large receive buffer and for the ICMP errors of an unconnected socket: without
// these a closed port would be known by silence only. Options that the system refuses are left out.
func (s *batchSocket) prepare() {
	s.control(func(fd int) {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		}
		if s.v6 {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		} else {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		}
	})
}

func (s *batchSocket) control(f func(fd int)) { _ = s.raw.Control(func(fd uintptr) { f(int(fd)) }) }

// point has frame i carry b.
func (f *frames) point(i int, b []byte) {
	f.vectors[i].Base = unsafe.SliceData(b)
	f.vectors[i].SetLen(len(b))
	h := &f.headers[i].header
	h.Iov, h.Iovlen = &f.vectors[i], 1
	h.Name = (*byte)(unsafe.Pointer(&f.names[i]))
}

// Receive does not ask again after a batch that was not full: the socket was empty then, and the poller
// of the runtime notes whatever arrives from that moment on.
func (s *batchSocket) Receive(take func([]Datagram)) error {
	var batch [BatchSize]Datagram
	var failed error
	err := s.raw.Read(func(fd uintptr) (done bool) {
		for {
			for i := range s.in.headers {
				s.in.headers[i].header.Namelen = uint32(unsafe.Sizeof(s.in.names[i]))
			}
			n, errno := call(unix.SYS_RECVMMSG, fd, &s.in, BatchSize)
			switch errno {
			case 0:
			case syscall.EAGAIN:
				return false
			default:
				failed = os.NewSyscallError("recvmmsg", errno)
				return true
			}
			for i := range n {
				batch[i] = Datagram{unsafe.Slice(s.in.vectors[i].Base, int(s.in.headers[i].size)), s.peer(&s.in.names[i])}
			}
			if take(batch[:n]); n < BatchSize {
				return false
			}
		}
	})
	return errors.Join(err, failed)
}

// call makes the system call, which does not wait.
func call(trap, fd uintptr, f *frames, n int) (int, syscall.Errno) {
	for {
		done, _, errno := syscall.Syscall6(trap, fd, uintptr(unsafe.Pointer(&f.headers[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		if errno != syscall.EINTR {
			return int(done), errno
		}
	}
}

func (s *batchSocket) Send(batch []Datagram) (sent int, err error) {
	for len(batch) > 0 && err == nil {
		var n int
		n, err = s.sendSome(batch[:min(len(batch), BatchSize)])
		sent, batch = sent+n, batch[n:]
	}
	return sent, err
}

// sendSome makes one more try after an error: the system reports with it that an earlier datagram did
// not arrive, which SocketErrors will report.
func (s *batchSocket) sendSome(batch []Datagram) (n int, err error) {
	for i, d := range batch {
		s.out.point(i, d.Data)
		s.out.headers[i].header.Namelen = s.setPeer(&s.out.names[i], d.Peer)
	}
	for range 2 {
		var errno syscall.Errno
		err = s.raw.Write(func(fd uintptr) bool {
			n, errno = call(unix.SYS_SENDMMSG, fd, &s.out, len(batch))
			return errno != syscall.EAGAIN
		})
		if err != nil || errno == 0 {
			return n, err
		}
		n, err = 0, os.NewSyscallError("sendmmsg", errno)
	}
	return n, err
}

func (s *batchSocket) setPeer(name *syscall.RawSockaddrInet6, p netip.AddrPort) (size uint32) {
	*name = syscall.RawSockaddrInet6{}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], p.Port())
	if !s.v6 {
		v4 := (*syscall.RawSockaddrInet4)(unsafe.Pointer(name))
		v4.Family, v4.Addr = syscall.AF_INET, p.Addr().As4()
		return syscall.SizeofSockaddrInet4
	}
	name.Family, name.Addr = syscall.AF_INET6, p.Addr().As16()
	if zone := p.Addr().Zone(); zone != "" {
		name.Scope_id = zoneNumber(zone)
	}
	return syscall.SizeofSockaddrInet6
}

func (s *batchSocket) peer(name *syscall.RawSockaddrInet6) netip.AddrPort {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	if name.Family == syscall.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*syscall.RawSockaddrInet4)(unsafe.Pointer(name)).Addr), port)
	}
	address := netip.AddrFrom16(name.Addr)
	if name.Scope_id != 0 {
		address = address.WithZone(s.zone(name.Scope_id))
	}
	return netip.AddrPortFrom(address, port)
}

// zone is the name of an interface, as it stands in link-local addresses.
func (s *batchSocket) zone(number uint32) string {
	if name, ok := s.zones[number]; ok {
		return name
	}
	name := strconv.Itoa(int(number))
	if i, err := net.InterfaceByIndex(int(number)); err == nil {
		name = i.Name
	}
	s.zones[number] = name
	return name
}

func zoneNumber(zone string) uint32 {
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}

// Load reads SO_MEMINFO (sock_diag(7)): numbers of 32 bits, of which one is the size of the receive
// buffer, and the last counts dropped datagrams.
func (s *batchSocket) Load() (buffer int, dropped uint64) {
	const size, receive, drops = 9, 1, 8
	var info [size]uint32
	length := uint32(unsafe.Sizeof(info))
	s.control(func(fd int) {
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&length)), 0)
		if errno != 0 {
			n, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
			info[receive] = uint32(n)
		}
	})
	return int(info[receive]), uint64(info[drops])
}

func (s *batchSocket) Close() { _ = s.conn.Close() }

// BindToDevice binds a socket to a network device (SO_BINDTODEVICE).
func BindToDevice(c syscall.RawConn, device string) (err error) {
	if device == "" {
		return nil
	}
	if failed := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), device) }); failed != nil {
		return failed
	}
	return os.NewSyscallError("SO_BINDTODEVICE", err)
}

// extendedErr is struct sock_extended_err of linux/errqueue.h.
type extendedErr struct {
	errno                   uint32
	origin, kind, code, pad uint8
	info, data              uint32
}

// SocketErrors reads the socket's error queue.
func (s *batchSocket) SocketErrors(report func(to netip.AddrPort, err error)) {
	var data [64]byte
	var control [512]byte
	for more := true; more; {
		more = false
		s.control(func(fd int) {
			_, n, _, from, err := syscall.Recvmsg(fd, data[:], control[:], syscall.MSG_ERRQUEUE|syscall.MSG_DONTWAIT)
			if more = err == nil; more {
				report(s.refused(from), errnoOf(control[:n]))
			}
		})
	}
}

func (s *batchSocket) refused(a syscall.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *syscall.SockaddrInet6:
		address := netip.AddrFrom16(a.Addr).Unmap()
		if a.ZoneId != 0 {
			address = address.WithZone(s.zone(a.ZoneId))
		}
		return netip.AddrPortFrom(address, uint16(a.Port))
	}
	return netip.AddrPort{}
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
