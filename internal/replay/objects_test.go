package replay_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/corpus"
	"trapline/internal/profile"
	"trapline/internal/programtest"
	"trapline/internal/replay"
	"trapline/internal/snmp"
)

// kinds are what most devices have objects of, with the metrics of each.
var kinds = []struct {
	name    string
	metrics []string
}{
	{"processor", []string{"system_cpu_utilization_ratio"}},
	{"memory", []string{"system_memory_usage_bytes", "system_memory_limit_bytes", "system_memory_utilization_ratio"}},
	{"temperature", []string{"hw_temperature_celsius"}},
}

// objectKinds are kinds by the OIDs of columns and scalars.
type objectKinds map[string]string

// standardObjects are those of standard modules.
var standardObjects = objectKinds{
	"1.3.6.1.2.1.25.3.3.1.2":       "processor",   // hrProcessorLoad
	"1.3.6.1.4.1.2021.11.11":       "processor",   // ssCpuIdle
	"1.3.6.1.4.1.2021.4.6":         "memory",      // memAvailReal
	"1.3.6.1.2.1.25.2.3.1.6":       "memory",      // hrStorageUsed
	"1.3.6.1.2.1.99.1.1.1.4":       "temperature", // entPhySensorValue
	"1.3.6.1.4.1.9.9.91.1.1.1.1.4": "temperature", // entSensorValue
}

// mixed has the objects of mixed tables: the column and the value of it that the rows of the kind have.
var mixed = map[string]struct{ column, is string }{
	"1.3.6.1.2.1.25.2.3.1.6":       {"1.3.6.1.2.1.25.2.3.1.2", "1.3.6.1.2.1.25.2.1.2"},
	"1.3.6.1.2.1.99.1.1.1.4":       {"1.3.6.1.2.1.99.1.1.1.1", "8"},
	"1.3.6.1.4.1.9.9.91.1.1.1.1.4": {"1.3.6.1.4.1.9.9.91.1.1.1.1.1", "8"},
}

// largeKinds adds the facts of the large corpus: objects that are of one class wherever they are used.
func largeKinds(t *testing.T) objectKinds {
	t.Helper()
	list := objectKinds{}
	for line := range strings.Lines(corpus.Text(t, filepath.Join(corpus.Large(t, "devices"), "facts.tsv"))) {
		fields := strings.Split(line, "\t")
		if len(fields) < 7 || fields[0] != "open" {
			continue
		}
		kind, _, _ := strings.Cut(fields[4], ".") // memory.used
		oid := strings.TrimSuffix(fields[6], ".0")
		if was, found := list[oid]; found && was != kind {
			kind = ""
		}
		list[oid] = kind
	}
	maps.Copy(list, standardObjects)
	return list
}

// reading is a value that says something: it begins with a number that is not zero.
var reading = regexp.MustCompile(`^0*[1-9]`)

// of returns, for each kind that a device has readings of, an object with one.
func (k objectKinds) of(r *agent.Recording) map[string]string {
	found, values := map[string]string{}, map[string]string{}
	for i := range r.Len() {
		v := r.Object(i, 0)
		values[v.Name.String()] = textOf(v)
	}
	for name, value := range values {
		if !reading.MatchString(value) {
			continue
		}
		for at := strings.LastIndexByte(name, '.'); at > 0; at = strings.LastIndexByte(name[:at], '.') {
			column := name[:at]
			kind := k[column]
			if m, ok := mixed[column]; kind != "" && (!ok || values[m.column+name[at:]] == m.is) {
				found[kind] = name + " = " + value
			}
		}
	}
	return found
}

func textOf(v snmp.VarBind) string {
	switch v.Type {
	case snmp.ObjectIdentifier:
		return snmp.OID(v.Value).String()
	case snmp.OctetString:
		return string(v.Value)
	}
	n, _ := v.Int()
	return strconv.FormatInt(n, 10)
}

// TestRecordedDevicesAreMeasured counts, of devices that no profile was written by, those with readings of a kind, and of
// these the ones that the module auto makes a metric of the kind for.
func TestRecordedDevicesAreMeasured(t *testing.T) {
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("own", func(t *testing.T) {
		c := newCensus(t, book, standardObjects)
		for name, r := range ownDevices(t) {
			c.add(name, r)
		}
		c.judge(2, 100)
	})
	t.Run("large", func(t *testing.T) {
		c := newCensus(t, book, largeKinds(t))
		names, list := programtest.Recordings(t, corpus.Large(t, "conformance"))
		for i, name := range names {
			c.add(name, list[i])
		}
		expected := devicesWithItems(t)
		eachRecording(t, func(name string, content io.Reader) {
			if !expected[name] {
				r, _ := agent.ReadRecording(content)
				c.add(name, r)
			}
		})
		c.judge(15, 90)
	})
}

// devicesWithItems returns the devices of the large corpus with expected values.
func devicesWithItems(t *testing.T) map[string]bool {
	t.Helper()
	list := map[string]bool{}
	err := corpus.Walk(corpus.Text(t, filepath.Join(corpus.Large(t, "devices"), "open.tar")), func(name string, content io.Reader) error {
		if filepath.Ext(name) != ".json" {
			return nil
		}
		var expected struct{ Items []json.RawMessage }
		err := json.NewDecoder(content).Decode(&expected)
		list[strings.TrimSuffix(filepath.Base(name), ".json")] = len(expected.Items) > 0
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// census counts devices with objects of each kind.
type census struct {
	t              *testing.T
	book           *profile.Registry
	objects        objectKinds
	have, measured map[string]int
	rows           []string // of the table: a device each
}

func newCensus(t *testing.T, book *profile.Registry, objects objectKinds) *census {
	return &census{t, book, objects, map[string]int{}, map[string]int{}, nil}
}

func (c *census) add(name string, r *agent.Recording) {
	if r.Len() == 0 {
		return
	}
	pass, err := replay.Auto(c.t.Context(), c.book, r)
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	has, made := c.objects.of(r), map[string]int{}
	for _, set := range pass.Sets {
		for i := range set.Columns {
			made[set.Columns[i].Desc.Name] += set.Columns[i].Len()
		}
	}
	row, total := name, 0
	for _, k := range kinds {
		n := 0
		for _, m := range k.metrics {
			n += made[m]
		}
		total += n
		if has[k.name] != "" {
			total++
			c.have[k.name]++
			c.measured[k.name] += min(n, 1)
		}
		switch {
		case n > 0:
			row += fmt.Sprintf("\t%d", n)
		case has[k.name] != "":
			row += "\tnone, but " + has[k.name]
		default:
			row += "\t"
		}
	}
	if total > 0 {
		c.rows = append(c.rows, row)
	}
}

// judge prints the table: series by device and kind. It fails if fewer devices than least have objects of a kind, or
// less than percent of these are measured.
func (c *census) judge(least, percent int) {
	c.t.Helper()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	head, have, measured := "series", "devices with objects", "of them measured"
	for _, k := range kinds {
		head += "\t" + k.name
		have += fmt.Sprintf("\t%d", c.have[k.name])
		measured += fmt.Sprintf("\t%d", c.measured[k.name])
		if c.have[k.name] < least || c.measured[k.name]*100 < c.have[k.name]*percent {
			c.t.Errorf("%s: %d devices have objects, %d of them are measured", k.name, c.have[k.name], c.measured[k.name])
		}
	}
	slices.Sort(c.rows)
	for _, line := range slices.Concat([]string{head}, c.rows, []string{have, measured}) {
		fmt.Fprintln(w, line)
	}
	w.Flush()
	c.t.Logf("\n%s", table.String())
}
