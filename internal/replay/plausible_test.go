package replay_test

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/corpus"
	"trapline/internal/profile"
	"trapline/internal/replay"
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

// said are values out of bounds that a device does say.
var said = []struct {
	objects   *regexp.Regexp
	low, high float64
	why       string
}{
	{regexp.MustCompile(`^(CIENA-6500R-INVENTORY-AMPS-MIB|MPBC-2RU-MIB|Montclair-MIB|NSCRTV-ROOT|1\.3\.6\.1\.4\.1\.51628\.1)\b`), 15, 40, "amplifiers of light"},
	{regexp.MustCompile(`^(CISCO-ENTITY-SENSOR-MIB::entSensorValue|ENTITY-SENSOR-MIB::entPhySensorValue)\b`), 68_000, 233_000, "a power supply whose agent counts in thousandths and states units"},
	{regexp.MustCompile(`^QUANTASTOR-SYS-STATS::storagePool-`), 1e18, 2e19, "a recording with numbers of its own"},
}

// TestLawOfPlausibleValues polls each device by the modules of auto: no measure has a value that its metric cannot have.
func TestLawOfPlausibleValues(t *testing.T) {
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("own", func(t *testing.T) {
		var f finds
		for name, r := range ownDevices(t) {
			f.poll(t, book, name, r)
		}
		f.report(t)
	})
	t.Run("large", func(t *testing.T) {
		var f finds
		eachRecording(t, func(name string, content io.Reader) {
			if r, _ := agent.ReadRecording(content); r.Len() > 0 && chosen(name) {
				f.poll(t, book, name, r)
			}
		})
		files, err := filepath.Glob(filepath.Join(corpus.Large(t, "conformance"), "recordings", "*.snmprec.gz"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no recordings: %v", err)
		}
		for _, file := range files {
			r, _ := agent.ReadRecording(strings.NewReader(corpus.Text(t, file)))
			f.poll(t, book, filepath.Base(file), r)
		}
		f.report(t)
		for i := range said {
			if f.said[i] == 0 && !racing {
				t.Errorf("no device says such things of %v: %s", said[i].objects, said[i].why)
			}
		}
	})
}

// finds are the implausible values by series and object, and how often each entry of said was needed.
type finds struct {
	values map[string][]string
	said   [8]int
}

// numbered is an OID of an object and its index, which its name cannot tell apart; named is an object of a MIB.
var (
	numbered = regexp.MustCompile(`hw_id="([0-9.]+)"`)
	named    = regexp.MustCompile(`hw_id="([^":]+::[\w-]+)`)
)

func (f *finds) poll(t *testing.T, book *profile.Registry, name string, r *agent.Recording) {
	t.Helper()
	pass, err := replay.Auto(t.Context(), book, r)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := replay.Measures(pass)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatal(err)
		}
		f.check(name, line[:at], value)
	}
}

func (f *finds) check(device, series string, value float64) {
	name, labels, _ := strings.Cut(series, "{")
	name = strings.Replace(name, "_limit_", "_", 1)
	i := slices.IndexFunc(plausible, func(b bounds) bool { return strings.HasPrefix(name, b.series) })
	if i < 0 || value >= plausible[i].low && value <= plausible[i].high {
		return
	}
	object := ""
	for _, e := range []*regexp.Regexp{named, numbered} {
		if m := e.FindStringSubmatch(labels); m != nil {
			object = m[1]
		}
	}
	for i, s := range said {
		if s.objects.MatchString(object) && value >= s.low && value <= s.high {
			f.said[i]++
			return
		}
	}
	if f.values == nil {
		f.values = map[string][]string{}
	}
	key := name + " of " + object
	f.values[key] = append(f.values[key], fmt.Sprintf("%g, %s, {%s", value, device, labels))
}

// report fails for each object, with the first of its values.
func (f *finds) report(t *testing.T) {
	t.Helper()
	for key, list := range f.values {
		t.Errorf("%s: %d implausible values, the first %s", key, len(list), list[0])
	}
}
