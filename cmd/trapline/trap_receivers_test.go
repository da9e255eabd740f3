package main

import (
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"trapline/internal/cli"
	"trapline/internal/peers"
	"trapline/internal/statedir"
)

// One call sends to receivers of all versions, and prints the result of each; it fails if one of them did not get it.
func TestPeersSeveralReceiversInOneCall(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	id, _, err := statedir.Engine(state, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", id)})
	second := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", id)})
	closed, _ := peers.FreeUDPAddresses(t)
	v3 := "-v 3 -u usr-sha-aes -l authPriv -a SHA -A " + peers.AuthPassphrase + " -x AES -X '" + peers.PrivPassphrase + "' " + d.Address
	common := []string{"--state-dir", state, "-t", "5", "--to", "-v 1 " + d.Address, "--to", v3, d.Address + "," + second.Address, "12345", "SNMPv2-MIB::coldStart", "sysName.0", "s", "me"}
	r := runProgram(t, append([]string{"trap"}, common...)...)
	want := fmt.Sprintf("%[1]s (v2c): sent\n%[2]s (v2c): sent\n%[1]s (v1): sent\n%[1]s (v3): sent\n", d.Address, second.Address)
	if r != (ran{want, "", 0}) {
		t.Errorf("%+v, want\n%s", r, want)
	}
	second.AwaitReceived(t, 1)
	const list = " vb=.1.3.6.1.2.1.1.3.0 = 12345|~|.1.3.6.1.6.3.1.1.4.1.0 = OID: .1.3.6.1.6.3.1.1.5.1|~|.1.3.6.1.2.1.1.5.0 = STRING: \"me\""
	d.Process.Await(t, func() bool { return len(delivered(d)) >= 3 })
	var got []string
	for _, line := range delivered(d) {
		got = append(got, source.ReplaceAllString(line, ""))
	}
	slices.Sort(got)
	if want := []string{
		"v=0 user=public agent=127.0.0.1 ent=.1.3.6.1.6.3.1.1.5 gen=0 spec=0 ticks=12345 vb=.1.3.6.1.2.1.1.5.0 = STRING: \"me\"",
		"v=1 user=public sec=TRAP2, SNMP v2c, community public" + list,
		"v=3 user=usr-sha-aes sec=TRAP2, SNMP v3, user usr-sha-aes, context " + list,
	}; !slices.Equal(got, want) {
		t.Errorf("received\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r = runProgram(t, append([]string{"inform", "--to", closed}, common...)...)
	lines := strings.Split(r.out, "\n")
	if r.status != 1 || r.errs != "2 of 5 receivers failed\n" || len(lines) != 6 ||
		!strings.HasPrefix(lines[0], d.Address+" (v2c): acknowledged in ") || !strings.HasPrefix(lines[1], second.Address+" (v2c): acknowledged in ") ||
		!strings.HasSuffix(lines[2], "connection refused: nothing listens on UDP port "+closed[strings.LastIndex(closed, ":")+1:]) ||
		!strings.HasSuffix(lines[3], "SNMPv1 has no informs") || !strings.HasPrefix(lines[4], d.Address+" (v3): acknowledged in ") {
		t.Errorf("informs: %+v", r)
	}
}

func TestReceiversOfToThatAreWrong(t *testing.T) {
	for to, want := range map[string]string{
		"":                       `--to "": required argument 'target' not provided`,
		"-v 7 host":              `--to "-v 7 host": --snmp-version: unknown version "7" of SNMP: use one of 1, 2c, 3`,
		"host more":              `--to "host more": unexpected more`,
		"-c 'public host":        `--to "-c 'public host": a quotation mark is not closed`,
		"one,two":                `--to "one,two": write one receiver in each --to`,
		"-v3 host":               `version 3 needs a username: -u NAME`,
		"--index 4 host":         `--to "--index 4 host": trap has no flag --index`,
		"-v2c -c public tcp:nms": `address "tcp:nms": notifications travel by udp, udp4 or udp6`,
	} {
		if r := runProgram(t, "trap", "--to", to, "127.0.66.1:9", "", "coldStart"); r.status != cli.ExitUsage || !strings.Contains(r.errs, want+"\n") {
			t.Errorf("%q: %+v, want %s", to, r, want)
		}
	}
}

// A notification about a row has the OBJECTS of its definition, with the values that are given, those of the index,
// or some that the objects may have.
func TestPeersObjectsOfARow(t *testing.T) {
	t.Parallel()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	for i, test := range []struct{ line, want string }{
		{"IF-MIB::linkUp --index 123", "1.3.6.1.6.3.1.1.5.4|~|.1.3.6.1.2.1.2.2.1.1.123 = INTEGER: 123|~|.1.3.6.1.2.1.2.2.1.7.123 = INTEGER: 1|~|.1.3.6.1.2.1.2.2.1.8.123 = INTEGER: 1"},
		{"linkDown --index 7 ifOperStatus i down ifDescr s eth7 ifAdminStatus.7 = testing sysName.0 s me",
			"1.3.6.1.6.3.1.1.5.3|~|.1.3.6.1.2.1.2.2.1.1.7 = INTEGER: 7|~|.1.3.6.1.2.1.2.2.1.7.7 = INTEGER: 3|~|.1.3.6.1.2.1.2.2.1.8.7 = INTEGER: 2|~|.1.3.6.1.2.1.2.2.1.2.7 = STRING: \"eth7\"|~|.1.3.6.1.2.1.1.5.0 = STRING: \"me\""},
		{"BGP4-MIB::bgpEstablishedNotification --index 192.0.2.9 bgpPeerState = established",
			"1.3.6.1.2.1.15.0.1|~|.1.3.6.1.2.1.15.3.1.7.192.0.2.9 = IpAddress: 192.0.2.9|~|.1.3.6.1.2.1.15.3.1.14.192.0.2.9 = Hex-STRING: 00 00 |~|.1.3.6.1.2.1.15.3.1.2.192.0.2.9 = INTEGER: 6"},
		{"RMON-MIB::risingAlarm --index 5 alarmValue = 99",
			"1.3.6.1.2.1.16.0.1|~|.1.3.6.1.2.1.16.3.1.1.1.5 = INTEGER: 5|~|.1.3.6.1.2.1.16.3.1.1.3.5 = OID: .0.0|~|.1.3.6.1.2.1.16.3.1.1.4.5 = INTEGER: 1|~|.1.3.6.1.2.1.16.3.1.1.5.5 = INTEGER: 99|~|.1.3.6.1.2.1.16.3.1.1.7.5 = INTEGER: 0"},
	} {
		before := len(delivered(d))
		if r := runProgram(t, append([]string{"trap", d.Address, fmt.Sprint(i + 1)}, strings.Fields(test.line)...)...); r != (ran{}) {
			t.Errorf("%s: %+v", test.line, r)
			continue
		}
		d.Process.Await(t, func() bool { return len(delivered(d)) > before })
		_, got, _ := strings.Cut(delivered(d)[before], "|~|.1.3.6.1.6.3.1.1.4.1.0 = OID: .")
		if got != test.want {
			t.Errorf("%s sends\n%s\nwant\n%s", test.line, got, test.want)
		}
	}
	for line, want := range map[string]string{
		"coldStart --index 1":                             "--index 1: coldStart has no OBJECTS: leave the index out",
		"linkUp --index x":                                "--index x: index ifIndex: x is not a number from 0 to 4294967295",
		"1.3.6.1.4.1.99999.0.1 --index 1":                 "--index 1: no MIB knows the notification 1.3.6.1.4.1.99999.0.1: its OBJECTS are not known",
		"OSPF-TRAP-MIB::ospfNbrStateChange --index 1.2.3": "--index 1.2.3: ",
	} {
		if r := runProgram(t, append([]string{"trap", d.Address, "1"}, strings.Fields(line)...)...); r.status == 0 || !strings.Contains(r.errs, want) {
			t.Errorf("%s: %+v, want %s", line, r, want)
		}
	}
}

// At a terminal the missing values are asked for, with the value that an empty line stands for.
func TestPeersValuesThatAreAskedFor(t *testing.T) {
	t.Parallel()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	const tail = "ifOperStatus.5, INTEGER: up(1), down(2), testing(3), unknown(4), dormant(5), notPresent(6), lowerLayerDown(7) [up]: "
	c := exec.CommandContext(t.Context(), program(t), "trap", d.Address, "1", "IF-MIB::linkDown", "--index", "5", "ifAdminStatus", "=", "down")
	tty, err := pty.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	shown := make([]byte, len(tail))
	if _, err := io.ReadFull(tty, shown); err != nil || string(shown) != tail {
		t.Errorf("shown: %q, %v", shown, err)
	}
	if _, err := io.WriteString(tty, "down\r"); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	d.Process.Await(t, func() bool { return len(delivered(d)) > 0 })
	if got := delivered(d)[0]; !strings.HasSuffix(got, "|~|.1.3.6.1.2.1.2.2.1.1.5 = INTEGER: 5|~|.1.3.6.1.2.1.2.2.1.7.5 = INTEGER: 2|~|.1.3.6.1.2.1.2.2.1.8.5 = INTEGER: 2") {
		t.Errorf("received %s", got)
	}
}

// A trap of version 1 may be written as PySNMP's default-v1-trap and custom-v1-trap are: by its OID.
func TestPeersTrapsOfVersion1InTermsOfVersion2(t *testing.T) {
	t.Parallel()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	const descr = ` vb=.1.3.6.1.2.1.1.1.0 = STRING: "x"`
	for _, test := range []struct{ line, want string }{
		{"7 SNMPv2-MIB::warmStart", "agent=127.0.0.1 ent=.1.3.6.1.6.3.1.1.5 gen=1 spec=0 ticks=7 vb="},
		{"7 1.3.6.1.6.3.1.1.5.2 snmpTrapEnterprise.0 o 1.3.6.1.4.1.20408.4.1.1.2 sysDescr.0 s x", "agent=127.0.0.1 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=1 spec=0 ticks=7" + descr},
		{"12345 1.3.6.1.4.1.20408.4.1.1.2.0.432 sysDescr.0 s x 1.3.6.1.6.3.18.1.3.0 a 192.0.2.7", "agent=192.0.2.7 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=6 spec=.432 ticks=12345" + descr},
		{"1 IF-MIB::linkUp --index 3", "agent=127.0.0.1 ent=.1.3.6.1.6.3.1.1.5 gen=3 spec=0 ticks=1 vb=.1.3.6.1.2.1.2.2.1.1.3 = INTEGER: 3|~|.1.3.6.1.2.1.2.2.1.7.3 = INTEGER: 1|~|.1.3.6.1.2.1.2.2.1.8.3 = INTEGER: 1"},
		{"1.3.6.1.4.1.20408.4.1.1.2 192.0.2.8 3 0 5 --index 3", "agent=192.0.2.8 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=3 spec=0 ticks=5 vb=.1.3.6.1.2.1.2.2.1.1.3 = INTEGER: 3|~|.1.3.6.1.2.1.2.2.1.7.3 = INTEGER: 1|~|.1.3.6.1.2.1.2.2.1.8.3 = INTEGER: 1"},
	} {
		before := len(delivered(d))
		if r := runProgram(t, append([]string{"trap", "-v", "1", d.Address}, strings.Fields(test.line)...)...); r != (ran{}) {
			t.Errorf("%s: %+v", test.line, r)
			continue
		}
		d.Process.Await(t, func() bool { return len(delivered(d)) > before })
		if got := source.ReplaceAllString(delivered(d)[before], ""); got != "v=0 user=public "+test.want {
			t.Errorf("%s sends\n%s\nwant\n%s", test.line, got, test.want)
		}
	}
}
