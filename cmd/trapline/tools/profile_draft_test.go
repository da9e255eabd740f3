package tools

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/corpus"
	"trapline/internal/peers"
	"trapline/internal/replay"
	"trapline/internal/snmp"
	"trapline/mibs"
)

const acmeMIB = `ACME-SWITCH-MIB DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, OBJECT-TYPE, Integer32, Gauge32, enterprises FROM SNMPv2-SMI DisplayString FROM SNMPv2-TC;
acme MODULE-IDENTITY LAST-UPDATED "202601010000Z" ORGANIZATION "" CONTACT-INFO "" DESCRIPTION "" ::= { enterprises 99999 }
sensorTable OBJECT-TYPE SYNTAX SEQUENCE OF SensorEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "" ::= { acme 1 }
sensorEntry OBJECT-TYPE SYNTAX SensorEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "" INDEX { sensorIndex } ::= { sensorTable 1 }
SensorEntry ::= SEQUENCE { sensorIndex Integer32, sensorName DisplayString, sensorTemperature Integer32, sensorStatus INTEGER }
sensorIndex OBJECT-TYPE SYNTAX Integer32 (1..99) MAX-ACCESS not-accessible STATUS current DESCRIPTION "" ::= { sensorEntry 1 }
sensorName OBJECT-TYPE SYNTAX DisplayString MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { sensorEntry 2 }
sensorTemperature OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "In tenths of degrees Celsius." ::= { sensorEntry 3 }
sensorStatus OBJECT-TYPE SYNTAX INTEGER { normal(1), warning(2), failed(3), notPresent(4) } MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { sensorEntry 4 }
mixedTable OBJECT-TYPE SYNTAX SEQUENCE OF MixedEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "" ::= { acme 2 }
mixedEntry OBJECT-TYPE SYNTAX MixedEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "" INDEX { mixedIndex } ::= { mixedTable 1 }
MixedEntry ::= SEQUENCE { mixedIndex Integer32, mixedType INTEGER, mixedValue Integer32, mixedDivisor Integer32 }
mixedIndex OBJECT-TYPE SYNTAX Integer32 (1..99) MAX-ACCESS not-accessible STATUS current DESCRIPTION "" ::= { mixedEntry 1 }
mixedType OBJECT-TYPE SYNTAX INTEGER { other(1), volts(2), amperes(3), rpm(4) } MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { mixedEntry 2 }
mixedValue OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { mixedEntry 3 }
mixedDivisor OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only STATUS current DESCRIPTION "" ::= { mixedEntry 4 }
END
`

const drafted = `1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999
1.3.6.1.4.1.99999.1.1.2.1|4|inlet
1.3.6.1.4.1.99999.1.1.2.2|4|outlet
1.3.6.1.4.1.99999.1.1.3.1|2|415
1.3.6.1.4.1.99999.1.1.3.2|2|-9999
1.3.6.1.4.1.99999.1.1.4.1|2|1
1.3.6.1.4.1.99999.1.1.4.2|2|4
1.3.6.1.4.1.99999.2.1.2.1|2|2
1.3.6.1.4.1.99999.2.1.2.2|2|4
1.3.6.1.4.1.99999.2.1.3.1|2|2301
1.3.6.1.4.1.99999.2.1.3.2|2|5500
1.3.6.1.4.1.99999.2.1.4.1|2|10
1.3.6.1.4.1.99999.2.1.4.2|2|1
1.3.6.1.4.1.99998.7.1.2.1|4|it's: "odd"
1.3.6.1.4.1.99998.7.1.3.1|2|7
`

// A draft is a profile without an edit: what is guessed right has the right values.
func TestDraftIsAProfile(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"mibs/ACME-SWITCH-MIB.txt": acmeMIB, "acme/testdata/sw.snmprec": drafted})
	recording, profileFile := filepath.Join(dir, "acme", "testdata", "sw.snmprec"), filepath.Join(dir, "acme", "switch.yml")
	draft := []string{"draft", recording, "--mibs-dir", filepath.Join(dir, "mibs"), "--output", profileFile}
	if _, err := runProfile(t, draft...); err != nil {
		t.Fatal(err)
	}
	text := corpus.Text(t, profileFile)
	if _, err := runProfile(t, draft...); err == nil {
		t.Error("a file that exists is overwritten")
	}
	got, _ := runProfile(t, "test", filepath.Join(dir, "acme"), "--mibs-dir", filepath.Join(dir, "mibs"))
	var series []string
	for line := range strings.Lines(got) {
		if line, ok := strings.CutPrefix(line, "  + "); ok {
			series = append(series, line)
		}
	}
	for _, c := range []string{"sensorTemperature", "sensorStatus", "mixedValue", "mixedType", "mixedDivisor"} {
		if strings.Count(text, c) != 1 {
			t.Errorf("%s is in the draft %d times:\n%s", c, strings.Count(text, c), text)
		}
	}
	want := `device_count{hw_id="1.3.6.1.4.1.99998.7.1.3.1",hw_name="1"} 7
hw_fan_speed_rpm{hw_id="ACME-SWITCH-MIB::mixedValue.2",hw_name="2"} 5500
hw_status{hw_id="ACME-SWITCH-MIB::sensorStatus.1",hw_name="inlet"} 0
hw_temperature_celsius{hw_id="ACME-SWITCH-MIB::sensorTemperature.1",hw_name="inlet"} 41.5
hw_voltage_volts{hw_id="ACME-SWITCH-MIB::mixedValue.1",hw_name="1"} 230.1
`
	if strings.Join(series, "") != want {
		t.Errorf("measured is\n%s\nwant\n%s\nby\n%s", got, want, text)
	}
	if text, err := runProfile(t, "draft", recording, "--profiles-dir", filepath.Dir(profileFile), "--mibs-dir", filepath.Join(dir, "mibs")); err != nil || strings.Contains(text, "metric:") {
		t.Errorf("a draft has what a profile reads: %v\n%s", err, text)
	}
}

// TestDraftsReadMostOfRealDevices: of these devices, a draft reads most of what a mature monitoring system reads, without
// an edit. What modules of their vendors read already counts as unread.
func TestDraftsReadMostOfRealDevices(t *testing.T) {
	archives, dir := corpus.Large(t, "devices"), t.TempDir()
	peers.Require(t, "xz", "xz-utils")
	for _, archive := range []string{"open.tar.gz", "mibs.tar.xz"} {
		if out, err := exec.Command("tar", "-xf", filepath.Join(archives, archive), "-C", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	mibDirs := []string{filepath.Join(dir, "mibs")}
	tree, err := cli.AllMIBs(mibDirs)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sentry4_switched8i", "akcp_serverprobe8", "microsens-g6", "liebert_mph2rg", "radwin_5550-0h50"} {
		r, err := agent.OpenRecording(filepath.Join(dir, "recordings", name+".snmprec"))
		if r == nil {
			t.Fatal(err)
		}
		read, all := itemsRead(t, objectsOfDraft(t, r, tree, mibDirs), filepath.Join(dir, "expected", name+".json"))
		t.Logf("%s: %d of %d", name, read, all)
		if read*100 < all*70 {
			t.Errorf("%s: only %d of %d", name, read, all)
		}
	}
}

// objectsOfDraft returns the OIDs of the objects that the modules of a draft read.
func objectsOfDraft(t *testing.T, r *agent.Recording, tree *mibs.Tree, mibDirs []string) map[string]bool {
	t.Helper()
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := draftOf(t.Context(), r, book, tree, true)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := d.YAML()
	own := t.TempDir()
	writeFiles(t, own, map[string]string{"draft.yml": text})
	if book, err = config.Profiles([]string{own}, config.Options{MIBDirs: mibDirs}); err != nil {
		t.Fatal(err)
	}
	pass, err := replay.Auto(t.Context(), book, r)
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for i, m := range pass.Modules {
		for _, c := range pass.Sets[i].Columns {
			if c.Len() > 0 && strings.Contains(text, "\n  "+m.Name+":\n") {
				has[string(c.Desc.Object)] = true
			}
		}
	}
	return has
}

// itemsRead counts the expected items of one object, and those whose object is read.
func itemsRead(t *testing.T, has map[string]bool, file string) (read, all int) {
	t.Helper()
	var expected struct{ Items []struct{ OID string } }
	if err := json.Unmarshal([]byte(corpus.Text(t, file)), &expected); err != nil {
		t.Fatal(err)
	}
	for _, item := range expected.Items {
		oid, err := snmp.ParseOID(item.OID)
		if err != nil {
			continue
		}
		all++
		for ; len(oid) > 0; oid = oid.Parent() {
			if has[string(oid)] {
				read++
				break
			}
		}
	}
	return read, all
}
