package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/mibs"
)

const acme = `ACME-MIB DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, OBJECT-TYPE, Integer32, enterprises FROM SNMPv2-SMI TEXTUAL-CONVENTION, DisplayString FROM SNMPv2-TC
 ifIndex FROM IF-MIB boxIndex FROM ACME-BOX-MIB Tenths FROM ACME-BOX-MIB;
acme MODULE-IDENTITY LAST-UPDATED "202001010000Z" ORGANIZATION "o" CONTACT-INFO "c" DESCRIPTION "d" ::= { enterprises 99999 }
fanTable OBJECT-TYPE SYNTAX SEQUENCE OF FanEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "Fans of a box" ::= { acme 1 }
fanEntry OBJECT-TYPE SYNTAX FanEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "d" INDEX { boxIndex, fanIndex } ::= { fanTable 1 }
FanEntry ::= SEQUENCE { fanIndex Integer32, fanState INTEGER, fanHeat Tenths }
fanIndex OBJECT-TYPE SYNTAX Integer32 (1..8) MAX-ACCESS not-accessible STATUS current DESCRIPTION "d" ::= { fanEntry 1 }
fanState OBJECT-TYPE SYNTAX INTEGER { up(1), down(2) } MAX-ACCESS read-only STATUS current DESCRIPTION "d" ::= { fanEntry 2 }
fanHeat OBJECT-TYPE SYNTAX Tenths MAX-ACCESS read-only STATUS current DESCRIPTION "d" ::= { fanEntry 3 }
other OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "d" ::= { acme 2 }
about OBJECT IDENTIFIER ::= { acme 3 }
serial OBJECT-TYPE SYNTAX DisplayString (SIZE (0..16)) MAX-ACCESS read-only STATUS current DESCRIPTION "d" ::= { about 1 }
model OBJECT-TYPE SYNTAX DisplayString MAX-ACCESS read-only STATUS current DESCRIPTION "d" ::= { about 2 }
END
ACME-BOX-MIB DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, OBJECT-TYPE, Integer32, enterprises FROM SNMPv2-SMI TEXTUAL-CONVENTION FROM SNMPv2-TC;
Tenths ::= TEXTUAL-CONVENTION DISPLAY-HINT "d-1" STATUS current DESCRIPTION "d" SYNTAX Integer32 (-400..1000)
boxTable OBJECT-TYPE SYNTAX SEQUENCE OF BoxEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "d" ::= { enterprises 99998 1 }
boxEntry OBJECT-TYPE SYNTAX BoxEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "d" INDEX { boxIndex } ::= { boxTable 1 }
BoxEntry ::= SEQUENCE { boxIndex Integer32, boxName Integer32 }
boxIndex OBJECT-TYPE SYNTAX Integer32 (1..4) MAX-ACCESS not-accessible STATUS current DESCRIPTION "d" ::= { boxEntry 1 }
boxName OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "d" ::= { boxEntry 2 }
END
`

// Of the tables and groups that are named all objects are kept, as the file has them, with the objects of their indexes.
func TestCut(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "acme.mib"), []byte(acme), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := mibs.OpenDirectories(dir)
	if err != nil {
		t.Fatal(err)
	}
	texts, missing, err := cut(map[string][]string{"ACME-MIB": {"fanState", "model", "gone"}, "NO-MIB": {"x"}, "IF-MIB": {"ifIndex"}}, d)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(missing, "\n"); got != "NO-MIB::x: no file has the module\nACME-MIB::gone: the file of the module does not define it, or not its type" {
		t.Errorf("missing are %s", got)
	}
	want := map[string]string{
		"ACME-MIB": "m\tACME-MIB\t202001010000Z\tpartial\ni\tACME-BOX-MIB\tboxIndex\nt\tTenths\td-1\tInteger32\n" +
			"on\tfanTable\tenterprises.99999.1\t*\non\tfanEntry\tfanTable.1\t#\t\tboxIndex fanIndex\non\tfanIndex\tfanEntry.1\tInteger32(1..8)\n" +
			"or\tfanState\t.2\tI{1=up,down}\nor\tfanHeat\t.3\tTenths(-400..1000)\n" +
			"or\tserial\tenterprises.99999.3.1\tDisplayString(0..16)\nor\tmodel\t.99999.3.2\tDisplayString(0..255)\n",
		"ACME-BOX-MIB": "m\tACME-BOX-MIB\t\tpartial\non\tboxTable\tenterprises.99998.1\t*\non\tboxEntry\tboxTable.1\t#\t\tboxIndex\non\tboxIndex\tboxEntry.1\tInteger32(1..4)\n",
	}
	for name, text := range texts {
		if string(text) != want[name] {
			t.Errorf("facts about %s are\n%s", name, text)
		}
	}
	if len(texts) != len(want) {
		t.Errorf("facts about %d modules", len(texts))
	}
}
