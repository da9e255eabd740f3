package bars

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"trapline/internal/snmp"
)

// truth is when each alarm should be active: a schedule that is drawn before. An alarm has segments, numbered from 0: in odd
// ones it is active. Nothing of it is known to the members but the number of the segment, as a value of a device.
type truth struct {
	begins [][]time.Time // by alarm: of the segments 1, 2, …

	mu   sync.Mutex
	rest time.Time // from which on nothing changes; zero: it goes on
}

// The time for which a segment lasts: several polls, of which a member that dies misses some.
const leastSegment, mostSegment = 40 * time.Second, 90 * time.Second

// drawTruth draws the segments that begin in the time from begin on.
func drawTruth(seed uint64, alarms int, begin time.Time, lasts time.Duration) *truth {
	t := &truth{}
	for i := range alarms {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		var list []time.Time
		for at := begin.Add(time.Duration(random.Int64N(int64(mostSegment)))); at.Before(begin.Add(lasts)); at = at.Add(leastSegment + time.Duration(random.Int64N(int64(mostSegment-leastSegment)))) {
			list = append(list, at)
		}
		t.begins = append(t.begins, list)
	}
	return t
}

// settle has nothing change from now on.
func (t *truth) settle(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rest = now
}

// segment returns the segment of an alarm at a time. A nil truth is one that has not begun.
func (t *truth) segment(alarm int, at time.Time) int {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	if !t.rest.IsZero() && at.After(t.rest) {
		at = t.rest
	}
	t.mu.Unlock()
	n, _ := slices.BinarySearchFunc(t.begins[alarm], at, func(begin, at time.Time) int {
		if begin.After(at) {
			return 1
		}
		return -1
	})
	return n
}

// begun returns when a segment began.
func (t *truth) begun(alarm, segment int) time.Time { return t.begins[alarm][segment-1] }

// value is that of the device of an alarm: over 50 while it is active, and the segment can be read from it.
func value(segment int) int64 {
	if segment%2 == 1 {
		return int64(1000 + segment)
	}
	return int64(-segment)
}

// segmentOf reads a segment from a value.
func segmentOf(text string) (segment int, ok bool) {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, false
	case n > 1000:
		return n - 1000, n%2 == 1
	}
	return -n, n <= 0 && n%2 == 0
}

// devices answers for many addresses. Some of the devices have an alarm.
type devices struct {
	conn  *net.UDPConn
	every int // of which one has an alarm

	mu    sync.Mutex
	truth *truth
	last  map[asked]int32 // request-id
	polls [][]poll        // by device, in order
}

type asked struct{ device, member int }

// poll is a request for the gauges of a device; a retransmission is none.
type poll struct {
	at     time.Time
	member int
}

var (
	gauge      = snmp.MustParseOID("1.3.6.1.4.1.32473.7")
	flapObject = snmp.MustParseOID("1.3.6.1.4.1.32473.7.1.0")
)

const devicePort = 16161

// startDevices has n devices answer, from the address of the first on. One of every so many has an alarm.
func startDevices(t *testing.T, n, every int) *devices {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		_ = raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1) })
		return err
	}}
	c, err := config.ListenPacket(context.Background(), "udp4", ":"+strconv.Itoa(devicePort))
	if err != nil {
		t.Fatal(err)
	}
	d := &devices{conn: c.(*net.UDPConn), every: every, last: map[asked]int32{}, polls: make([][]poll, n)}
	_ = d.conn.SetReadBuffer(4 << 20)
	ended := make(chan struct{})
	go func() { defer close(ended); d.run() }()
	t.Cleanup(func() { c.Close(); <-ended })
	return d
}

func (d *devices) run() {
	b, control := make([]byte, 16<<10), make([]byte, 64)
	for {
		n, size, _, from, err := d.conn.ReadMsgUDPAddrPort(b, control)
		if err != nil {
			return
		}
		to, ok := destination(control[:size])
		m, err := snmp.ParseMessage(b[:n])
		if !ok || err != nil {
			continue
		}
		answer := d.answer(to, memberOf(from.Addr()), &m)
		_, _, _ = d.conn.WriteMsgUDPAddrPort(answer, control[:size], from) // sent from the address that was asked
	}
}

// destination reads the address from a control message IP_PKTINFO (ip(7)).
func destination(control []byte) (netip.Addr, bool) {
	const at = syscall.SizeofCmsghdr + 8
	if len(control) < at+4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(control[at : at+4])), true
}

// memberOf returns the member at an address; -1: another one.
func memberOf(a netip.Addr) int {
	b := a.Unmap().As4()
	if hub := hub.As4(); [3]byte(b[:3]) != [3]byte(hub[:3]) || int(b[3]) > memberCount {
		return -1
	}
	return int(b[3]) - 1
}

func (d *devices) answer(to netip.Addr, member int, m *snmp.Message) []byte {
	b, first := to.As4(), firstHost.As4()
	device := int(b[2])<<8 + int(b[3]) - int(first[3])
	now := time.Now()
	d.mu.Lock()
	segment := 0
	if device%d.every == 0 && device/d.every*d.every < len(d.polls) {
		segment = d.truth.segment(device/d.every, now)
	}
	d.mu.Unlock()
	var filled []byte
	polled := false
	for list := m.VarBinds; len(list) > 0; {
		v, rest, err := snmp.CutVarBind(list)
		if err != nil {
			break
		}
		list = rest
		v.Type, v.Value = snmp.NoSuchInstance, nil
		switch {
		case m.PDU != snmp.GetRequest:
			v.Type = snmp.EndOfMibView
		case v.Name.Compare(flapObject) == 0:
			polled = true
			v.Type, v.Value = snmp.Integer, snmp.AppendInt(nil, value(segment))
		case v.Name.HasPrefix(gauge):
			v.Type, v.Value = snmp.Integer, snmp.AppendInt(nil, int64(device))
		}
		filled = snmp.AppendVarBind(filled, v)
	}
	if polled && device < len(d.polls) {
		d.note(device, member, m.RequestID, now)
	}
	m.PDU, m.ErrorStatus, m.ErrorIndex, m.VarBinds = snmp.Response, 0, 0, filled
	return snmp.AppendMessage(nil, m)
}

func (d *devices) note(device, member int, request int32, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	by := asked{device, member}
	if id, ok := d.last[by]; ok && id == request {
		return
	}
	d.last[by] = request
	d.polls[device] = append(d.polls[device], poll{now, member})
}

// begin has the devices follow the truth.
func (d *devices) begin(t *truth) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.truth = t
}

// polled counts the polls between two times.
func (d *devices) polled(from, to time.Time) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, list := range d.polls {
		for _, p := range list {
			if !p.at.Before(from) && p.at.Before(to) {
				n++
			}
		}
	}
	return n
}

// lastBy returns the devices whose last poll before a time was that of a member.
func (d *devices) lastBy(member int, at time.Time) (list []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, polls := range d.polls {
		for _, p := range slices.Backward(polls) {
			if p.at.Before(at) {
				if p.member == member {
					list = append(list, i)
				}
				break
			}
		}
	}
	return list
}

// again returns the longest time from at to the next poll of some devices by one of some members, and how many have had none.
func (d *devices) again(list []int, at time.Time, members ...int) (longest time.Duration, missing int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range list {
		next := time.Duration(-1)
		for _, p := range slices.Backward(d.polls[i]) {
			if p.at.Before(at) {
				break
			}
			if slices.Contains(members, p.member) {
				next = p.at.Sub(at)
			}
		}
		if next < 0 {
			missing++
		}
		longest = max(longest, next)
	}
	return longest, missing
}
