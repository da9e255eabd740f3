package config

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"trapline/internal/corpus"

	"gopkg.in/yaml.v3"

	"trapline/config/document"
)

// shape writes all of a tree that matters here.
func shape(n *yaml.Node, depth int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%*s%d:%d kind %d %s style %d %q\n", depth, "", n.Line, n.Column, n.Kind, n.ShortTag(), n.Style, n.Value)
	for _, c := range n.Content {
		b.WriteString(shape(c, depth+1))
	}
	return b.String()
}

// asLibrary compares a tree with that of the library. It reports whether the text was read at all.
func asLibrary(t *testing.T, text string) bool {
	t.Helper()
	tree := document.PlainTree(text)
	if tree == nil {
		return false
	}
	var doc yaml.Node
	if err := document.Decode(yaml.NewDecoder(strings.NewReader(text)), &doc); err != nil {
		t.Fatalf("read what is no YAML, %v:\n%.2000s", err, text)
	}
	if got, want := shape(tree, 0), shape(doc.Content[0], 0); got != want {
		t.Fatalf("%.2000s\nis read as\n%.2000s\nthe library has\n%.2000s", text, got, want)
	}
	return true
}

func TestPlainFilesAreReadAsTheLibraryReadsThem(t *testing.T) {
	const scalars = "a: b\nnumbers:\n- 1\n- -1\n- 0x10\n- 1.50\n- 1e3\nwords:\n  - yes\n  - 'no'\n  - \"on\"\n  - ''\n  - \"\"\n  - 2020-01-01\n  - ~x\n" +
		"folded: one\n  two three\n    four\nquoted: 'it''s\n  two: lines # here'\n\"\": x\n'q': \"a\n b\"\nlist:\n- name: x\n  labels: []\n  deep:\n    - a: b\n      c: d\n    - a: e\n" +
		"  more: z\n- name: \u00e4\n"
	if !asLibrary(t, scalars) {
		t.Error("a plain text is not read")
	}
	for _, text := range []string{"", "a", "- a", "a:", "a: b: c", "a: [1]", "a: {b: c}", "a: b # c", "a: |\n x", "a: &x b", "a: *x", "a: !!str b", "a: \"\\n\"", "a: b\n c: d",
		"a: b\n\n  c", "<<: x", "a : b", "a: - b", "a:\n- - b", "? a", "---\na: b", "a: b\n...\n", "%YAML 1.1\n", "a:\tb", "a: b\r\n", "\ufeffa: b", "a: 'b", "a: 'b' c", "a: @b", "a\n: b",
		"a: b\u2028c", "a: b\u0085c", "a:\n  b: c\n d: e", " a: b\nc: d"} {
		if asLibrary(t, text) {
			t.Errorf("%q is read", text)
		}
	}
}

// Whatever happens to a file, it is read as the library reads it, or left to it.
func TestDamagedPlainFiles(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	original := plainSample + text(t, "testdata/wrong/several.yml")
	read := 0
	for range 20_000 {
		b := []byte(plainSample)
		if r.IntN(2) == 0 {
			b = []byte(original)
		}
		for range 1 + r.IntN(3) {
			at := r.IntN(len(b))
			switch r.IntN(4) {
			case 0:
				b[at] = "\n :-'\"#[]{}&*!|>%@`,?~<x1\\\t\xc3"[r.IntN(28)]
			case 1:
				b = append(b[:at], b[min(len(b), at+1+r.IntN(8)):]...)
			case 2:
				b = append(b[:at], append([]byte("\n :-'\"#"[r.IntN(8):]), b[at:]...)...)
			case 3:
				from := r.IntN(len(b))
				b = append(b[:at:at], b[min(from, at):]...)
			}
			if len(b) == 0 {
				b = []byte("a")
			}
		}
		if asLibrary(t, string(b)) {
			read++
		}
	}
	if read < 1000 {
		t.Errorf("only %d of the damaged texts are read at all", read)
	}
}

const plainSample = `# A comment.
auths:
  public_v2:
    version: 2
    community: 'a ''quoted'' one'
modules:
  m:
    walk:
    - 1.3.6.1.2.1.2
    metrics:
    - name: ifMtu
      oid: 1.3.6.1.2.1.2.2.1.4
      type: gauge
      help: The size of the largest packet
        that can be sent - 1.3.6
      indexes:
      - labelname: ifIndex
        type: gauge
      lookups:
      - labels: []
        labelname: "x"
      enum_values:
        1: up
        2: "down"
`

// PlainTree reads a file of snmp_exporter's generator, with the same result as the library.
func TestTheFileOfSNMPExporterIsPlain(t *testing.T) { corpus.Each(t, "conformance", testFileIsPlain) }

func testFileIsPlain(t *testing.T, dir string) {
	raw, err := os.ReadFile(generated(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if !asLibrary(t, string(raw)) {
		t.Error("it is left to the library")
	}
	if s := document.NewSource[Config]("snmp.yml", &dialect); !s.ParsePlain(raw) {
		t.Error("its keys do not fit")
	}
}

func FuzzPlain(f *testing.F) {
	f.Add(plainSample)
	for _, file := range matching(f, "testdata/*/*.yml") {
		f.Add(text(f, file))
	}
	f.Fuzz(func(t *testing.T, text string) { asLibrary(t, text) })
}

// BenchmarkLoadRatio compares Load of the file of snmp_exporter with a strict decoder of structs, as in
// snmp_exporter.
func BenchmarkLoadRatio(b *testing.B) {
	file := shipped(b)
	raw, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	var ours, theirs float64
	for b.Loop() {
		ours += seconds(b, func() error { _, err := Load([]string{file}, Options{}); return err })
		theirs += seconds(b, func() error {
			d := yaml.NewDecoder(strings.NewReader(string(raw)))
			d.KnownFields(true)
			return d.Decode(new(exporterFile))
		})
	}
	b.ReportMetric(ours/theirs, "x/unmarshalling")
}

// exporterFile is how snmp_exporter declares its file.
type exporterFile struct {
	Version int                       `yaml:"version"`
	Auths   map[string]map[string]any `yaml:"auths"`
	Modules map[string]*struct {
		Walk, Get []string
		Metrics   []*struct {
			Name, OID, Type, Help string
			Indexes               []*struct {
				Labelname, Type string
				FixedSize       int            `yaml:"fixed_size"`
				Implied         bool           `yaml:"implied"`
				EnumValues      map[int]string `yaml:"enum_values"`
			}
			Lookups []*struct {
				Labels               []string
				Labelname, OID, Type string
				EnumValues           map[int]string `yaml:"enum_values"`
			}
			RegexExtracts   map[string][]struct{ Value, Regex string } `yaml:"regex_extracts"`
			DateTimePattern string                                     `yaml:"datetime_pattern"`
			EnumValues      map[int]string                             `yaml:"enum_values"`
			Offset, Scale   float64
		}
		MaxRepetitions uint32 `yaml:"max_repetitions"`
		Retries        *int
		Timeout        string
	}
}
