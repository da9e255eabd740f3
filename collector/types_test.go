package collector_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"

	"trapline/collector"
	"trapline/config"
	"trapline/internal/client"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

const halfMIB = `HALF-MIB DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, OBJECT-TYPE, enterprises FROM SNMPv2-SMI TEXTUAL-CONVENTION FROM SNMPv2-TC;
half MODULE-IDENTITY LAST-UPDATED "202601010000Z" ORGANIZATION "x" CONTACT-INFO "x" DESCRIPTION "x" ::= { enterprises 32473 }
Halves ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "x" SYNTAX OCTET STRING (SIZE (1))
halfValue OBJECT-TYPE SYNTAX Halves MAX-ACCESS read-only STATUS current DESCRIPTION "Half of it" ::= { half 1 }
END
`

const halfConfig = `auths: {public_v2: {community: public}}
mibs: {dirs: [DIR]}
modules:
  named: {walk: [HALF-MIB::halfValue]}
  numeric:
    walk: [1.3.6.1.4.1.32473]
    metrics:
    - {name: half, oid: 1.3.6.1.4.1.32473.1, type: Halves, scale: 10}
    - name: labeled
      oid: 1.3.6.1.4.1.32473.2
      type: gauge
      indexes: [{labelname: i, type: Halves}]
      lookups: [{labels: [], labelname: unused}, {labels: [i], labelname: h, oid: 1.3.6.1.4.1.32473.3, type: Halves}]
`

// recorded is a session that returns the same bindings for every plan.
type recorded []snmp.VarBind

func (r recorded) Poll(_ context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	for _, v := range r {
		yield(v)
	}
	return client.Stats{}, nil
}

// One line in the table of types suffices for a type: from the file and from the objects of MIBs to the exposition, in
// metrics, indexes and lookups, and in the messages.
func TestOneLineMakesAType(t *testing.T) {
	collector.AddType(t, "Halves", "Halves", "half",
		func(octets []byte) float64 { return float64(octets[0]) / 2 },
		func(dst, octets []byte) []byte { return append(dst, "half of "+string('0'+octets[0])...) })
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("HALF-MIB", halfMIB)
	c, err := config.Load([]string{write("snmp.yml", halfConfig)}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(oid string, kind snmp.Type, value ...byte) snmp.VarBind {
		return snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.4.1.32473." + oid), Type: kind, Value: value}
	}
	device := recorded{at("1.0", snmp.OctetString, 7), at("2.1.5", snmp.Integer, 3), at("3.1.5", snmp.OctetString, 9)}
	for module, want := range map[string]string{
		"named":   "halfValue 3.5\n",
		"numeric": `half 35` + "\n" + `labeled{h="half of 9",i="0x05"} 3` + "\n",
	} {
		m := collector.Compile(module, c.Compiled[module])
		var out bytes.Buffer
		e := series.NewEncoder(&out, expfmt.NewFormat(expfmt.TypeTextPlain), nil)
		r := m.Collect(t.Context(), device, collector.Options{})
		if err := e.Encode([]series.Group{{Sets: []*series.Set{r.Set}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Close(); err != nil {
			t.Fatal(err)
		}
		got := ""
		for line := range strings.Lines(out.String()) {
			if !strings.HasPrefix(line, "#") {
				got += line
			}
		}
		if got != want {
			t.Errorf("%s: exposed\n%swant\n%s", module, got, want)
		}
	}
	for unknown, want := range map[string]string{"Half": `unknown type "Half": write Halves`, "Halvs": `unknown type "Halvs": write Halves`} {
		if got := collector.TypeProblem(unknown); got != want {
			t.Errorf("%s: %q, want %q", unknown, got, want)
		}
	}
}
