package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/internal/cli"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// settable are objects of snmpd that can be written, beside peers.Knob: of each type of snmpset, and with names and
// forms that MIBs know.
const settable = `
override -rw .1.3.6.1.4.1.8072.9999.9999.2.0 uinteger 1
override -rw .1.3.6.1.4.1.8072.9999.9999.3.0 timeticks 1
override -rw .1.3.6.1.4.1.8072.9999.9999.5.0 object_id .1.3.6.1
override -rw .1.3.6.1.4.1.8072.9999.9999.6.0 octet_str "a"
override -rw .1.3.6.1.2.1.2.2.1.7.99 integer 1
override -rw .1.3.6.1.2.1.2.2.1.6.99 octet_str "a"
override -rw .1.3.6.1.6.3.10.2.1.3.0 integer 1
`

// snmpget reads the values that were set, in every type; set prints the answer of the device.
func TestPeersSet(t *testing.T) {
	t.Parallel()
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{Config: settable})
	const base = "1.3.6.1.4.1.8072.9999.9999."
	for _, test := range []struct{ object, letter, value, line, read string }{
		{peers.Knob, "i", "-7", "." + peers.Knob + " = INTEGER: -7", "INTEGER: -7"},
		{base + "2.0", "u", "4000000000", "." + base + "2.0 = Gauge32: 4000000000", "Gauge32: 4000000000"},
		{base + "3.0", "t", "4711", "." + base + "3.0 = Timeticks: (4711) 0:00:47.11", "Timeticks: (4711) 0:00:47.11"},
		{base + "5.0", "o", "1.3.6.1.4.1.9.1", "." + base + "5.0 = OID: .1.3.6.1.4.1.9.1", "OID: .1.3.6.1.4.1.9.1"},
		{base + "5.0", "o", "IF-MIB::ifDescr", "." + base + "5.0 = OID: .1.3.6.1.2.1.2.2.1.2", "OID: .1.3.6.1.2.1.2.2.1.2"},
		{base + "6.0", "s", "rack 2", "." + base + `6.0 = STRING: "rack 2"`, `STRING: "rack 2"`},
		{base + "6.0", "x", "00:ff", "." + base + "6.0 = Hex-STRING: 00 FF", "Hex-STRING: 00 FF"},
		{base + "6.0", "d", "1.254", "." + base + "6.0 = Hex-STRING: 01 FE", "Hex-STRING: 01 FE"},
		{base + "6.0", "b", "0 9", "." + base + "6.0 = Hex-STRING: 80 40", "Hex-STRING: 80 40"},
		{"IF-MIB::ifAdminStatus.99", "i", "down", "IF-MIB::ifAdminStatus.99 = INTEGER: down(2)", "INTEGER: 2"},
		{"IF-MIB::ifAdminStatus.99", "=", "testing", "IF-MIB::ifAdminStatus.99 = INTEGER: testing(3)", "INTEGER: 3"},
		{"ifPhysAddress.99", "=", "0:1a:2b:3c:4d:5e", "IF-MIB::ifPhysAddress.99 = STRING: 00:1A:2B:3C:4D:5E", "Hex-STRING: 00 1A 2B 3C 4D 5E"},
		{"snmpEngineTime", "=", "5", "SNMP-FRAMEWORK-MIB::snmpEngineTime.0 = INTEGER: 5 seconds", "INTEGER: 5"},
	} {
		r := runProgram(t, "set", "-c", "private", snmpd.Address, test.object, test.letter, test.value)
		if want := (ran{test.line + "\n", "", 0}); r != want {
			t.Errorf("%s %s %s: %+v, want %+v", test.object, test.letter, test.value, r, want)
		}
		number, _, _ := strings.Cut(runProgram(t, "get", "-O", "n", snmpd.Address, test.object).out, " = ")
		if got := peers.NetSNMP(t, "snmpget", "-On", "-v2c", "-c", "public", snmpd.Address, number); !strings.HasPrefix(strings.TrimSpace(got), number+" = "+test.read) {
			t.Errorf("%s %s %s: snmpget reads %s, want %s", test.object, test.letter, test.value, got, test.read)
		}
	}
}

// A device takes all objects or none, and the refusal is printed with the reason and the remedy.
func TestPeersSetRefused(t *testing.T) {
	t.Parallel()
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{Config: settable})
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-c", "private", "ADDRESS", "SNMPv2-MIB::sysDescr.0", "s", "a"},
			"error setting SNMPv2-MIB::sysDescr.0 of target ADDRESS: notWritable: the object cannot be set, whoever asks. Nothing was changed."},
		{[]string{"-c", "public", "ADDRESS", peers.Knob, "i", "5"},
			"error setting 1.3.6.1.4.1.8072.9999.9999.1.0 of target ADDRESS: noAccess: the object cannot be set with this community or user: use one that may write. Nothing was changed."},
		{[]string{"-c", "private", "ADDRESS", "IF-MIB::ifAdminStatus.99", "s", "up"},
			"error setting IF-MIB::ifAdminStatus.99 of target ADDRESS: wrongType: the object has another type (INTEGER: up(1), down(2), testing(3)). Nothing was changed."},
		{[]string{"-c", "private", "ADDRESS", peers.Knob, "i", "6", "SNMPv2-MIB::sysDescr.0", "s", "a"},
			"error setting SNMPv2-MIB::sysDescr.0 of target ADDRESS: notWritable: the object cannot be set, whoever asks. Nothing was changed."},
		{[]string{"-c", "private", "ADDRESS", "1.3.6.1.4.1.99999.1.0", "i", "6"},
			"error setting 1.3.6.1.4.1.99999.1.0 of target ADDRESS: notWritable: the object cannot be set, whoever asks. Nothing was changed."},
		{[]string{"-c", "private", "ADDRESS", peers.Knob, "a", "198.51.100.9"},
			"error setting 1.3.6.1.4.1.8072.9999.9999.1.0 of target ADDRESS: wrongType: the object has another type. Nothing was changed."},
		{[]string{"-v1", "-c", "private", "ADDRESS", "1.3.6.1.4.1.99999.1.0", "i", "6"},
			"error setting 1.3.6.1.4.1.99999.1.0 of target ADDRESS: noSuchName: the device has no such object, or it cannot be set with this community. Nothing was changed."},
		{[]string{"-v3", "-u", "usr-none-none", "ADDRESS", peers.Knob, "i", "6"},
			"error setting 1.3.6.1.4.1.8072.9999.9999.1.0 of target ADDRESS: noAccess: the object cannot be set with this community or user: use one that may write. Nothing was changed."},
		{[]string{"-c", "private", "ADDRESS", "IF-MIB::ifAdminStatus.99", "=", "upp"}, `ifAdminStatus.99: "upp" is no value of ifAdminStatus (INTEGER): did you mean up?`},
		{[]string{"-c", "private", "ADDRESS", "IF-MIB::ifAdminStatus", "=", "up"}, "IF-MIB::ifAdminStatus has no value of its own: write an index behind it, or walk it"},
		{[]string{"-c", "private", "ADDRESS", peers.Knob, "i"}, `["1.3.6.1.4.1.8072.9999.9999.1.0" "i"]: a variable binding is an OID, a type and a value`},
		{[]string{"-c", "private", "ADDRESS", peers.Knob, "q", "1"}, peers.Knob + `: type "q": use one of i u c C t a o s x d b n F D =`},
		{[]string{"-c", "other", "-t", "0.1", "-r", "1", "ADDRESS", peers.Knob, "i", "6"}, "error setting objects of target ADDRESS: request timeout (after 1 retries)"},
	} {
		for i := range test.args {
			test.args[i] = strings.Replace(test.args[i], "ADDRESS", snmpd.Address, 1)
		}
		r := runProgram(t, append([]string{"set"}, test.args...)...)
		if want := strings.Replace(test.want, "ADDRESS", snmpd.Address, 1); r.status == 0 || r.out != "" || !strings.Contains(r.errs, want+"\n") {
			t.Errorf("%q: %+v, want %s", test.args, r, want)
		}
	}
	if got := peers.NetSNMP(t, "snmpget", "-Oqv", "-v2c", "-c", "public", snmpd.Address, peers.Knob); got != "10\n" {
		t.Errorf("after all that was refused, %s is %s", peers.Knob, got)
	}
}

// A target of the configuration is set by its name; a server that knows it never writes.
func TestPeersSetByName(t *testing.T) {
	t.Parallel()
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	config := fmt.Sprintf("auths: {rw: {community: private}}\ntargets: [{name: rack, address: %q, auth: rw}]\n", snmpd.Address)
	file := programtest.InDir(t, map[string]string{"snmp.yml": config})("snmp.yml")
	r := runProgram(t, "set", "--config.file", file, "rack", peers.Knob, "i", "11")
	if want := (ran{"." + peers.Knob + " = INTEGER: 11\n", "rack: " + snmpd.Address + ", auth rw, from " + file + "\n", 0}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	base := startServer(t, config)
	r = runProgram(t, "set", "--url", base, "rack", peers.Knob, "i", "12")
	if want := "rack is a target of the server at " + base + ", which never writes: write its address, and a community or user that may set objects\n"; r.status != cli.ExitUsage || !strings.HasSuffix(r.errs, want) {
		t.Errorf("%+v, want %s", r, want)
	}
	if got := peers.NetSNMP(t, "snmpget", "-Oqv", "-v2c", "-c", "public", snmpd.Address, peers.Knob); got != "11\n" {
		t.Errorf("%s is %s", peers.Knob, got)
	}
}

// answersSet are the files that may name the PDU: the one that makes it, and those that refuse it.
var answersSet = []string{"internal/client/set.go", "internal/originator/request.go", "internal/ownmib/agent.go"}

// Nothing but the command writes to devices: no other code calls Set, and the PDU is made nowhere else.
func TestOnlySetWrites(t *testing.T) {
	for _, dir := range []string{"../../cmd", "../../internal", "../../collector", "../../config", "../../mibs"} {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			place := strings.TrimPrefix(filepath.ToSlash(path), "../../")
			if strings.Contains(string(text), "snmp.SetRequest") && !slices.Contains(answersSet, place) && !strings.HasPrefix(place, "internal/agent/") {
				t.Errorf("%s makes or knows a SetRequest", place)
			}
			if strings.Contains(string(text), ".Set(ctx") && place != "cmd/trapline/tools/set.go" {
				t.Errorf("%s calls Set", place)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
