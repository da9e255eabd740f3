package modules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/collector"
)

// compile compiles a module written in YAML.
func compile(t *testing.T, l *Library, text string) Compiled {
	t.Helper()
	var s Settings
	if err := yaml.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	c, problems := l.Compile(&s)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", text, problems)
	}
	return c
}

func library(t *testing.T, dirs ...string) *Library {
	t.Helper()
	l, err := NewLibrary(dirs)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Each index object must become a label of the right type.
func TestIndexesOfTables(t *testing.T) {
	l := library(t)
	for _, test := range []struct{ column, want string }{
		{"IF-MIB::ifMtu", "ifIndex gauge"},
		{"SNMP-VIEW-BASED-ACM-MIB::vacmViewTreeFamilyType", "vacmViewTreeFamilyViewName DisplayString, vacmViewTreeFamilySubtree ObjectIdentifier"},
		{"IP-MIB::ipAddressIfIndex", "ipAddressAddr InetAddress"},
		{"IP-MIB::ipSystemStatsHCInReceives", "ipSystemStatsIPVersion EnumAsInfo"},
		{"LLDP-MIB::lldpRemOrgDefInfo", "lldpRemTimeMark gauge, lldpRemLocalPortNum gauge, lldpRemIndex gauge, lldpRemOrgDefInfoOUI OctetString of 3, lldpRemOrgDefInfoSubtype gauge, lldpRemOrgDefInfoIndex gauge"},
		{"BRIDGE-MIB::dot1dTpFdbPort", "dot1dTpFdbAddress PhysAddress48 of 6"},
		{"SNMP-TARGET-MIB::snmpTargetAddrTimeout", "snmpTargetAddrName DisplayString implied"},
		{"OSPF-MIB::ospfNbrState", "ospfNbrIpAddr InetAddressIPv4, ospfNbrAddressLessIndex gauge"},
		{"NET-SNMP-EXTEND-MIB::nsExtendResult", "nsExtendToken DisplayString"},
		{"MGMD-STD-MIB::mgmdRouterSrcListExpire", "mgmdRouterSrcListAddress InetAddress, mgmdRouterSrcListIfIndex gauge, mgmdRouterSrcListHostAddress OctetString"},
		{"IF-MIB::ifHCInOctets", "ifIndex gauge"}, // the index of the augmented table
	} {
		var got []string
		for _, x := range compile(t, l, "walk: ["+test.column+"]").Settings.Metrics[0].Indexes {
			text := x.LabelName + " " + x.Type
			if x.FixedSize > 0 {
				text += fmt.Sprintf(" of %d", x.FixedSize)
			}
			if x.Implied {
				text += " implied"
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s has %s\nwant %s", test.column, strings.Join(got, ", "), test.want)
		}
	}
}

// Every table of the built-in MIBs must compile, also with the rules of snmp_exporter's generator.
func TestEveryBuiltInTable(t *testing.T) {
	for _, l := range []*Library{library(t), library(t).Merged()} {
		c := compile(t, l, "walk: [1.3.6.1, 1.0, '1.2']")
		if len(c.Settings.Metrics) < 2000 {
			t.Errorf("only %d metrics", len(c.Settings.Metrics))
		}
		for _, m := range c.Settings.Metrics {
			for _, found := range m.Problems() {
				t.Errorf("%s: %s: %s", m.Name, found.Path, found.Text)
			}
		}
	}
}

// A qualified name must resolve in its MIB; the user's files must take precedence over built-in
// MIBs.
func TestWhereNamesComeFrom(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"own.txt": `OWN-MIB DEFINITIONS ::= BEGIN
			own OBJECT IDENTIFIER ::= { iso org(3) dod(6) internet(1) private(4) enterprises(1) 99999 }
			ifMtu OBJECT-TYPE SYNTAX INTEGER (0..9) UNITS "octets" MAX-ACCESS read-only STATUS current
				DESCRIPTION "What  is
				special. And more." ::= { own 1 }
			END`,
		"tcp.mib": `TCP-MIB DEFINITIONS ::= BEGIN
			tcp OBJECT IDENTIFIER ::= { iso org(3) dod(6) internet(1) mgmt(2) 1 6 }
			tcpMine OBJECT-TYPE SYNTAX Counter32 MAX-ACCESS read-only STATUS current DESCRIPTION "Mine." ::= { tcp 99 }
			END`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := library(t, dir)
	for _, test := range []struct{ walk, want string }{
		{"OWN-MIB::ifMtu", "get 1.3.6.1.4.1.99999.1.0: ifMtu gauge, What is special - 1.3.6.1.4.1.99999.1"},
		{"IF-MIB::ifMtu", "walk 1.3.6.1.2.1.2.2.1.4: ifMtu gauge, ifMtu, Integer32 - 1.3.6.1.2.1.2.2.1.4"},
		{"1.3.6.1.4.1.99999", "walk 1.3.6.1.4.1.99999: ifMtu gauge, What is special - 1.3.6.1.4.1.99999.1"},
		{"1.3.6.1.2.1.2.2.1.4.7", "get 1.3.6.1.2.1.2.2.1.4.7: ifMtu gauge, ifMtu, Integer32 - 1.3.6.1.2.1.2.2.1.4"},
		{"IF-MIB::ifMtu.7", "get 1.3.6.1.2.1.2.2.1.4.7: ifMtu gauge, ifMtu, Integer32 - 1.3.6.1.2.1.2.2.1.4"},
		{"TCP-MIB::tcpMine.0", "get 1.3.6.1.2.1.6.99.0: tcpMine counter, Mine. - 1.3.6.1.2.1.6.99"},
		{"TCP-MIB::tcp", "walk 1.3.6.1.2.1.6: tcpMine counter, Mine. - 1.3.6.1.2.1.6.99"},
	} {
		if got := summary(compile(t, l, "walk: ['"+test.walk+"']").Settings); got != test.want {
			t.Errorf("%s asks to\n%s\nwant\n%s", test.walk, got, test.want)
		}
	}
	if n := len(compile(t, l, "walk: [1.3.6.1.2.1]").Settings.Metrics); n < 1000 {
		t.Errorf("an OID above many MIBs makes only %d metrics", n)
	}
	_, problems := l.Compile(&Settings{Walk: Named("ifMtu")})
	if want := `"ifMtu" stands for several OIDs: write one of OWN-MIB::ifMtu (1.3.6.1.4.1.99999.1), IF-MIB::ifMtu (1.3.6.1.2.1.2.2.1.4), RFC1213-MIB::ifMtu (1.3.6.1.2.1.2.2.1.4)`; len(problems) != 1 || problems[0].Text != want {
		t.Errorf("a name in two MIBs: %v\nwant %s", problems, want)
	}
}

func summary(s *collector.Settings) string {
	var b strings.Builder
	for _, o := range s.Walk {
		b.WriteString("walk " + o.OID.String() + ": ")
	}
	for _, o := range s.Get {
		b.WriteString("get " + o.OID.String() + ": ")
	}
	for _, m := range s.Metrics {
		b.WriteString(m.Name + " " + m.Type + ", " + m.Help)
	}
	return b.String()
}

// A filter must apply to the columns of a table, also if the whole table is walked.
func TestFilters(t *testing.T) {
	ifX := "1.3.6.1.2.1.31.1.1.1."
	for _, test := range []struct{ module, walk, get, filters string }{
		{"{walk: [IF-MIB::ifMtu, IF-MIB::ifSpeed], filters: [{targets: [IF-MIB::ifMtu], indices: ['3', '5']}]}",
			"1.3.6.1.2.1.2.2.1.5", "1.3.6.1.2.1.2.2.1.4.3 1.3.6.1.2.1.2.2.1.4.5", ""},
		{"{walk: [IF-MIB::ifStackTable, SNMPv2-MIB::sysUpTime], filters: [{oid: IF-MIB::ifStackStatus, targets: [IF-MIB::ifStackTable], values: ['1']}]}",
			"1.3.6.1.2.1.31.1.2.1.1 1.3.6.1.2.1.31.1.2.1.2 1.3.6.1.2.1.31.1.2.1.3", "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.2.1.3: 1.3.6.1.2.1.31.1.2.1.1 1.3.6.1.2.1.31.1.2.1.2 1.3.6.1.2.1.31.1.2.1.3"},
		{"{walk: [IF-MIB::ifInOctets], lookups: [{source_indexes: [ifIndex], lookup: IF-MIB::ifName}], filters: [{targets: [IF-MIB::ifName], indices: ['3']}]}",
			"", "1.3.6.1.2.1.2.2.1.10.3 " + ifX + "1.3", ""},
	} {
		s := compile(t, library(t), test.module).Settings
		var filters []string
		for _, f := range s.Filters {
			filters = append(filters, f.OID.OID.String()+": "+oidTexts(f.Targets))
		}
		if walk, get, filters := oidTexts(s.Walk), oidTexts(s.Get), strings.Join(filters, "; "); walk != test.walk || get != test.get || filters != test.filters {
			t.Errorf("%s:\nwalk %s\nget %s\nfilters %s", test.module, walk, get, filters)
		}
	}
}

// Warnings about files that are used must be reported, others must not.
func TestWarningsAboutFiles(t *testing.T) {
	dir := t.TempDir()
	const udp = "UDP-MIB DEFINITIONS ::= BEGIN\nudp MODULE-IDENTITY LAST-UPDATED \"9411010000Z\" ORGANIZATION \"\" CONTACT-INFO \"\" DESCRIPTION \"\" ::= { 1 3 6 1 2 1 7 }\n" +
		"udpInDatagrams OBJECT-TYPE SYNTAX Counter32 MAX-ACCESS read-only STATUS current DESCRIPTION \"\" ::= { udp 1 }\n" +
		"udpLost OBJECT-TYPE SYNTAX Counter32 MAX-ACCESS read-only STATUS current DESCRIPTION \"\" ::= { nowhere 1 }\nEND\n"
	for name, text := range map[string]string{"a.mib": udp, "b.mib": udp, "other.mib": strings.ReplaceAll(udp, "UDP-MIB", "OTHER-MIB")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := library(t, dir)
	compile(t, l, "walk: [UDP-MIB::udpInDatagrams]")
	want := []string{
		"/a.mib: this file is of 9411010000Z, and takes the place of the built-in module UDP-MIB of 200505200000Z",
		"/a.mib: parts of MIB UDP-MIB are left out (1): trapline mib check lists them",
		"/b.mib: module UDP-MIB is in " + dir + "/a.mib too: that one counts, which comes first",
	}
	if got := strings.Join(l.Warnings(), "\n"); got != dir+strings.Join(want, "\n"+dir) {
		t.Errorf("warnings are\n%s", got)
	}
}

// Columns that cannot be compiled must be reported, and the rest of the table compiled.
func TestWarnings(t *testing.T) {
	for _, test := range []struct{ module, want string }{
		{"{walk: [IF-MIB::ifMtu], overrides: {ifMtuu: {ignore: true}}}", "overrides.ifMtuu: no effect: the module reads no such object: did you mean ifMtu?"},
		{"{walk: [IF-MIB::ifMtu], lookups: [{source_indexes: [ifIndx], lookup: ifDescr}]}", "lookups[0].source_indexes: no effect: no metric of the module has the index ifIndx: did you mean ifIndex?"},
		{"{walk: [IF-MIB::ifMtu, UDP-MIB::udpTable], lookups: [{source_indexes: [ifIndex, udpLocalPort], lookup: ifDescr}]}", "lookups[0].source_indexes: no effect: no metric of the module has all of these indexes"},
		{"{walk: [IF-MIB::ifMtu, IF-MIB::ifSpeed], overrides: {ifMtu: {name: x}, ifSpeed: {name: x}}}",
			"IF-MIB::ifMtu and IF-MIB::ifSpeed make metrics of one name: give one of them another under overrides"},
		{"{walk: [IF-MIB::ifMtu, IF-MIB::ifGroups]}", "IF-MIB::ifGroups (1.3.6.1.2.1.31.2.1) makes no metric: no object below it has a value"},
	} {
		var warnings []string
		for _, m := range compile(t, library(t), test.module).Warnings {
			warnings = append(warnings, strings.TrimPrefix(m.Path+": "+m.Text, ": "))
		}
		if got := strings.Join(warnings, "\n"); got != test.want {
			t.Errorf("%s warns:\n%s\nwant\n%s", test.module, got, test.want)
		}
	}
}

// An OID without a node must stand for its subtree.
func TestOIDsBetweenNodes(t *testing.T) {
	dir := t.TempDir()
	const text = `GAP-MIB DEFINITIONS ::= BEGIN IMPORTS enterprises, OBJECT-TYPE FROM SNMPv2-SMI;
		gap OBJECT IDENTIFIER ::= { enterprises 99999 }
		gapOne OBJECT-TYPE SYNTAX INTEGER MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { gap 5 1 }
		gapTwo OBJECT-TYPE SYNTAX INTEGER MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { gap 5 7 2 }
		gapThree OBJECT-TYPE SYNTAX INTEGER MAX-ACCESS read-only STATUS current DESCRIPTION "x" ::= { gap 6 1 }
		END`
	if err := os.WriteFile(filepath.Join(dir, "gap.mib"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for oid, want := range map[string]string{"1.3.6.1.4.1.99999.5": "gapOne gapTwo", "1.3.6.1.4.1.99999.5.7": "gapTwo", "1.3.6.1.4.1.99999": "gapOne gapTwo gapThree"} {
		l, err := NewLibrary([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		c := compile(t, l, "walk: ["+oid+"]")
		for _, m := range c.Settings.Metrics {
			names = append(names, m.Name)
		}
		if got := strings.Join(names, " "); got != want || len(c.Settings.Walk) != 1 || c.Settings.Walk[0].OID.String() != oid {
			t.Errorf("walk of %s makes %s, and asks for %v", oid, got, c.Settings.Walk)
		}
	}
	l, err := NewLibrary([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, m := l.Compile(&Settings{Walk: Named("1.3.6.1.4.1.99999.4")}); len(m) != 1 || !strings.HasPrefix(m[0].Text, "no MIB knows the OID 1.3.6.1.4.1.99999.4: ") {
		t.Errorf("an OID with nothing below: %v", m)
	}
}
