package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

const ownMIB = `OWN-MIB DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, NOTIFICATION-TYPE, enterprises FROM SNMPv2-SMI ifIndex FROM IF-MIB;
own MODULE-IDENTITY LAST-UPDATED "202601010000Z" ORGANIZATION "o" CONTACT-INFO "c" DESCRIPTION "d" ::= { enterprises 32473 }
ownPortBurns NOTIFICATION-TYPE OBJECTS { ifIndex } STATUS current DESCRIPTION "d" ::= { own 0 7 }
END
`

// Alarms may name notifications and objects of the user's MIB files and of the built-in MIBs.
func TestAlarmsNameWhatTheUsersMIBsDefine(t *testing.T) {
	own := write(t, "own.mib", ownMIB)
	const text = `auths: {public_v2: {}}
modules: {numbers: {get: [1.3.6.1.2.1.1.3.0], metrics: [{name: up, oid: 1.3.6.1.2.1.1.3, type: gauge, help: H.}]}}
state_dir: /var/lib/trapline
mibs: {dirs: [%s]}
receivers: [{name: nms, address: 192.0.2.9, auth: public_v2, format: template}]
`
	c := load(t, write(t, "snmp.yml", fmt.Sprintf(text, filepath.Dir(own))))
	for name, want := range map[string]string{"ownPortBurns": "1.3.6.1.4.1.32473.0.7", "OWN-MIB::ownPortBurns": "1.3.6.1.4.1.32473.0.7", "linkDown": "1.3.6.1.6.3.1.1.5.3"} {
		o, node, err := c.Names.Notification(name)
		if err != nil || o.String() != want || len(node.Objects) == 0 || node.Objects[0].Name != "ifIndex" {
			t.Errorf("%s: %s, %v", name, o, err)
		}
	}
	_, err := Load([]string{write(t, "snmp.yml", fmt.Sprintf(text, "/nowhere/mibs"))}, Options{})
	if err == nil || !strings.Contains(err.Error(), ":4: mibs.dirs[0]: there is no directory /nowhere/mibs") {
		t.Errorf("a directory that is not there: %v", err)
	}
}
