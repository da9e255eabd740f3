package main

import (
	"os"
	"path/filepath"
	"strings"

	"trapline/mibs"
)

// modules are the modules to embed as facts, together with the modules that they import.
const modules = `
ADSL-LINE-MIB AGENTX-MIB BATTERY-MIB BFD-STD-MIB BGP4-MIB BRIDGE-MIB DISMAN-EVENT-MIB DISMAN-PING-MIB
DISMAN-TRACEROUTE-MIB DOCS-IF-MIB DS1-MIB DS3-MIB ENTITY-MIB ENTITY-SENSOR-MIB ENTITY-STATE-MIB
EtherLike-MIB FRAME-RELAY-DTE-MIB HOST-RESOURCES-MIB HOST-RESOURCES-TYPES IANA-PRINTER-MIB
IANA-RTPROTO-MIB IANAifType-MIB IEEE8021-PAE-MIB IEEE8023-LAG-MIB IF-INVERTED-STACK-MIB IF-MIB INET-ADDRESS-MIB
IP-FORWARD-MIB IP-MIB IPMROUTE-STD-MIB IPV6-MIB ISIS-MIB LLDP-EXT-DOT1-MIB LLDP-EXT-DOT3-MIB LLDP-EXT-MED-MIB LLDP-MIB
LM-SENSORS-MIB MAU-MIB MGMD-STD-MIB MPLS-L3VPN-STD-MIB MPLS-LDP-STD-MIB MPLS-LSR-STD-MIB MPLS-TE-STD-MIB MTA-MIB
NAT-MIB NET-SNMP-AGENT-MIB NET-SNMP-EXTEND-MIB NET-SNMP-MIB NET-SNMP-PASS-MIB NET-SNMP-TC NET-SNMP-VACM-MIB
NETWORK-SERVICES-MIB NOTIFICATION-LOG-MIB NTPv4-MIB OSPF-MIB OSPF-TRAP-MIB OSPFV3-MIB P-BRIDGE-MIB PIM-STD-MIB
POWER-ETHERNET-MIB Printer-MIB PTOPO-MIB Q-BRIDGE-MIB RADIUS-ACC-CLIENT-MIB RADIUS-ACC-SERVER-MIB
RADIUS-AUTH-CLIENT-MIB RADIUS-AUTH-SERVER-MIB RFC1213-MIB RMON-MIB RSTP-MIB SCTP-MIB
SNMP-COMMUNITY-MIB SNMP-FRAMEWORK-MIB SNMP-MPD-MIB SNMP-NOTIFICATION-MIB SNMP-PROXY-MIB SNMP-TARGET-MIB
SNMP-USER-BASED-SM-MIB SNMP-USM-DH-OBJECTS-MIB SNMP-VIEW-BASED-ACM-MIB SNMPv2-MIB SNMPv2-TM SONET-MIB SYSLOG-MSG-MIB
TCP-MIB
TRANSPORT-ADDRESS-MIB TUNNEL-MIB UCD-DEMO-MIB UCD-DISKIO-MIB UCD-DLMOD-MIB UCD-IPFWACC-MIB UCD-SNMP-MIB UDP-MIB UPS-MIB
VRRP-MIB VRRPV3-MIB
`

// buildStandard writes the facts of modules, and of those that they import, and their archive.
func buildStandard(directories []string) error {
	d, err := mibs.OpenDirectories(directories...)
	if err != nil {
		return err
	}
	texts, err := mibs.WriteFacts(strings.Fields(modules), d)
	if err != nil {
		return err
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join("mibs", "facts", name+".tsv"), text, 0o644); err != nil {
			return err
		}
	}
	return packStandard()
}

// packStandard writes the archive of what lies in mibs/facts: some facts are written by hand.
func packStandard() error {
	files, err := filepath.Glob("mibs/facts/*.tsv")
	if err != nil {
		return err
	}
	texts := map[string][]byte{}
	for _, file := range files {
		if texts[strings.TrimSuffix(filepath.Base(file), ".tsv")], err = os.ReadFile(file); err != nil {
			return err
		}
	}
	return pack("mibs/facts.zst", texts)
}
