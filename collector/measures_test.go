package collector_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trapline/collector"
	"trapline/config"
	"trapline/internal/snmp"
)

const sensorsModule = `
auths: {public_v2: {community: public}}
modules:
  sensors:
    walk: [ENTITY-SENSOR-MIB::entPhySensorTable]
    lookups:
    - {source_indexes: [entPhysicalIndex], lookup: ENTITY-MIB::entPhysicalName}
    - {source_indexes: [entPhysicalIndex], lookup: ENTITY-MIB::entPhysicalDescr}
    - {source_indexes: [entPhysicalIndex], lookup: ENTITY-SENSOR-MIB::entPhySensorType}
`

const sensorsMeasured = `
    measures:
    - by: {ENTITY-SENSOR-MIB::entPhySensorType: {celsius: hw_temperature, voltsDC: hw_voltage, amperes: hw_current, rpm: hw_fan_speed}}
      object: ENTITY-SENSOR-MIB::entPhySensorValue
      scale: {exponent: entPhySensorScale, precision: entPhySensorPrecision}
      only: {entPhySensorOperStatus: [ok]}
      name: '{ENTITY-MIB::entPhysicalName|ENTITY-MIB::entPhysicalDescr}'
`

func loaded(t testing.TB, text, name string) *collector.Module {
	t.Helper()
	file := t.TempDir() + "/snmp.yml"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load([]string{file}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return collector.Compile(name, c.Compiled[name])
}

// sensors are the variable bindings of a table of 1,000 sensors with their entities.
func sensors() (list answers) {
	add := func(column string, value func(row int) (snmp.Type, []byte)) {
		for row := range 1000 {
			kind, octets := value(row)
			list = append(list, snmp.VarBind{Name: snmp.MustParseOID(fmt.Sprintf("1.3.6.1.2.1.%s.%d", column, 1000+row)), Type: kind, Value: octets})
		}
	}
	text := func(form string) func(int) (snmp.Type, []byte) {
		return func(row int) (snmp.Type, []byte) { return snmp.OctetString, fmt.Appendf(nil, form, row) }
	}
	number := func(of func(row int) int64) func(int) (snmp.Type, []byte) {
		return func(row int) (snmp.Type, []byte) { return snmp.Integer, snmp.AppendInt(nil, of(row)) }
	}
	add("47.1.1.1.1.2", text("Temperature sensor %d of the line card"))
	add("47.1.1.1.1.7", text("Slot 1 sensor %d"))
	add("99.1.1.1.1", number(func(row int) int64 { return []int64{8, 8, 4, 5, 10}[row%5] }))
	add("99.1.1.1.2", number(func(row int) int64 { return 8 + int64(row%2) }))
	add("99.1.1.1.3", number(func(row int) int64 { return int64(row % 3) }))
	add("99.1.1.1.4", number(func(row int) int64 { return int64(200 + row) }))
	add("99.1.1.1.5", number(func(int) int64 { return 1 }))
	add("99.1.1.1.6", text("unit %d"))
	add("99.1.1.1.7", number(func(int) int64 { return 12345 }))
	add("99.1.1.1.8", number(func(int) int64 { return 60 }))
	return list
}

// threadTime is the processor time that the thread has used.
func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

// BenchmarkMeasures makes series of a table of 1,000 sensors whose values change, with measures that read 7 of the 10
// columns, and without. With a memory, as each poll but the first has one, labels are not made again. The times are
// medians of passes that take turns.
func BenchmarkMeasures(b *testing.B) {
	lists := []answers{sensors(), sensors()}
	for i := range lists[1] {
		if v := &lists[1][i]; v.Name.HasPrefix(snmp.MustParseOID("1.3.6.1.2.1.99.1.1.1.4")) {
			v.Value = snmp.AppendInt(nil, int64(i%500))
		}
	}
	plain, measured := loaded(b, sensorsModule, "sensors"), loaded(b, sensorsModule+sensorsMeasured, "sensors")
	memory := &collector.Memory{}
	var without, first, again []time.Duration
	collect := func(times *[]time.Duration, m *collector.Module, memory *collector.Memory) {
		start := threadTime()
		m.Collect(b.Context(), lists[len(*times)%2], collector.Options{WrapCounters: true, KeepIndexes: true, Memory: memory})
		*times = append(*times, threadTime()-start)
	}
	runtime.LockOSThread() // other programs do not count
	defer runtime.UnlockOSThread()
	for b.Loop() {
		collect(&without, plain, nil)
		collect(&first, measured, nil)
		collect(&again, measured, memory)
	}
	each := func(times []time.Duration) float64 {
		slices.Sort(times)
		return float64(times[len(times)/2].Nanoseconds()) / float64(len(lists[0]))
	}
	b.ReportMetric(each(without), "ns/varbind-without")
	b.ReportMetric(each(first), "ns/varbind-first")
	b.ReportMetric(each(again), "ns/varbind-with")
	b.ReportMetric(each(first)/each(without), "ratio-first")
	b.ReportMetric(each(again)/each(without), "ratio")
}

// Without the objects of measures, the measures are the same.
func TestWithoutMeasuredObjects(t *testing.T) {
	file := t.TempDir() + "/snmp.yml"
	if err := os.WriteFile(file, []byte(sensorsModule+sensorsMeasured), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load([]string{file}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := c.Compiled["sensors"]
	all, few := collector.Compile("all", s), collector.Compile("few", s.WithoutMeasured())
	if a, b := fmt.Sprint(all.Plan), fmt.Sprint(few.Plan); a != b {
		t.Errorf("asks %s\nin place of %s", b, a)
	}
	names := func(m *collector.Module) string {
		text := ""
		for _, c := range m.Collect(t.Context(), sensors(), collector.Options{}).Set.Columns {
			text += fmt.Sprintf("%s %d ", c.Desc.Name, c.Len())
		}
		return text
	}
	want := "entPhySensorOperStatus 1000 entPhySensorPrecision 1000 entPhySensorScale 1000 entPhySensorType 1000 entPhySensorUnitsDisplay 1000 entPhySensorValue 1000 entPhySensorValueTimeStamp 1000 entPhySensorValueUpdateRate 1000 hw_current_amperes 200 hw_fan_speed_rpm 200 hw_temperature_celsius 400 hw_voltage_volts 200 "
	if got := names(all); got != want {
		t.Errorf("series %s", got)
	}
	if got := names(few); got != strings.Replace(want, "entPhySensorValue 1000 ", "", 1) {
		t.Errorf("without the measured object, series %s", got)
	}
}
