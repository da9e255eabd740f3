package mibs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"trapline/internal/corpus"
	"trapline/internal/peers"
)

// snmptranslate returns the output of Net-SNMP's command, with one module and its imports loaded. It leaves
// out DEFVAL, which a Tree does not keep, and the lines of texts after the first, which the command
// cuts.
func snmptranslate(t *testing.T, dirs []string, module string, args ...string) string {
	t.Helper()
	text := peers.NetSNMP(t, "snmptranslate", append([]string{"-M", strings.Join(dirs, ":"), "-m", module}, args...)...)
	// It has no name for this macro.
	text = strings.ReplaceAll(text, " type_23\n", " NOTIFICATION-GROUP\n")
	return shortened(regexp.MustCompile(`(?m)^  DEFVAL\t.*\n`).ReplaceAllString(text, ""))
}

func shortened(text string) string {
	return regexp.MustCompile(`(?s)(  DESCRIPTION\t"[^\n"]*).*?(\n::= )`).ReplaceAllString(text, "$1$2")
}

func standardDirs(t *testing.T, dir string) (dirs []string) {
	t.Helper()
	dir = corpus.MIBs(t, dir)
	for _, vendor := range []string{"rfc", "net-snmp", "example"} {
		if vendor = filepath.Join(dir, vendor); exists(vendor) {
			dirs = append(dirs, vendor)
		}
	}
	return dirs
}

var translated = []string{"IF-MIB", "HOST-RESOURCES-MIB", "ENTITY-MIB", "SNMP-COMMUNITY-MIB", "TCP-MIB", "BRIDGE-MIB", "IP-MIB", "LLDP-MIB", "BGP4-MIB"}

func TestDetailAndOutlineAreSnmptranslates(t *testing.T) {
	corpus.Each(t, "mibs", testDetailAndOutlineAreSnmptranslates)
}

func testDetailAndOutlineAreSnmptranslates(t *testing.T, dir string) {
	dirs := standardDirs(t, dir)
	d, err := OpenDirectories(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	modules := translated
	if dir == corpus.Own(t, "mibs") {
		modules = append([]string{"EXAMPLE-TC", "EXAMPLE-SWITCH-MIB"}, modules...)
	}
	for _, module := range modules {
		tree, err := Load([]string{module}, d)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		var want strings.Builder
		for n := range tree.All() {
			if n.Module == module {
				names = append(names, module+"::"+n.Name)
				want.WriteString(module + "::" + n.Name + "\n" + tree.Detail(n) + "\n")
			}
		}
		got := snmptranslate(t, dirs, module, append([]string{"-Td"}, names...)...)
		compareLines(t, module, shortened(want.String()), got)
		root := tree.At(tree.Node(module, strings.TrimPrefix(names[0], module+"::")).OID)[0]
		compareLines(t, module, tree.Outline(root), snmptranslate(t, dirs, module, "-Tp", names[0]))
	}
}

// compareLines reports the first lines that differ.
func compareLines(t *testing.T, what, got, want string) {
	t.Helper()
	a, b := strings.Split(strings.TrimSpace(got), "\n"), strings.Split(strings.TrimSpace(want), "\n")
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) {
			t.Errorf("%s: %d lines, snmptranslate has %d", what, len(a), len(b))
			return
		}
		if a[i] != b[i] {
			t.Errorf("%s line %d: %q, snmptranslate has %q", what, i+1, a[i], b[i])
			return
		}
	}
}

func TestInstancesAreSnmptranslates(t *testing.T) {
	corpus.Each(t, "mibs", testInstancesAreSnmptranslates)
}

func testInstancesAreSnmptranslates(t *testing.T, dir string) {
	dirs := standardDirs(t, dir)
	d, err := OpenDirectories(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	type example struct{ module, oid string }
	examples := []example{
		{"IF-MIB", ".1.3.6.1.2.1.2.2.1.2.3"},
		{"IF-MIB", ".1.3.6.1.2.1.2.2.1.2.3.4"},
		{"IF-MIB", ".1.3.6.1.2.1.2.2.1.99.3"},
		{"SNMPv2-MIB", ".1.3.6.1.2.1.1.1.0"},
		{"TCP-MIB", ".1.3.6.1.2.1.6.13.1.1.0.0.0.0.22.0.0.0.0.0"},
		{"TCP-MIB", ".1.3.6.1.2.1.6.19.1.7.1.4.127.0.0.1.22.1.4.10.0.0.1.2222"},
		{"IP-MIB", ".1.3.6.1.2.1.4.34.1.3.1.4.127.0.0.1"},
		{"SNMP-VIEW-BASED-ACM-MIB", ".1.3.6.1.6.3.16.1.2.1.3.3.5.104.101.108.108.111"},
		{"SNMP-VIEW-BASED-ACM-MIB", ".1.3.6.1.6.3.16.1.5.2.1.3.3.97.98.99.3.1.3.6"},
		{"SNMP-COMMUNITY-MIB", ".1.3.6.1.6.3.18.1.1.1.2.104.101.108.108.111"},
		{"RMON2-MIB", ".1.3.6.1.2.1.16.14.1.1.2.7.4.10.0.0.1"},
	}
	if dir == corpus.Own(t, "mibs") {
		examples = append(examples,
			example{"EXAMPLE-SWITCH-MIB", ".1.3.6.1.4.1.32473.2.1.2.1.1.4.2.8"},
			example{"EXAMPLE-SWITCH-MIB", ".1.3.6.1.4.1.32473.2.1.2.2.1.2.2.8"},
			example{"EXAMPLE-SWITCH-MIB", ".1.3.6.1.4.1.32473.2.1.2.3.1.2.7.104.116.116.112"},
		)
	}
	for _, example := range examples {
		tree, err := Load([]string{example.module}, d)
		if err != nil {
			t.Fatal(err)
		}
		i, err := tree.Resolve(example.oid)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimSpace(snmptranslate(t, dirs, example.module, example.oid))
		if i.String() != want {
			t.Errorf("%s is written %s, snmptranslate has %s", example.oid, i, want)
		}
		back, err := tree.Resolve(i.String())
		if err != nil || "."+back.OID().String() != example.oid {
			t.Errorf("%s is read as .%s, not %s: %v", i, back.OID(), example.oid, err)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
