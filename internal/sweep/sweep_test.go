package sweep

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/snmp"
)

// Whatever the number and the key: each number stands in one place, which is known by the number.
func TestLawOfPermutations(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 5, 255, 256, 257, 1000, 65536} {
		for range 5 {
			p := newPermutation(n, rand.Uint64())
			seen := make([]bool, n)
			for i := range n {
				x := p.at(i)
				if x >= n || seen[x] || p.place(x) != i {
					t.Fatalf("%d numbers, key %x: place %d has %d", n, p.key, i, x)
				}
				seen[x] = true
			}
		}
	}
}

// Whatever the networks: an order has each of their addresses once, and one of each block after the other.
func TestLawOfOrders(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 0))
		address := func() netip.Addr {
			return netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(4)), byte(random.IntN(256))})
		}
		var networks, exclude []netip.Prefix
		for range 1 + random.IntN(4) {
			networks = append(networks, netip.PrefixFrom(address(), 22+random.IntN(11)))
		}
		for range random.IntN(3) {
			exclude = append(exclude, netip.PrefixFrom(address(), 25+random.IntN(8)).Masked())
		}
		want := map[netip.Addr]bool{}
		for _, n := range networks {
			for a := n.Masked().Addr(); n.Masked().Contains(a); a = a.Next() {
				edge := n.Bits() < 31 && (a == n.Masked().Addr() || !n.Masked().Contains(a.Next()))
				if !edge && !excluded(exclude, a) {
					want[a] = true
				}
			}
		}
		r, err := NewRange(networks, exclude)
		if err != nil {
			if len(want) > 0 {
				t.Fatalf("%v: %v", networks, err)
			}
			continue
		}
		if r.Size() != len(want) {
			t.Fatalf("%v without %v: %d addresses, want %d", networks, exclude, r.Size(), len(want))
		}
		order := r.Shuffled(random.Uint64())
		last := map[netip.Addr]int{}
		for i := range order.Len() {
			a, ok := order.At(i)
			if !ok {
				continue
			}
			at, known := order.Position(a)
			if !want[a] || at != i || !known {
				t.Fatalf("position %d has %v, which stands at %d", i, a, at)
			}
			delete(want, a)
			base, _ := split(a)
			if before, ok := last[base]; ok && (i-before)%r.Blocks() != 0 {
				t.Fatalf("%v has positions %d and %d of %d blocks", base, before, i, r.Blocks())
			}
			last[base] = i
		}
		if len(want) > 0 {
			t.Fatalf("%v without %v: the order lacks %v", networks, exclude, want)
		}
	}
}

// A sweep asks each address once, knows answers by ID and address, and refusals without waiting.
func TestSweep(t *testing.T) {
	network := netip.MustParsePrefix("127.0.82.0/25")
	first, err := net.ListenPacket("udp4", "127.0.82.5:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	port := first.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := first.ReadFrom(b)
			if err != nil {
				return
			}
			m, err := snmp.ParseMessage(b[:n])
			if err != nil {
				continue
			}
			m.PDU = snmp.Response
			_, _ = first.WriteTo(snmp.AppendMessage(nil, &m), from)
		}
	}()
	r, err := NewRange([]netip.Prefix{network}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := New(port, NewPacer(2000))
	defer s.Close()
	asked, answers, refused, positions := map[netip.Addr]int{}, map[netip.Addr]int{}, map[netip.Addr]bool{}, 0
	err = s.Run(t.Context(), &Pass{
		Order: r.Shuffled(7), Timeout: 100 * time.Millisecond,
		Skip: func(a netip.Addr) bool { asked[a]++; return a == netip.MustParseAddr("127.0.82.9") },
		Request: func(b []byte, id int32) []byte {
			return snmp.AppendMessage(b, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.GetRequest, RequestID: id, VarBinds: snmp.AppendVarBind(nil, snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.1.2.0"), Type: snmp.Null})})
		},
		Answered: func(from netip.Addr, of func(string) int32, data []byte) {
			id := of("")
			if m, err := snmp.ParseMessage(data); err == nil && m.RequestID == id && m.PDU == snmp.Response {
				answers[from]++
			}
		},
		Refused: func(a netip.Addr) { refused[a] = true },
		Sending: func(position int) error { positions = position; return nil },
		Settled: func(int) {},
	})
	if err != nil || len(asked) != 126 || len(answers) != 1 || answers[netip.MustParseAddr("127.0.82.5")] != 1 || positions != blockSize {
		t.Errorf("%v: %d asked, answers %v, position %d", err, len(asked), answers, positions)
	}
	if len(refused) < 100 || refused[netip.MustParseAddr("127.0.82.5")] {
		t.Errorf("%d addresses refused", len(refused))
	}
}

// A range has the hosts of networks, and is bounded.
func TestRange(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.0/30": "[192.0.2.1 192.0.2.2]", "192.0.2.4/31": "[192.0.2.4 192.0.2.5]", "192.0.2.7/32": "[192.0.2.7]", "192.0.2.9": "[192.0.2.9]",
		"192.0.2.5/30": "[192.0.2.5 192.0.2.6]", "2001:db8::4/127": "[2001:db8::4 2001:db8::5]", "192.0.2.0/30 192.0.2.9": "[192.0.2.1 192.0.2.2 192.0.2.9]",
	} {
		got := []netip.Addr{}
		r, err := parsedRange(text)
		if err == nil {
			order := r.Shuffled(1)
			for i := range order.Len() {
				if a, ok := order.At(i); ok {
					got = append(got, a)
				}
			}
		}
		slices.SortFunc(got, Compare)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
	if got, err := parsedRange("10.0.0.0/16"); err != nil || got.Size() != 65534 {
		t.Errorf("a /16 has %v, %v", got, err)
	}
	for _, text := range []string{"10.0.0.0/8", "10.0.0.0/13 10.8.0.0/13", "::/0", "core-1", "192.0.2.0/33", "fe80::1%lo", "::ffff:192.0.2.1"} {
		if _, err := parsedRange(text); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

func parsedRange(text string) (*Range, error) {
	list, err := ParseNetworks(strings.Fields(text))
	if err != nil {
		return nil, err
	}
	return NewRange(list, nil)
}
