package client_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/corpus"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// mixed is a small recording with objects on both sides of 1.3.6.1 and of every type.
const mixed = `0.1.1|2|1
1.0.8802.1.1.2.1.3.3.0|4|lldp
1.2.840.10006.300.43.1.1.1.1.2.1|4|lacp
1.3.6.1.2.1.1.1.0|4|mixed
1.3.6.1.2.1.1.3.0|67|100
1.3.6.1.2.1.1.5.0|4|mixed
1.3.6.1.2.1.2.2.1.2.1|4|eth0
1.3.6.1.2.1.2.2.1.2.2|4|eth1
1.3.6.1.2.1.2.2.1.10.1|65|4294967295
1.3.6.1.2.1.2.2.1.10.2|65|7
1.3.6.1.2.1.4.20.1.1.127.0.0.1|64|127.0.0.1
1.3.6.1.2.1.4.20.1.1.192.0.2.200|64|192.0.2.200
1.3.6.1.2.1.6.13.1.1.0.0.0.0.22.0.0.0.0.0|2|2
1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551000
1.3.6.1.2.1.31.1.1.1.6.2|70|1
1.3.6.1.4.1.2021.10.1.6.1|68x|9f78043f800000
`

// faults answers some of its objects with an error.
const faults = `1.3.6.1.2.1.1.1.0|4|faults
1.3.6.1.2.1.1.5.0|4|faults
1.3.6.1.2.1.1.6.0|2:error|op=any,status=genError,value=1
1.3.6.1.2.1.1.7.0|2:error|op=get,status=resourceUnavailable,value=72
1.3.6.1.2.1.2.2.1.2.1|4|eth0
1.3.6.1.2.1.2.2.1.3.1|2|6
1.3.6.1.4.1.9.9.1|2:error|op=get,status=authorizationError,value=1
1.3.6.1.4.1.9.9.2|2:error|op=any,status=resourceUnavailable,value=1
1.3.6.1.4.1.9.9.3|2|3
`

// loop is not sorted, but has an end all the same.
const loop = `1.3.6.1.2.1.1.1.0|4|loop
1.3.6.1.2.1.1.3.0|67|1
1.3.6.1.2.1.1.5.0|4|a
1.3.6.1.2.1.1.4.0|4|b
1.3.6.1.2.1.1.6.0|4|c
`

// device is a recording of a switch with so many interfaces and 20 columns, and of an object outside
// of 1.3.6.1.
func device(interfaces int) string {
	var text strings.Builder
	text.WriteString("1.0.8802.1.1.2.1.3.3.0|4|lldp\n1.3.6.1.2.1.1.5.0|4|device\n")
	for c := range 20 {
		for i := range interfaces {
			fmt.Fprintf(&text, "1.3.6.1.2.1.2.2.1.%d.%d|65|%d\n", c+1, i+1, c*i)
		}
	}
	return text.String()
}

// netSNMPWalk returns the OIDs that snmpbulkwalk prints for a subtree, in order.
func netSNMPWalk(t testing.TB, address, community, root string) (names []string) {
	t.Helper()
	for l := range strings.Lines(peers.NetSNMP(t, "snmpbulkwalk", "-v2c", "-c"+community, "-On", "-Cr50", address, "."+root)) {
		if name, value, ok := strings.Cut(l, " = "); ok && !strings.HasPrefix(value, "No ") {
			names = append(names, strings.TrimPrefix(name, "."))
		}
	}
	return names
}

// names are the OIDs of the lines.
func (r result) names() (names []string) {
	for _, l := range r.lines {
		name, _, _ := strings.Cut(l, " ")
		names = append(names, name)
	}
	return names
}

// wantNames reports the first difference of two lists.
func wantNames(t testing.TB, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	same := 0
	for same < min(len(got), len(want)) && got[same] == want[same] {
		same++
	}
	t.Errorf("%d names, want %d; from number %d on: %q, want %q",
		len(got), len(want), same, got[same:min(same+5, len(got))], want[same:min(same+5, len(want))])
}

// recordingNames are the OIDs of a recording. Some recordings have one twice.
func recordingNames(recording string) (names []string) {
	for l := range strings.Lines(recording) {
		if name, _, ok := strings.Cut(l, "|"); ok {
			names = append(names, name)
		}
	}
	return slices.Compact(names)
}

// Rows 28, 29, 30 and 39: to the end of the MIB and to the end of a subtree; padding is no data.
func TestPeersWalks(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{"mixed": mixed})
	x := target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(2, "mixed")})
	for _, root := range []string{"1.3.6.1", "1.3.6.1.2.1.2", "1.0.8802", "1.2.840", "1.3.6.1.2.1.99", "1.3.6.1.2.1.2.2.1.2.2", "1"} {
		for _, repetitions := range []uint32{1, 2, 50} {
			r := poll(t, x, client.Plan{Walk: walkOf(root), Params: patient(repetitions)})
			r.wantErrors(t)
			wantNames(t, r.names(), netSNMPWalk(t, s.Addresses[0], "mixed", root))
		}
	}
	for _, version := range []int{1, 2} {
		x := target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(version, "mixed")})
		r := poll(t, x, client.Plan{Walk: walkOf("0.0"), ToEnd: true, Params: patient(50)})
		r.wantErrors(t)
		want := recordingNames(mixed)
		if version == 1 { // row 37: Counter64 does not exist there
			want = slices.DeleteFunc(want, func(name string) bool { return strings.HasPrefix(name, "1.3.6.1.2.1.31.1.1.1.6.") })
		}
		wantNames(t, r.names(), want)
	}
}

// Rows 28 and 31: to the end of the MIB, on three addresses at once, each request from the last row of
// the answer before.
func TestPeersWalkToTheEnd(t *testing.T) {
	recording := device(100)
	s := peers.StartSnmpsimd(t, map[string]string{"device": recording})
	var walks sync.WaitGroup
	for _, address := range s.Addresses {
		x := target(t, client.Spec{Engine: tested, Address: address, Auth: community(2, "device")})
		walks.Go(func() { walkToTheEnd(t, x, recording) })
	}
	walks.Wait()
}

func TestPeersWalkRecordings(t *testing.T) { corpus.Each(t, "conformance", testWalkRecordings) }

func testWalkRecordings(t *testing.T, dir string) {
	names := []string{"geist-temperature-sensor", "cisco-c3750"}
	if dir == corpus.Own(t, "conformance") {
		names = []string{"example-switch", "access-switch"}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording := corpus.Text(t, filepath.Join(dir, "recordings", name+".snmprec"))
			s := peers.StartSnmpsimd(t, map[string]string{name: recording})
			walkToTheEnd(t, target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(2, name)}), recording)
		})
	}
}

func walkToTheEnd(t testing.TB, x *client.Target, recording string) {
	t.Helper()
	const repetitions = 50
	r := poll(t, x, client.Plan{Walk: walkOf("0.0"), ToEnd: true, Params: patient(repetitions)})
	r.wantErrors(t)
	want := recordingNames(recording)
	wantNames(t, r.names(), want)
	if r.stats.Packets != len(want)/repetitions+1 {
		t.Errorf("%d packets for %d objects", r.stats.Packets, len(want))
	}
}

// Row 33: responses shorter than requested.
func TestPeersTruncatedAnswers(t *testing.T) {
	for name, config := range map[string]string{
		"as they come":        "",
		"three repetitions":   "maxGetbulkRepeats 3",
		"five varbinds":       "maxGetbulkResponses 5",
		"messages of 600":     "[snmp] sendMessageMaxSize 600",
		"a hundred varbinds":  "maxGetbulkResponses 100",
		"both, and no octets": "maxGetbulkRepeats 3\nmaxGetbulkResponses 5\n[snmp] sendMessageMaxSize 484",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := peers.StartSnmpd(t, peers.SnmpdOptions{Config: config})
			for _, a := range []*access.Auth{community(1, "public"), community(2, "public"), authOf(shaAES)} {
				if a.Version == 3 && strings.Contains(config, "sendMessageMaxSize") {
					continue // GETBULK over SNMPv3 and this option are too much for Net-SNMP 5.9
				}
				x := target(t, client.Spec{Engine: tested, Address: s.Address, Auth: a})
				const root = "1.3.6.1.2.1.1" // the system group does not change between two walks
				r := poll(t, x, client.Plan{Walk: walkOf(root), Params: patient(50)})
				r.wantErrors(t)
				wantNames(t, r.names(), netSNMPWalk(t, s.Address, "public", root))
			}
		})
	}
}

// Row 34: objects that do not fit into one message are requested in several.
func TestPeersTooBigGet(t *testing.T) {
	s := peers.StartSnmpd(t, peers.SnmpdOptions{Config: "[snmp] sendMessageMaxSize 600"})
	names := netSNMPWalk(t, s.Address, "public", "1.3.6.1.2.1.1")[:30]
	for _, a := range []*access.Auth{community(1, "public"), community(2, "public"), authOf(peers.User{Name: "usr-none-none"})} {
		x := target(t, client.Spec{Engine: tested, Address: s.Address, Auth: a})
		r := poll(t, x, client.Plan{Get: walkOf(names...), Params: patient(60)})
		r.wantErrors(t)
		wantNames(t, r.names(), names)
		if a.Version == 2 && r.stats.Packets < 3 {
			t.Errorf("%d packets: nothing was too big", r.stats.Packets)
		}
	}
}

// Row 38: an agent whose objects are in disorder.
func TestPeersDisorder(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{"loop": loop})
	for _, version := range []int{1, 2} {
		x := target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(version, "loop")})
		for _, unordered := range []bool{false, true} {
			plan := client.Plan{Walk: walkOf("1.3.6.1.2.1.1"), Params: patient(3)}
			plan.Params.AllowNonIncreasingOIDs = unordered
			r := poll(t, x, plan)
			if unordered {
				r.wantErrors(t)
				wantNames(t, r.names(), recordingNames(loop))
			} else {
				r.wantErrors(t, "walk not_increasing 1.3.6.1.2.1.1 after 1.3.6.1.2.1.1.5.0")
				r.wantLines(t, 3)
			}
		}
	}
}

// Row 40: a missing object has no value. Row 41: an error affects one object only.
func TestPeersFaults(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	x := target(t, client.Spec{Engine: tested, Address: snmpd.Address})
	r := poll(t, x, client.Plan{Get: walkOf("1.3.6.1.2.1.55.0", "1.3.6.1.2.1.1.5.7", sysName), Params: patient(25)})
	r.wantErrors(t)
	want := []string{`1.3.6.1.2.1.55.0 noSuchObject ""`, `1.3.6.1.2.1.1.5.7 noSuchInstance ""`, nameLine}
	if !slices.Equal(r.lines, want) {
		t.Errorf("got %q, want %q", r.lines, want)
	}

	s := peers.StartSnmpsimd(t, map[string]string{"faults": faults, "mixed": mixed})
	x = target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(2, "faults")})
	r = poll(t, x, client.Plan{Get: walkOf("1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.7.0", "1.3.6.1.4.1.9.9.1", "1.3.6.1.2.1.2.2.1.2.1", sysName), Params: patient(25)})
	r.wantErrors(t, "get error_status 1.3.6.1.2.1.1.7.0", "get authorization 1.3.6.1.4.1.9.9.1")
	want = []string{`1.3.6.1.2.1.1.1.0 OCTET STRING "faults"`, `1.3.6.1.2.1.2.2.1.2.1 OCTET STRING "eth0"`, sysName + ` OCTET STRING "faults"`}
	if !slices.Equal(r.lines, want) {
		t.Errorf("got %q, want %q", r.lines, want)
	}
	r = poll(t, x, client.Plan{Get: walkOf("1.3.6.1.2.1.1.6.0"), Params: patient(25)}) // its agent errs, and says NULL
	r.wantErrors(t)
	if want := []string{`1.3.6.1.2.1.1.6.0 NULL ""`}; !slices.Equal(r.lines, want) {
		t.Errorf("got %q, want %q", r.lines, want)
	}
	r = poll(t, x, client.Plan{Walk: walkOf("1.3.6.1.4.1.9.9", "1.3.6.1.2.1.2.2.1.2"), Params: patient(25)})
	if len(r.errors) != 1 || r.errors[0].TargetFailed() || r.errors[0].OID.String() != "1.3.6.1.4.1.9.9" {
		t.Errorf("a walk into an error gives %v", r.err)
	}
	wantNames(t, r.names(), []string{"1.3.6.1.2.1.2.2.1.2.1"})
}

// Row 42: rows by their index.
func TestPeersRowsByIndex(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{"mixed": mixed})
	x := target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(2, "mixed")})
	rows := []string{"1.3.6.1.2.1.2.2.1.10.1", "1.3.6.1.2.1.4.20.1.1.192.0.2.200", "1.3.6.1.2.1.6.13.1.1.0.0.0.0.22.0.0.0.0.0", "1.3.6.1.2.1.31.1.1.1.6.1"}
	r := poll(t, x, client.Plan{Get: walkOf(rows...), Params: patient(25)})
	r.wantErrors(t)
	want := []string{rows[0] + " Counter32 4294967295", rows[1] + ` IpAddress "\xc0\x00\x02\xc8"`, rows[2] + " INTEGER 2", rows[3] + ` Counter64 "\x00\xff\xff\xff\xff\xff\xff\xfd\x98"`}
	if !slices.Equal(r.lines, want) {
		t.Errorf("got %q, want %q", r.lines, want)
	}
}

// Whatever an agent has, all versions and requests of all sizes give the same of it.
func TestPeersWalksOfLiveTables(t *testing.T) {
	s := peers.StartSnmpd(t, peers.SnmpdOptions{})
	for _, root := range []string{"1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.4.20.1.1", "1.3.6.1.6.3.16.1.2.1.3", "1.3.6.1.6.3.15.1.2.2.1.3", peers.Knob} {
		want := netSNMPWalk(t, s.Address, "public", root)
		if len(want) == 0 {
			t.Errorf("%s is empty", root)
		}
		for _, a := range []*access.Auth{community(1, "public"), community(2, "public"), authOf(shaAES), authOf(peers.User{Name: "usr-none-none"})} {
			for _, repetitions := range []uint32{1, 10, 1000} {
				t.Run(fmt.Sprintf("%s/%d/%s/%d", root, a.Version, a.SecurityLevel, repetitions), func(t *testing.T) {
					r := poll(t, target(t, client.Spec{Engine: tested, Address: s.Address, Auth: a}), client.Plan{Walk: []snmp.OID{oid(root)}, Params: patient(repetitions)})
					r.wantErrors(t)
					wantNames(t, r.names(), want)
				})
			}
		}
	}
}
