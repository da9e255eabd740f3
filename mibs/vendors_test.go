package mibs

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

// The archives have the facts that lie beside them.
func TestArchivesAreCurrent(t *testing.T) {
	for dir, test := range map[string]struct {
		f     factArchive
		build string
	}{"facts": {facts(), "go run ./mibs/build"}, "vendors": {vendors(), "go run ./mibs/build -vendors DIRECTORY"}} {
		for _, name := range test.f.Names() {
			want, err := os.ReadFile(dir + "/" + name + ".tsv")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := test.f.text(name); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: the archive is not up to date (%v): run %s", name, err, test.build)
			}
		}
		if entries, _ := os.ReadDir(dir); len(entries) != len(test.f.Names()) || len(entries) == 0 {
			t.Errorf("%d files of %s, %d in the archive", len(entries), dir, len(test.f.Names()))
		}
	}
}

// Any text is read as it was.
func TestCompactedFacts(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 20000 {
		var text []byte
		for range r.IntN(12) {
			text = append(text, []string{"m", "i", "or", "t", "\t", "\n", "sysName", "sysDescr", "sys", "0", strings.Repeat("long", 30)}[r.IntN(11)]...)
			text = append(text, "\t\t\n "[r.IntN(4)])
		}
		if got := expanded(compacted(text)); !bytes.Equal(got, text) {
			t.Fatalf("%q was %q", got, text)
		}
		expanded(text) // whatever it is
	}
}

// What is built in takes little of the binary.
func TestArchivesAreSmall(t *testing.T) {
	const most = 1440 << 10
	if size := len(factFiles) + len(vendorFiles); size > most {
		t.Errorf("facts take %d octets, more than %d", size, most)
	}
}

// Modules are found by each name that they define, and by no other.
func TestMentioning(t *testing.T) {
	for _, f := range []factArchive{facts(), vendors()} {
		defined := map[string][]string{}
		for module, text := range f.all() {
			for _, name := range definedNames(text) {
				if list := defined[string(name)]; len(list) == 0 || list[len(list)-1] != module {
					defined[string(name)] = append(list, module)
				}
			}
		}
		for name, want := range defined {
			if got := f.mentioning(name); !slices.Equal(got, want) {
				t.Fatalf("%s is in %q, want %q", name, got, want)
			}
			if got := f.mentioning(name + "-"); got != nil {
				t.Fatalf("%s- is in %q", name, got)
			}
		}
	}
}

// Each of the vendors' modules can be read by itself.
func TestVendorFactsAreRead(t *testing.T) {
	for _, name := range Vendors().Names() {
		tree, err := Load([]string{name}, Embedded(), Vendors())
		if err != nil {
			t.Error(err)
			continue
		}
		for _, d := range tree.Diagnostics() {
			// A type, as SMIv1 allows, and the rows of faulty modules, whose columns make no series.
			if !strings.HasSuffix(d.Text, "which is no object") {
				t.Error(d)
			}
		}
		if !tree.Modules()[0].Partial {
			t.Errorf("%s is complete", name)
		}
	}
}

func BenchmarkVendors(b *testing.B) {
	for b.Loop() {
		if _, err := LoadAll(Embedded(), Vendors()); err != nil {
			b.Fatal(err)
		}
	}
}

// Around returns the modules of all objects in a subtree, and of those above an instance.
func TestAround(t *testing.T) {
	tree, err := Load(Vendors().Names(), Vendors(), Embedded())
	if err != nil {
		t.Fatal(err)
	}
	around := map[string][]string{}
	modulesOf := func(oid snmp.OID) []string {
		key := string(oid[:min(len(oid), 9)])
		if around[key] == nil {
			around[key] = Vendors().Around(oid)
		}
		return around[key]
	}
	for n := range tree.All() {
		if _, own := slices.BinarySearch(Vendors().Names(), n.Module); !own || n.Kind != smi.Column && n.Kind != smi.Scalar {
			continue
		}
		for _, oid := range []snmp.OID{n.OID, snmp.AppendArc(slices.Clip(n.OID), 7), n.OID.Parent()} {
			if !slices.Contains(modulesOf(oid), n.Module) {
				t.Fatalf("%s::%s is not in the modules around %s", n.Module, n.Name, oid)
			}
		}
	}
	for oid, most := range map[string]int{"1.3.6.1.4.1.22610.2.4": 1, "1.3.6.1.2.1.1": 10, "1.3.6.1.4.1.4294967295": 0} {
		if got := Vendors().Around(snmp.MustParseOID(oid)); len(got) > most {
			t.Errorf("around %s: %q, more than %d", oid, got, most)
		}
	}
}
