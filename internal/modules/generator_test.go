package modules

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/collector"
	"trapline/internal/corpus"
	"trapline/internal/setting"
)

// file is the part of a configuration that the test uses.
type file[M any] struct {
	Version int          `yaml:"version"`
	Auths   any          `yaml:"auths"`
	Modules map[string]M `yaml:"modules"`
}

func read[M any](t testing.TB, path string) map[string]M {
	t.Helper()
	var f file[M]
	if err := yaml.Unmarshal([]byte(corpus.Text(t, path)), &f); err != nil {
		t.Fatal(err)
	}
	return f.Modules
}

// TestModulesAreTheGenerators compiles the modules of snmp_exporter's generator.yml and compares
// them with the generator's output. A file lists the intended differences with their reasons.
func TestModulesAreTheGenerators(t *testing.T) { corpus.Each(t, "mibs", testModulesAreTheGenerators) }

func testModulesAreTheGenerators(t *testing.T, dir string) {
	generator := read[*Settings](t, filepath.Join(dir, "snmp_exporter-generator.yml"))
	wanted := read[*collector.Settings](t, filepath.Join(dir, "..", "conformance", "snmp_exporter.yml"))
	library, err := NewLibrary([]string{corpus.MIBs(t, dir)})
	if err != nil {
		t.Fatal(err)
	}
	library = library.Merged()
	known := readDifferences(t, dir)
	modules, metrics := 0, 0
	for _, name := range slices.Sorted(maps.Keys(generator)) {
		got, problems := library.Compile(generator[name])
		if len(problems) > 0 {
			known.explain(t, name, "module", "", fmt.Sprint(problems[0].Text))
			continue
		}
		modules++
		metrics += len(got.Settings.Metrics)
		compareModules(name, got.Settings, wanted[name], func(what, got, want string) { known.explain(t, name, what, want, got) })
	}
	known.tellUnused(t)
	t.Logf("%d modules, %d metrics", modules, metrics)
}

// compareModules reports each difference except help texts, which come from the MIB files.
func compareModules(name string, got, want *collector.Settings, differ func(what, got, want string)) {
	compare := func(what, got, want string) {
		if got != want {
			differ(what, got, want)
		}
	}
	compare("walk", oidTexts(got.Walk), oidTexts(want.Walk))
	compare("get", oidTexts(got.Get), oidTexts(want.Get))
	compare("filters", asYAML(got.Filters), asYAML(want.Filters))
	compare("params", asYAML(got.Params), asYAML(want.Params))
	ours, theirs := metricTexts(got), metricTexts(want)
	for oid := range ours {
		compare(oid, ours[oid], theirs[oid])
	}
	for oid := range theirs {
		if _, ok := ours[oid]; !ok {
			compare(oid, "", theirs[oid])
		}
	}
}

func metricTexts(s *collector.Settings) map[string]string {
	texts := map[string]string{}
	for _, m := range s.Metrics {
		m.Help = ""
		texts[m.OID.ObjectID().String()] = asYAML(m)
	}
	return texts
}

func oidTexts(list []setting.OID) string {
	var texts []string
	for _, o := range list {
		texts = append(texts, o.ObjectID().String())
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

func asYAML(v any) string {
	text, err := yaml.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// difference is a line of the file of differences: module, difference, reason. * stands for the
// whole module; "module" for a module whose MIBs are missing.
type difference struct {
	module, what, why string
	used              bool
}

type differences []*difference

func readDifferences(t *testing.T, dir string) differences {
	t.Helper()
	file := filepath.Join("testdata", "differences.tsv")
	if dir == corpus.Own(t, "mibs") {
		file = filepath.Join(dir, "module-differences.tsv")
	}
	var list differences
	for line := range strings.Lines(corpus.Text(t, file)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			t.Fatalf("want module, what and why: %q", line)
		}
		list = append(list, &difference{module: fields[0], what: fields[1], why: fields[2]})
	}
	return list
}

func (d differences) explain(t *testing.T, module, what, want, got string) {
	t.Helper()
	explained := false
	for _, e := range d {
		if e.module == module && (e.what == what || e.what == "*" && what != "module") {
			e.used, explained = true, true
		}
	}
	if !explained {
		t.Errorf("%s\t%s: got\n%swant\n%s", module, what, got, want)
	}
}

func (d differences) tellUnused(t *testing.T) {
	t.Helper()
	for _, e := range d {
		if !e.used {
			t.Errorf("%s\t%s does not differ any more", e.module, e.what)
		}
	}
}
