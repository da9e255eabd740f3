package mibs

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/internal/peers"
)

// corpus unpacks the MIB files of the test data, and gives their directory.
func corpus(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("MIB_CORPUS"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	f, err := os.Open(peers.Shared(t, "mibs/corpus.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(z)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		path := filepath.Join(dir, filepath.Clean("/"+h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReference(t *testing.T) {
	d, err := OpenDirectories(corpus(t))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := LoadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[string][]string{}
	total := map[string]int{}
	loaded := map[string]bool{}
	for _, m := range tree.Modules() {
		loaded[m.Name] = true
	}
	at := map[string]*Node{}
	for n := range tree.All() {
		if key := n.Module + " " + n.Name + " " + n.OID.String(); at[key] == nil {
			at[key] = n
		}
	}
	for line := range strings.Lines(peers.Gunzip(t, peers.Shared(t, "mibs/reference.tsv.gz"))) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		check := func(field string, counts bool, got, want string) {
			if !counts && got == want {
				return
			}
			total[field]++
			if got != want {
				wrong[field] = append(wrong[field], fmt.Sprintf("%s::%s %s: %q, want %q", f[0], f[1], f[2], got, want))
			}
		}
		if f[1] == "#OK" {
			check("module", true, fmt.Sprint(loaded[f[0]]), "true")
			continue
		}
		n := at[f[0]+" "+f[1]+" "+f[2]]
		check("oid", true, fmt.Sprint(n != nil), "true")
		if n == nil {
			continue
		}
		check("type", true, class(n), f[3])
		check("access", true, referenceAccess[n.Access], f[4])
		check("tc", f[5] != "", n.TC, f[5])
		check("hint", f[7] != "", n.Hint, f[7])
		check("units", f[8] != "", n.Units, f[8])
		check("labels", f[9] != "", labelText(n), f[9])
		index := indexText(n)
		if n.Augments != "" {
			index = ""
		}
		check("index", f[10] != "", index, f[10])
		check("augments", f[11] != "", n.Augments, f[11])
	}
	for _, d := range tree.Diagnostics() {
		wrong["diagnostics"] = append(wrong["diagnostics"], d.String())
	}
	for field, lines := range wrong {
		os.WriteFile("/tmp/mibs-wrong-"+field, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
	}
	for field, n := range total {
		t.Logf("%s: %d of %d, %.3f %%", field, n-len(wrong[field]), n, 100-100*float64(len(wrong[field]))/float64(n))
	}
}

var referenceAccess = []string{"", "NOACCESS", "NOTIFY", "READONLY", "READWRITE", "CREATE", "WRITEONLY", ""}

var referenceTypes = []string{"OTHER", "INTEGER", "INTEGER32", "UNSIGNED32", "GAUGE", "COUNTER", "COUNTER64", "TIMETICKS",
	"OCTETSTR", "OBJID", "BITSTRING", "IPADDR", "NETADDR", "OPAQUE", "NSAPADDR", "UINTEGER"}

func class(n *Node) string {
	switch n.Kind {
	case Notification:
		return "NOTIFTYPE"
	case Identity:
		return "MODID"
	case ObjectIdentity:
		return "OBJIDENTITY"
	case ObjectGroup:
		return "OBJGROUP"
	case NotificationGroup:
		return "NOTIFGROUP"
	case Compliance:
		return "MODCOMP"
	case Capabilities:
		return "AGENTCAP"
	}
	return referenceTypes[n.Type]
}

func labelText(n *Node) string {
	labels := slices.Clone(n.Labels)
	slices.SortStableFunc(labels, func(a, b Label) int { return int(a.Number - b.Number) })
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
