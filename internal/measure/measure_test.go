package measure

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/internal/held"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// objects are those of a table with two indexes, of a table by the first of these, and a scalar.
var objects = map[string]Column{
	"value":  {OID: oid("1.1"), Table: "1"},
	"second": {OID: oid("1.2"), Table: "1"},
	"name":   {OID: oid("1.3"), Table: "1", Text: true},
	"kind":   {OID: oid("1.4"), Table: "1", Enum: map[int]string{1: "celsius", 2: "volts", 3: "other"}},
	"divide": {OID: oid("1.5"), Table: "1"},
	"high":   {OID: oid("1.6"), Table: "1"},
	"state":  {OID: oid("1.7"), Table: "1", Enum: map[int]string{1: "good", 2: "bad", 3: "gone"}},
	"scale":  {OID: oid("1.8"), Table: "1", Enum: map[int]string{8: "milli", 9: "units"}},
	"digits": {OID: oid("1.9"), Table: "1"},
	"words":  {OID: oid("1.10"), Table: "1", Text: true},
	"slot":   {OID: oid("2.1"), Table: "2", Text: true},
	"unit":   {OID: oid("3.1"), Table: "3", Text: true},
	"system": {OID: oid("4.1"), Scalar: true, Text: true},
	"ifName": {OID: oid("5.1"), Table: "5", Text: true},
}

var indexes = map[string][]Part{
	"1": {{Name: "slotIndex", Size: 1}, {Name: "sensorIndex", Size: 1, Enum: map[int]string{8: "eight"}}},
	"2": {{Name: "slotIndex", Size: 1}},
	"3": {{Name: "sensorIndex", Size: 1}},
	"5": {{Name: "ifIndex", Size: 1}},
}

func oid(text string) snmp.OID { return snmp.MustParseOID("1.3.6.1.4.1.99999." + text) }

func find(_, text string, _ *Column) *Column {
	text = strings.TrimPrefix(text, "IF-MIB::")
	c, ok := objects[text]
	if !ok {
		return nil
	}
	c.Name, c.Known, c.Index = "ACME-MIB::"+text, true, indexes[c.Table]
	return &c
}

// resolve resolves a measure written in YAML.
func resolve(t *testing.T, text string) *Measure {
	t.Helper()
	var s Settings
	if err := yaml.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if found := s.Problems(); len(found) > 0 {
		t.Fatalf("%s: %v", text, found)
	}
	m, problems, _ := s.Resolve(nil, find)
	if m == nil {
		t.Fatalf("%s: %v", text, problems)
	}
	return m
}

// pass is the values of a pass.
type pass struct {
	lists []held.List
	place map[string]int
	all   []arrival
	lost  string
}

type arrival struct {
	object string
	index  string
	value  snmp.VarBind
}

func integer(n int64) snmp.VarBind {
	return snmp.VarBind{Type: snmp.Integer, Value: snmp.AppendInt(nil, n)}
}

func octets(text string) snmp.VarBind {
	return snmp.VarBind{Type: snmp.OctetString, Value: []byte(text)}
}

func (p *pass) has(object, index string, v snmp.VarBind) {
	p.all = append(p.all, arrival{object, index, v})
}

// compute returns the series that measures make of the pass, sorted.
func (p *pass) compute(measures ...*Measure) []string {
	p.place, p.lists = map[string]int{}, nil
	program := New(measures, func(o snmp.OID) int {
		if _, known := p.place[string(o)]; !known {
			p.place[string(o)] = len(p.lists)
			p.lists = append(p.lists, held.List{})
		}
		return p.place[string(o)]
	}, func(name string) string { return name })
	for _, a := range p.all {
		if i, wanted := p.place[string(objects[a.object].OID)]; wanted {
			p.lists[i].Set(snmp.MustParseOID("1.3." + a.index)[1:], a.value)
		}
	}
	lost := func(object []byte) bool { return p.lost != "" && string(object) == string(objects[p.lost].OID) }
	columns, _, _ := program.Evaluation().Columns(Input{Lists: p.lists, Lost: lost, Indexes: true, Room: 1 << 20})
	return rendered(columns)
}

func rendered(columns []series.Column) (list []string) {
	for i := range columns {
		c := &columns[i]
		for j, v := range c.Values {
			labels := string(c.Table.Row(c.RowOf(j)))
			if extra := c.ExtraOf(j); len(extra) > 0 {
				labels += "," + string(extra)
			}
			list = append(list, fmt.Sprintf("%s{%s} %s", c.Desc.Name, labels, strconv.FormatFloat(v, 'g', -1, 64)))
		}
	}
	slices.Sort(list)
	return list
}

func (p *pass) expect(t *testing.T, measure string, want ...string) {
	t.Helper()
	if got := p.compute(resolve(t, measure)); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s makes\n%s\nwant\n%s", measure, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Each key does what the reference says.
func TestKeysOfMeasures(t *testing.T) {
	p := &pass{}
	p.has("value", "1.7", integer(235))
	p.has("value", "2.8", integer(-9999))
	p.has("second", "2.8", integer(41))
	p.has("name", "1.7", octets(" inlet\x00"))
	p.has("kind", "1.7", integer(1))
	p.has("kind", "2.8", integer(2))
	p.has("divide", "1.7", integer(4))
	p.has("high", "1.7", integer(800))
	p.has("state", "1.7", integer(2))
	p.has("state", "2.8", integer(3))
	p.has("state", "2.9", integer(77))
	p.has("scale", "1.7", integer(8))
	p.has("digits", "1.7", integer(1))
	p.has("words", "1.7", octets("24.78 mA normal"))
	p.has("words", "2.8", octets("UP"))
	p.has("slot", "1", octets("Slot A"))
	p.has("slot", "2", octets("Slot B"))
	p.has("unit", "8", octets("Unit 8"))
	p.has("system", "0", octets("core"))
	p.has("ifName", "7", octets("eth7"))
	one, two := `hw_id="ACME-MIB::value.1.7"`, `hw_id="ACME-MIB::value.2.8"`
	p.expect(t, `{metric: hw_temperature, object: value, unit: 0.1 Cel, name: '{slot} {-1}', absent: -9999}`,
		`hw_temperature_celsius{`+one+`,hw_name="Slot A 7"} 23.5`)
	p.expect(t, `{metric: hw_temperature, object: [value, second], unit: Cel, name: '{name|slot}', absent: ['< 0']}`,
		`hw_temperature_celsius{`+one+`,hw_name="inlet"} 235`, `hw_temperature_celsius{`+two+`,hw_name="Slot B"} 41`)
	p.expect(t, `{metric: hw_temperature, object: value, unit: '[degF]', name: '{unit}', only: {kind: ['!celsius', '!other']}}`,
		`hw_temperature_celsius{`+two+`,hw_name="Unit 8"} -5572.777777777777`)
	p.expect(t, `{by: {kind: {celsius: hw_temperature, 2: hw_voltage}}, units: {2: mV}, object: value, name: '{system}', type: {kind: {celsius: battery}}}`,
		`hw_temperature_celsius{`+one+`,hw_name="core",hw_type="battery"} 235`, `hw_voltage_volts{`+two+`,hw_name="core"} -9.999`)
	p.expect(t, `{by: {'{2}': {7: hw_temperature, eight: hw_voltage}}, units: {eight: mV}, object: value, name: x, type: {'{-1}': {7: battery}}}`,
		`hw_temperature_celsius{`+one+`,hw_name="x",hw_type="battery"} 235`, `hw_voltage_volts{`+two+`,hw_name="x"} -9.999`)
	p.expect(t, `{metric: hw_voltage, object: value, scale: {precision: '{-2}'}, only: {'{1}': [1, 2], '{-1}': ['!eight']}}`, `hw_voltage_volts{`+one+`,hw_name="1.7"} 23.5`)
	p.expect(t, `{metric: hw_current, object: value, unit: A, scale: {divide_by: divide}, phase: 'L{2}', port: '{2}'}`,
		`hw_current_amperes{`+one+`,hw_name="1.7",ifIndex="7",ifName="eth7",phase="L7"} 58.75`)
	p.expect(t, `{metric: hw_voltage, object: value, scale: {exponent: scale, precision: digits}, only: {kind: [celsius]}, limit: {high.critical: high, low.degraded: 5}}`,
		`hw_voltage_limit_volts{`+one+`,hw_name="1.7",hw_limit_type="high.critical"} 0.08`,
		`hw_voltage_limit_volts{`+one+`,hw_name="1.7",hw_limit_type="low.degraded"} 0.0005`, `hw_voltage_volts{`+one+`,hw_name="1.7"} 0.0235`)
	p.expect(t, `{metric: hw_status, object: state, type: fan, states: {ok: [good], failed: bad, absent: [gone]}}`,
		`hw_status{hw_id="ACME-MIB::state.1.7",hw_name="1.7",hw_type="fan"} 2`, `hw_status{hw_id="ACME-MIB::state.2.9",hw_name="2.9",hw_type="fan"} 3`)
	p.expect(t, `{metric: hw_current, object: words, unit: mA, text: '([\d.]+) mA', direction: input}`,
		`hw_current_amperes{direction="input",hw_id="ACME-MIB::words.1.7",hw_name="1.7"} 0.02478`)
	p.expect(t, `{metric: hw_status, object: words, text: '(\w+)$', states: {ok: [normal], failed: [up]}}`,
		`hw_status{hw_id="ACME-MIB::words.1.7",hw_name="1.7"} 0`, `hw_status{hw_id="ACME-MIB::words.2.8",hw_name="2.8"} 2`)
	p.has("divide", "3.1", octets("\x07\xea\x0b\x1a\x0c\x00\x00\x00+\x01\x00")) // a DateAndTime
	p.expect(t, `{metric: license_expiry_timestamp, object: divide, name: '{1}', absent: 4}`, `license_expiry_timestamp_seconds{hw_id="ACME-MIB::divide.3.1",hw_name="3"} 1.7956908e+09`)
	p.expect(t, `{metric: device_count, object: high, aggregate: sum, name: all}`, `device_count{hw_id="ACME-MIB::high",hw_name="all"} 800`)
	p.expect(t, `{metric: hw_optical_power, object: value, unit: uW, only: {kind: [celsius]}, labels: {direction: receive}}`,
		`hw_optical_power_dbm{direction="receive",`+one+`,hw_name="1.7"} `+fmt.Sprint(10*math.Log10(0.235)))
	p.expect(t, `{metric: system_memory, total: high, free: value, unit: KiBy, name: RAM}`,
		`system_memory_limit_bytes{hw_id="ACME-MIB::value.1.7",hw_name="RAM"} 819200`, `system_memory_usage_bytes{hw_id="ACME-MIB::value.1.7",hw_name="RAM",state="free"} 240640`,
		`system_memory_usage_bytes{hw_id="ACME-MIB::value.1.7",hw_name="RAM",state="used"} 578560`, `system_memory_utilization_ratio{hw_id="ACME-MIB::value.1.7",hw_name="RAM"} 0.70625`,
	)
}

// A measure of which a column did not arrive whole makes no series.
func TestNothingOfLostColumns(t *testing.T) {
	p := &pass{}
	p.has("value", "1.7", integer(235))
	p.has("name", "1.7", octets("inlet"))
	for _, p.lost = range []string{"value", "name"} {
		p.expect(t, `{metric: hw_temperature, object: value, name: '{name}'}`)
	}
	p.lost = "second"
	p.expect(t, `{metric: hw_temperature, object: value, name: '{name}'}`, `hw_temperature_celsius{hw_id="ACME-MIB::value.1.7",hw_name="inlet"} 235`)
}

// The value is the number times the factor, to the last digit that a float64 has.
func TestValuesAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 1))
	factors := map[string][2]float64{"Cel": {1, 1}, "0.1 Cel": {1, 10}, "0.01 Cel": {1, 100}, "1/128 Cel": {1, 128}, "0.5 Cel": {1, 2}, "10 Cel": {10, 1}, "0.0625 Cel": {1, 16}}
	for text, f := range factors {
		_, c, err := MetricNamed("hw_temperature").Fits(text)
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			n := float64(r.Int64N(1<<33) - 1<<32)
			if got, want := c.value(n), n*f[0]/f[1]; got != want {
				t.Fatalf("%v in %s is %v, want %v", n, text, got, want)
			}
		}
	}
}

var wide = []string{
	`{by: {kind: {celsius: hw_temperature, volts: hw_voltage}}, object: [value, second], name: '{name|slot|unit}', absent: ['> 900', 7], only: {state: ['!gone']}, scale: {divide_by: divide}, limit: {high.critical: high}}`,
	`{metric: hw_status, object: [state, kind], states: {ok: [good, 7], failed: bad}, name: '{words} {system} {1}/{2}', port: '{-1}'}`,
	`{metric: system_filesystem, used: value, total: [second, high], percent: digits, name: '{name}', labels: {mountpoint: '{index}'}, unit: KiBy, scale: {multiply_by: divide}}`,
	`{metric: device_count, object: value, aggregate: mean}`,
	`{metric: device_count, object: second, aggregate: sum, name: sum}`,
	`{metric: hw_fan_speed, object: words, unit: '%', text: '(\d+)'}`,
	`{metric: hw_humidity, object: value, unit: '% idle', float32: true}`,
	`{metric: hw_humidity, object: value, name: again}`,
	`{metric: hw_humidity, object: value, name: again}`,
}

func wideMeasures(t *testing.T) (list []*Measure) {
	for _, text := range wide {
		list = append(list, resolve(t, text))
	}
	return list
}

// random fills a pass with up to ten rows of every object.
func random(r *rand.Rand) *pass {
	p := &pass{}
	for _, object := range slices.Sorted(keysOf(objects)) {
		for range r.IntN(10) {
			index := strconv.Itoa(r.IntN(4))
			if objects[object].Table == "1" {
				index += "." + strconv.Itoa(r.IntN(4))
			}
			if !slices.ContainsFunc(p.all, func(a arrival) bool { return a.object == object && a.index == index }) {
				p.has(object, index, randomValue(r))
			}
		}
	}
	return p
}

func randomValue(r *rand.Rand) snmp.VarBind {
	switch r.IntN(9) {
	case 8:
		x := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, 0, 5e-324, 1e9}[r.IntN(8)]
		return snmp.VarBind{Type: snmp.Opaque, Value: binary.BigEndian.AppendUint64([]byte{0x9f, 0x79, 8}, math.Float64bits(x))}
	case 0:
		b := make([]byte, r.IntN(12))
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		types := []snmp.Type{snmp.Integer, snmp.OctetString, snmp.Opaque, snmp.Counter64, snmp.IPAddress, snmp.ObjectIdentifier, snmp.Gauge32, snmp.TimeTicks}
		return snmp.VarBind{Type: types[r.IntN(len(types))], Value: b}
	case 1:
		return octets([]string{"", "12", "-3.5 V", "UP", "1e999", "nan", "0x10", strings.Repeat("9", 400), "\xff\xfe", strings.Repeat("ü€", r.IntN(400)), "a\"\n\\"}[r.IntN(11)])
	case 2:
		return integer(r.Int64() - r.Int64())
	}
	return integer(int64(r.IntN(12)))
}

// The order in which values arrive makes no difference; no two series are equal, and none is NaN or infinite.
func TestOrderOfArrival(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 2))
	measures := wideMeasures(t)
	for range 400 {
		p := random(r)
		first := p.compute(measures...)
		names := map[string]bool{}
		for _, line := range first {
			name, value, _ := strings.Cut(line, "} ")
			if names[name] {
				t.Fatalf("two series %s", name)
			}
			if x, err := strconv.ParseFloat(value, 64); err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
				t.Fatalf("%s", line)
			}
			names[name] = true
			if strings.Contains(name, "\uFFFD") {
				t.Fatalf("a label has a part of a character: %s", name)
			}
		}
		for range 3 {
			r.Shuffle(len(p.all), func(i, j int) { p.all[i], p.all[j] = p.all[j], p.all[i] })
			if again := p.compute(measures...); !slices.Equal(first, again) {
				t.Fatalf("in another order\n%s\nwere\n%s", strings.Join(again, "\n"), strings.Join(first, "\n"))
			}
		}
	}
}

// The room bounds what a pass makes, whatever devices send.
func TestRoomIsABound(t *testing.T) {
	p := &pass{}
	for i := range 2000 {
		p.has("value", "1."+strconv.Itoa(i), integer(int64(i)))
		p.has("name", "1."+strconv.Itoa(i), octets(strings.Repeat("x", 4000)))
	}
	measures := []*Measure{resolve(t, `{metric: hw_temperature, object: value, name: '{name}'}`)}
	for _, line := range p.compute(measures...) {
		t.Fatalf("a series was made: %.100s", line)
	}
}

// Names of series, with the unit once.
func TestNamesOfSeries(t *testing.T) {
	for metric, want := range map[string]string{
		"device_ratio": "device_ratio", "hw_energy": "hw_energy_joules_total hw_energy_limit_joules", "radio_distance": "radio_distance_meters", "license_limit": "license_limit",
		"hw_fan_speed":  "hw_fan_speed_rpm hw_fan_speed_limit_rpm hw_fan_speed_ratio hw_fan_speed_limit_ratio",
		"system_memory": "system_memory_usage_bytes system_memory_limit_bytes system_memory_utilization_ratio", "hw_power_factor": "hw_power_factor_ratio hw_power_factor_limit_ratio",
		"radio_signal_noise_ratio": "radio_signal_noise_ratio_db", "device_bits_per_second": "device_bits_per_second", "hw_status": "hw_status",
	} {
		if got := strings.Join(MetricNamed(metric).Series(), " "); got != want {
			t.Errorf("%s makes %s, want %s", metric, got, want)
		}
	}
}

// Every metric of the closed list has a unit that it is exposed in, or states, or is made of parts.
func TestClosedList(t *testing.T) {
	seen := map[string]bool{}
	for i := range Metrics {
		m := &Metrics[i]
		if m.Help == "" || len(m.Units) == 0 && m.States == nil && !m.Info {
			t.Errorf("%s lacks help or unit", m.Name)
		}
		for _, base := range m.Units {
			if _, known := exposed[base]; !known {
				t.Errorf("%s: unit %s has no suffix", m.Name, base)
			}
		}
		for _, name := range m.Series() {
			if seen[name] {
				t.Errorf("%s is made by two metrics", name)
			}
			seen[name] = true
		}
		for _, label := range append(slices.Clone(Common), m.Labels...) {
			if series.LabelName(label) != label {
				t.Errorf("%s: label %q", m.Name, label)
			}
		}
	}
	for name, u := range units {
		if _, _, err := parseUnit("0.1 " + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.ContainsFunc(Metrics, func(m Metric) bool { _, _, err := m.Fits(name); return err == nil }) {
			t.Errorf("no metric is measured in %s (%s)", name, u.base)
		}
	}
}
