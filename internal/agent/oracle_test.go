package agent

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"trapline/internal/snmp"
)

// TestGosnmpSeesTheRecording walks a whole device with gosnmp by each operation.
func TestGosnmpSeesTheRecording(t *testing.T) {
	rec := Switch48(1)
	addr := start(t, rec.Serve(local(1))).Addr(0)
	for _, test := range []struct {
		name    string
		version gosnmp.SnmpVersion
		walk    func(*gosnmp.GoSNMP, string) ([]gosnmp.SnmpPDU, error)
	}{
		{"v1 getnext", gosnmp.Version1, (*gosnmp.GoSNMP).WalkAll},
		{"v2c getnext", gosnmp.Version2c, (*gosnmp.GoSNMP).WalkAll},
		{"v2c getbulk", gosnmp.Version2c, (*gosnmp.GoSNMP).BulkWalkAll},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := &gosnmp.GoSNMP{
				Target: addr.Addr().String(), Port: addr.Port(), Community: "public", Version: test.version,
				Timeout: 10 * time.Second, MaxRepetitions: 25, MaxOids: 60,
			}
			if err := g.Connect(); err != nil {
				t.Fatal(err)
			}
			defer g.Conn.Close()
			got, err := test.walk(g, "1.3.6.1")
			if err != nil {
				t.Fatal(err)
			}
			var want []snmp.VarBind
			for i := range rec.Len() {
				if v := rec.Object(i, 0); v.Type != snmp.Counter64 || test.version != gosnmp.Version1 {
					want = append(want, v)
				}
			}
			if len(got) != len(want) {
				t.Fatalf("%d objects, want %d", len(got), len(want))
			}
			for i, pdu := range got {
				if pdu.Name != "."+want[i].Name.String() || byte(pdu.Type) != byte(want[i].Type) {
					t.Fatalf("%s %s, want %s %s", pdu.Name, pdu.Type, want[i].Name, want[i].Type)
				}
				if text, ok := pdu.Value.([]byte); ok && string(text) != string(want[i].Value) {
					t.Errorf("%s is %q, want %q", pdu.Name, text, want[i].Value)
				}
			}
		})
	}
}

// TestNetSNMPSeesTheRecording walks a whole device with Net-SNMP's tools.
func TestNetSNMPSeesTheRecording(t *testing.T) {
	tool, err := exec.LookPath("snmpbulkwalk")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for name, build := range Builtin {
		rec := build(1)
		s := start(t, rec.Serve(local(1)))
		walk := exec.Command(tool, "-v2c", "-c", "public", "-On", "-m", "", "-t", "10", "-Cr25", s.Addr(0).String(), ".1.3")
		out, err := walk.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		objects := strings.Count("\n"+string(out), "\n.1.3.") - strings.Count(string(out), "No more variables left")
		if objects != rec.Len() {
			t.Errorf("%s: %d objects, want %d", name, objects, rec.Len())
		}
		if want := fmt.Sprintf(".%s = ", rec.Name(rec.Len()-1)); !strings.Contains(string(out), want) {
			t.Errorf("%s: the last object, %s, is missing", name, want)
		}
	}
}
