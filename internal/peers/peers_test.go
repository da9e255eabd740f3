package peers_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"trapline/internal/peers"
)

const sysName = "1.3.6.1.2.1.1.5.0"

func TestSnmpdAnswersItsUsers(t *testing.T) {
	s := peers.StartSnmpd(t, peers.SnmpdOptions{Users: peers.Users()})
	addresses := []string{"udp:" + s.Address}
	if s.Address6 != "" {
		addresses = append(addresses, "udp6:"+s.Address6)
	}
	for _, address := range addresses {
		if got := peers.NetSNMP(t, "snmpget", "-v2c", "-cpublic", "-Oqv", address, sysName); strings.Trim(got, "\"\n") != "snmpd-test" {
			t.Errorf("%s: %q", address, got)
		}
	}
	got := peers.NetSNMP(t, "snmpget", "-v3", "-u", "usr-sha224-aes192", "-l", "authPriv", "-a", "SHA-224", "-A", peers.AuthPassphrase,
		"-x", "AES-192", "-X", peers.PrivPassphrase, "-Oqv", s.Address, peers.Knob)
	if got != "10\n" {
		t.Errorf("the knob is %q", got)
	}
}

func TestSnmpsimdPlaysRecordings(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{"one": sysName + "|4|first\n", "two": sysName + "|4|second\n"})
	for _, address := range s.Addresses {
		if got := peers.NetSNMP(t, "snmpget", "-v2c", "-ctwo", "-Oqv", address, sysName); strings.Trim(got, "\"\n") != "second" {
			t.Errorf("%s: %q", address, got)
		}
	}
}

func somePorts(t *testing.T) (list []string) {
	for range 150 {
		v4, _ := peers.FreeUDPAddresses(t)
		list = append(list, v4, peers.FreeTCPAddress(t))
	}
	return list
}

// A port must not be used twice: neither by the system for a socket with port 0, nor by another
// test process.
func TestPortsAreHandedOutOnce(t *testing.T) {
	const child = "PORTS_OF_THE_CHILD"
	if os.Getenv(child) != "" {
		fmt.Println(strings.Join(somePorts(t), "\n"))
		return
	}
	ours := map[string]bool{}
	for _, address := range somePorts(t) {
		ours[address] = true
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), child+"=yes")
	out, err := command.CombinedOutput()
	theirs := 0
	for line := range strings.Lines(string(out)) {
		if address, err := netip.ParseAddrPort(strings.TrimSpace(line)); err == nil {
			theirs++
			if ours[address.String()] {
				t.Errorf("both processes have %s", address)
			}
		}
	}
	if err != nil || theirs != 300 {
		t.Errorf("another process has %d ports: %v\n%s", theirs, err, out)
	}
	for range 1000 {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if ours[c.LocalAddr().String()] {
			t.Errorf("the system gives %s away", c.LocalAddr())
		}
	}
}

// An incomplete line of snmptrapd must not count as a notification.
func TestLinesAreReadWhole(t *testing.T) {
	d := &peers.Snmptrapd{Process: peers.Start(t, nil, "/bin/sh", "-c", `printf 'NTF a\nNTF b'; exec sleep 1000`)}
	d.Process.Await(t, func() bool { return strings.HasSuffix(d.Process.Output(), "NTF b") })
	if got := d.Received(); len(got) != 1 || got[0] != "a" {
		t.Errorf("received %q", got)
	}
}
