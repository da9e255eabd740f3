package profile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"trapline/internal/snmp"
)

// What is read of an index is what was written.
func TestIndexIsReadAsItWas(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	some := func() (oids []snmp.OID) {
		for range r.IntN(6) {
			oid := snmp.MustParseOID("1.3.6.1.4.1")
			for range r.IntN(5) {
				oid = snmp.AppendArc(oid, r.Uint32N(1<<r.IntN(32)))
			}
			oids = append(oids, oid)
		}
		return oids
	}
	for range 200 {
		x := NewIndex(map[string]*Settings{"a": {Extends: []string{"any"}, Modules: []string{"m"}}})
		for i := range r.IntN(5) {
			have := roots{some(), some()}
			x.Modules[fmt.Sprint("m", i)] = IndexedModule{fmt.Sprint("vendor/", i, ".yml"), func() roots { return have }}
		}
		profiles, modules, err := x.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeIndex(profiles, modules)
		if err != nil || len(again.Modules) != len(x.Modules) || fmt.Sprint(*again.Profiles["a"]) != fmt.Sprint(*x.Profiles["a"]) {
			t.Fatalf("%v: %v", again, err)
		}
		for name, m := range x.Modules {
			got := again.Modules[name]
			if got.File != m.File || fmt.Sprint(got.roots()) != fmt.Sprint(m.roots()) {
				t.Errorf("%s in %s reads %v, want %v", name, got.File, got.roots(), m.roots())
			}
		}
	}
	if _, err := DecodeIndex([]byte("{}"), []byte("name\tfile\n")); err == nil {
		t.Error("a line without objects is read")
	}
	for _, list := range []string{"x", "1.3", "0.1.3 9.1", "0.1.3.6 -1.1", "0.1.3 2.4294967296"} {
		if got := decodeOIDs(list); got != nil {
			t.Errorf("%q is %v", list, got)
		}
	}
}

// What is read of outputs is what was written.
func TestOutputsAreReadAsTheyWere(t *testing.T) {
	want := map[string][]Outputs{
		"a": {{[]string{"index"}, []string{"fan", "fanSpeed", "fanState", "power"}}, {[]string{"hw_id", "hw_name"}, []string{"hw_status", strings.Repeat("x", 90), strings.Repeat("x", 91)}}},
		"b": {{[]string{}, []string{"0", "00", "uptime"}}},
	}
	if got := DecodeOutputs(string(EncodeOutputs(want))); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v were %v", got, want)
	}
}
