package mibs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"trapline/internal/corpus"
	"trapline/mibs/smi"
)

// texts are modules in memory, by name.
type texts map[string]string

func (s texts) Names() (names []string) {
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s texts) Mentioning(string) []string { return s.Names() }

func (s texts) open() reader { return s }

func (s texts) read(name string) (*smi.Module, []smi.Diagnostic, error) {
	text, known := s[name]
	if !known {
		return nil, nil, nil
	}
	modules, diagnostics := new(smi.Parser).Parse(name+".mib", text)
	for _, m := range modules {
		if m.Name == name {
			return m, diagnostics, nil
		}
	}
	return nil, diagnostics, nil
}

// deviations each put one mistake into a MIB, at a place that the random numbers choose. They return
// the text as it was if there is no such place.
var deviations = []struct {
	name string
	put  func(text string, r *rand.Rand) string
}{
	{"; missing after IMPORTS", func(s string, _ *rand.Rand) string {
		return regexp.MustCompile(`(?s)(IMPORTS[^;]*);`).ReplaceAllString(s, "$1")
	}},
	{"comma missing between labels", replaceOne(`(\(\d+\)),(\s*[a-z])`, "$1 $2")},
	{"comma too many behind labels", replaceOne(`(\(\d+\))(\s*\})`, "$1,$2")},
	{"five dashes", replaceOne(`\n(\s*\w+\s+OBJECT-TYPE)`, "\n----- a line of its own -----\n$1")},
	{"DESCRIPTION missing", replaceOne(`DESCRIPTION\s+"[^"]*"(\s*(?:::=|INDEX))`, "$1")},
	{"comma missing in SEQUENCE", replaceOne(`(?m)^(\s*[a-z]\w*\s+[A-Z]\w+),[ \t]*$`, "$1")},
	{"label begins with a digit", replaceOne(`([{,]\s*)([a-z]\w*)(\s*\(\d+\)[,\s])`, "${1}8z$2$3")},
	{"import missing", replaceOne(`\b(Integer32|Counter32|Gauge32|DisplayString|TruthValue|enterprises|MacAddress),`, "")},
	{"stray text between objects", replaceOne(`\n(\s*\w+\s+OBJECT-TYPE)`, "\nthis was, left; (here)\n$1")},
	{"stray number and brace", replaceOne(`\n(\s*\w+\s+OBJECT-TYPE)`, "\n} 12 }\n$1")},
	{"closing quotation mark missing", replaceOne(`(DESCRIPTION\s+"[^"]*)"`, "$1")},
	{"opening quotation mark missing", replaceOne(`(DESCRIPTION\s+)"`, "$1")},
	{"quotation marks in a text", replaceOne(`(DESCRIPTION\s+"[^"]*) `, `$1 "so called" `)},
	{"one quotation mark in a text", replaceOne(`(DESCRIPTION\s+"[^"]*) `, `$1 19" `)},
	{"closing } of labels missing", replaceOne(`(\(\d+\)\s*)\}(\s*(?:MAX-)?ACCESS)`, "$1$2")},
	{"closing } of an OID missing", replaceOne(`(::=\s*\{\s*\w+\s+\d+\s*)\}`, "$1")},
	{"STATUS before MAX-ACCESS", replaceOne(`((?:MAX-)?ACCESS\s+[\w-]+)(\s+)(STATUS\s+\w+)`, "$3$2$1")},
	{"MAX-ACCESS missing", replaceOne(`(?:MAX-)?ACCESS\s+[\w-]+`, "")},
	{"STATUS missing", replaceOne(`STATUS\s+\w+`, "")},
	{"(0..MAX)", replaceOne(`SYNTAX(\s+)(Integer32|INTEGER|Unsigned32|Gauge32)(\s+(?:MAX-)?ACCESS)`, "SYNTAX$1$2 (0..MAX)$3")},
	{"leading zeros in a range", replaceOne(`\((\d+)\.\.`, "(00$1..")},
	{"DEFVAL of nonsense", replaceOne(`(STATUS\s+\w+)`, "$1 DEFVAL { 0.0 }")},
	{"unknown clause", replaceOne(`(STATUS\s+\w+)`, "$1 IMPORTANCE high")},
	{"END in the midst", replaceOne(`\n(\s*\w+\s+OBJECT-TYPE)`, "\nEND\n$1")},
	{"END missing", replaceOne(`END\s*$`, "")},
	{"byte order mark", func(s string, _ *rand.Rand) string { return "\xef\xbb\xbf" + s }},
	{"lines that end with CR", func(s string, _ *rand.Rand) string {
		return strings.ReplaceAll(strings.ReplaceAll(s, "\r", ""), "\n", "\r")
	}},
	{"control characters", replaceOne(`\n(\s*\w+\s+OBJECT-TYPE)`, "\x00\x1a\n$1")},
}

// replaceOne replaces one match of pattern.
func replaceOne(pattern, with string) func(string, *rand.Rand) string {
	expression := regexp.MustCompile(pattern)
	return func(s string, r *rand.Rand) string {
		found := expression.FindAllStringSubmatchIndex(s, -1)
		if len(found) == 0 {
			return s
		}
		at := found[r.IntN(len(found))]
		return s[:at[0]] + string(expression.ExpandString(nil, with, s, at)) + s[at[1]:]
	}
}

// clean chooses modules that need no tolerance, those of vendors first, and returns their texts.
func clean(t *testing.T, d *Directories, r *rand.Rand, count int) (names []string, text map[string]string) {
	t.Helper()
	text = map[string]string{}
	all := d.Names()
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	standard := func(name string) int {
		return min(1, strings.Count(d.choose(name).path, "/rfc/")+strings.Count(d.choose(name).path, "/net-snmp/"))
	}
	slices.SortStableFunc(all, func(a, b string) int { return standard(a) - standard(b) })
	for _, name := range all {
		file := d.choose(name).path
		tree, err := Load([]string{name}, d)
		if err != nil {
			t.Fatal(err)
		}
		objects := 0
		for n := range tree.All() {
			if n.Module == name && n.Syntax.Type != smi.Other && len(n.Syntax.Labels) > 0 {
				objects++
			}
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(tree.Diagnostics(), func(d smi.Diagnostic) bool { return d.Skipped }) || objects < 5 || len(content) > 100_000 {
			continue
		}
		names = append(names, name)
		text[name] = string(content)
		if len(names) == count {
			break
		}
	}
	return names, text
}

// outcome returns the fields of the objects of a module that a deviation must not change.
func outcome(t *testing.T, module string, sources ...Source) map[string]string {
	t.Helper()
	tree, err := Load([]string{module}, sources...)
	objects := map[string]string{}
	if err != nil {
		return objects
	}
	for n := range tree.All() {
		if n.Module == module && (n.Syntax.Type != smi.Other || n.Kind == smi.Row) {
			// One of the deviations puts 8z before a label.
			labels := strings.ReplaceAll(labelText(n), "=8z", "=")
			objects[n.Name] = fmt.Sprint(n.OID, n.Syntax.Type, labels, n.Syntax.Hint, n.Units, indexText(n))
		}
	}
	return objects
}

func TestOneDeviationCostsLittle(t *testing.T) { corpus.Each(t, "mibs", testOneDeviationCostsLittle) }

func testOneDeviationCostsLittle(t *testing.T, dir string) {
	d, err := OpenDirectories(corpus.MIBs(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 6))
	names, text := clean(t, d, r, 12)
	want := map[string]map[string]string{}
	for _, name := range names {
		want[name] = outcome(t, name, d)
	}
	for _, deviation := range deviations {
		total, kept, files := 0, 0, 0
		for _, name := range names {
			for range 5 {
				damaged := deviation.put(text[name], r)
				if damaged == text[name] {
					continue
				}
				files++
				got := outcome(t, name, texts{name: damaged}, d)
				for object, facts := range want[name] {
					total++
					if got[object] == facts {
						kept++
					}
				}
			}
		}
		share := 100 * float64(kept) / float64(total)
		t.Logf("%-35s %5.1f %% of %d objects in %d files", deviation.name, share, total, files)
		if files == 0 || share < 98 {
			t.Errorf("%s: %.1f %% of the objects survive in %d files", deviation.name, share, files)
		}
	}
}

// MIB_DAMAGED says how many files to damage at random; each must be read, whatever comes of it.
func TestRandomDamageIsRead(t *testing.T) { corpus.Each(t, "mibs", testRandomDamageIsRead) }

func testRandomDamageIsRead(t *testing.T, dir string) {
	count := 2000
	if s := os.Getenv("MIB_DAMAGED"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	d, err := OpenDirectories(corpus.MIBs(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	var originals []string
	for _, name := range d.Names() {
		content, err := os.ReadFile(d.choose(name).path)
		if err != nil {
			t.Fatal(err)
		}
		if len(content) < 200_000 {
			originals = append(originals, string(content))
		}
	}
	r := rand.New(rand.NewPCG(2, 6))
	var worst time.Duration
	for range count {
		text := damage(originals[r.IntN(len(originals))], r)
		start := time.Now()
		if names := smi.ModuleNames([]byte(text)); len(names) > 0 {
			if _, err := Load(names[:1], texts{names[0]: text}); err != nil {
				continue // the name was damaged
			}
		}
		worst = max(worst, time.Since(start))
	}
	t.Logf("%d files, the slowest took %v", count, worst)
}

// damage changes, deletes, doubles and moves octets.
func damage(text string, r *rand.Rand) string {
	b := []byte(text)
	for range 1 + r.IntN(30) {
		if len(b) < 2 {
			break
		}
		at := r.IntN(len(b))
		end := min(len(b), at+1+r.IntN(40))
		switch r.IntN(5) {
		case 0:
			b[at] = byte(r.IntN(256))
		case 1:
			b[at] = "{}()\"'-:=;,. \n"[r.IntN(14)]
		case 2:
			b = slices.Delete(b, at, end)
		case 3:
			b = slices.Insert(b, r.IntN(len(b)), b[at:end]...)
		case 4:
			b = b[:len(b)-r.IntN(len(b)/20+1)]
		}
	}
	return string(b)
}
