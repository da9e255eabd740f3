package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/corpus"
	"trapline/internal/notify"
	"trapline/internal/peers"
)

func TestNotificationsThatAreWrong(t *testing.T) {
	for want, args := range map[string][]string{
		`["1"]: a notification of version 2c begins with 2 words, see --help`:                                                                  {"host", "1"},
		`["1.3" "" "6"]: a notification of version 1 begins with 5 words, see --help`:                                                          {"-v1", "host", "1.3", "", "6"},
		`uptime "soon" is no whole number of hundredths of a second`:                                                                           {"host", "soon", "1.3.6"},
		`module IF-MIB does not define "linkUpp": did you mean linkUp?`:                                                                        {"host", "", "IF-MIB::linkUpp"},
		`no module defines "ifDescrr": did you mean ifDescr?`:                                                                                  {"host", "", "IF-MIB::linkUp", "ifDescrr.1", "s", "a"},
		`ifAdminStatus.1: "uq" is no value of type i (INTEGER): did you mean up?`:                                                              {"host", "", "IF-MIB::linkUp", "ifAdminStatus.1", "i", "uq"},
		`ipDefaultTTL.0: "300" is no value of ipDefaultTTL (Integer32): write a whole number from 1 to 255`:                                    {"host", "", "IF-MIB::linkUp", "ipDefaultTTL.0", "=", "300"},
		`ifPhysAddress.1: "00:1g" is no value of ifPhysAddress (PhysAddress): its DISPLAY-HINT is 1x:: at "g", want a ":" with more behind it`: {"host", "", "IF-MIB::linkUp", "ifPhysAddress.1", "=", "00:1g"},
		`1.3.6.1.4.1.9: MIBs know no type for it: write one`:                                                                                   {"host", "", "IF-MIB::linkUp", "1.3.6.1.4.1.9", "=", "7"},
		`snmpTrapOID.0: "linkUpp" is no value of type o (OBJECT IDENTIFIER): no module defines "linkUpp": did you mean linkUp?`:                {"host", "", "IF-MIB::linkUp", "snmpTrapOID.0", "o", "linkUpp"},
		`1.3 is too short for the OID of a notification`:                                                                                       {"host", "", "1.3"},
		`["1.3.6" "i"]: a variable binding is an OID, a type and a value`:                                                                      {"host", "", "1.3.6", "1.3.6", "i"},
		`"1" is not an OID: an OID has two numbers or more`:                                                                                    {"host", "", "1.3.6", "1", "i", "1"},
		`1.3.6: type "?": use one of i u c C t a o s x d b n F D =`:                                                                            {"host", "", "1.3.6", "1.3.6", "?", "1"},
		`1.3.6: "-2147483649" is no value of type i (INTEGER): write a whole number from -2147483648 to 2147483647`:                            {"host", "", "1.3.6", "1.3.6", "i", "-2147483649"},
		`1.3.6: "-1" is no value of type u (Unsigned32): write a whole number from 0 to 4294967295`:                                            {"host", "", "1.3.6", "1.3.6", "u", "-1"},
		`1.3.6: "::1" is no value of type a (IpAddress): write an address of IPv4`:                                                             {"host", "", "1.3.6", "1.3.6", "a", "::1"},
		`1.3.6: "123" is no value of type x (octets in hexadecimal digits): write two hexadecimal digits for each octet`:                       {"host", "", "1.3.6", "1.3.6", "x", "123"},
		`1.3.6: "4000000000" is no value of type b (BITS): write the numbers of the bits that are set, from 0 to 65535`:                        {"host", "", "1.3.6", "1.3.6", "b", "4000000000"},
		`agent "::1" is no address of IPv4`:                                                                                                    {"-v1", "host", "1.3.6", "::1", "6", "1", ""},
		`generic-trap 7: SNMPv1 has 0 to 6`:                                                                                                    {"-v1", "host", "1.3.6", "", "7", "1", ""},
		`generic-trap 6 wants an enterprise`:                                                                                                   {"-v1", "host", "", "", "6", "1", ""},
		`specific-trap "-1" is no whole number from 0 to 2147483647`:                                                                           {"-v1", "host", "1.3.6", "", "6", "-1", ""},
	} {
		app := kingpin.New("trapline", "")
		flags := addTrapFlags(app, app.Command("trap", ""))
		if _, err := app.Parse(append([]string{"trap"}, spelledOut(args)...)); err != nil {
			t.Fatal(err)
		}
		if _, err := flags.notification(nil); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", args, err, want)
		}
	}
}

// What is sent by name arrives as what Net-SNMP's commands send with the same names.
func TestNotificationsByName(t *testing.T) {
	t.Parallel()
	dir := corpus.MIBs(t, corpus.Own(t, "mibs"))
	dirs := filepath.Join(dir, "rfc") + ":" + filepath.Join(dir, "net-snmp")
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	binary := program(t)
	for _, line := range []string{
		"-v2c -c public ADDRESS 1 IF-MIB::linkUp IF-MIB::ifIndex.123 i 123 IF-MIB::ifAdminStatus.123 i up IF-MIB::ifOperStatus.123 i down",
		"-v2c -c public ADDRESS 1 SNMPv2-MIB::coldStart SNMPv2-MIB::sysName.0 s host SNMPv2-MIB::sysObjectID.0 o IF-MIB::linkUp SNMPv2-MIB::sysUpTime.0 t 12345",
		"-v1 -c public ADDRESS IF-MIB::ifMIB 192.0.2.7 6 5 1 IF-MIB::ifDescr.2 s eth0 IF-MIB::ifInOctets.2 c 7 IF-MIB::ifSpeed.2 u 1000",
		"-v2c -c public ADDRESS 1 IF-MIB::linkDown TCP-MIB::tcpConnLocalPort.192.0.2.1.22.192.0.2.9.1000 i 22 IF-MIB::ifPhysAddress.2 x 001a2b3c4d5e IF-MIB::ifHCInOctets.2 C 18446744073709551615",
		"-v2c -c public ADDRESS 1 IF-MIB::linkDown IF-MIB::ifAdminStatus.1 = 2 IF-MIB::ifDescr.1 = eth0 IP-MIB::ipAdEntAddr.192.0.2.1 a 192.0.2.1 1.3.6.1.4.1.9.1.0 F 1.5",
	} {
		before := len(told(d))
		words := strings.Fields(strings.Replace(line, "ADDRESS", d.Address, 1))
		if out, err := exec.Command(binary, append([]string{"trap"}, words...)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", line, err, out)
			continue
		}
		peers.NetSNMP(t, "snmptrap", append([]string{"-M", dirs, "-m", "IF-MIB:SNMPv2-MIB:TCP-MIB:IP-MIB"}, words...)...)
		d.Await(t, func() bool { return len(told(d)) >= before+2 })
		got := told(d)
		if ours, theirs := source.ReplaceAllString(got[before], ""), source.ReplaceAllString(got[before+1], ""); ours != theirs {
			t.Errorf("%s sends\n%s\nsnmptrap sends\n%s", line, ours, theirs)
		}
	}
}

func TestReceiversThatAreWrong(t *testing.T) {
	for want, args := range map[string][]string{
		`address "tcp:host": notifications travel by udp, udp4 or udp6`:                           {"tcp:host"},
		`version 3 needs a username: -u NAME`:                                                     {"-v3", "host"},
		`security level authPriv needs a password: -A PASSPHRASE, or the key: -3m or -3k`:         {"-v3", "-u", "me", "-l", "authPriv", "host"},
		`security level authPriv needs a privacy password: -X PASSPHRASE, or the key: -3M or -3K`: {"-v3", "-u", "me", "-l", "authPriv", "-A", "correct horse", "host"},
		`-3M has 2 octets where a master key for SHA has 20`:                                      {"-v3", "-u", "me", "-l", "authPriv", "-a", "SHA", "-A", "correct horse", "--priv-master-key", "0102", "host"},
		`-t -1: write seconds, or a duration such as 500ms`:                                       {"-t-1", "host"},
	} {
		app := kingpin.New("trapline", "")
		flags := addTrapFlags(app, app.Command("trap", ""))
		if _, err := app.Parse(append(append([]string{"trap"}, args...), "1", "1.3.6")); err != nil {
			t.Fatal(err)
		}
		if _, err := flags.receiver(); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", args, err, want)
		}
	}
	for _, clock := range []string{"5", "5,", "-1,2", "5,2147483648"} {
		if _, err := parseIdentity([]byte("12345"), clock); err == nil {
			t.Errorf("-Z %s is taken", clock)
		}
	}
	if _, err := parseIdentity(nil, "5,6"); err == nil || err.Error() != "-Z wants -e, the engine ID that the boots are of" {
		t.Errorf("-Z without -e: %v", err)
	}
}

// Traps of SNMPv3 come from our own engine unless -e names another, whether the server runs or not, and no
// command changes who we are.
func TestTrapsOfOurOwnEngine(t *testing.T) {
	t.Parallel()
	dir, other := filepath.Join(t.TempDir(), "state"), "800000000474776f"
	id, _, err := notify.Engine(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", id), Config: fmt.Sprintf(
		"createUser -e 0x%s usr-sha-aes SHA %s AES %s\n", other, peers.AuthPassphrase, peers.PrivPassphrase)})
	binary, sent := program(t), 0
	send := func(more ...string) {
		t.Helper()
		args := slices.Concat([]string{"trap", "--state-dir", dir, "-v3", "-u", "usr-sha-aes", "-l", "authPriv", "-a", "SHA", "-A", peers.AuthPassphrase, "-x", "AES", "-X", peers.PrivPassphrase},
			more, []string{d.Address, "1", fmt.Sprintf("1.3.6.1.4.1.32473.0.%d", sent+1)})
		if out, err := exec.Command(binary, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		sent++
		d.Await(t, func() bool { return len(told(d)) >= sent })
	}
	for range 3 {
		file, err := os.ReadFile(filepath.Join(dir, "engine"))
		if err != nil {
			t.Fatal(err)
		}
		send()
		send("-e", "0x"+other)
		send("-e", fmt.Sprintf("%x", id))
		if now, err := os.ReadFile(filepath.Join(dir, "engine")); err != nil || string(now) != string(file) {
			t.Errorf("%v: the engine became\n%s\nit was\n%s", err, now, file)
		}
		state, err := notify.Open(dir, nil, time.Now()) // as the server does
		if err != nil {
			t.Fatal(err)
		}
		if string(state.Identity.ID) != string(id) {
			t.Errorf("the engine ID became %x", state.Identity.ID)
		}
		send()
		send("-e", other)
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	}
	out, err := exec.Command(binary, "trap", "--state-dir", "/proc/none", "-v3", "-u", "usr-none-none", "127.0.42.9:9", "1", "1.3.6.1").CombinedOutput()
	if want := "a trap of SNMPv3 comes from an engine: name it by -e and -Z, or give a --state-dir that has one or can be written"; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("without any engine: %v\n%s", err, out)
	}
}
