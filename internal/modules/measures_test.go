package modules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/internal/setting"
)

// problemsOf are all problems of a module written in YAML.
func problemsOf(t *testing.T, l *Library, text string) (list []string, warnings []setting.Problem) {
	t.Helper()
	var s Settings
	if err := yaml.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	for i := range s.Measures {
		for _, p := range s.Measures[i].Problems() {
			list = append(list, fmt.Sprintf("measures[%d].%s: %s", i, p.Path, p.Text))
		}
	}
	c, problems := l.Compile(&s)
	for _, p := range problems {
		list = append(list, p.Path+": "+p.Text)
	}
	return list, c.Warnings
}

// What a measure names is asked for once, columns only, and its objects keep their own series.
func TestObjectsOfMeasuresArePolled(t *testing.T) {
	l := library(t)
	for _, test := range []struct{ module, want string }{
		{`measures: [{metric: hw_temperature, object: ENTITY-SENSOR-MIB::entPhySensorValue, unit: Cel, only: {entPhySensorType: [celsius]}, name: '{ENTITY-MIB::entPhysicalName}'}]`,
			"walk 1.3.6.1.2.1.47.1.1.1.1.7 1.3.6.1.2.1.99.1.1.1.1 1.3.6.1.2.1.99.1.1.1.4; get; entPhySensorValue"},
		{`{walk: [ENTITY-SENSOR-MIB::entPhySensorTable], measures: [{metric: hw_temperature, object: ENTITY-SENSOR-MIB::entPhySensorValue}]}`,
			"walk 1.3.6.1.2.1.99.1.1; get; entPhySensorType entPhySensorScale entPhySensorPrecision entPhySensorValue entPhySensorOperStatus entPhySensorUnitsDisplay entPhySensorValueTimeStamp entPhySensorValueUpdateRate"},
		{`measures: [{metric: system_memory, total: UCD-SNMP-MIB::memTotalReal, free: UCD-SNMP-MIB::memAvailReal, unit: KiBy}]`,
			"walk; get 1.3.6.1.4.1.2021.4.5.0 1.3.6.1.4.1.2021.4.6.0; memAvailReal memTotalReal"},
		{`measures: [{metric: device_count, object: [1.3.6.1.4.1.99999.1.2, 1.3.6.1.4.1.99999.2.0]}]`,
			"walk 1.3.6.1.4.1.99999.1.2; get 1.3.6.1.4.1.99999.2.0; oid_1_3_6_1_4_1_99999_1_2 oid_1_3_6_1_4_1_99999_2"},
		{`measures: [{metric: hw_info, object: ENTITY-MIB::entPhysicalDescr.1, labels: {model: '{entPhysicalModelName}'}}]`,
			"walk 1.3.6.1.2.1.47.1.1.1.1.13; get 1.3.6.1.2.1.47.1.1.1.1.2.1; entPhysicalDescr"},
		{`inventory: {model: ENTITY-MIB::entPhysicalModelName.1, serial: [1.3.6.1.4.1.99999.3.0]}`,
			"walk; get 1.3.6.1.2.1.1.5.0 1.3.6.1.2.1.47.1.1.1.1.13.1 1.3.6.1.4.1.99999.3.0;"},
	} {
		s := compile(t, l, test.module).Settings
		got := "walk"
		for _, o := range s.Walk {
			got += " " + o.OID.String()
		}
		got += "; get"
		for _, o := range s.Get {
			got += " " + o.OID.String()
		}
		got += ";"
		for _, m := range s.Metrics {
			got += " " + m.Name
		}
		if got != test.want {
			t.Errorf("%s asks\n%s\nwant\n%s", test.module, got, test.want)
		}
	}
}

// Errors say what to write instead.
func TestProblemsOfMeasures(t *testing.T) {
	l := library(t)
	for _, test := range []struct{ measure, want string }{
		{`{metric: hw_temprature, object: ENTITY-SENSOR-MIB::entPhySensorValue}`, `metric: unknown metric "hw_temprature": did you mean hw_temperature?`},
		{`{metric: hw_temperature, object: ENTITY-SENSOR-MIB::entPhySensorValue, unit: mV}`, `unit: hw_temperature is not measured in mV: write a unit of Cel, K, [degF], mCel`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorValue, unit: 0.1 Mv}`, `unit: unknown unit "Mv": did you mean 0.1 mV?`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorValu}`, `object: module ENTITY-SENSOR-MIB does not define "entPhySensorValu": did you mean entPhySensorValue?`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorTable}`, `object: ENTITY-SENSOR-MIB::entPhySensorTable has no value: name a column or a scalar`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorUnitsDisplay}`, `object: ENTITY-SENSOR-MIB::entPhySensorUnitsDisplay is a text: write under text an expression with one group around the number`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorValue, name: '{2}'}`, `name: {2}: the index of ENTITY-SENSOR-MIB::entPhySensorValue has one object`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorValue, name: '{2'}`, `name: {2: the } is missing`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorValue, only: {entPhySensorType: [celsus]}}`, `only.entPhySensorType: "celsus" is no value of the object: did you mean celsius?`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorValue, labels: {color: red}}`, `labels.color: hw_voltage has no label color: it may have hw_name, hw_type, hw_parent, hw_sensor_location, ifIndex, ifName, phase, direction, lane`},
		{`{metric: hw_status, object: ENTITY-SENSOR-MIB::entPhySensorOperStatus}`, `metric: hw_status needs states: which values stand for ok, degraded, failed, unknown`},
		{`{metric: hw_status, object: ENTITY-SENSOR-MIB::entPhySensorOperStatus, states: {degrade: [ok]}}`, `states.degrade: unknown state "degrade": did you mean degraded?`},
		{`{metric: hw_status, object: ENTITY-SENSOR-MIB::entPhySensorOperStatus, states: psu}`, `states: unknown state table "psu": did you mean psus?`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorValue, limit: {high: 5}}`, `limit.high: unknown limit "high": write one of high.critical, high.degraded, low.critical, low.degraded`},
		{`{metric: hw_voltage, object: ENTITY-SENSOR-MIB::entPhySensorValue, absent: ['< zero']}`, `absent[0]: "< zero" is no range: write a number behind <`},
		{`{metric: system_memory, object: UCD-SNMP-MIB::memTotalReal}`, `metric: system_memory needs objects under used, free, total or percent`},
		{`{object: UCD-SNMP-MIB::memTotalReal}`, `metric: a measure needs a metric`},
	} {
		got, _ := problemsOf(t, l, "{state_tables: {psus: {ok: [1]}}, measures: ["+test.measure+"]}")
		if want := "measures[0]." + test.want; len(got) != 1 || got[0] != want {
			t.Errorf("%s:\n%s\nwant\n%s", test.measure, strings.Join(got, "\n"), want)
		}
	}
	_, warnings := problemsOf(t, l, `measures: [{metric: hw_status, object: ENTITY-SENSOR-MIB::entPhySensorOperStatus, states: {ok: [ok]}}]`)
	want := setting.Problem{Path: "measures[0].states", Text: "no state has unavailable, nonoperational of ENTITY-SENSOR-MIB::entPhySensorOperStatus"}
	if !slices.Contains(warnings, want) {
		t.Errorf("warnings %v, want %v", warnings, want)
	}
}
