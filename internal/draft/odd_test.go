package draft

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/internal/agent"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// oddWords are parts of names; some are those that guesses look for.
var oddWords = []string{"temp", "x", "10", "1", "0", "Fan", "status", "deci", "used", "Total", "mem", "value", "type", "Volt", "a", "times", "percent", "disk", "power", "Bitrate", "kbps", "serial", "State"}

// oddMIB draws a MIB of a table and scalars with words, hints, units and labels at random.
func oddMIB(r *rand.Rand, name string, number int) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	prefix := strings.ToLower(strings.ReplaceAll(name, "-", ""))
	var b strings.Builder
	fmt.Fprintf(&b, `%s DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, OBJECT-TYPE, Integer32, Gauge32, enterprises FROM SNMPv2-SMI TEXTUAL-CONVENTION FROM SNMPv2-TC;
%s MODULE-IDENTITY LAST-UPDATED "202601010000Z" ORGANIZATION "O" CONTACT-INFO "C" DESCRIPTION "D." ::= { enterprises %d }
Hinted ::= TEXTUAL-CONVENTION DISPLAY-HINT "%s" STATUS current DESCRIPTION "H." SYNTAX Integer32
`, name, prefix, number, pick("d-0", "d-1", "d-9", "d", "x"))
	for i := range 20 {
		object := prefix
		for range 1 + r.IntN(3) {
			object += pick(oddWords...)
		}
		syntax := pick("Integer32", "Gauge32", "Hinted", "OCTET STRING", "INTEGER { true(1), no(2), y(3) }", "INTEGER { ok(1), off(2), null(3), failed(-4) }", "Integer32 (0..1000)", "Gauge32 (0..100)")
		fmt.Fprintf(&b, "%s%d OBJECT-TYPE SYNTAX %s UNITS \"%s\" MAX-ACCESS read-only STATUS current DESCRIPTION \"%s\" ::= { %s %d }\n", object, i, syntax,
			pick("", "0.1 C", "1/0 V", "mV", "%", "KB", "d-0", "'", "# x"), pick("", "In tenths of a degree.", "1/10 of a volt: '", "x10\n# y", "Percent, in KB."), prefix, i+1)
	}
	return b.String() + "END\n"
}

// A draft is valid YAML with each module once, whatever the MIBs and the device say.
func TestDraftsOfOddMIBs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		dir := t.TempDir()
		for i, name := range []string{"ODD", "ODD-MIB"} {
			if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte(oddMIB(r, name, 99998+i)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		directories, err := mibs.OpenDirectories(dir)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := mibs.LoadAll(directories, mibs.Embedded())
		if err != nil {
			t.Fatal(err)
		}
		var lines strings.Builder
		lines.WriteString("1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n")
		for _, enterprise := range []int{99997, 99998, 99999} {
			for i := range 20 {
				value := []string{"2|0", "2|-2147483648", "66|4294967295", "4|ok '# {", "4x|0a2300ff", "4|", "65|18446744073709551615", "2|1"}[r.IntN(8)]
				fmt.Fprintf(&lines, "1.3.6.1.4.1.%d.%d.0|%s\n", enterprise, i+1, value)
			}
		}
		recording, err := agent.ReadRecording(strings.NewReader(lines.String()))
		if err != nil {
			t.Fatal(err)
		}
		d := &Device{Recording: recording, Tree: tree, Read: func(snmp.OID) bool { return false }, Taken: func(string) bool { return false }, Origin: "a\nb: c"}
		text, summary := d.YAML()
		var file struct {
			Profiles map[string]any                                 `yaml:"device_profiles"`
			Modules  map[string]struct{ Measures []map[string]any } `yaml:"modules"`
		}
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		measures := 0
		for _, m := range file.Modules {
			measures += len(m.Measures)
		}
		if len(file.Modules) != summary.Modules || measures != summary.Measures {
			t.Fatalf("%d modules and %d measures, want %+v\n%s", len(file.Modules), measures, summary, text)
		}
	}
}
