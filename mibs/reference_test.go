package mibs

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/internal/corpus"
	"trapline/mibs/smi"
)

// bars are the shares of the nodes in the reference that must be equal to it, without the intended
// differences.
var bars = map[string]float64{
	"module": 1, "oid": .999, "type": .999, "index": .999, "augments": .999, "access": .999, "tc": .999,
	"labels": .998, "hint": .998, "units": .998,
}

// differences.tsv, beside the reference or in testdata, says where the tree is meant to differ from Net-SNMP's, and why.
func TestTreeIsNetSNMPs(t *testing.T) { corpus.Each(t, "mibs", testTreeIsNetSNMPs) }

func testTreeIsNetSNMPs(t *testing.T, dir string) {
	d, err := OpenDirectories(corpus.MIBs(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := LoadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	differences := readDifferences(t, dir)
	total, wrong := map[string]int{}, map[string]int{}
	for _, f := range compareReference(t, tree, dir) {
		total[f.name]++
		if f.got == f.want {
			continue
		}
		intended := slices.IndexFunc(differences, func(d *difference) bool { return d.explains(f) })
		if intended >= 0 {
			differences[intended].used++
			continue
		}
		if wrong[f.name]++; wrong[f.name] <= 20 {
			t.Logf("%s of %s: %q, Net-SNMP has %q", f.name, f.where, f.got, f.want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(bars)) {
		share := 1 - float64(wrong[name])/float64(total[name])
		t.Logf("%s: %d of %d, %.3f %%", name, total[name]-wrong[name], total[name], 100*share)
		if share < bars[name] {
			t.Errorf("%s: %.3f %% is below %.3f %%", name, 100*share, 100*bars[name])
		}
	}
	for _, d := range differences {
		if d.used == 0 {
			t.Errorf("differences.tsv: no difference is a case of %s %s %q %q", d.field, d.where, d.got, d.want)
		}
	}
}

// difference is a line of differences.tsv. Its parts are patterns, as path.Match has them.
type difference struct {
	field, where, got, want string
	used                    int
}

func readDifferences(t *testing.T, dir string) (differences []*difference) {
	t.Helper()
	file := filepath.Join(dir, "differences.tsv")
	if _, err := os.Stat(file); err != nil {
		file = "testdata/differences.tsv"
	}
	for line := range strings.Lines(corpus.Text(t, file)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(f) != 5 || f[4] == "" {
			t.Fatalf("%s: %q has not field, node, ours, Net-SNMP's and reason", file, line)
		}
		differences = append(differences, &difference{field: f[0], where: f[1], got: f[2], want: f[3]})
	}
	return differences
}

func (d *difference) explains(f fact) bool {
	for _, m := range [][2]string{{d.field, f.name}, {d.where, f.where}, {d.got, f.got}, {d.want, f.want}} {
		if ok, err := path.Match(m[0], m[1]); !ok || err != nil {
			return false
		}
	}
	return true
}

// fact is one field of one node, in the words of the reference.
type fact struct{ name, where, got, want string }

// compareReference returns the fields of all nodes in the reference that either side fills.
func compareReference(t *testing.T, tree *Tree, dir string) (facts []fact) {
	t.Helper()
	nodes := map[string]*Node{}
	for n := range tree.All() {
		key := n.Module + "::" + n.Name + " " + n.OID.String()
		if nodes[key] == nil {
			nodes[key] = n
		}
	}
	reference := corpus.Text(t, filepath.Join(dir, "reference.tsv"))
	if odd := filepath.Join(dir, "odd.tsv"); dir == corpus.Own(t, "mibs") {
		reference += corpus.Text(t, odd) // by hand, of files that Net-SNMP cannot read
	}
	for line := range strings.Lines(reference) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		where := f[0] + "::" + f[1]
		if f[1] == "#OK" {
			_, loaded := tree.ranks[f[0]]
			facts = append(facts, fact{"module", f[0], fmt.Sprint(loaded), "true"})
			continue
		}
		n := nodes[where+" "+f[2]]
		facts = append(facts, fact{"oid", where, fmt.Sprint(n != nil), "true"})
		if n == nil {
			continue
		}
		index := indexText(n)
		if n.Augments != "" {
			index = ""
		}
		for _, field := range []fact{
			{"type", where, class(n), f[3]},
			{"access", where, referenceAccess[n.Access], f[4]},
			{"tc", where, n.Syntax.TC, f[5]},
			{"hint", where, n.Syntax.Hint, f[7]},
			{"units", where, n.Units, strings.Join(strings.Fields(f[8]), " ")},
			{"labels", where, labelText(n), f[9]},
			{"index", where, index, f[10]},
			{"augments", where, n.Augments, f[11]},
		} {
			if field.got != "" || field.want != "" {
				facts = append(facts, field)
			}
		}
	}
	return facts
}

var referenceAccess = []string{"", "NOACCESS", "NOTIFY", "READONLY", "READWRITE", "CREATE", "WRITEONLY", ""}

var referenceTypes = []string{"OTHER", "INTEGER", "INTEGER32", "UNSIGNED32", "GAUGE", "COUNTER", "COUNTER64", "TIMETICKS",
	"OCTETSTR", "OBJID", "BITSTRING", "IPADDR", "NETADDR", "OPAQUE", "NSAPADDR", "UINTEGER"}

func class(n *Node) string {
	switch n.Kind {
	case smi.Notification:
		return "NOTIFTYPE"
	case smi.Identity:
		return "MODID"
	case smi.ObjectIdentity:
		return "OBJIDENTITY"
	case smi.ObjectGroup:
		return "OBJGROUP"
	case smi.NotificationGroup:
		return "NOTIFGROUP"
	case smi.Compliance:
		return "MODCOMP"
	case smi.Capabilities:
		return "AGENTCAP"
	}
	return referenceTypes[n.Syntax.Type]
}

func labelText(n *Node) string {
	labels := slices.Clone(n.Syntax.Labels)
	slices.SortStableFunc(labels, func(a, b smi.Label) int { return int(a.Number - b.Number) })
	var text []string
	for _, l := range labels {
		text = append(text, fmt.Sprintf("%d=%s", l.Number, l.Name))
	}
	return strings.Join(text, ",")
}

func indexText(n *Node) string {
	var text []string
	for _, p := range n.Index {
		if p.Implied {
			p.Name = "!" + p.Name
		}
		text = append(text, p.Name)
	}
	return strings.Join(text, ",")
}
