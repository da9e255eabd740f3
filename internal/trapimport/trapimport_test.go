package trapimport

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const trapdConf = `# snmptrapd
snmpTrapdAddr udp:162,udp6:[::1]:1162,tcp:162
authCommunity log,execute,net public
authCommunity log "secret one" 10.0.0.0/8
createUser -e 0x8000000001020304 monitor SHA-256 "authkey1xx" AES privkey1xx
authUser log,execute monitor priv
authUser log -s usm stranger
traphandle default /usr/sbin/snmptthandler
forward default 192.0.2.99
forward .1.3.6.1.6.3.1.1.5.3 udp:192.0.2.98:1162
forward .1.3.6.1.6.3.1.1.5.4 192.0.2.98:1162
forward default tcp:192.0.2.97
includeFile /etc/snmp/more.conf
includeDir /etc/snmp/conf.d
format2 %V
`

const snmpttConf = `# snmptt
EVENT linkDown .1.3.6.1.6.3.1.1.5.3 "Status Events" Normal
FORMAT Link down on interface $1.  Admin state: $2 ($#) $* end $$5 $N $+1
SDESC
Says {{ braces }}
EDESC
EVENT vendor-trap .1.3.6.1.4.1.32473.0.1 "Vendor" CRITICAL
FORMAT Disk $1 of $A: $2
MATCH MODE=or
MATCH $2: (fail)i
MATCH $1: 1-5
MATCH $3: ((?<=a)b)
EXEC /usr/bin/logger hello
NODES core-1 core-2
REGEX (a)(b)
EVENT quiet .1.3.6.1.4.1.32473.0.2 "LOGONLY" Normal
FORMAT x
EVENT vendor-trap .1.3.6.1.4.1.32473.0.* "Vendor" MINOR
EVENT broken
EVENT upsOnBattery .1.3.6.1.4.1.32473.2.1 "UPS" CRITICAL
FORMAT On battery
EVENT upsOnBatteryCleared .1.3.6.1.4.1.32473.2.2 "UPS" Normal
FORMAT Off battery after $1 min
EVENT fanState .1.3.6.1.4.1.32473.3.1 "Fans" MAJOR
FORMAT Fan $1 failed
MATCH $2: (failed)
EVENT fanState .1.3.6.1.4.1.32473.3.1 "Fans" Normal
FORMAT Fan $1 works
MATCH $2: (ok)
`

// Every line is a setting, or is named in a comment.
func TestImport(t *testing.T) {
	var r Result
	r.Add("/etc/snmptrapd.conf", trapdConf)
	r.Add("/etc/snmptt.conf", snmpttConf)
	got := string(r.YAML())
	golden := filepath.Join("testdata", "imported.yml")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("%v: imported is\n%s", err, got)
	}
	if r.Events() != 5 {
		t.Errorf("%d rules", r.Events())
	}
	for i, line := range strings.Split(trapdConf+snmpttConf, "\n") {
		if key := word(line); key == "traphandle" || key == "forward" && strings.Contains(line, "tcp") || strings.HasPrefix(key, "include") || key == "format2" || key == "EXEC" || key == "NODES" || key == "REGEX" {
			if !strings.Contains(got, key) {
				t.Errorf("line %d is lost: %s", i, line)
			}
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add(trapdConf)
	f.Add(snmpttConf)
	f.Fuzz(func(_ *testing.T, text string) {
		var r Result
		r.Add("x", text)
		_ = r.YAML()
	})
}

// Events end others by their names, if these differ in one word or have one more.
func TestNamesOfEventsThatEndOthers(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"linkUp", "linkDown"}: true, {"linkDown", "linkUp"}: false, {"bgpEstablished", "bgpBackwardTransition"}: false, {"fanOk", "fanFailed"}: true,
		{"TempAlarmCleared", "TempAlarm"}: true, {"PSU_RESTORED", "PSU_LOST"}: true, {"alarm-clear", "alarm-set"}: true, {"upsOffBattery", "upsOnBattery"}: true,
		{"linkUpUp", "linkDownDown"}: false, {"fanUp", "linkDown"}: false, {"linkUp", "linkUp"}: false, {"x", "y"}: false, {"", ""}: false,
	} {
		if got := ends(pair[0], pair[1]); got != want {
			t.Errorf("%q: %v", pair, got)
		}
	}
}

// Events of severity Normal end those beside them, and keep their own conditions.
func TestNormalEventsEndOthers(t *testing.T) {
	const down, up = "EVENT linkDown .1.3.6.1.6.3.1.1.5.3 \"s\" MAJOR\nFORMAT down\n", "EVENT linkUp .1.3.6.1.6.3.1.1.5.4 \"s\" Normal\nFORMAT up\n"
	for text, want := range map[string]string{
		down + up:                     "linkDown ended by 1.3.6.1.6.3.1.1.5.4",
		up + down:                     "linkDown ended by 1.3.6.1.6.3.1.1.5.4",
		down + "MATCH $1: (3)\n" + up: "linkDown ended by 1.3.6.1.6.3.1.1.5.4",
		down + "MATCH $1: (3)\n" + up + "MATCH $1: (3)\n": "linkDown ended by 1.3.6.1.6.3.1.1.5.4",
		down + up + "MATCH $1: (3)\n":                     "linkDown, linkUp",
		down + up + "NODES core-1\n":                      "linkDown, linkUp",
		down + "NODES core-1\n" + up + "NODES core-1\n":   "linkDown ended by 1.3.6.1.6.3.1.1.5.4",
		down + strings.Replace(up, ".5.4", ".6.4", 1):     "linkDown, linkUp",
		down + strings.Replace(up, ".5.4", ".5.*", 1):     "linkDown, linkUp",
		down + strings.Replace(up, "Normal", "MINOR", 1):  "linkDown, linkUp",
		up: "linkUp",
	} {
		var r Result
		r.Add("x", text)
		var got []string
		for _, rule := range read(t, &r).Rules {
			one := rule.Alert
			if len(rule.Clear) > 0 {
				one += " ended by " + strings.Join(rule.Clear, ", ")
			}
			got = append(got, one)
		}
		slices.Sort(got)
		if list := strings.Join(got, ", "); list != want {
			t.Errorf("%s is %s, want %s", text, list, want)
		}
	}
}
