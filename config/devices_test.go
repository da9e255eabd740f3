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
	title            string
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
		vendor, family := path.Dir(file), strings.TrimSuffix(path.Base(file), ".yml")
		if rows[vendor] == nil {
			rows[vendor] = &vendorRow{title: vendor, metrics: map[string]int{}}
		}
		row := rows[vendor]
		row.families = append(row.families, family)
		if err := row.add(files[file]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	var b bytes.Buffer
	var table strings.Builder
	for _, vendor := range slices.SortedFunc(maps.Keys(rows), func(x, y string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(rows[x].title), strings.ToLower(rows[y].title)), cmp.Compare(x, y))
	}) {
		row := rows[vendor]
		total.modules, total.measure = total.modules+row.modules, total.measure+row.measure
		fmt.Fprintf(&table, "| %s | %s | %d | %d | %s |\n", row.title, strings.Join(row.families, ", "), row.modules, row.measure, row.most())
	}
	fmt.Fprintf(&b, "# Vendors\n\nMade by `make docs` from the built-in profiles: %d modules of %d vendors, with %d measures. A module is for a MIB: it serves each\n"+
		"device that has one of its objects. How to add one: [Devices](../devices.md).\n\n| vendor | families | modules | measures | of which, most |\n|---|---|---|---|---|\n%s",
		total.modules, len(rows), total.measure, table.String())
	doctest.Compare(t, "../docs/reference/devices.md", b.Bytes(), nil)
}

// add counts the modules and measures of a file. Its first line names the vendor.
func (r *vendorRow) add(text []byte) error {
	var file struct {
		Modules map[string]struct{ Measures []measure.Settings }
	}
	if first, _, _ := strings.Cut(string(text), ":"); strings.HasPrefix(first, "# Measures of ") && !strings.Contains(first, "\n") {
		r.title = strings.TrimPrefix(first, "# Measures of ")
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
