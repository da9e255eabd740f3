package notify

import (
	"strings"
	"testing"

	"trapline/internal/access"
	"trapline/internal/originator/receivertest"
)

// A check must not depend on the output of templates, and must check the text around them.
func TestRulesAreChecked(t *testing.T) {
	old := receivertest.Community(1)
	c := RuleChecker{Names: builtIn, Auths: map[string]*access.Auth{"v1": &old}, Receivers: []ReceiverSettings{
		{Name: "nms-1", Auth: "v1", Format: formatTemplate, Tags: []string{"core"}}, {Name: "nms-2", Auth: "v2", Format: formatTemplate}, {Name: "nms-3", Auth: "v1"},
	}}
	for _, test := range []struct {
		annotations       map[string]string
		mistakes, warning string
	}{
		{map[string]string{"summary": "{{ $value }}"}, "", ""},
		{map[string]string{
			"trap_notification": "IF-MIB::linkDown", "trap_clear_notification": "none", "trap_variable": "ifOperStatus.{{ $labels.ifIndex }}", "trap_tags": "core", "trap_receivers": "nms-2",
			"trap_varbinds": "ifOperStatus = {{ $value }}\n{{ range $x }}\nifDescr.{{ $labels.ifIndex }} = a\n1.3.6.1.4.1.9.1.0 INTEGER = {{ $value }}",
		}, "", ""},
		{map[string]string{"trap_tag": "core", "trapped": "x"}, "", `the annotation "trap_tag" is unknown and has no effect on notifications: did you mean trap_tags?`},
		{map[string]string{"trap_notification": "linkDownn"}, `trap_notification: no module defines "linkDownn": did you mean linkDown?`, ""},
		{map[string]string{"trap_notification": "{{ $labels.x }}", "trap_clear_notification": "ifDescr"}, "trap_clear_notification: ifDescr is no notification: MIBs know it as a column", ""},
		{map[string]string{"trap_notification": "none"}, `trap_notification: no module defines "none"`, ""},
		{map[string]string{"trap_variable": "ifOperStatuss.{{ $labels.ifIndex }}"}, `trap_variable: no module defines "ifOperStatuss": did you mean ifOperStatus?`, ""},
		{map[string]string{"trap_receivers": "nms-1, nms-4", "trap_tags": "edge"}, `trap_receivers: there is no receiver "nms-4": did you mean nms-1?; trap_tags: no receiver has the tag "edge"`, ""},
		{map[string]string{"trap_varbinds": "ifDescr\nifAdminStatus = upp\nifNothing = {{ $value }}\n1.3.6.1.4.1.9.1.0 = {{ $value }}"},
			`trap_varbinds: "ifDescr" is no variable binding: write NAME[.INDEX] [TYPE] = VALUE; ` +
				`trap_varbinds: "upp" is no value of ifAdminStatus (INTEGER): did you mean up?; trap_varbinds: no module defines "ifNothing"; ` +
				`trap_varbinds: variable binding 1.3.6.1.4.1.9.1.0: MIBs know no type for it: write one behind its name`, ""},
		{map[string]string{"trap_varbinds": "ifHCInOctets = {{ $value }}\n1.3.6.1.4.1.9.1.0 Counter64 = 7"},
			"", `receiver "nms-1" is notified by SNMPv1, which has no Counter64, and is not sent ifHCInOctets, 1.3.6.1.4.1.9.1.0`},
		{map[string]string{"trap_varbinds": "ifHCInOctets = 7", "trap_receivers": "nms-2"}, "", ""},
	} {
		mistakes, warnings := c.Check(test.annotations)
		if got := strings.Join(mistakes, "; "); got != test.mistakes {
			t.Errorf("%v: %s\nwant %s", test.annotations, got, test.mistakes)
		}
		if got := strings.Join(warnings, "; "); got != test.warning {
			t.Errorf("%v: warning %s\nwant %s", test.annotations, got, test.warning)
		}
	}
}
