package anonymize

import (
	"bytes"
	"encoding/hex"
	"strings"

	"trapline/internal/agent"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// Leak is an identity of an original recording that an anonymous one has.
type Leak struct {
	Object snmp.OID // of the anonymous recording
	Token  string   // text, or an address in its usual form
}

// maxLeaks bounds the leaks that are returned.
const maxLeaks = 1000

// Leaks returns what the anonymous recording still has of the original: its identities as text, and its MAC addresses as
// octets, within any value.
func Leaks(original, anonymous *agent.Recording, tree *mibs.Tree) (leaks []Leak) {
	a := New(nil, tree)
	a.texts = newTexts(a)
	for i := range original.Len() {
		a.collect(original.Object(i, 0))
	}
	a.texts.compile()
	for i := range anonymous.Len() {
		v := anonymous.Object(i, 0)
		if v.Type != snmp.OctetString {
			continue
		}
		for token := range a.texts.tokens {
			if bytes.Contains(v.Value, []byte(token)) {
				leaks = append(leaks, Leak{v.Name, token})
			}
		}
		for mac := range a.macs {
			if mac[0]&1 == 0 && strings.Trim(mac, "\x00") != "" && bytes.Contains(v.Value, []byte(mac)) {
				leaks = append(leaks, Leak{v.Name, hex.EncodeToString([]byte(mac))})
			}
		}
		if len(leaks) >= maxLeaks {
			break
		}
	}
	return leaks
}
