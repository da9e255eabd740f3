package peers_test

import (
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
