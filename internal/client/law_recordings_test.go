package client_test

import (
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"trapline/collector"
	"trapline/config"
	simulator "trapline/internal/agent"
	"trapline/internal/corpus"
	"trapline/internal/snmp"
)

// tables are modules that name tables of MIBs, without metrics of their own.
const tables = `
auths: {public_v2: {version: 2}}
modules:
  native_system: {walk: [SNMPv2-MIB::system]}
  native_interfaces: {walk: [IF-MIB::ifTable, IF-MIB::ifXTable], lookups: [{source_indexes: [ifIndex], lookup: IF-MIB::ifName}]}
  native_addresses: {walk: [IP-MIB::ipAddrTable, IP-MIB::ipNetToMediaTable], get: [IP-MIB::ipForwarding.0]}
  native_routes: {walk: [IP-FORWARD-MIB::ipCidrRouteTable, IP-FORWARD-MIB::inetCidrRouteTable]}
  native_bridge: {walk: [BRIDGE-MIB::dot1dTpFdbTable, BRIDGE-MIB::dot1dBasePortTable, BRIDGE-MIB::dot1dStp]}
  native_entities: {walk: [ENTITY-MIB::entPhysicalTable, ENTITY-SENSOR-MIB::entPhySensorTable]}
  native_host: {walk: [HOST-RESOURCES-MIB::hrStorageTable, HOST-RESOURCES-MIB::hrDeviceTable, HOST-RESOURCES-MIB::hrSWRunTable, HOST-RESOURCES-MIB::hrSystem]}
  native_neighbors: {walk: [LLDP-MIB::lldpRemTable, LLDP-MIB::lldpLocPortTable]}
  native_routing: {walk: [BGP4-MIB::bgpPeerTable, OSPF-MIB::ospfNbrTable]}
`

// lawSubjects returns all available modules: the built-in ones, those of MIB tables, the automatic
// selection, and those of snmp_exporter's generator, from the large corpus or from testdata.
var lawSubjects = sync.OnceValue(func() (list []*lawSubject) {
	builtIn := compiledModules("../../snmp.yml")
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		panic(err)
	}
	list = append(list, newAutoSubject(book), newLawSubject("several", slices.Collect(maps.Values(builtIn))...))
	sources := []map[string]*collector.Settings{builtIn, compiledText([]byte(tables))}
	if file, ok := corpus.Addition("conformance", "snmp_exporter.yml.gz", "the law with snmp_exporter's modules"); ok {
		sources = append(sources, compiledText(unpacked(file)))
	} else {
		sources = append(sources, compiledModules(filepath.Join(corpus.Root, "internal", "corpus", "conformance", "snmp_exporter.yml")))
	}
	for _, modules := range sources {
		for _, name := range slices.Sorted(maps.Keys(modules)) {
			list = append(list, newLawSubject(name, modules[name]))
		}
	}
	return list
})

func compiledModules(file string) map[string]*collector.Settings {
	c, err := config.Load([]string{file}, config.Options{})
	if err != nil {
		panic(err)
	}
	return c.Compiled
}

func unpacked(file string) []byte {
	text, err := os.ReadFile(file)
	if err == nil {
		text, err = corpus.Gunzip(text)
	}
	if err != nil {
		panic(err)
	}
	return text
}

func compiledText(text []byte) map[string]*collector.Settings {
	dir, err := os.MkdirTemp("", "law")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "snmp.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		panic(err)
	}
	return compiledModules(file)
}

// The law, for our own devices with every module.
func TestLawOfOwnDevices(t *testing.T) {
	onlyOnce(t)
	for name, device := range simulator.Builtin {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tryAll(t, name, device(1))
		})
	}
}

// The law, for recordings with every module.
func TestLawOfRecordings(t *testing.T) {
	onlyOnce(t)
	corpus.Each(t, "conformance", func(t *testing.T, dir string) {
		for name, r := range recordedDevices(t, dir) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tryAll(t, name, r)
			})
		}
	})
}

// recordedDevices returns the recordings of a corpus by the names of the devices.
func recordedDevices(t *testing.T, dir string) map[string]*simulator.Recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "recordings", "*.snmprec*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	list := map[string]*simulator.Recording{}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		if list[name], err = simulator.OpenRecording(file); list[name] == nil {
			t.Fatal(err)
		}
	}
	return list
}

// The law, for more recordings of real devices, with the automatic selection for each: a sample of
// them, or all in a long run.
func TestLawOfManyDevices(t *testing.T) {
	onlyOnce(t)
	archive := corpus.Text(t, filepath.Join(corpus.Large(t, "devices"), "open.tar"))
	share := uint64(60)
	if racing {
		share = 600
	}
	if lawTrials(0) > 0 {
		share = 1
	}
	auto := lawSubjects()[0]
	inHalves(t, func(t *testing.T, half int) {
		n := 0
		err := corpus.Walk(archive, func(name string, content io.Reader) error {
			if filepath.Ext(name) != ".snmprec" || hashOf(name)%share > 0 {
				return nil
			}
			if n++; n%2 == half {
				r, _ := simulator.ReadRecording(content)
				try(t, name, auto, lawObjects(r))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// onlyOnce skips the test in a second run with another engine.
func onlyOnce(t *testing.T) {
	t.Helper()
	if tested != "" {
		t.Skip("the law is that of Trapline's own engine")
	}
	t.Parallel()
}

// tryAll makes trials with every subject. In a common run only few of those are with nothing to be found.
func tryAll(t *testing.T, name string, r *simulator.Recording) {
	objects := lawObjects(r)
	for _, subject := range lawSubjects() {
		relevant := subject.relevant(objects)
		if lawTrials(0) == 0 && racing && hashOf(subject.name+name)%30 > 0 {
			continue
		}
		if lawTrials(0) == 0 && hashOf(name+subject.name)%10 > 0 && len(subject.rows(relevant)) == 0 {
			continue
		}
		try(t, name, subject, relevant)
	}
}

// try makes one trial, or in a long run several. TRAPLINE_LAW=DEVICE@SUBJECT leaves out all others.
func try(t *testing.T, device string, subject *lawSubject, objects []lawObject) {
	t.Helper()
	for n := range max(lawTrials(0)/1000, 1) {
		var err error
		r := rand.New(rand.NewPCG(hashOf(device+"@"+subject.name), uint64(n)))
		if only := os.Getenv("TRAPLINE_LAW"); only != "" && only != device+"@"+subject.name {
			continue
		}
		synctest.Test(t, func(*testing.T) { err = tryLaw(r, subject, objects) })
		if err != nil {
			t.Errorf("%s, trial %d: %v", device, n, err)
		}
	}
}

func hashOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, text)
	return h.Sum64()
}

// lawObjects are the objects of a recording, but those that are none: exceptions that an agent sent.
func lawObjects(r *simulator.Recording) (list []lawObject) {
	for i := range r.Len() {
		if v := r.Object(i, 0); v.Type.Known() && v.Type < snmp.NoSuchObject && v.Name.Valid() {
			list = append(list, newLawObject(v))
		}
	}
	return list
}

// relevant returns the objects that affect a subject: those it polls, and those after them. In a
// short run tables have at most about longTable rows.
func (s *lawSubject) relevant(objects []lawObject) (list []lawObject) {
	rows := map[string]int{}
	for _, r := range s.rows(objects) {
		rows[r.table]++
	}
	behind := true
	for _, o := range objects {
		p, ok := s.placeOf(o.name)
		if thin := rows[p.table]/longTable + 1; ok && lawTrials(0) == 0 && thin > 1 && hashOf(p.index)%uint64(thin) > 0 {
			continue
		}
		asked := ok || s.asks(o.name) || o.name.HasPrefix(lawSystem)
		if asked || behind {
			list = append(list, o)
		}
		behind = asked
	}
	return list
}

const longTable = 30

var lawSystem = oid("1.3.6.1.2.1.1")

// asks reports whether a module walks over a name or gets it.
func (s *lawSubject) asks(name snmp.OID) bool {
	for _, m := range s.modules {
		if slices.ContainsFunc(m.Plan.Walk, name.HasPrefix) || slices.ContainsFunc(m.Plan.Get, name.HasPrefix) {
			return true
		}
	}
	return s.book != nil
}
