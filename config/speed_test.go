package config

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"trapline/internal/corpus"
)

// generated writes the output of snmp_exporter's generator to where Load finds it.
func generated(t testing.TB, dir string) string {
	t.Helper()
	return write(t, "snmp.yml", corpus.Text(t, filepath.Join(dir, "snmp_exporter.yml")))
}

// shipped is the file that snmp_exporter ships with.
func shipped(t testing.TB) string { return generated(t, corpus.Large(t, "conformance")) }

func TestTheFileOfSNMPExporterLoads(t *testing.T) {
	corpus.Each(t, "conformance", testFileOfSNMPExporter)
}

func testFileOfSNMPExporter(t *testing.T, dir string) {
	c := load(t, generated(t, dir))
	metrics := 0
	for _, m := range c.Modules {
		metrics += len(m.Metrics)
	}
	want := "2 auths, 53 modules, 4802 metrics"
	if dir == corpus.Own(t, "conformance") {
		want = "2 auths, 20 modules, 260 metrics"
	}
	if got := fmt.Sprintf("%d auths, %d modules, %d metrics", len(c.Auths), len(c.Modules), metrics); got != want {
		t.Errorf("loads %s: want %s", got, want)
	}
	first := dump(t, c)
	if again := dump(t, load(t, write(t, "dump.yml", first))); again != first {
		t.Error("the dump of its dump differs")
	}
}

func TestOurOwnFileLoads(t *testing.T) {
	c := load(t, "../snmp.yml")
	if c.Auths["public_v2"] == nil || c.Modules["if_mib"] == nil {
		t.Error("the auth and the module that are the defaults are missing")
	}
}

// A small file must not become a big one by way of its aliases, brackets and the like.
func TestBombsAreDefused(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{
			"metrics in modules",
			auths + "modules:\n  m: {walk: [1.3], metrics: &m [" + strings.Repeat("{name: a, oid: 1.3, type: gauge},", 150) + "]}\n" +
				numbered("  m%d: {walk: [1.3], metrics: *m} # after %d\n", 1000),
			"its aliases (*name) expand to far too much",
		},
		{
			"merges of merges",
			ifModule + "auths:\n  a0: &a0 {version: 2}\n" + numbered("  a%d: &a%[1]d {<<: [*a%[2]d, *a%[2]d, *a%[2]d]}\n", 40),
			"its aliases (*name) expand to far too much",
		},
		{
			"merges of merges with a mistake",
			ifModule + "auths:\n  a0: &a0 {version: 9}\n" + numbered("  a%d: &a%[1]d {<<: [*a%[2]d, *a%[2]d, *a%[2]d]}\n", 40) + "  x: {y: z}",
			`unknown key "y" in auths.x`,
		},
		{"brackets", "auths: " + strings.Repeat("[", 100_000), "brackets or lists nested thousands of levels deep"},
		{"lists", "auths:\n  " + strings.Repeat("- ", 100_000), "brackets or lists nested thousands of levels deep"},
		{"deep but legal", auths + ifModule + "targets: " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000), "want an address, or keys such as"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load([]string{write(t, "snmp.yml", test.text)}, Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %.300v: want %s", err, test.want)
			}
		})
	}
}

// numbered repeats a line that is formatted with a number from 1 to n and the one before it.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, format, i, i-1)
	}
	return b.String()
}

// BenchmarkLoad loads the file of snmp_exporter.
func BenchmarkLoad(b *testing.B) { benchmarkLoad(b, shipped(b)) }

// BenchmarkMistakes loads the file of snmp_exporter with an error in each metric.
func BenchmarkMistakes(b *testing.B) {
	file := write(b, "snmp.yml", strings.ReplaceAll(text(b, shipped(b)), "  type: gauge\n", "  type: gauche\n"))
	runtime.GC()
	for b.Loop() {
		if _, err := Load([]string{file}, Options{}); err == nil {
			b.Fatal("loads")
		}
	}
}

// tenTables names ten tables of nine MIBs.
const tenTables = auths + `modules:
  interfaces: {walk: [IF-MIB::ifTable, IF-MIB::ifXTable], lookups: [{source_indexes: [ifIndex], lookup: IF-MIB::ifName}]}
  host: {walk: [HOST-RESOURCES-MIB::hrStorageTable, HOST-RESOURCES-MIB::hrProcessorTable]}
  sensors: {walk: [ENTITY-SENSOR-MIB::entPhySensorTable], lookups: [{source_indexes: [entPhysicalIndex], lookup: ENTITY-MIB::entPhysicalName}]}
  neighbors: {walk: [LLDP-MIB::lldpRemTable, BGP4-MIB::bgpPeerTable, OSPF-MIB::ospfNbrTable]}
  printer: {walk: [Printer-MIB::prtMarkerSuppliesTable]}
  power: {walk: [POWER-ETHERNET-MIB::pethPsePortTable]}
`

// BenchmarkNames loads a configuration of names alone; heap-B is the heap that it retains.
func BenchmarkNames(b *testing.B) { benchmarkLoad(b, write(b, "snmp.yml", tenTables)) }

// BenchmarkUserMIBs reads MIB files of a megabyte, of which nothing but the modules' own texts may stay.
func BenchmarkUserMIBs(b *testing.B) {
	dir := corpus.MIBs(b, corpus.Large(b, "mibs"))
	benchmarkLoad(b, write(b, "snmp.yml", auths+"mibs: {dirs: ["+dir+"/apc, "+dir+"/mikrotik]}\n"+
		"modules: {ups: {walk: [PowerNet-MIB::upsBattery]}, health: {walk: [MIKROTIK-MIB::mtxrHealth]}}\n"))
}

func benchmarkLoad(b *testing.B, file string) {
	b.Helper()
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	var c *Config
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if c, err = Load([]string{file}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before), "heap-B")
	runtime.KeepAlive(c)
}

// seconds is the processor time that f takes, those of the collector of garbage included.
func seconds(b *testing.B, f func() error) float64 {
	b.Helper()
	runtime.GC()
	before := processorTime(b)
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return processorTime(b) - before
}

func processorTime(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
