package mibs

import (
	"bytes"
	"testing"

	"trapline/internal/snmp"
)

// An index is put together of the parts that it is cut into.
func TestIndexesAreCutAndPutTogether(t *testing.T) {
	tree, err := LoadAll(Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for text, parts := range map[string]int{
		"ifDescr.3": 1, "ifName.3": 1, `tcpConnState."1.2.3.4".22."0.0.0.0".0`: 4, `tcpConnectionState.ipv4."127.0.0.1".631.ipv4."0.0.0.0".0`: 6,
		`vacmGroupName.3."a.b"`: 2, `snmpCommunityName.'hello'`: 1, "dot1dTpFdbPort.'0:11:22:33:44:ff'": 1, "sysDescr.0": 0,
	} {
		i, err := tree.Resolve(text)
		if err != nil {
			t.Fatal(err)
		}
		values := i.Node.CutIndex(i.Index)
		if len(values) != parts {
			t.Errorf("%s is cut into %v", text, values)
			continue
		}
		var index snmp.OID
		for at, value := range values {
			if index, err = i.Node.Row.Index[at].Append(index, value); err != nil {
				t.Error(err)
			}
		}
		if parts > 0 && !bytes.Equal(index, i.Index) {
			t.Errorf("%s is put together as %s", text, index)
		}
	}
	mac := tree.Named("dot1dTpFdbPort")[0].Row.Index[0]
	if _, err := mac.Append(nil, []uint32{1}); err == nil || err.Error() != "index dot1dTpFdbAddress: 1 numbers instead of 6" {
		t.Error(err)
	}
}
