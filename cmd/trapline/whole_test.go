package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/internal/access"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/corpus"
	"trapline/internal/netsnmp"
	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// netSNMPWalk returns the objects that one of Net-SNMP's walks prints of all that a target has.
func netSNMPWalk(t testing.TB, program, version, community, address string) []string {
	t.Helper()
	return objectLines(peers.NetSNMP(t, program, "-On", "-v"+version, "-c"+community, address, ".1"))
}

// objectLines returns each object that was printed as one line: Net-SNMP breaks long rows of hexadecimal
// digits. Its lines about the end of the MIB are left out.
func objectLines(text string) (lines []string) {
	for l := range strings.Lines(text) {
		switch {
		case strings.Contains(l, "No more variables left"), l == "End of MIB\n":
		case strings.HasPrefix(l, ".") || len(lines) == 0:
			lines = append(lines, l)
		default:
			lines[len(lines)-1] += l
		}
	}
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
		if strings.Contains(l, "Hex-STRING: ") || strings.Contains(l, "OPAQUE: ") {
			lines[i] = strings.Join(strings.Fields(l), " ")
		}
	}
	return lines
}

func openTarget(t testing.TB, address, community string, version int) *client.Target {
	t.Helper()
	e := client.New(client.Options{})
	t.Cleanup(func() { e.Close() })
	x, err := e.Target(client.Spec{Address: address, Auth: &access.Auth{Version: access.Version(version), Community: setting.Secret(community)}})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// walkedLines are the objects that a walk brings, as the command prints them.
func walkedLines(t testing.TB, x *client.Target, plan *client.Plan) (lines []string) {
	t.Helper()
	if _, err := x.Poll(t.Context(), plan, func(v snmp.VarBind) { lines = append(lines, strings.TrimSpace(netsnmp.NumericLine(v))) }); err != nil {
		t.Error(err)
	}
	return lines
}

// wantSame reports the first difference of two walks.
func wantSame(t testing.TB, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	same := 0
	for same < min(len(got), len(want)) && got[same] == want[same] {
		same++
	}
	t.Errorf("%s: %d objects, want %d; from number %d on:\n%.500q\nwant\n%.500q", what, len(got), len(want), same,
		got[same:min(same+2, len(got))], want[same:min(same+2, len(want))])
}

// everything is the whole MIB in two ways: as a subtree that passes after the first ask for in
// segments, and by going on to the end from its beginning.
var everything = map[string]*client.Plan{
	"subtree 1":  {Walk: []snmp.OID{snmp.MustParseOID("1")}},
	"to the end": {Walk: []snmp.OID{snmp.MustParseOID("0.0")}, ToEnd: true},
}

func wantWholeMIB(t *testing.T, x *client.Target, want []string) {
	t.Helper()
	if len(want) == 0 {
		t.Error("Net-SNMP sees nothing")
	}
	for what, plan := range everything {
		for range 2 {
			wantSame(t, what, walkedLines(t, x, plan), want)
		}
	}
}

// still is a recording without the values that snmpsim would move.
func still(t testing.TB, dir, name string) string {
	t.Helper()
	var text strings.Builder
	for l := range strings.Lines(corpus.Text(t, filepath.Join(dir, "recordings", name+".snmprec"))) {
		if fields := strings.SplitN(l, "|", 3); len(fields) == 3 && !strings.Contains(fields[1], ":") {
			text.WriteString(l)
		}
	}
	return text.String()
}

// All that a device has, objects outside of 1.3.6.1 among it.
func TestPeersWholeMIBOfSnmpsimd(t *testing.T) {
	t.Parallel()
	corpus.Each(t, "conformance", testWholeMIBOfSnmpsimd)
}

// smallAndBig are devices of a corpus with few objects and with many.
func smallAndBig(t testing.TB, dir string) (small, big string) {
	t.Helper()
	if dir == corpus.Own(t, "conformance") {
		return "example-switch", "access-switch"
	}
	return "geist-temperature-sensor", "cisco-c3750"
}

func testWholeMIBOfSnmpsimd(t *testing.T, dir string) {
	small, big := smallAndBig(t, dir)
	s := peers.StartSnmpsimd(t, map[string]string{"small": still(t, dir, small), "big": still(t, dir, big)})
	address := s.Addresses[0]
	wantWholeMIB(t, openTarget(t, address, "small", 1), netSNMPWalk(t, "snmpwalk", "1", "small", address))
	wantWholeMIB(t, openTarget(t, address, "small", 2), netSNMPWalk(t, "snmpbulkwalk", "2c", "small", address))
	want := netSNMPWalk(t, "snmpbulkwalk", "2c", "big", address)
	wantSame(t, big, walkedLines(t, openTarget(t, address, "big", 2), everything["subtree 1"]), want)
}

// Snmpd's view changes all the time: a line that is the same before and behind has to be so in between. Lines that came and
// went in between is otherwise in another attempt.
func TestPeersWholeMIBOfSnmpd(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpd(t, peers.SnmpdOptions{})
	all := func() []string { return netSNMPWalk(t, "snmpbulkwalk", "2c", "public", s.Address) }
	x := openTarget(t, s.Address, "public", 2)
	for what, plan := range everything {
		var wrong []string
		for range 20 {
			before, got := all(), walkedLines(t, x, plan)
			if wrong = differsFromBoth(got, before, all()); wrong == nil {
				break
			}
		}
		if wrong != nil {
			t.Errorf("%s: %.2000q", what, wrong)
		}
	}
}

// differsFromBoth returns where a walk differs from one before and one behind that agree.
func differsFromBoth(got, before, after []string) (wrong []string) {
	old, young, seen := valuesOf(before), valuesOf(after), valuesOf(got)
	last := -1
	for i, line := range before {
		name, value, _ := strings.Cut(line, " = ")
		if _, stayed := young[name]; !stayed {
			continue
		}
		at, found := seen[name]
		switch {
		case !found:
			wrong = append(wrong, "no "+line)
		case at.index <= last:
			wrong = append(wrong, "out of order: "+line)
		case young[name].value == value && at.value != value:
			wrong = append(wrong, fmt.Sprintf("%s, want %s", got[at.index], before[i]))
		}
		last = max(last, at.index)
	}
	for _, line := range got {
		name, _, _ := strings.Cut(line, " = ")
		if _, was := old[name]; !was {
			if _, is := young[name]; !is {
				wrong = append(wrong, "nobody else sees "+line)
			}
		}
	}
	return wrong
}

type walkedValue struct {
	index int // of the line
	value string
}

// valuesOf returns the values of lines, by name.
func valuesOf(lines []string) map[string]walkedValue {
	values := map[string]walkedValue{}
	for i, line := range lines {
		name, value, _ := strings.Cut(line, " = ")
		values[name] = walkedValue{i, value}
	}
	return values
}

// Recordings, some of tens of thousands of objects, played back by our own agent.
func TestPeersWholeMIBOfRecordings(t *testing.T) {
	t.Parallel()
	corpus.Each(t, "conformance", testWholeMIBOfRecordings)
}

func testWholeMIBOfRecordings(t *testing.T, dir string) {
	names, recordings := programtest.Recordings(t, dir)
	devices := programtest.StartDevices(t, "127.0.35.1:0", agent.Faults{}, recordings...)
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			address := devices.Addr(i).String()
			want := netSNMPWalk(t, "snmpbulkwalk", "2c", "public", address)
			if len(want) != recordings[i].Len() {
				t.Errorf("Net-SNMP sees %d objects of %d", len(want), recordings[i].Len())
			}
			wantWholeMIB(t, openTarget(t, address, "public", 2), want)
		})
	}
}

// The command prints all that a target has, on request.
func TestPeersWholeMIBFromTheCommandLine(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpsimd(t, map[string]string{"small": still(t, corpus.Own(t, "conformance"), "example-switch")})
	binary, address := program(t), s.Addresses[0]
	want := netSNMPWalk(t, "snmpbulkwalk", "2c", "small", address)
	for _, command := range []string{"trapline walk -c small 127.0.0.1:1161 1", "trapline walk -c small --to-end 127.0.0.1:1161 0.0"} {
		wantSame(t, command, objectLines(output(t, binary, strings.NewReplacer("127.0.0.1:1161", address), command)), want)
	}
}
