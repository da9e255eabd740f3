package draft

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/mibs"
	"trapline/mibs/smi"
)

const acme = `ACME-MIB DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, OBJECT-TYPE, Integer32, Gauge32, Unsigned32, enterprises FROM SNMPv2-SMI;
acme MODULE-IDENTITY LAST-UPDATED "202601010000Z" ORGANIZATION "Acme" CONTACT-INFO "Acme" DESCRIPTION "Acme." ::= { enterprises 99999 }
partTable OBJECT-TYPE SYNTAX SEQUENCE OF PartEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "Parts." ::= { acme 1 }
partEntry OBJECT-TYPE SYNTAX PartEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "A part." INDEX { partIndex, partKind } ::= { partTable 1 }
PartEntry ::= SEQUENCE { partIndex Integer32, partKind INTEGER, partValue Integer32 }
partIndex OBJECT-TYPE SYNTAX Integer32 (1..10) MAX-ACCESS not-accessible STATUS current DESCRIPTION "Index." ::= { partEntry 1 }
partKind OBJECT-TYPE SYNTAX INTEGER { temperature(1), voltage(2), other(3) } MAX-ACCESS not-accessible STATUS current DESCRIPTION "Kind." ::= { partEntry 2 }
partValue OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "The value." ::= { partEntry 3 }
unitPortXcvrStatus OBJECT-TYPE SYNTAX INTEGER { ok(1), fault(2), disabled(3) } MAX-ACCESS read-only STATUS current DESCRIPTION "State." ::= { acme 2 }
portStpStatus OBJECT-TYPE SYNTAX INTEGER { forwarding(1), broken(2) } MAX-ACCESS read-only STATUS current DESCRIPTION "State." ::= { acme 3 }
streamBitrate OBJECT-TYPE SYNTAX Gauge32 UNITS "kbps" MAX-ACCESS read-only STATUS current DESCRIPTION "Bit rate." ::= { acme 4 }
sfpBitrate OBJECT-TYPE SYNTAX Gauge32 UNITS "Mbps" MAX-ACCESS read-only STATUS current DESCRIPTION "Nominal bit rate." ::= { acme 5 }
outletStatusPower OBJECT-TYPE SYNTAX Gauge32 MAX-ACCESS read-only STATUS current DESCRIPTION "Power in watts." ::= { acme 6 }
macCurrEntries OBJECT-TYPE SYNTAX Gauge32 MAX-ACCESS read-only STATUS current DESCRIPTION "Current number of entries." ::= { acme 7 }
unitTempSerialNo OBJECT-TYPE SYNTAX Gauge32 MAX-ACCESS read-only STATUS current DESCRIPTION "Serial number." ::= { acme 8 }
xcvrThermalClass OBJECT-TYPE SYNTAX Gauge32 MAX-ACCESS read-only STATUS current DESCRIPTION "Class." ::= { acme 9 }
tempSirenOnPort OBJECT-TYPE SYNTAX Gauge32 MAX-ACCESS read-only STATUS current DESCRIPTION "Port of the siren." ::= { acme 10 }
carrierFreqOffset OBJECT-TYPE SYNTAX Integer32 UNITS "MHz" MAX-ACCESS read-only STATUS current DESCRIPTION "Offset." ::= { acme 11 }
memModuleFrequency OBJECT-TYPE SYNTAX Gauge32 UNITS "MHz" MAX-ACCESS read-only STATUS current DESCRIPTION "Frequency of the memory module." ::= { acme 12 }
acmeRpmResAverage OBJECT-TYPE SYNTAX Gauge32 MAX-ACCESS read-only STATUS current DESCRIPTION "Round trip time." ::= { acme 13 }
meterReactiveEnergy OBJECT-TYPE SYNTAX Gauge32 MAX-ACCESS read-only STATUS current DESCRIPTION "Reactive energy." ::= { acme 14 }
fanTrayRpm OBJECT-TYPE SYNTAX Gauge32 MAX-ACCESS read-only STATUS current DESCRIPTION "Speed." ::= { acme 15 }
END
`

// guesses are those of the objects below acme, by the name of the object.
func guesses(t *testing.T) map[string]Measure {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ACME-MIB.txt"), []byte(acme), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := mibs.OpenDirectories(dir)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := mibs.LoadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	var columns, scalars []*mibs.Node
	for n := range tree.All() {
		switch {
		case n.Module != "ACME-MIB":
		case n.Kind == smi.Column:
			columns = append(columns, n)
		case n.Kind == smi.Scalar:
			scalars = append(scalars, n)
		}
	}
	found := map[string]Measure{}
	for _, m := range append(Measures(columns), Measures(scalars)...) {
		found[m.Object.Name] = m
	}
	return found
}

func TestMeasuresAreGuessedFromDefinitions(t *testing.T) {
	found := guesses(t)
	for name, want := range map[string]string{
		"unitPortXcvrStatus": "hw_status", "streamBitrate": "device_bits_per_second kbit/s", "outletStatusPower": "hw_power W", "fanTrayRpm": "hw_fan_speed rpm",
	} {
		if have := strings.TrimSpace(found[name].Metric + " " + found[name].Unit); have != want {
			t.Errorf("%s is read as %q, want %q", name, have, want)
		}
	}
	for name, not := range map[string]string{"portStpStatus": "hw_status", "sfpBitrate": "device_bits_per_second", "macCurrEntries": "hw_current"} {
		if found[name].Metric == not {
			t.Errorf("%s is read as %s", name, not)
		}
	}
	if s := found["unitPortXcvrStatus"].States; len(s[Failed]) != 1 || s[Failed][0] != "fault" {
		t.Errorf("states of a port that is disabled: %v", s)
	}
}

func TestNamesThatAreNoReadings(t *testing.T) {
	found := guesses(t)
	for _, name := range []string{"unitTempSerialNo", "xcvrThermalClass", "tempSirenOnPort", "carrierFreqOffset", "memModuleFrequency", "acmeRpmResAverage", "meterReactiveEnergy"} {
		if m, guessed := found[name]; guessed {
			t.Errorf("%s is read as %s", name, m.Metric)
		}
	}
}

func TestPartOfTheIndexChoosesTheMetric(t *testing.T) {
	m := guesses(t)["partValue"]
	if m.By == nil {
		t.Fatalf("partValue is read as %+v, want a choice by the index", m)
	}
	var text strings.Builder
	for _, e := range m.entries() {
		text.WriteString(e.key + ": " + e.value + "\n")
	}
	if want := "by: {'{2}': {1: hw_temperature, 2: hw_voltage}}"; !strings.Contains(text.String(), want) {
		t.Errorf("no %s in\n%s", want, text.String())
	}
}

// What the device says of an object counts more than its name; zeros and values that stand for none say nothing.
func TestGuessesThatTheDeviceContradicts(t *testing.T) {
	node := guesses(t)["outletStatusPower"].Object
	for _, c := range []struct {
		numbers []int64
		kept    bool
	}{
		{[]int64{230, 4_000_000_000}, true}, {[]int64{4_000_000_000}, false}, {[]int64{0, 65535, 3_000_000_000}, false}, {[]int64{0}, true}, {nil, true},
	} {
		g := &group{node: node, columns: []*column{{node: node, numbers: c.numbers}}}
		if kept := len(g.measures()) > 0; kept != c.kept {
			t.Errorf("values %v: the guess is kept: %v, want %v", c.numbers, kept, c.kept)
		}
	}
}
