// Package anonymize replaces in a recording what identifies a device, its owner and its network, the same by the
// same, and keeps what a profile needs: types, numbers, models, versions, prefixes of addresses, vendors of MACs.
package anonymize

import (
	"bytes"
	"regexp"
	"slices"

	"trapline/internal/agent"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// role is the part that an object has for an anonymizer.
type role byte

const (
	ordinary role = iota
	identity      // its text identifies the device or its owner, wherever it occurs
	secret        // it is left out
	address       // its octets are an Internet address
	mac           // its octets are a MAC address
	engineID      // its octets are an SNMP engine ID
)

// secrets are the subtrees that are left out: targets, notifications, users, views and communities of SNMP (RFC 3413
// to RFC 3415, RFC 3584), its log of notifications (RFC 3014), and the arguments of processes (RFC 2790).
var secrets = []snmp.OID{
	snmp.MustParseOID("1.3.6.1.6.3.12"), snmp.MustParseOID("1.3.6.1.6.3.13"), snmp.MustParseOID("1.3.6.1.6.3.14"),
	snmp.MustParseOID("1.3.6.1.6.3.15"), snmp.MustParseOID("1.3.6.1.6.3.16"), snmp.MustParseOID("1.3.6.1.6.3.18"),
	snmp.MustParseOID("1.3.6.1.2.1.92"), snmp.MustParseOID("1.3.6.1.2.1.25.4.2.1.5"),
}

// usual are those of them whose texts mostly are words: names of notifications, groups and views, and what processes do.
var usual = []snmp.OID{
	snmp.MustParseOID("1.3.6.1.6.3.12"), snmp.MustParseOID("1.3.6.1.6.3.13"), snmp.MustParseOID("1.3.6.1.6.3.14"),
	snmp.MustParseOID("1.3.6.1.6.3.16"), snmp.MustParseOID("1.3.6.1.2.1.92"), snmp.MustParseOID("1.3.6.1.2.1.25.4.2.1.5"),
}

// identities are objects that identify a device or its owner, without a MIB that would name them.
var identities = []snmp.OID{
	snmp.MustParseOID("1.3.6.1.2.1.1.4"), snmp.MustParseOID("1.3.6.1.2.1.1.5"), snmp.MustParseOID("1.3.6.1.2.1.1.6"), // sysContact, sysName, sysLocation
	snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.18"),                                             // ifAlias
	snmp.MustParseOID("1.0.8802.1.1.2.1.3.3"), snmp.MustParseOID("1.0.8802.1.1.2.1.4.1.1.9"), // lldpLocSysName, lldpRemSysName
	snmp.MustParseOID("1.3.6.1.4.1.9.9.23.1.2.1.1.6"), snmp.MustParseOID("1.3.6.1.4.1.9.9.23.1.2.1.1.17"), // cdpCacheDeviceId, cdpCacheSysName
	snmp.MustParseOID("1.3.6.1.4.1.9.3.6.3"), snmp.MustParseOID("1.3.6.1.4.1.9.2.1.3"), // chassisId, hostName
}

// interfaceNames are ifDescr and ifName, whose values identify nothing where they are an ifAlias, too.
var interfaceNames = []snmp.OID{snmp.MustParseOID("1.3.6.1.2.1.2.2.1.2"), snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.1")}

// The names of objects in MIBs say what they are.
var (
	secretName   = regexp.MustCompile(`(?i)community|passw|passphrase|secret|(auth|priv|shared|encryption)key|username|loginname`)
	identityName = regexp.MustCompile(`(?i)serial(n|$)|asset|contact|location|(host|sys|system|device|node|chassis|unit|agent|domain)name(s|$)|identname|attacheddevices|entphysicalalias|owner|phone|e?mail|address$`)
)

var engineIDObject = snmp.MustParseOID("1.3.6.1.6.3.10.2.1.1")

// Anonymizer replaces identities under a key: those with the same key replace the same by the same.
type Anonymizer struct {
	tree  *mibs.Tree
	key   []byte
	texts *texts
	cache map[string][]byte // addresses by kind and octets
	macs  map[string]bool   // octets of the MAC addresses of the recording
	ips   map[string]bool   // octets of its IpAddresses
}

// New returns an anonymizer. The tree, which may be nil, names objects whose values identify.
func New(key []byte, tree *mibs.Tree) *Anonymizer {
	return &Anonymizer{tree: tree, key: key, cache: map[string][]byte{}, macs: map[string]bool{}, ips: map[string]bool{}}
}

// Recording returns an anonymous recording. Objects that vary, as they are numbers, stay as they are.
func (a *Anonymizer) Recording(r *agent.Recording) *agent.Recording {
	a.texts = newTexts(a)
	for i := range r.Len() {
		a.collect(r.Object(i, 0))
	}
	a.texts.compile()
	var b agent.Builder
	r.Rename(&b, func(v snmp.VarBind) (snmp.VarBind, bool) {
		what, instance := a.roleOf(v)
		if what == secret {
			return v, false
		}
		return snmp.VarBind{Name: a.name(v.Name, instance), Type: v.Type, Value: a.value(v, what)}, true
	})
	return b.Recording()
}

// collect notes the identities that may occur in other values, too.
func (a *Anonymizer) collect(v snmp.VarBind) {
	what, _ := a.roleOf(v)
	switch {
	case v.Type == snmp.IPAddress:
		a.ips[string(v.Value)] = true
	case what == mac && len(v.Value) == macSize:
		a.macs[string(v.Value)] = true
	case below(v.Name, interfaceNames):
		a.texts.keep(v.Value)
	case what == identity && v.Type == snmp.OctetString, what == secret && v.Type == snmp.OctetString && printable(v.Value) && !below(v.Name, usual):
		a.texts.identify(v.Value)
	}
}

// roleOf returns the role of an object, and its instance in the MIBs if they know it.
func (a *Anonymizer) roleOf(v snmp.VarBind) (role, mibs.Instance) {
	var instance mibs.Instance
	if a.tree != nil {
		instance = a.tree.Object(v.Name)
	}
	switch {
	case below(v.Name, secrets):
		return secret, instance
	case below(v.Name, identities):
		return identity, instance
	case v.Name.HasPrefix(engineIDObject):
		return engineID, instance
	case instance.Node != nil:
		return roleNamed(instance.Node, v), instance
	}
	return ordinary, instance
}

// Unnamed are the instances with texts of objects that the MIBs do not name: nothing says whether they identify.
func Unnamed(r *agent.Recording, tree *mibs.Tree) (texts []snmp.OID) {
	a := New(nil, tree)
	for i := range r.Len() {
		v := r.Object(i, 0)
		if v.Type != snmp.OctetString || !printable(v.Value) || tokenOf(v.Value) == "" {
			continue
		}
		what, instance := a.roleOf(v)
		if n := instance.Node; what == ordinary && (n == nil || n.Kind != smi.Column && n.Kind != smi.Scalar) {
			texts = append(texts, append(snmp.OID{}, v.Name...))
		}
	}
	return texts
}

func roleNamed(n *mibs.Node, v snmp.VarBind) role {
	if v.Type != snmp.OctetString {
		return ordinary
	}
	switch {
	case secretName.MatchString(n.Name):
		return secret
	case isMAC(n):
		return mac
	case isAddress(n):
		return address
	case identityName.MatchString(n.Name) && printable(v.Value):
		return identity
	}
	return ordinary
}

func below(name snmp.OID, roots []snmp.OID) bool {
	for _, root := range roots {
		if name.HasPrefix(root) {
			return true
		}
	}
	return false
}

// value returns the anonymous value of an object.
func (a *Anonymizer) value(v snmp.VarBind, what role) []byte {
	switch {
	case v.Type == snmp.IPAddress:
		return a.address(v.Value)
	case v.Type != snmp.OctetString:
		return v.Value
	case what == mac && len(v.Value) == macSize:
		return a.mac(v.Value)
	case what == address:
		return a.address(v.Value)
	case what == engineID:
		return a.engineID(v.Value)
	case what == identity && printable(v.Value):
		return a.texts.pseudonym(v.Value)
	case printable(v.Value):
		return a.octets(a.texts.replace(v.Value))
	}
	return a.octets(v.Value)
}

// octets replaces the MAC addresses of the recording within a value that is no text, such as the identifier of a bridge.
func (a *Anonymizer) octets(b []byte) []byte {
	out := bytes.Clone(b)
	for i := 0; i+macSize <= len(b); i++ {
		if a.macs[string(b[i:i+macSize])] {
			copy(out[i:], a.mac(b[i:i+macSize]))
			i += macSize - 1
		}
	}
	return out
}

// printable reports whether a value is text of any encoding rather than octets.
func printable(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != 0 })
}
