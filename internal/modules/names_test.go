package modules

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"trapline/internal/snmp"
	"trapline/mibs"
)

func TestNamesOfCommands(t *testing.T) {
	tree, err := mibs.LoadAll(mibs.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ text, subtrees, instances string }{
		{"ifTable", "1.3.6.1.2.1.2.2", "ifTable has no value of its own: write an index behind it, or walk it"},
		{"IF-MIB::ifDescr.3", "1.3.6.1.2.1.2.2.1.2.3", "1.3.6.1.2.1.2.2.1.2.3"},
		{"sysUpTime", "1.3.6.1.2.1.1.3", "1.3.6.1.2.1.1.3.0"},
		{"iso", "1", "iso has no value of its own: walk it"},
		{"1", "1", "1 has no value of its own: walk it"},
		{"IF-MIB::", "1.3.6.1.2.1.2 1.3.6.1.2.1.31", "IF-MIB:: is a whole module: write IF-MIB::NAME.INDEX, or walk it"},
		{"SNMPv2-TC::", "module SNMPv2-TC defines no object with a value", "SNMPv2-TC:: is a whole module: write SNMPv2-TC::NAME.INDEX, or walk it"},
		{"IF-MIB::ifTabel", `module IF-MIB does not define "ifTabel": did you mean ifTable?`, ""},
		{"ifTabel", `no module defines "ifTabel": did you mean ifTable?`, ""},
		{"IFMIB::", "there is no MIB IFMIB: did you mean IF-MIB?", "IFMIB:: is a whole module: write IFMIB::NAME.INDEX, or walk it"},
		{"IFMIB::ifTable", "there is no MIB IFMIB: did you mean IF-MIB?", ""},
		{"frobnicate", `no module defines "frobnicate": write its OID, or name the directory of its MIB file with -M`, ""},
		{"ifDescr.x", "ifDescr.x: index ifIndex: x is not a number from 0 to 4294967295", ""},
		{"", `no module defines "": write its OID, or name the directory of its MIB file with -M`, ""},
	} {
		if test.instances == "" {
			test.instances = test.subtrees
		}
		if got := written(Subtrees(tree, test.text)); got != test.subtrees {
			t.Errorf("subtrees of %q are %s: want %s", test.text, got, test.subtrees)
		}
		if got := written(Instances(tree, test.text)); got != test.instances {
			t.Errorf("instances of %q are %s: want %s", test.text, got, test.instances)
		}
	}
}

func written(oids []snmp.OID, err error) string {
	if err != nil {
		return err.Error()
	}
	var texts []string
	for _, o := range oids {
		texts = append(texts, o.String())
	}
	return strings.Join(texts, " ")
}

// The subtrees of a module must contain all its objects, and none defined only by others.
func TestSubtreesOfEveryModule(t *testing.T) {
	tree, err := mibs.LoadAll(mibs.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range tree.Modules() {
		roots, err := Subtrees(tree, m.Name+"::")
		for n := range tree.All() {
			if err == nil && polled(n) && kindOf(n) != "" && below(roots, n.OID) != defines(tree, m.Name, n.OID) {
				t.Errorf("%s::%s is below the subtrees of %s: %v", n.Module, n.Name, m.Name, below(roots, n.OID))
			}
		}
	}
}

func below(roots []snmp.OID, oid snmp.OID) bool {
	for _, root := range roots {
		if oid.HasPrefix(root) {
			return true
		}
	}
	return false
}

// A numeric OID leads to the same objects whether all MIBs are parsed or those around it.
func TestOIDsLeadToTheSameObjects(t *testing.T) {
	all, err := AllMIBs(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	oids := []snmp.OID{snmp.MustParseOID("1.3.6.1.4.1"), snmp.MustParseOID("1.3.6.1.2.1"), snmp.MustParseOID("1.3.6.1.4.1.9"), snmp.MustParseOID("1.0.8802")}
	for n := range all.All() {
		if r.IntN(500) == 0 {
			oids = append(oids, n.OID, n.OID.Parent(), snmp.AppendArc(slices.Clip(n.OID), uint32(r.IntN(9))))
		}
	}
	l := BuiltinLibrary()
	l.dirs = netSNMPDirs()
	for _, oid := range oids {
		got, err := l.around(oid)
		if err != nil {
			t.Fatal(err)
		}
		if g, w := objectsBelow(got, oid), objectsBelow(all, oid); !slices.Equal(g, w) {
			t.Fatalf("%s: objects %q, want %q", oid, g, w)
		}
	}
}

// objectsBelow lists the object of an OID and those below it that make metrics.
func objectsBelow(t *mibs.Tree, oid snmp.OID) (list []string) {
	if i := object(t, oid); i.Node != nil {
		list = append(list, i.Node.Name)
	}
	for n := range t.Below(oid) {
		if polled(n) && kindOf(n) != "" {
			list = append(list, n.OID.String())
		}
	}
	return list
}

// The names that suggestions come from are those of all nodes.
func TestNamesForSuggestions(t *testing.T) {
	l := BuiltinLibrary()
	names, err := l.nodeNames()
	if err != nil {
		t.Fatal(err)
	}
	all, err := l.everything()
	if err != nil {
		t.Fatal(err)
	}
	nodes := map[string]bool{}
	for n := range all.All() {
		nodes[n.Name] = true
	}
	names = slices.Sorted(slices.Values(names))
	if names = slices.Compact(names); !slices.Equal(names, slices.Sorted(maps.Keys(nodes))) {
		t.Errorf("%d names, and there are %d", len(names), len(nodes))
	}
}

// A bad name has the advice that all MIBs together give.
func TestAdvice(t *testing.T) {
	parsed := BuiltinLibrary()
	if _, err := parsed.everything(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ifTabel", "IF-MIB::ifTabel", "UPS-MIB::ifTable", "axSysMemoryTotel", "IF-MIB::axSysMemoryTotal", "A10-AX-MIB::axSysMemoryTotel",
		"UPS-MIB::upsNothing", "thereIsNothingOfThisName", "ifTable.x", "DisplayString", "IF-MIB::DisplayString"} {
		_, want := parsed.Compile(&Settings{Walk: Named(name)})
		_, got := BuiltinLibrary().Compile(&Settings{Walk: Named(name)})
		if len(want) == 0 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, with all MIBs parsed %v", name, got, want)
		}
	}
}
