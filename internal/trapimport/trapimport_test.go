package trapimport

import (
	"os"
	"path/filepath"
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
	if r.Events() != 3 {
		t.Errorf("%d rules", r.Events())
	}
	for i, line := range strings.Split(trapdConf+snmpttConf, "\n") {
		if key := word(line); key == "traphandle" || key == "forward" || key == "format2" || key == "EXEC" || key == "NODES" || key == "REGEX" {
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
