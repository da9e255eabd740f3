package notify

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"trapline/internal/alarm"
	"trapline/internal/corpus"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// standardMIBs are the modules that ours imports from, and those they import from, in a directory.
func standardMIBs(t *testing.T, dir string) string {
	t.Helper()
	standard := filepath.Join(corpus.MIBs(t, dir), "rfc")
	dir = t.TempDir()
	for _, pattern := range []string{"SNMP*", "INET*"} {
		files, err := filepath.Glob(filepath.Join(standard, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := os.Symlink(file, filepath.Join(dir, filepath.Base(file))); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestMIBLoads(t *testing.T) { corpus.Each(t, "mibs", testMIBLoads) }

func testMIBLoads(t *testing.T, dir string) {
	dir = standardMIBs(t, dir)
	smilint, translate := peers.Require(t, "smilint", "smitools"), peers.Require(t, "snmptranslate", "snmp")
	for _, enterprise := range []string{labEnterprise, "1.3.6.1.3.7.8", "1.3.6.1.4.1.8072.9999.9999"} {
		file := filepath.Join(dir, "TRAPLINE-MIB.txt")
		base := snmp.MustParseOID(enterprise)
		if err := os.WriteFile(file, []byte(MIB(base)), 0o600); err != nil {
			t.Fatal(err)
		}
		lint := exec.Command(smilint, "-l4", "-s", file)
		lint.Env = append(os.Environ(), "SMIPATH="+dir)
		if out, err := lint.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("smilint: %v\n%s", err, out)
		}
		for _, kind := range []alarm.Kind{alarm.Raise, alarm.Heartbeat, alarm.Test, alarm.Acked} {
			e := &alarm.Event{Kind: kind, At: noon}
			if kind != alarm.Heartbeat {
				e.Alarm = portAlarm()
			}
			n := alarmFormat(base, nil)(e, maxMessageSize)
			names := []snmp.OID{n.notification.Trap}
			for _, v := range n.notification.VarBinds {
				if v.Name.HasPrefix(base) {
					names = append(names, v.Name)
				}
			}
			want := mibNotifications[notificationArcs[kind]-1]
			if len(names) != 1+len(want.objects) {
				t.Errorf("%s has %d objects, the MIB %d", kind, len(names)-1, len(want.objects))
				continue
			}
			for i, name := range names {
				is := want.name
				if i > 0 {
					is = mibObjects[want.objects[i-1]-1].name + ".0"
				}
				c := exec.Command(translate, "-M", dir, "-m", "TRAPLINE-MIB", name.String())
				out, err := c.CombinedOutput()
				if err != nil || string(out) != "TRAPLINE-MIB::"+is+"\n" {
					t.Errorf("%s is %s, want %s (%v)", name, out, is, err)
				}
			}
		}
	}
}
