// Package measure makes vendor-neutral metrics of the objects of devices: which metrics there are, with their
// units and labels, how a module states what an object measures, and how a pass computes it from the values that it
// holds. It asks devices for nothing.
package measure

import (
	"slices"
	"strings"
)

// Metric is an entry of the closed list.
type Metric struct {
	Name    string   // as `metric` has it, without the unit
	Help    string   // one sentence
	Units   []string // the units that it may be exposed in, as keys of exposed; none: a number without a unit
	Labels  []string // that `labels` may set besides Common
	States  []string // the words that `states` may have, each with its number as place; nil: a number
	Counter bool
	Space   bool // made of used, free, total and percent
	Info    bool // 1, with texts as labels
	Date    bool // a DateAndTime is a value too
}

// Common are the labels that series of every metric may have.
var Common = []string{"hw_id", "hw_name", "hw_type", "hw_parent", "hw_sensor_location", "ifIndex", "ifName"}

// LimitType is the label of limits that says which one it is: high.critical, high.degraded and so on.
const LimitType = "hw_limit_type"

var (
	electric = []string{"phase", "direction", "lane"}
	radio    = []string{"ap", "radio", "ssid", "direction", "lane"}
	space    = []string{"mountpoint", "type", "state"}
)

// Status are the states of hw_status. The last one makes no series.
var Status = []string{"ok", "degraded", "failed", "unknown"}

// absentState is a state of which no series is made.
const absentState = "absent"

// Metrics is the closed list.
var Metrics = []Metric{
	{Name: "hw_temperature", Help: "Temperature", Units: []string{"Cel"}, Labels: []string{"lane"}},
	{Name: "hw_fan_speed", Help: "Speed of a fan", Units: []string{"rpm", "1"}},
	{Name: "hw_voltage", Help: "Voltage", Units: []string{"V"}, Labels: electric},
	{Name: "hw_current", Help: "Electric current", Units: []string{"A"}, Labels: electric},
	{Name: "hw_frequency", Help: "Frequency", Units: []string{"Hz"}, Labels: electric},
	{Name: "hw_power", Help: "Electric power", Units: []string{"W"}, Labels: electric},
	{Name: "hw_apparent_power", Help: "Apparent power", Units: []string{"VA"}, Labels: electric},
	{Name: "hw_power_factor", Help: "Power factor", Units: []string{"1"}, Labels: electric},
	{Name: "hw_energy", Help: "Energy used", Units: []string{"J"}, Labels: electric, Counter: true},
	{Name: "hw_power_supply_utilization", Help: "Load of a power supply, as a part of what it can deliver", Units: []string{"1"}, Labels: electric},
	{Name: "hw_battery_charge", Help: "Charge of a battery, as a part of its capacity", Units: []string{"1"}},
	{Name: "hw_battery_time_left", Help: "Time until a battery is empty", Units: []string{"s"}},
	{Name: "hw_optical_power", Help: "Optical power", Units: []string{"dBm"}, Labels: []string{"direction", "lane"}},
	{Name: "hw_signal_noise_ratio", Help: "Ratio of signal to noise", Units: []string{"dB"}, Labels: []string{"direction", "lane"}},
	{Name: "hw_humidity", Help: "Relative humidity", Units: []string{"1"}},
	{Name: "hw_pressure", Help: "Pressure", Units: []string{"Pa"}},
	{Name: "hw_airflow", Help: "Flow of air", Units: []string{"m3/s"}},
	{Name: "hw_liquid_flow", Help: "Flow of a liquid", Units: []string{"L/min"}},
	{Name: "hw_cooling", Help: "Cooling power", Units: []string{"W"}},
	{Name: "hw_status", Help: "State of a part: 0 ok, 1 degraded, 2 failed, 3 unknown", Labels: []string{"state", "lane", "phase", "direction"}, States: Status},
	{Name: "hw_info", Help: "Identity of a part", Labels: []string{"vendor", "model", "serial", "revision", "version"}, Info: true},
	{Name: "system_cpu_utilization", Help: "Utilization of a processor", Units: []string{"1"}},
	{Name: "system_memory", Help: "Memory", Units: []string{"By"}, Labels: space, Space: true},
	{Name: "system_filesystem", Help: "Filesystem", Units: []string{"By"}, Labels: space, Space: true},
	{Name: "network_sessions", Help: "Sessions", Units: []string{"{}"}, Labels: []string{"protocol", "vdom", "context", "state"}},
	{Name: "network_sessions_limit", Help: "Sessions that are possible", Units: []string{"{}"}, Labels: []string{"protocol", "vdom", "context"}},
	{Name: "vpn_tunnels", Help: "Tunnels of virtual private networks", Units: []string{"{}"}, Labels: []string{"state", "protocol", "vdom", "context"}},
	{Name: "device_ha_role", Help: "Role in a cluster: 0 none, 1 active, 2 standby", Labels: []string{"group"}, States: []string{"none", "active", "standby"}},
	{Name: "device_ha_in_sync", Help: "Whether the members of a cluster are synchronized: 1 yes, 0 no", Labels: []string{"group"}, States: []string{"out_of_sync", "in_sync"}},
	{Name: "license_usage", Help: "Licenses in use", Units: []string{"{}"}, Labels: []string{"license"}},
	{Name: "license_limit", Help: "Licenses that there are", Units: []string{"{}"}, Labels: []string{"license"}},
	{Name: "license_expiry_timestamp", Help: "When a license expires, in seconds since 1970", Units: []string{"s"}, Labels: []string{"license"}, Date: true},
	{Name: "wireless_clients", Help: "Clients of a wireless network", Units: []string{"{}"}, Labels: radio},
	{Name: "wireless_access_points", Help: "Access points", Units: []string{"{}"}, Labels: append([]string{"state"}, radio...)},
	{Name: "radio_signal", Help: "Signal received", Units: []string{"dBm"}, Labels: radio},
	{Name: "radio_noise", Help: "Noise", Units: []string{"dBm"}, Labels: radio},
	{Name: "radio_transmit_power", Help: "Power transmitted", Units: []string{"dBm"}, Labels: radio},
	{Name: "radio_signal_noise_ratio", Help: "Ratio of signal to noise", Units: []string{"dB"}, Labels: radio},
	{Name: "radio_frequency", Help: "Frequency of a radio", Units: []string{"Hz"}, Labels: radio},
	{Name: "radio_bits_per_second", Help: "Bit rate of a radio", Units: []string{"bit/s"}, Labels: radio},
	{Name: "radio_channel_utilization", Help: "Utilization of a channel", Units: []string{"1"}, Labels: radio},
	{Name: "radio_rsrp", Help: "Reference signal received power", Units: []string{"dBm"}, Labels: radio},
	{Name: "radio_rsrq", Help: "Reference signal received quality", Units: []string{"dB"}, Labels: radio},
	{Name: "radio_sinr", Help: "Ratio of signal to interference and noise", Units: []string{"dB"}, Labels: radio},
	{Name: "radio_distance", Help: "Distance of the other end of a link", Units: []string{"m"}, Labels: radio},
	{Name: "printer_supply", Help: "Supply of a printer, as a part of its capacity", Units: []string{"1"}, Labels: []string{"color", "type"}},
	{Name: "device_count", Help: "Count that has no name of its own", Units: []string{"{}"}, Labels: []string{"state", "protocol"}},
	{Name: "device_ratio", Help: "Ratio that has no name of its own", Units: []string{"1"}, Labels: []string{"state", "protocol"}},
	{Name: "device_bits_per_second", Help: "Bit rate that has no name of its own", Units: []string{"bit/s"}, Labels: []string{"direction", "state", "protocol"}},
}

// exposed are the suffixes of names by the unit of the series.
var exposed = map[string]string{
	"Cel": "_celsius", "rpm": "_rpm", "1": "_ratio", "V": "_volts", "A": "_amperes", "Hz": "_hertz", "W": "_watts", "VA": "_voltamperes", "J": "_joules",
	"s": "_seconds", "dBm": "_dbm", "dB": "_db", "Pa": "_pascals", "m3/s": "_cubic_meters_per_second", "L/min": "_liters_per_minute", "By": "_bytes",
	"bit/s": "", "m": "_meters", "{}": "",
}

// MetricNamed returns the metric of that name, or nil.
func MetricNamed(name string) *Metric {
	i := slices.IndexFunc(Metrics, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &Metrics[i]
}

// names returns the names of all metrics.
func names() []string {
	list := make([]string, len(Metrics))
	for i := range Metrics {
		list[i] = Metrics[i].Name
	}
	return list
}

// Exposed is the name of the series in a unit, of which infix names a kind such as "_limit".
func (m *Metric) Exposed(unit, infix string) string {
	name := m.Name + infix
	if suffix := exposed[unit]; !strings.HasSuffix(name, suffix) {
		name += suffix
	}
	if m.Counter && infix == "" {
		name += "_total"
	}
	return name
}

// Allows reports whether series of the metric may have a label.
func (m *Metric) Allows(label string) bool {
	return slices.Contains(Common, label) || slices.Contains(m.Labels, label)
}

// Series returns the names of all series that the metric may have.
func (m *Metric) Series() []string {
	switch {
	case m.Space:
		return []string{m.Name + "_usage_bytes", m.Name + "_limit_bytes", m.Name + "_utilization_ratio"}
	case len(m.Units) == 0:
		return []string{m.Name}
	}
	var list []string
	for _, unit := range m.Units {
		list = append(list, m.Exposed(unit, ""))
		if strings.HasPrefix(m.Name, "hw_") {
			list = append(list, m.Exposed(unit, "_limit"))
		}
	}
	return list
}
