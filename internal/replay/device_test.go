package replay

import (
	"slices"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// A recording answers each kind of request as a device would.
func TestQuestionsToARecording(t *testing.T) {
	var b agent.Builder
	for _, name := range []string{"1.3.1.1", "1.3.1.2", "1.3.2.1", "1.4.1"} {
		b.Int(snmp.MustParseOID(name), 7)
	}
	d := &device{recording: b.Recording()}
	oids := func(names string) (list []snmp.OID) {
		for name := range strings.FieldsSeq(names) {
			list = append(list, snmp.MustParseOID(name))
		}
		return list
	}
	for _, test := range []struct {
		plan client.Plan
		want string
	}{
		{client.Plan{Get: oids("1.3.2.1 1.3.2.2 1.9")}, "1.3.2.1 -1.3.2.2 -1.9"},
		{client.Plan{Next: oids("1.3.1 1.3.1.2 1.4.1")}, "1.3.1.1 1.3.2.1"},
		{client.Plan{Walk: oids("1.3.1 1.5")}, "1.3.1.1 1.3.1.2"},
		{client.Plan{Walk: oids("1.3"), Columns: oids("1.3.2")}, "1.3.2.1"},
		{client.Plan{Walk: oids("1.3.2"), ToEnd: true}, "1.3.2.1 1.4.1"},
	} {
		var got []string
		stats, err := d.Poll(t.Context(), &test.plan, func(v snmp.VarBind) {
			name := v.Name.String()
			if !v.Type.HasValue() {
				name = "-" + name
			}
			got = append(got, name)
		})
		if err != nil || !slices.Equal(got, strings.Fields(test.want)) || stats.VarBinds != len(got) {
			t.Errorf("%q, %v, want %s", got, err, test.want)
		}
	}
}
