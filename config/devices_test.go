package config

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/internal/doctest"
	"trapline/internal/measure"
	"trapline/profiles"
)

// vendorRow is a line of the list of vendors.
type vendorRow struct {
	families         []string
	modules, measure int
	metrics          map[string]int
}

// TestReferenceOfDevices compares docs/reference/devices.md with the built-in profiles.
func TestReferenceOfDevices(t *testing.T) {
	files, err := profiles.Files(os.DirFS("../profiles"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]*vendorRow{}
	total := vendorRow{}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		title := titleOf(path.Dir(file), files[file])
		if rows[title] == nil {
			rows[title] = &vendorRow{metrics: map[string]int{}}
		}
		row := rows[title]
		row.families = append(row.families, strings.TrimSuffix(path.Base(file), ".yml"))
		if err := row.add(files[file]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	var b bytes.Buffer
	var table strings.Builder
	for _, title := range slices.SortedFunc(maps.Keys(rows), func(x, y string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(x), strings.ToLower(y)), cmp.Compare(x, y))
	}) {
		row := rows[title]
		total.modules, total.measure = total.modules+row.modules, total.measure+row.measure
		fmt.Fprintf(&table, "| %s | %s | %d | %d | %s |\n", title, strings.Join(row.families, ", "), row.modules, row.measure, row.most())
	}
	fmt.Fprintf(&b, "# Vendors\n\nMade by `make docs` from the built-in profiles: %d modules of %d vendors, with %d measures. A module is for a MIB: it serves each\n"+
		"device that has one of its objects. How to add one: [Devices](../devices.md).\n\n| vendor | families | modules | measures | of which, most |\n|---|---|---|---|---|\n%s",
		total.modules, len(rows), total.measure, table.String())
	doctest.Compare(t, "../docs/reference/devices.md", b.Bytes(), nil)
}

// titleOf is the name of the vendor in the first line of a file, or the directory's.
func titleOf(dir string, text []byte) string {
	first, _, _ := strings.Cut(string(text), "\n")
	first, _, _ = strings.Cut(first, ":")
	if title, named := strings.CutPrefix(first, "# Measures of "); named {
		return title
	}
	if dir == "standard" {
		return "all: standard MIBs"
	}
	return dir
}

// add counts the modules and measures of a file.
func (r *vendorRow) add(text []byte) error {
	var file struct {
		Modules map[string]struct{ Measures []measure.Settings }
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return err
	}
	for _, m := range file.Modules {
		r.modules++
		r.measure += len(m.Measures)
		for i := range m.Measures {
			s := &m.Measures[i]
			names := map[string]bool{s.Metric: true}
			for _, byValue := range s.By {
				names = map[string]bool{}
				for _, name := range byValue {
					names[name] = true
				}
			}
			for name := range names {
				r.metrics[name]++
			}
		}
	}
	return nil
}

// most are the metrics with the most measures.
func (r *vendorRow) most() string {
	names := slices.SortedFunc(maps.Keys(r.metrics), func(x, y string) int {
		return cmp.Or(cmp.Compare(r.metrics[y], r.metrics[x]), cmp.Compare(x, y))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", strings.TrimPrefix(name, "hw_"), r.metrics[name])
	}
	return strings.Join(names[:min(len(names), 4)], ", ")
}
