package scan

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/scan/scantest"
	"trapline/internal/snmp"
)

// sweepWith sweeps once.
func sweepWith(t *testing.T, o *Options) []Device {
	t.Helper()
	s, err := Open(*o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.Devices()
}

// A device that answers one community when the next one is asked for accepts the one, and not the next.
func TestLateAnswersAreOfTheirQuestion(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.67.50:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	asked := map[string]int{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 2000)
		var late []byte
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			m, err := snmp.ParseMessage(b[:n])
			if err != nil {
				continue
			}
			asked[string(m.Community)]++
			if late != nil && string(m.Community) == "two" {
				_, _ = conn.WriteTo(late, from)
			}
			m.PDU = snmp.Response
			if answer := snmp.AppendMessage(nil, &m); late != nil && string(m.Community) == "one" {
				_, _ = conn.WriteTo(answer, from) // of a login
			} else {
				late = answer
			}
		}
	}()
	o := options(t, uint16(conn.LocalAddr().(*net.UDPAddr).Port), "127.0.67.50/32")
	o.Candidates = o.Candidates[1:]
	devices := sweepWith(t, &o)
	_ = conn.Close()
	<-ended
	if len(devices) != 1 || devices[0].Auth != "one" || asked["two"] != 1 {
		t.Errorf("%+v, asked %v", devices, asked)
	}
}

// Nothing is logged in to while it cannot be noted: a restart would do so again.
func TestNoLoginIsSentThatIsNotNoted(t *testing.T) {
	fleet := scantest.Fleet{Network: netip.MustParsePrefix("127.0.67.64/26"), Devices: 9, Unknown: 3, Seed: 1, Users: []*snmp.User{user("poller", "correct horse")}, Communities: []string{"one", "two"}}
	devices := fleet.Make()
	n := scantest.Serve(t, devices)
	o := options(t, n.Port(), "127.0.67.64/26")
	for what, breakIt := range map[string]func(s *Scan, file *os.File){
		"journal":  func(s *Scan, file *os.File) { _ = s.state.journal.Close(); s.state.journal = file },
		"position": func(s *Scan, file *os.File) { _ = s.state.position.Close(); s.state.position = file },
	} {
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		readOnly, err := os.Open(o.File)
		if err != nil {
			t.Fatal(err)
		}
		breakIt(s, readOnly)
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be written") || errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
		s.Close()
		for _, a := range n.Asked() {
			if c := n.Counts(a); what == "journal" && c.Logins > 0 {
				t.Errorf("%s: %s saw %d logins", what, a, c.Logins)
			}
		}
	}
	_ = os.Remove(o.File + ".position") // whose lock the test took away
	if found := sweepWith(t, &o); len(found) == 0 {
		t.Error("nothing is found afterwards")
	}
}

// A sweep under a clock that is ahead by years binds none after it.
func TestClocksThatWereAhead(t *testing.T) {
	fleet := scantest.Fleet{Network: netip.MustParsePrefix("127.0.67.128/26"), Devices: 6, Unknown: 3, Seed: 3, Users: []*snmp.User{user("poller", "correct horse")}, Communities: []string{"one", "two"}}
	devices := fleet.Make()
	n := scantest.Serve(t, devices)
	o := options(t, n.Port(), "127.0.67.128/26")
	ahead := 10 * 365 * 24 * time.Hour
	o.Now = func() time.Time { return time.Now().Add(ahead) }
	found := len(sweepWith(t, &o))
	if found == 0 {
		t.Fatal("nothing is found")
	}
	for i := range MissedSweeps {
		ahead = time.Duration(i) * 8 * 24 * time.Hour
		for _, d := range devices {
			if i == 0 && d.Usable() {
				n.Remove(d)
			}
		}
		before := 0
		for _, a := range n.Asked() {
			before += n.Counts(a).Logins
		}
		left := len(sweepWith(t, &o))
		after := 0
		for _, a := range n.Asked() {
			after += n.Counts(a).Logins
		}
		if want := i < MissedSweeps-1; (left == found) != want || after == before {
			t.Errorf("sweep %d: %d of %d devices, %d logins", i, left, found, after-before)
		}
	}
}

// A box that answers for whole networks costs no more than a device of some hundred addresses.
func TestABoxThatAnswersForNetworks(t *testing.T) {
	d := &scantest.Device{Engine: []byte("\x80\x00\x1f\x88\x04tarpit"), Boots: 1, Started: time.Now().Add(-time.Hour), User: user("poller", "correct horse")}
	for i := range 1000 {
		d.Addresses = append(d.Addresses, netip.AddrFrom4([4]byte{127, 67, byte(4 + i/250), byte(1 + i%250)}))
	}
	d.Objects = []snmp.VarBind{{Name: sysUpTime, Type: snmp.TimeTicks}, {Name: sysName, Type: snmp.OctetString, Value: []byte("tarpit")}}
	n := scantest.Serve(t, []*scantest.Device{d})
	o := options(t, n.Port(), "127.67.4.0/22")
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	begun := s.state.size
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(o.File)
	if err != nil {
		t.Fatal(err)
	}
	devices := s.Devices()
	if len(devices) != 1 || len(devices[0].Addresses) > maxMembers || s.LeftAlone() < 1000-maxMembers || info.Size() > 4<<20 {
		t.Errorf("%d devices, %d left alone, a file of %d octets after %d", len(devices), s.LeftAlone(), info.Size(), begun)
	}
}

// A device that calls itself by an address takes no other's name.
func TestNamesThatAreAddresses(t *testing.T) {
	network := netip.MustParsePrefix("127.0.67.192/27")
	fleet := scantest.Fleet{Network: network, Devices: 3, Seed: 2, Communities: []string{"one"}}
	devices := fleet.Make()
	for i, d := range devices {
		for at := range d.Objects {
			if d.Objects[at].Name.Compare(sysName) == 0 {
				d.Objects[at].Value = []byte(devices[(i+1)%3].Addresses[0].String())
			}
		}
	}
	n := scantest.Serve(t, devices)
	o := options(t, n.Port(), network.String())
	found := sweepWith(t, &o)
	for _, d := range found {
		if d.Name != d.Address.String() {
			t.Errorf("%s is called %s", d.Address, d.Name)
		}
	}
	if len(found) != 3 {
		t.Errorf("%d devices", len(found))
	}
}

// Whatever stands in the file of a scan: the next one begins, and numbers no device as another one.
func TestFilesOfScansThatAreDamaged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scan.jsonl")
	record := `{"record":{"address":"127.0.67.1","device":7,"name":"a","auth":"x"}}` + "\n"
	for name, text := range map[string]string{
		"no header": record, "torn": record + `{"header":{"dev`, "header after": record + `{"header":{"salt":"AAAA","devices":1}}` + "\n",
		"noise": "\x00\xff\n{}\n[]\nnull\n" + record, "guard": record + `{"guard":{"failed":["2026-01-01T00:00:00Z"]},"of":["127.0.67.1","x"]}` + "\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openState(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.header.Devices < 7 || len(s.header.Salt) == 0 {
			t.Errorf("%s: %+v", name, s.header)
		}
		if other, err := openState(file); err == nil || !strings.Contains(fmt.Sprint(err), "another process") {
			t.Errorf("%s: the file is opened twice: %v", name, other)
		}
		s.close()
	}
}
