package listen

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// ring are listeners that forward to each other.
type ring struct {
	t     *testing.T
	nodes []*Listener
	to    map[int][]int
	way   []flight
	taken []int // notifications that each passed on
	id    int32
	last  []byte
}

// flight is a notification on its way from a sender.
type flight struct {
	from netip.AddrPort
	to   int
	b    []byte
}

func nodeAddress(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}), 162)
}

// newRing returns listeners that forward to those in to.
func newRing(t *testing.T, n int, to map[int][]int, trusts bool, version snmp.Version) *ring {
	r := &ring{t: t, to: to, taken: make([]int, n)}
	for i := range n {
		c := &Configuration{Forward: true, Settings: Settings{Allow: []string{"0.0.0.0/0", "::/0"}, Rate: 1e6}, Targets: []traps.Target{{Name: "a", Address: "192.0.2.1"}, {Name: "b", Address: "2001:db8::1"}}}
		if trusts {
			c.Settings.Forwarders = []string{"192.0.2.96/27"}
		}
		l, _ := newListener(t, c)
		l.options.Forward = func(list []alarm.Event, _ time.Time) error {
			r.taken[i] += len(list)
			for k := range list {
				for _, next := range r.to[i] {
					r.way = append(r.way, flight{nodeAddress(i), next, r.passedOn(&list[k], version)})
				}
			}
			return nil
		}
		r.nodes = append(r.nodes, l)
	}
	return r
}

// passedOn returns the inform, or with SNMPv1 the trap, that a receiver is sent of an event.
func (r *ring) passedOn(e *alarm.Event, version snmp.Version) []byte {
	r.id++
	r.last = e.Trap
	if version == snmp.V2c {
		return snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.InformRequest, RequestID: r.id, VarBinds: e.Trap})
	}
	n := &originator.Notification{}
	for list := e.Trap; len(list) > 0; {
		v, rest, err := snmp.CutVarBind(list)
		if err != nil {
			r.t.Fatal(err)
		}
		switch list = rest; {
		case v.Name.Compare(originator.SysUpTime) == 0:
			ticks, _ := v.Uint()
			n.Uptime = uint32(ticks)
		case v.Name.Compare(originator.SNMPTrapOID) == 0:
			n.Trap = v.Value
		default:
			n.VarBinds = append(n.VarBinds, v)
		}
	}
	fields, err := n.InFields()
	if err != nil {
		r.t.Fatal(err)
	}
	v1, err := fields.TrapV1(e.Alarm.Address)
	if err != nil {
		r.t.Fatal(err)
	}
	return snmp.AppendTrap(nil, &snmp.TrapMessage{Community: []byte("public"), Trap: v1})
}

func valuesOf(list []byte) (n int) {
	for ; len(list) > 0; n++ {
		_, rest, err := snmp.CutVarBind(list)
		if err != nil {
			return n
		}
		list = rest
	}
	return n
}

// settle delivers what is on its way until nothing is.
func (r *ring) settle(s *socket, random *rand.Rand) {
	for n := 0; len(r.way) > 0; n++ {
		if n > 1000 {
			r.t.Fatal("the notification goes round for ever")
		}
		i := random.IntN(len(r.way))
		one := r.way[i]
		r.way = append(r.way[:i], r.way[i+1:]...)
		for _, w := range r.nodes[one.to].workers { // as if much time had passed
			w.traps, w.informs = newOnce(trapWindow, maxOnce), newOnce(informWindow, maxOnce)
		}
		give(r.nodes[one.to], s, one.from.String(), one.b)
	}
}

// Whoever forwards to whom, in whatever order notifications arrive: each reaches all, and ends. Those of a device that
// SNMP has an address for are passed on once by each.
func TestForwardedNotificationsEnd(t *testing.T) {
	s := nowhere(t)
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		n, version := 2+random.IntN(3), []snmp.Version{snmp.V1, snmp.V2c}[random.IntN(2)]
		to := map[int][]int{}
		for i := range n {
			to[i] = append(to[i], (i+1)%n)
			if other := random.IntN(n); other != i && other != (i+1)%n {
				to[i] = append(to[i], other)
			}
		}
		trusts := random.IntN(2) == 0
		r := newRing(t, n, to, trusts, version)
		device := []string{"192.0.2.1:5", "192.0.2.2:5", "[2001:db8::1]:5", "[2001:db8::2]:5"}[random.IntN(4)]
		if version == snmp.V1 && (device[0] == '[' || !trusts) {
			continue // each names whom it has it from; the traps are the same, and known as such
		}
		many := []int{0, 3, 300, 2000}[random.IntN(4)]
		var more []snmp.VarBind
		for i := range many {
			more = append(more, snmp.VarBind{Name: snmp.MustParseOID(fmt.Sprintf("1.3.6.1.4.1.9.%d", i)), Type: snmp.Integer, Value: []byte{7}})
		}
		what := fmt.Sprintf("seed %d: %d nodes %v, version %v, device %s, %d values", seed, n, to, version, device, many)
		t.Run(what, func(t *testing.T) {
			r.t = t
			r.way = append(r.way, flight{netip.MustParseAddrPort(device), 0, message(snmp.InformRequest, 1, 100, more...)})
			r.settle(s, random)
			if n := valuesOf(r.last); n < many {
				t.Errorf("%d of %d values are left", n, many)
			}
			for i, taken := range r.taken {
				if taken < 1 || taken > 1 && device[0] != '[' {
					t.Errorf("node %d passed it on %d times", i, taken)
				}
			}
		})
	}
}

// A sender that repeats itself without counting sysUpTime is no echo.
func TestRepeatedNotificationsAreNoEchoes(t *testing.T) {
	s := nowhere(t)
	r := newRing(t, 1, nil, true, snmp.V2c)
	proxied := snmp.VarBind{Name: originator.SNMPTrapAddress, Type: snmp.IPAddress, Value: []byte{192, 0, 2, 9}}
	for i := range int32(3) {
		give(r.nodes[0], s, "192.0.2.1:5", message(snmp.InformRequest, i, 0))
		give(r.nodes[0], s, "192.0.2.2:5", message(snmp.InformRequest, i, 0))
		give(r.nodes[0], s, "192.0.2.101:5", message(snmp.InformRequest, i, 0, proxied))
	}
	if r.taken[0] != 9 {
		t.Errorf("%d of 9 notifications were passed on", r.taken[0])
	}
}
