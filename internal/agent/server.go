package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Device is one simulated agent.
type Device struct {
	// Address is the IP address and port to listen on. Port 0 selects a free one: see Server.Addr.
	Address netip.AddrPort
	// Communities maps each community to its recording; "" matches all others. Devices may share
	// the map and the recordings.
	Communities map[string]*Recording
	// Uptime is the uptime of the device when the server is created. It distinguishes devices with
	// the same recording.
	Uptime time.Duration
	// MaxSize is the maximum size of a response in octets; 0 means DefaultMaxSize.
	MaxSize int
	Faults  Faults
}

// DefaultMaxSize fills an Ethernet frame under IPv4.
const DefaultMaxSize = 1472

// Serve returns a device that serves the recording to every community.
func (r *Recording) Serve(address netip.AddrPort) Device {
	return Device{Address: address, Communities: map[string]*Recording{"": r}}
}

// Server answers requests for any number of devices.
type Server struct {
	addresses []netip.AddrPort
	sockets   []*socket
	started   atomic.Pointer[time.Time] // nil while the clocks of the devices stand still
	delayed   *delayQueue
}

// device is the run-time form of a Device.
type device struct {
	communities map[string]*Recording
	maxSize     int
	uptime      float64 // in seconds, when the server was created
	faulty      *faulty // nil if it is healthy
}

func (d *device) recording(community []byte) *Recording {
	if r, ok := d.communities[string(community)]; ok {
		return r
	}
	return d.communities[""]
}

// ownSockets is the maximum number of devices on one port that have their own sockets.
const ownSockets = 64

// Listen opens the sockets of all devices; those with port 0 share a port. Up to 64 devices of a
// port have their own sockets. More share one, if the system allows it, so that thousands cost
// little more than one. A shared socket receives datagrams to any address of the system and ignores
// those to other addresses; if all devices are on loopback, it is bound to the loopback interface.
func Listen(devices ...Device) (*Server, error) {
	s := &Server{addresses: make([]netip.AddrPort, len(devices)), delayed: newDelayQueue()}
	s.StartClock()
	s.delayed.sleep = preciseSleep
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

// groupByPort returns the positions of devices that can share a socket: same port, same version of
// IP. A device with port 0 at an address already used in the group starts a new group.
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

// portTries is the number of free ports to try for devices that share one.
const portTries = 20

// listenEach opens a socket for each device of a group. Port 0 becomes the same free port for all.
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
			_ = c.Close() // never read from
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

// Addr returns the address of the i-th device.
func (s *Server) Addr(i int) netip.AddrPort { return s.addresses[i] }

// HoldClock has the uptime of all devices stand still at its first value, until StartClock.
func (s *Server) HoldClock() { s.started.Store(nil) }

// StartClock starts the clocks of all devices.
func (s *Server) StartClock() { s.started.Store(new(time.Now())) }

// elapsed returns how long the clocks of the devices have run.
func (s *Server) elapsed(now time.Time) time.Duration {
	if at := s.started.Load(); at != nil {
		return now.Sub(*at)
	}
	return 0
}

// Run answers requests until ctx is canceled, then closes the sockets. It returns nil after all its
// goroutines have ended.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, sock := range s.sockets {
		group.Go(func() error { return s.serve(sock) })
	}
	group.Go(func() error { return s.delayed.run(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		return s.Close()
	})
	return group.Wait()
}

// Close closes the sockets. It is needed only if Run was never called.
func (s *Server) Close() error {
	var errs []error
	for _, sock := range s.sockets {
		if err := sock.conn.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// serve answers requests received by one socket.
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
		response := r.respond(d, request, d.uptime+s.elapsed(now).Seconds())
		if response == nil {
			continue
		}
		if d.faulty == nil {
			sock.write(response, &p)
			continue
		}
		d.faulty.deliver(s.delayed, delivery{peer: p, out: sock, data: response}, now, r.count)
	}
}
