package tools

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// odd are octets that YAML or a terminal could take for something else.
const odd = "a1 :'\"\\{}|#%-&*!@`\t\n\r\x00\x1b\x7f\x85\xff\xfe\xc3\xa9\xe2\x80\xa8"

// randomDeviceOf has instances of random objects of vendors' MIBs and of none, whose types and values are not those that the MIBs say.
func randomDeviceOf(r *rand.Rand, objects []*mibs.Node) *agent.Recording {
	var b agent.Builder
	index := func(name snmp.OID) snmp.OID {
		name = append(snmp.OID{}, name...)
		for range r.IntN([]int{2, 4, 20, 120}[r.IntN(4)]) {
			name = snmp.AppendArc(name, []uint32{r.Uint32N(4), r.Uint32N(300), r.Uint32()}[r.IntN(3)])
		}
		return name
	}
	value := func() (snmp.Type, []byte) {
		if r.IntN(2) == 0 {
			return []snmp.Type{snmp.Integer, snmp.Gauge32, snmp.Counter32, snmp.TimeTicks}[r.IntN(4)], []byte{byte(r.UintN(128)), byte(r.UintN(256))}[:1+r.IntN(2)]
		}
		text := make([]byte, r.IntN([]int{2, 20, 400}[r.IntN(3)]))
		for i := range text {
			text[i] = odd[r.IntN(len(odd))]
		}
		return []snmp.Type{snmp.OctetString, snmp.OctetString, snmp.Opaque}[r.IntN(3)], text
	}
	add := func(name snmp.OID) {
		kind, text := value()
		b.Add(name, kind, text)
	}
	for range r.IntN(60) {
		first := r.IntN(len(objects))
		for _, n := range objects[first:min(len(objects), first+1+r.IntN(8))] {
			for range 1 + r.IntN(3) {
				add(index(n.OID))
			}
		}
	}
	for range r.IntN(60) {
		add(index(snmp.MustParseOID([]string{"1.3.6.1.4.1.99999.1.1", "1.3.6.1.4.1.4294967295", "1.3.6.1.4.1", "1.3.6.1.2.1.1.5", "1.0.8802"}[r.IntN(5)])))
	}
	if r.IntN(3) > 0 {
		b.Add(snmp.MustParseOID("1.3.6.1.2.1.1.2.0"), snmp.ObjectIdentifier, index(snmp.MustParseOID("1.3.6.1.4.1")))
	}
	return b.Recording()
}

// Whatever a device has, a draft of it is a file of profiles without an error in it, and drafted again it is the same.
func TestDraftsAreProfilesWhateverTheDevice(t *testing.T) {
	tree, err := cli.AllMIBs(nil)
	if err != nil {
		t.Fatal(err)
	}
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var objects []*mibs.Node
	for n := range tree.Below(snmp.MustParseOID("1.3.6.1.4.1")) {
		if n.Kind == smi.Column || n.Kind == smi.Scalar {
			objects = append(objects, n)
		}
	}
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		recording := randomDeviceOf(r, objects)
		all := r.IntN(2) == 0
		d, err := draftOf(t.Context(), recording, book, tree, all)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		d.Origin = "it's: \"odd\"\n# \x1b"
		text, _ := d.YAML()
		if again, _ := d.YAML(); again != text {
			t.Errorf("seed %d: drafted again, it is another", seed)
		}
		dir := t.TempDir()
		writeFiles(t, dir, map[string]string{filepath.Join("acme", "draft.yml"): text})
		if _, err := config.Profiles([]string{filepath.Join(dir, "acme")}, config.Options{}); err != nil {
			t.Errorf("seed %d: %v\n%.3000s", seed, err, text)
		}
	}
}
