package fleet

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trapline/internal/api"
	"trapline/internal/measure"
	"trapline/internal/poller"
	"trapline/internal/series"
)

// measuredPass is a poll with columns of measures: a name, a row and a value for each sample.
func measuredPass(samples ...any) *poller.Pass {
	set := &series.Set{}
	tables := map[string]*series.Table{}
	for i := 0; i < len(samples); i += 3 {
		labels := samples[i+1].(string)
		labels, extra, _ := strings.Cut(labels, "|")
		table := tables[labels]
		if table == nil {
			table = &series.Table{Labels: []byte(labels)}
			table.AddRow()
			tables[labels] = table
		}
		c := series.Column{Desc: &series.Desc{Name: samples[i].(string), Object: column(ifEntry, 99), Computed: true}, Table: table, Values: []float64{samples[i+2].(float64)}}
		if extra != "" {
			c.Extra, c.ExtraEnds = []byte(extra), []uint32{uint32(len(extra))}
		}
		set.Columns = append(set.Columns, c)
	}
	return &poller.Pass{Sets: []*series.Set{set}}
}

// What fails stands first, then processors, memory and so on. Memory is a row with what is used of it, a limit stands
// beside its value, which it judges.
func TestTableOfHardware(t *testing.T) {
	p := measuredPass(
		"hw_voltage_volts", `hw_id="v1",hw_name="Vcc"`, 11.9,
		"hw_temperature_celsius", `hw_id="t1",hw_name="Inlet"`, 41.25,
		"hw_temperature_limit_celsius", `hw_id="t1",hw_name="Inlet"|hw_limit_type="high.degraded"`, 40.0,
		"hw_temperature_limit_celsius", `hw_id="t1",hw_name="Inlet"|hw_limit_type="high.critical"`, 60.0,
		"hw_temperature_celsius", `hw_id="t2",hw_name="CPU"`, 38.0,
		"hw_status", `hw_id="p1",hw_name="PSU 1",hw_type="power_supply"`, 2.0,
		"hw_status", `hw_id="p2",hw_name="PSU 2",hw_type="power_supply"`, 0.0,
		"system_cpu_utilization_ratio", `hw_id="c1",hw_name="CPU 1"`, 0.34,
		"system_memory_usage_bytes", `hw_id="m1",hw_name="system"|,state="used"`, 1<<30+0.0,
		"system_memory_usage_bytes", `hw_id="m1",hw_name="system"|,state="free"`, 3<<30+0.0,
		"system_memory_limit_bytes", `hw_id="m1",hw_name="system"`, 4<<30+0.0,
		"system_memory_utilization_ratio", `hw_id="m1",hw_name="system"`, 0.25,
		"system_memory_usage_bytes", `hw_id="m2",hw_name="heap"|,state="used"`, 1<<20+0.0,
		"system_memory_usage_bytes", `hw_id="m2",hw_name="heap"|,state="free"`, 1<<20+0.0,
		"hw_optical_power_dbm", `hw_id="o1",hw_name="Te1",direction="receive"`, -3.25,
		"hw_info", `hw_id="t1",model="x"`, 1.0,
		"device_info", `model="x"`, 1.0,
	)
	list := tablesOf(p)
	if len(list) != 2 || list[0].name != "hardware" || list[0].rows != 8 || list[1].name != "optics" || list[1].rows != 1 {
		t.Fatalf("%+v", list)
	}
	table := list[0].render(p, nil, &api.TableQuery{Limit: 100})
	var got []string
	for _, r := range table.Rows {
		got = append(got, strings.Join(r.Cells[:5], "|"))
	}
	want := []string{
		"failed|PSU 1|State: power supply|failed|", "degraded|Inlet|Temperature|41.2 °C|> 40 °C, > 60 °C critical", "|CPU 1|Utilization of a processor|34 %|",
		"|system|Memory|25 % (1 GiB of 4 GiB)|", "|heap|Memory|1 MiB|", "|CPU|Temperature|38 °C|", "ok|PSU 2|State: power supply|ok|", "|Vcc|Voltage|11.9 V|",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if optics := list[1].render(p, nil, &api.TableQuery{Limit: 100}); optics.Rows[0].Cells[1] != "Te1 receive" || optics.Rows[0].Cells[3] != "-3.25 dBm" {
		t.Errorf("%q", optics.Rows[0].Cells)
	}
}

// Each metric is in one table, each series has a key of its own, and a page shows the rows that are asked for.
func TestTablesOfAllMeasures(t *testing.T) {
	var samples []any
	for i := range measure.Metrics {
		for _, name := range measure.Metrics[i].Series() {
			samples = append(samples, name, fmt.Sprintf(`hw_id="%d"`, i), 1.0)
		}
	}
	p := measuredPass(samples...)
	keys := map[string]bool{}
	for _, listed := range tablesOf(p) {
		var rows []api.TableRow
		for from := 0; ; from += 3 {
			part := listed.render(p, nil, &api.TableQuery{Limit: 3, Offset: from})
			if part.Total != listed.rows {
				t.Errorf("%s: %d of %d rows", listed.name, part.Total, listed.rows)
			}
			if rows = append(rows, part.Rows...); len(part.Rows) < 3 {
				break
			}
		}
		for _, r := range rows {
			if keys[r.Key] || len(r.Cells) != len(measureColumns) {
				t.Errorf("%s: %+v", listed.name, r)
			}
			keys[r.Key] = true
		}
	}
	for i := range measure.Metrics {
		m := &measure.Metrics[i]
		name := m.Series()[0]
		if m.Space {
			name = m.Name + "_utilization_ratio"
		}
		if key := fmt.Sprintf(`__name__="%s",hw_id="%d"`, name, i); !keys[key] && !m.Info {
			t.Errorf("%s is in no table", key)
		}
	}
}
