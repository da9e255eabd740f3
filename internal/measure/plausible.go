package measure

import (
	"slices"
	"strings"
)

// bounds are the values that series whose names begin so may have.
type bounds struct {
	series    string
	low, high float64
}

// plausible are the values that measures may have; the first entry counts. They are wide: sensors of large installations
// and those that are faulty lie within. What lies outside is another unit, another kind of row, or no value.
var plausible = []bounds{
	{"hw_temperature_", -60, 150},
	{"hw_fan_speed_rpm", 0, 60_000},
	{"hw_fan_speed_ratio", 0, 1.2},
	{"hw_voltage_", -1_000, 100_000},
	{"hw_current_", -1_000, 10_000},
	{"hw_frequency_", 0, 1_000},
	{"hw_power_watts", -1e6, 1e7},
	{"hw_apparent_power_", 0, 1e7},
	{"hw_power_factor_", -1, 1},
	{"hw_energy_", 0, 1e16},
	{"hw_power_supply_utilization_", 0, 2},
	{"hw_battery_charge_", 0, 1.1},
	{"hw_battery_time_left_", 0, 10 * 365 * 86_400},
	{"hw_optical_power_", -60, 15},
	{"hw_signal_noise_ratio_", -50, 120},
	{"hw_humidity_", 0, 1},
	{"hw_pressure_", -1e5, 1e7},
	{"hw_airflow_", 0, 1_000},
	{"hw_liquid_flow_", 0, 100_000},
	{"hw_cooling_", 0, 1e7},
	{"system_cpu_utilization_", 0, 1},
	{"system_memory_utilization_", 0, 1},
	{"system_memory_", 0, 1e14},
	{"system_filesystem_utilization_", 0, 1.2},
	{"system_filesystem_", 0, 1e18},
	{"network_sessions", 0, 4e9},
	{"vpn_tunnels", 0, 1e7},
	{"license_expiry_timestamp_", 0, 1e11},
	{"license_", 0, 4e9},
	{"wireless_", 0, 1e6},
	{"radio_signal_dbm", -150, 40},
	{"radio_noise_", -150, 40},
	{"radio_transmit_power_", -60, 80},
	{"radio_signal_noise_ratio_", -50, 120},
	{"radio_frequency_", 0, 3e11},
	{"radio_bits_per_second", 0, 1e12},
	{"radio_channel_utilization_", 0, 1},
	{"radio_rsrp_", -160, 0},
	{"radio_rsrq_", -60, 30},
	{"radio_sinr_", -50, 120},
	{"radio_distance_", 0, 1e6},
	{"printer_supply_", 0, 1},
	{"device_ratio", -1, 10},
	{"device_bits_per_second", 0, 1e13},
}

// Plausible reports whether a series, or a limit of it, may have a value.
func Plausible(series string, value float64) bool {
	series = strings.Replace(series, "_limit_", "_", 1)
	i := slices.IndexFunc(plausible, func(b bounds) bool { return strings.HasPrefix(series, b.series) })
	return i < 0 || value >= plausible[i].low && value <= plausible[i].high
}

// Plausible reports whether the metric may have the value that a number in a unit stands for.
func (m *Metric) Plausible(unit string, number float64) bool {
	base, c, err := m.Fits(unit)
	return err != nil || Plausible(m.Exposed(base, ""), c.value(number))
}
