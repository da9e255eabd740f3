package mibs

import (
	"fmt"
	"hash/maphash"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"trapline/internal/corpus"
	"trapline/internal/peers"
	"trapline/mibs/smi"
)

// factTexts are facts in memory, by the name of their module.
type factTexts map[string][]byte

func (s factTexts) Names() []string { return nil }

func (s factTexts) Mentioning(string) []string { return nil }

func (s factTexts) open() reader { return s }

func (s factTexts) read(name string) (*smi.Module, []smi.Diagnostic, error) {
	text, known := s[name]
	if !known {
		return nil, nil, nil
	}
	m, err := readFacts(string(text))
	return m, nil, err
}

// allFields returns the fields of a node that facts keep.
func allFields(n *Node) string {
	objects := make([]string, 0, len(n.Objects))
	for _, o := range n.Objects {
		objects = append(objects, o.Module+"::"+o.Name)
	}
	row := ""
	if n.Row != nil {
		row = n.Row.Name
	}
	index := indexText(n)
	for _, p := range n.Index {
		if p.Node != nil {
			index += " " + p.Node.Module
		}
	}
	status := n.Status
	if n.Kind > smi.Column {
		status = smi.NoStatus
	}
	return fmt.Sprint(n.Module, "::", n.Name, " ", n.OID, n.Kind, n.Access, status, n.Syntax.Type, n.Syntax.TC, n.Syntax.Hint, labelText(n), n.Syntax.Ranges,
		unitsFact(n.Units), index, n.Augments, row, objects)
}

// nodeSet returns the fields of all nodes; of a name that a module defines twice, those of the last.
func nodeSet(tree *Tree) (set []string) {
	for n := range tree.All() {
		if tree.Node(n.Module, n.Name) == n && !base[n.Module] {
			set = append(set, allFields(n))
		}
	}
	slices.Sort(set)
	return set
}

func TestFactsSayAllThatTheFilesDo(t *testing.T) {
	corpus.Each(t, "mibs", testFactsSayAllThatTheFilesDo)
}

func testFactsSayAllThatTheFilesDo(t *testing.T, dir string) {
	d, err := OpenDirectories(corpus.MIBs(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	fromFiles, err := LoadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	written, err := WriteFacts(d.Names(), d)
	if err != nil {
		t.Fatal(err)
	}
	fromFacts, err := Load(d.Names(), factTexts(written))
	if err != nil {
		t.Fatal(err)
	}
	want, got := nodeSet(fromFiles), nodeSet(fromFacts)
	if len(want) != len(got) {
		t.Errorf("%d nodes of files became %d nodes of facts", len(want), len(got))
	}
	differences := 0
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			if differences++; differences < 10 {
				t.Errorf("file:  %s\nfacts: %s", want[i], got[i])
			}
		}
	}
}

// The facts that lie here are those of the MIB files, as the command build writes them.
func TestEmbeddedFactsAreThoseOfTheFiles(t *testing.T) {
	corpus.Each(t, "mibs", testEmbeddedFactsAreThoseOfTheFiles)
}

// byHand is a module whose facts are written by hand: the corpora lack its file.
const byHand = "CISCO-ENTITY-SENSOR-MIB"

func testEmbeddedFactsAreThoseOfTheFiles(t *testing.T, dir string) {
	d, err := OpenDirectories(corpus.MIBs(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	names := slices.DeleteFunc(slices.Clone(Embedded().Names()), func(name string) bool { return name == byHand })
	written, err := WriteFacts(names, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		embedded, err := facts().text(name)
		if err != nil {
			t.Fatal(err)
		}
		if !base[name] && string(written[name]) != string(embedded) {
			t.Errorf("facts/%s.tsv is not what its file says", name)
		}
	}
}

// The facts of Net-SNMP's own modules are among those of the files that Net-SNMP comes with, which may be newer.
func TestFactsOfNetSNMPAreThoseOfItsFiles(t *testing.T) {
	peers.Require(t, "snmptranslate", "snmp")
	const dir = "/usr/share/snmp/mibs" // of Debian's libsnmp-base
	d, err := OpenDirectories(dir, filepath.Join(corpus.MIBs(t, corpus.Own(t, "mibs")), "rfc"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, name := range Embedded().Names() {
		if !strings.HasPrefix(d.choose(name).path, dir) {
			continue
		}
		written, err := WriteFacts([]string{name}, d)
		if err != nil {
			t.Fatal(err)
		}
		embedded, err := facts().text(name)
		if err != nil {
			t.Fatal(err)
		}
		said := slices.Collect(strings.Lines(string(written[name])))
		for line := range strings.Lines(string(embedded)) {
			if compared++; !strings.HasPrefix(line, "m\t") && !slices.Contains(said, line) {
				t.Errorf("facts/%s.tsv has %q, and not %s", name, line, d.choose(name).path)
			}
		}
	}
	if compared < 400 {
		t.Errorf("%d facts are in %s", compared, dir)
	}
}

func TestEmbeddedFactsAreComplete(t *testing.T) {
	tree, err := LoadAll(Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range tree.Diagnostics() {
		t.Error(d)
	}
	if n := len(tree.Modules()); n < 100 {
		t.Errorf("there are facts about %d modules", n)
	}
}

// factFields matches the fields of facts: a name, a place, a syntax, a hint, a date, a list of names, a short
// unit. None of these has the form of a sentence.
var factFields = regexp.MustCompile(`^(?:[!+.\w-]+(?: !?[\w-]+)*` +
	`|[\w-]*(?:\{[^ {}]*\})?(?:\([-0-9.|]*\))?|\*|#` +
	`|(?:\*?\d*[dxoat][^\w]?[^\w]?)*|d-\d+` +
	`|\S+(?: \S+){0,3})$`)

func TestFactsHaveNoProse(t *testing.T) {
	for _, name := range Embedded().Names() {
		text, err := facts().text(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			for i, field := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
				if !factFields.MatchString(field) || i == 4 && unitsFact(field) != field {
					t.Errorf("%s: %q is no fact", name, field)
				}
			}
		}
	}
}

// proseWords is how many words in a row make a text one that is copied.
const proseWords = 5

// copied finds the first run of words in text that a description has too.
func copied(text string, descriptions map[uint64]bool, seed maphash.Seed) string {
	for line := range strings.Lines(text) {
		for field := range strings.SplitSeq(line, "\t") {
			words := strings.Fields(field)
			for i := range len(words) - proseWords + 1 {
				if run := strings.Join(words[i:i+proseWords], " "); descriptions[maphash.String(seed, run)] {
					return run
				}
			}
		}
	}
	return ""
}

func TestNoDescriptionIsEmbedded(t *testing.T) { corpus.Each(t, "mibs", testNoDescriptionIsEmbedded) }

func testNoDescriptionIsEmbedded(t *testing.T, dir string) {
	d, err := OpenDirectories(corpus.MIBs(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := LoadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	seed := maphash.MakeSeed()
	descriptions := map[uint64]bool{}
	for n := range tree.All() {
		words := strings.Fields(n.Description)
		for i := range len(words) - proseWords + 1 {
			descriptions[maphash.String(seed, strings.Join(words[i:i+proseWords], " "))] = true
		}
	}
	ifMTU := tree.Node("IF-MIB", "ifMtu").Help()
	if copied("or\tifMtu\t.4\tInteger32\t"+ifMTU, descriptions, seed) == "" {
		t.Fatalf("the sentence %q is not found where it is put", ifMTU)
	}
	for _, name := range Embedded().Names() {
		text, err := facts().text(name)
		if err != nil {
			t.Fatal(err)
		}
		if run := copied(string(text), descriptions, seed); run != "" {
			t.Errorf("facts/%s.tsv has %q, as a description has", name, run)
		}
	}
	facts, err := LoadAll(Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for n := range facts.All() {
		if run := copied(n.Help(), descriptions, seed); n.Description != "" || run != "" {
			t.Errorf("the help of %s::%s is %q", n.Module, n.Name, n.Help())
		}
	}
}

// BenchmarkEmbedded makes a tree of all embedded facts.
// A module that is not mentioned says nothing about the name.
func TestNamesAreMentionedWhereTheyAreDefined(t *testing.T) {
	all, err := LoadAll(Embedded())
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for n := range all.All() {
		if i++; i%7 > 0 {
			continue // some are enough
		}
		if mentioned := Embedded().Mentioning(n.Name); !slices.Contains(mentioned, n.Module) {
			t.Errorf("%s::%s: mentioned in %v", n.Module, n.Name, mentioned)
		}
	}
}

// BenchmarkBareName is how long it takes to know a name that no module was given with, from nothing.
func BenchmarkBareName(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		tree, err := Load(Embedded().Mentioning("upsBatteryStatus"), Embedded())
		if err != nil {
			b.Fatal(err)
		}
		if nodes := tree.Named("upsBatteryStatus"); len(nodes) != 1 {
			b.Fatalf("%d nodes", len(nodes))
		}
	}
}

// BenchmarkEmbedded is how long it takes to know all names and OIDs.
func BenchmarkEmbedded(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := LoadAll(Embedded()); err != nil {
			b.Fatal(err)
		}
	}
}

// tenTables are modules that a usual configuration names.
var tenTables = []string{"IF-MIB", "HOST-RESOURCES-MIB", "ENTITY-MIB", "ENTITY-SENSOR-MIB", "LLDP-MIB", "IP-MIB", "TCP-MIB",
	"BRIDGE-MIB", "Q-BRIDGE-MIB", "UCD-SNMP-MIB"}

// BenchmarkTenTables reports the heap size of the tree of a usual configuration.
func BenchmarkTenTables(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var before, after uint64
	for b.Loop() {
		before = heap()
		tree, err := Load(tenTables, Embedded())
		if err != nil {
			b.Fatal(err)
		}
		after = heap()
		runtime.KeepAlive(tree)
	}
	b.ReportMetric(float64(int64(after)-int64(before))/1e6, "heap-MB")
}
