package mib

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/cli"
	"trapline/mibs"
)

func builtIn(t *testing.T) *mibs.Tree {
	t.Helper()
	tree, err := cli.MIBFlags{Dirs: &[]string{}, Modules: &[]string{"IF-MIB"}}.Tree(nil)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestMIBTranslate(t *testing.T) {
	tree := builtIn(t)
	for _, test := range []struct{ name, output, more, want string }{
		{".1.3.6.1.2.1.2.2.1.2.3", "", "", "IF-MIB::ifDescr.3\n"},
		{"ifDescr.3", "n", "", ".1.3.6.1.2.1.2.2.1.2.3\n"},
		{"IF-MIB::ifDescr.3", "s", "", "ifDescr.3\n"},
		{"ifDescr.3", "f", "", ".iso.org.dod.internet.mgmt.mib-2.interfaces.ifTable.ifEntry.ifDescr.3\n"},
		{"ifAdminStatus", "", "d", `IF-MIB::ifAdminStatus
ifAdminStatus OBJECT-TYPE
  -- FROM	IF-MIB
  SYNTAX	INTEGER {up(1), down(2), testing(3)} 
  MAX-ACCESS	read-write
  STATUS	current
::= { iso(1) org(3) dod(6) internet(1) mgmt(2) mib-2(1) interfaces(2) ifTable(2) ifEntry(1) 7 }
`},
		{"ifStackEntry", "", "p", `+--ifStackEntry(1)
   |  Index: ifStackHigherLayer, ifStackLowerLayer
   |
   +-- ---- Integer32 ifStackHigherLayer(1)
   |        Textual Convention: InterfaceIndexOrZero
   |        Range: 0..2147483647
   +-- ---- Integer32 ifStackLowerLayer(2)
   |        Textual Convention: InterfaceIndexOrZero
   |        Range: 0..2147483647
   +-- CR-- EnumVal   ifStackStatus(3)
            Textual Convention: RowStatus
            Values: active(1), notInService(2), notReady(3), createAndGo(4), createAndWait(5), destroy(6)
`},
	} {
		i, err := tree.Resolve(test.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := translation(tree, i, test.output, test.more); got != test.want {
			t.Errorf("translate -O%s -T%s %s:\n%swant\n%s", test.output, test.more, test.name, got, test.want)
		}
	}
}

func TestMIBFind(t *testing.T) {
	var out strings.Builder
	if err := findNodes(&out, builtIn(t), "HCinOctets"); err != nil || out.String() != "IF-MIB::ifHCInOctets .1.3.6.1.2.1.31.1.1.1.6 column, Counter64\n" {
		t.Errorf("%s, error %v", out.String(), err)
	}
	if err := findNodes(&out, builtIn(t), "no such word"); err == nil {
		t.Error("a word that is nowhere is found")
	}
}

func TestMIBCheck(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "any name.txt")
	text := "A-MIB DEFINITIONS ::= BEGIN\nIMPORTS enterprises FROM SNMPv2-SMI\na OBJECT IDENTIFIER ::= { enterprises 1 }\nb OBJECT IDENTIFIER ::= { c 1 }\nEND\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err := checkMIBs(&out, []string{dir})
	want := file + ":3: IMPORTS has no ; at its end\n" + file + ":4: b is left out: c, in its OID, is not known\n" +
		"1 module: 2 remarks, 2 of them about what is left out\n"
	if err != nil || out.String() != want {
		t.Errorf("%swant\n%s, error %v", out.String(), want, err)
	}
}

func TestTranslateReportsABadNameAndGoesOn(t *testing.T) {
	names, err := namesFrom(strings.NewReader("ifDescr.3\nNO-MIB::x\n\n ifIndx \nIF-MIB::ifMtu\n"))
	if err != nil {
		t.Fatal(err)
	}
	var out, problems strings.Builder
	err = translateAll(builtIn(t), names, func(i mibs.Instance) { out.WriteString(i.String() + "\n") }, &problems)
	if err == nil || err.Error() != "2 of 4 names are not known" {
		t.Errorf("the error is %v", err)
	}
	if want := "IF-MIB::ifDescr.3\nIF-MIB::ifMtu\n"; out.String() != want {
		t.Errorf("translates to\n%swant\n%s", out.String(), want)
	}
	if text := problems.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "there is no MIB NO-MIB") || !strings.Contains(text, "did you mean IF-MIB::ifIndex?") && !strings.Contains(text, "did you mean ifIndex?") {
		t.Errorf("reports\n%s", text)
	}
	if _, err := namesFrom(strings.NewReader("\n")); err == nil {
		t.Error("no name is no error")
	}
}
