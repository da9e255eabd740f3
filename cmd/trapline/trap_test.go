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

	"trapline/internal/corpus"
	"trapline/internal/peers"
	"trapline/internal/statedir"
)

// Notifications that are sent by name arrive as those of Net-SNMP's commands with the same names.
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
		before := len(d.Received())
		words := strings.Fields(strings.Replace(line, "ADDRESS", d.Address, 1))
		if out, err := exec.Command(binary, append([]string{"trap"}, words...)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", line, err, out)
			continue
		}
		peers.NetSNMP(t, "snmptrap", append([]string{"-M", dirs, "-m", "IF-MIB:SNMPv2-MIB:TCP-MIB:IP-MIB"}, words...)...)
		d.Process.Await(t, func() bool { return len(d.Received()) >= before+2 })
		got := d.Received()
		if ours, theirs := source.ReplaceAllString(got[before], ""), source.ReplaceAllString(got[before+1], ""); ours != theirs {
			t.Errorf("%s sends\n%s\nsnmptrap sends\n%s", line, ours, theirs)
		}
	}
}

// Traps of SNMPv3 come from our own engine unless -e names another, whether the server runs or not, and no
// command changes who we are.
func TestTrapsOfOurOwnEngine(t *testing.T) {
	t.Parallel()
	dir, other := filepath.Join(t.TempDir(), "state"), "800000000474776f"
	id, _, err := statedir.Engine(dir, nil, time.Now())
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
		d.Process.Await(t, func() bool { return len(delivered(d)) >= sent })
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
		state, err := statedir.Open(dir, nil, time.Now()) // as the server does
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
