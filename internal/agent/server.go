package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Device is one simulated agent.
type Device struct {
	// Address is where it listens, an IP address and a port. Port 0 stands for a free one: see Server.Addr.
	Address netip.AddrPort
	// Communities gives the recording that each community sees; the one of "" is seen by all others.
	// Devices may share the map and the recordings.
	Communities map[string]*Recording
	// Uptime is how long the device had been up when the server was made: two devices with one recording
	// differ by it.
	Uptime time.Duration
	// MaxSize is the size of the largest response in octets: DefaultMaxSize where it is 0.
	MaxSize int
	Faults  Faults
}

// DefaultMaxSize fills an Ethernet frame under IPv4.
const DefaultMaxSize = 1472

// Serve is a device at an address that shows the recording to every community.
func (r *Recording) Serve(address netip.AddrPort) Device {
	return Device{Address: address, Communities: map[string]*Recording{"": r}}
}

// Server answers for any number of devices.
type Server struct {
	addresses []netip.AddrPort
	sockets   []*socket
	started   time.Time
	later     *later
}

// device is what of a Device is needed to answer.
type device struct {
	communities map[string]*Recording
	maxSize     int
	uptime      float64 // seconds, when the server was made
	faulty      *faulty // nil: it is well
}

func (d *device) recording(community []byte) *Recording {
	if r, ok := d.communities[string(community)]; ok {
		return r
	}
	return d.communities[""]
}

// ownSockets is how many devices of one port have a socket each, bound to their address.
const ownSockets = 64

// Listen opens the sockets of all devices; those with port 0 share a port. Up to 64 devices of a port have a socket
// each. More share one, where the system allows it, so that thousands cost little more than one. A shared socket
// hears what is sent to any address of the system, and is silent to all but those of its devices; where they are all
// of loopback, it hears the loopback interface alone.
func Listen(devices ...Device) (*Server, error) {
	s := &Server{addresses: make([]netip.AddrPort, len(devices)), started: time.Now(), later: newLater()}
	s.later.nap = nap
	groups, err := groupByPort(devices)
	for _, group := range groups {
		if err == nil {
			err = s.listen(devices, group)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// groupByPort gives the positions of the devices that can share a socket: same port, same version of
// IP. A second device that asks for a free port at an address already taken begins a group of its own.
func groupByPort(devices []Device) ([][]int, error) {
	type key struct {
		port  uint16
		ipv4  bool
		round int
	}
	var order []key
	groups := map[key][]int{}
	taken := map[netip.AddrPort]int{}
	for i, d := range devices {
		if !d.Address.IsValid() {
			return nil, fmt.Errorf("device %d has no address", i)
		}
		k := key{d.Address.Port(), d.Address.Addr().Unmap().Is4(), taken[d.Address]}
		if k.port != 0 && k.round > 0 {
			return nil, fmt.Errorf("two devices at %s", d.Address)
		}
		taken[d.Address]++
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], i)
	}
	ordered := make([][]int, len(order))
	for i, k := range order {
		ordered[i] = groups[k]
	}
	return ordered, nil
}

func (s *Server) listen(devices []Device, group []int) error {
	if len(group) > ownSockets && canDemultiplex {
		first := devices[group[0]].Address
		local := !slices.ContainsFunc(group, func(i int) bool { return !devices[i].Address.Addr().IsLoopback() })
		sock, err := openShared(first.Addr(), first.Port(), local)
		if err != nil {
			return fmt.Errorf("%d devices at port %d: %w", len(group), first.Port(), err)
		}
		s.sockets = append(s.sockets, sock)
		for _, i := range group {
			s.add(sock, i, &devices[i])
		}
		return nil
	}
	conns, err := listenEach(devices, group)
	if err != nil {
		return err
	}
	for at, i := range group {
		sock := newSocket(conns[at])
		s.sockets = append(s.sockets, sock)
		s.add(sock, i, &devices[i])
	}
	return nil
}

// portTries is how many free ports are tried for devices that are to share one.
const portTries = 20

// listenEach opens a socket at the address of each device of a group. Port 0 is the same free port for all.
func listenEach(devices []Device, group []int) (conns []*net.UDPConn, err error) {
	for range portTries {
		port := devices[group[0]].Address.Port()
		free := port == 0
		for _, i := range group {
			var conn *net.UDPConn
			if conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(devices[i].Address.Addr(), port))); err != nil {
				break
			}
			conns, port = append(conns, conn), conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		}
		if err == nil {
			return conns, nil
		}
		for _, c := range conns {
			_ = c.Close() // nothing was read from it
		}
		if conns = nil; !free || !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return nil, err
}

func (s *Server) add(sock *socket, i int, d *Device) {
	made := &device{
		communities: d.Communities, maxSize: d.MaxSize, uptime: d.Uptime.Seconds(), faulty: newFaulty(&d.Faults, uint64(i)),
	}
	if made.maxSize == 0 {
		made.maxSize = DefaultMaxSize
	}
	addr := d.Address.Addr().Unmap()
	if sock.shared {
		sock.devices[addr] = made
	} else {
		sock.only = made
	}
	s.addresses[i] = netip.AddrPortFrom(addr, sock.port())
}

// Addr is where the i-th device listens.
func (s *Server) Addr(i int) netip.AddrPort { return s.addresses[i] }

// Run answers requests until ctx is cancelled, then closes the sockets. It returns nil when all that
// it started has ended.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, sock := range s.sockets {
		group.Go(func() error { return s.serve(sock) })
	}
	group.Go(func() error { return s.later.run(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		return s.Close()
	})
	return group.Wait()
}

// Close closes the sockets. Only a server that never ran needs it.
func (s *Server) Close() error {
	var errs []error
	for _, sock := range s.sockets {
		if err := sock.conn.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// serve answers what arrives at one socket.
func (s *Server) serve(sock *socket) error {
	var r responder
	buf := make([]byte, maxRequest)
	for {
		request, p, err := sock.read(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading requests at %s: %w", sock.conn.LocalAddr(), err)
		}
		d := sock.device(&p)
		if d == nil || d.faulty.ignores() {
			continue
		}
		now := time.Now()
		response := r.respond(d, request, d.uptime+now.Sub(s.started).Seconds())
		if response == nil {
			continue
		}
		if d.faulty == nil {
			sock.write(response, &p)
			continue
		}
		d.faulty.deliver(s.later, delivery{peer: p, out: sock, data: response}, now, r.count)
	}
}
