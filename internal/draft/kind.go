package draft

import (
	"regexp"
	"slices"
	"strings"

	"trapline/mibs/smi"
)

// kind is what a number measures.
type kind struct {
	metric    string
	dimension string // a key of dimensions; empty: a plain count
}

// settings are words of names that are limits and settings rather than readings.
var settings = []string{"threshold", "thresh", "thres", "thrshld", "thr", "thd", "trsh", "limit", "limits", "lim", "max", "maximum", "min", "minimum", "hyst", "hysteresis", "setpoint", "set",
	"config", "cfg", "conf", "configured", "nominal", "rated", "rating", "default", "def", "upper", "lower", "delta", "peak", "history", "hist", "admin", "desired", "target", "calibration", "calib",
	"calibrate", "trap", "notification", "notify", "notif", "warn", "warning", "critical", "crit", "major", "minor", "high", "low", "lo", "hi", "highest", "lowest", "previous", "prev", "schedule", "allowed",
	"budget", "required", "request", "requested", "tolerance", "adjust", "slope", "siren", "relay", "buzzer", "discharged", "elapsed"}

// descriptions are words that end names of what describes a reading or is none.
var descriptions = []string{"index", "idx", "type", "id", "oid", "interval", "timeout", "timer", "enable", "enabled", "delay", "range", "capability", "coefficient", "severity", "priority", "version",
	"precision", "scale", "divisor", "divider", "multiplier", "exponent", "unit", "units", "format", "label", "name", "descr", "description", "location", "alarm", "alarms", "shutdown", "recovery", "reset", "test",
	"year", "month", "day", "week", "time", "date", "action", "control", "mode", "state", "status", "reference", "last", "first", "address", "addr", "fault", "failure", "color", "offset", "number", "num", "no", "serial", "code", "class", "model", "revision", "blocks", "present", "supported"}

// tallies are words of tables with a row for each station, session, route and the like, which are not walked unasked.
var tallies = []string{"neighbor", "neighbour", "mac", "arp", "route", "routes", "fdb", "acl", "flow", "qos", "vlan", "vlans", "multicast", "mroute", "igmp", "bgp", "ospf", "isis", "mpls", "ldp", "lsp", "nat", "user", "users", "host", "hosts",
	"process", "processes", "log", "logs", "event", "events", "syslog", "certificate", "dhcp", "dns", "policy", "rule", "rules", "counter", "counters", "stats", "statistics", "history", "tcp", "udp", "icmp", "radius", "tacacs",
	"account", "accounting", "snmp", "rmon", "community", "trap", "traps", "notification", "ike", "phase1", "phase2", "nhrp", "call", "calls", "lease"}

func (o *object) isSetting() bool {
	last := len(o.words) - 1
	for last > 0 && o.words[last][0] <= '9' {
		last--
	}
	timed := o.has("time") && o.has("charge", "battery", "remaining", "run", "autonomy", "backup")
	if !timed && slices.Contains(descriptions, o.words[last]) {
		return true
	}
	for i, w := range o.words {
		minutes := (w == "min" || w == "mins") && i > 0 && o.words[i-1][0] <= '9'
		precise := w == "high" && i < last && strings.HasPrefix(o.words[i+1], "prec")
		if slices.Contains(settings, w) && !minutes && !precise && !(timed && w == "low") {
			return true
		}
	}
	return strings.Contains(o.joint, "threshold") || strings.Contains(o.joint, "hysteresis")
}

func (o *object) hasAny(words []string) bool {
	return slices.ContainsFunc(o.words, func(w string) bool { return slices.Contains(words, w) }) ||
		strings.Contains(o.joint, "threshold") || strings.Contains(o.joint, "hysteresis")
}

func without(words []string, not ...string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(not, w) })
}

// transient are words of rows that come and go with processes and stations: tables that are long, and of little use.
var transient = []string{"proc", "process", "processes", "task", "tasks", "sta", "station", "stations", "client", "clients", "neighbor", "neighbour", "route", "arp", "thread"}

// isTransient reports whether the rows of the object's table come and go.
func (o *object) isTransient() bool {
	if o.node.Row == nil {
		return false
	}
	row := split(o.node.Row.Name)
	return slices.ContainsFunc(row, func(w string) bool { return slices.Contains(transient, w) }) && !strings.Contains(o.text, "processor")
}

// keyword has words in names that point to a kind.
type keyword struct {
	words []string
	kind  kind
}

var keywords = []keyword{
	{[]string{"temp", "temperature", "temper", "temperture", "temprature", "tempera", "tempe", "tmp", "temps", "celsius", "celcius", "degc", "dewpoint", "thermal"}, kind{"hw_temperature", "temperature"}},
	{[]string{"humidity", "hum", "humid", "rh"}, kind{"hw_humidity", "percent"}},
	{[]string{"rpm", "rpms", "tach", "tachometer", "fanspeed"}, kind{"hw_fan_speed", "rpm"}},
	{[]string{"voltage", "volt", "volts", "vcc", "vdc", "vac", "mv", "millivolts", "millivolt", "vrms", "vin", "vout"}, kind{"hw_voltage", "voltage"}},
	{[]string{"amp", "amps", "amperage", "ampere", "amperes", "milliamps", "ma", "bias", "curr"}, kind{"hw_current", "current"}},
	{[]string{"watt", "watts", "wattage", "kw", "milliwatts"}, kind{"hw_power", "power"}},
	{[]string{"va", "kva", "apparent", "voltamps"}, kind{"hw_apparent_power", "apparent"}},
	{[]string{"energy", "kwh", "wh", "kwhour", "watthours", "kilowatthours"}, kind{"hw_energy", "energy"}},
	{[]string{"freq", "frequency", "hertz", "hz", "mhz", "khz", "ghz"}, kind{"hw_frequency", "frequency"}},
	{[]string{"pf"}, kind{"hw_power_factor", "factor"}},
	{[]string{"snr", "osnr", "cnr", "mer", "sinr", "snir"}, kind{"hw_signal_noise_ratio", "db"}},
	{[]string{"rssi"}, kind{"radio_signal", "dbm"}},
	{[]string{"rsrp"}, kind{"radio_rsrp", "dbm"}},
	{[]string{"rsrq"}, kind{"radio_rsrq", "db"}},
	{[]string{"pressure"}, kind{"hw_pressure", "pressure"}},
}

// byUnits are kinds that UNITS leave no doubt of.
var byUnits = []struct {
	re   *regexp.Regexp
	kind kind
}{
	{regexp.MustCompile(`rpm|rotations|revolutions`), kind{"hw_fan_speed", "rpm"}},
	{regexp.MustCompile(`dbm`), kind{"hw_optical_power", "dbm"}},
	{regexp.MustCompile(`celsius|celcius|centigrade|fahrenheit|^degrees?( c)?$|degree c|^°c$|^c$|deg(s|rees)? ?c\b`), kind{"hw_temperature", "temperature"}},
	{regexp.MustCompile(`volt-?_? ?amp|^k?va$`), kind{"hw_apparent_power", "apparent"}},
	{regexp.MustCompile(`watt-?_? ?hour|^[0-9.\s]*k?wh$`), kind{"hw_energy", "energy"}},
	{regexp.MustCompile(`volt|^(0\.\d+ ?)?m?v(ac|dc)?$`), kind{"hw_voltage", "voltage"}},
	{regexp.MustCompile(`amp(s|ere|eres)?\b|^(0\.\d+ ?)?[mu]?a$`), kind{"hw_current", "current"}},
	{regexp.MustCompile(`watt|^(0\.\d+ ?)?[mku]?w$`), kind{"hw_power", "power"}},
	{regexp.MustCompile(`hertz|[kmg]?hz`), kind{"hw_frequency", "frequency"}},
}

// lastKeyword is the place of the last word that points to a kind, -1 without one.
func (o *object) lastKeyword() int {
	best := -1
	for _, w := range keywords {
		best = max(best, o.last(w.words...))
	}
	return best
}

// kindOf returns the kind of a number; ok is false if that is not known.
func (o *object) kindOf() (k kind, ok bool) {
	if o.isSetting() {
		return kind{}, false
	}
	for _, u := range byUnits {
		if o.units != "" && u.re.MatchString(o.units) {
			return o.refined(u.kind)
		}
	}
	if k, ok := o.compound(); ok {
		return o.refined(k)
	}
	best := -1
	for _, w := range keywords {
		if at := o.last(w.words...); at > best {
			best, k = at, w.kind
		}
	}
	if best < 0 || o.words[best] == "curr" && (best < len(o.words)-2 || o.says(present)) {
		return o.count()
	}
	return o.refined(k)
}

// present is said of a current that is the present value of something.
var present = regexp.MustCompile(`current (number|value|count|size|length|state|entries)|number of`)

var busy = regexp.MustCompile(`percent|utili[sz]ation|%|busy|load`)

// compound finds kinds that take more than one word to see.
func (o *object) compound() (kind, bool) {
	percent := o.isPercent()
	battery := o.mentions("battery", "batteries", "batt", "bat", "ups", "bms", "bbu")
	power := o.has("power", "pwr", "pow")
	switch {
	case o.has("cpu", "cpus", "processor") && (percent || o.has("usage", "load", "busy", "rate", "utilized", "used", "idle", "occupancy", "avg", "average", "occupy", "cost")) && !o.has("temp", "temperature", "fan", "voltage", "memory", "mem", "speed"):
		return kind{"system_cpu_utilization", "percent"}, true
	case o.has("cpu", "cpus", "processor", "core") && !o.has("memory", "mem", "temp", "temperature", "fan", "voltage", "speed", "count", "number", "total", "freq", "frequency", "power", "queue", "num") && o.says(busy):
		return kind{"system_cpu_utilization", "percent"}, true
	case o.mentions("cpu") && !o.has("memory", "mem") && (percent && o.has("util", "usage", "utilization", "load", "busy") || o.has("utilization", "utilisation") || o.joint == " load "):
		return kind{"system_cpu_utilization", "percent"}, true
	case o.mentions("fan", "fans", "blower") && o.has("speed", "rpm", "tach", "rate") && !o.has("temp", "temperature"):
		if percent || o.has("pwm", "duty") || o.ranges(100) || strings.Contains(o.text, "percent") && !strings.Contains(o.text, "rpm") {
			return kind{"hw_fan_speed", "percent"}, true
		}
		return kind{"hw_fan_speed", "rpm"}, true
	case o.has("powerfactor") || power && o.has("factor"):
		return kind{"hw_power_factor", "factor"}, true
	case battery && o.has("time", "runtime", "minutes", "seconds", "mins", "autonomy") && o.has("remaining", "remain", "run", "runtime", "autonomy", "backup", "left", "estimated", "est"):
		return kind{"hw_battery_time_left", "time"}, true
	case battery && (o.has("charge", "soc", "capacity") && !o.has("current", "voltage", "temp", "temperature", "charger", "amp") && (percent || o.has("remaining", "level", "charge", "soc") || strings.Contains(o.text, "percent"))):
		return kind{"hw_battery_charge", "percent"}, true
	case o.mentions("ups", "inverter", "rectifier", "output", "bypass") && o.has("load") && !o.has("current", "power", "amp", "amps", "watts", "va", "voltage") && (percent || strings.Contains(o.text, "percent") || strings.Contains(o.text, "%")):
		return kind{"hw_power_supply_utilization", "percent"}, true
	case power && o.isLight(), o.has("opr", "opt") && strings.Contains(o.text, "optical power"):
		return kind{"hw_optical_power", "dbm"}, true
	case o.has("noise") && o.has("floor"), o.has("noisefloor"):
		return kind{"radio_noise", "dbm"}, true
	case o.has("signal") && o.has("noise"):
		return kind{"hw_signal_noise_ratio", "db"}, true
	case o.has("signal") && o.has("level", "strength", "power", "rx"):
		return kind{"radio_signal", "dbm"}, true
	case o.has("consumption") && o.mentions("poe", "pse", "power", "outlet", "psu") && o.units == "" && !o.has("energy"):
		return kind{"hw_power", "power"}, true
	case power && o.has("apparent"):
		return kind{"hw_apparent_power", "apparent"}, true
	case power && o.last("power", "pwr", "pow") > o.lastKeyword() && !o.has("reactive", "on", "off", "cycle", "class", "up", "save", "reactivepower", "dbm", "supply", "loss", "fail", "failure", "outage", "counter", "denied") && (o.last("power", "pwr", "pow") >= len(o.words)-3) && !percent:
		return kind{"hw_power", "power"}, true
	case o.has("current") && (o.last("current") == len(o.words)-1 || o.mentions("bias", "output", "input", "load", "phase", "outlet", "battery", "line", "laser", "inlet", "branch", "breaker", "rms", "dc", "ac")) && o.isCurrent():
		return kind{"hw_current", "current"}, true
	}
	return kind{}, false
}

// isCurrent reports whether current is electrical, rather than the present one.
func (o *object) isCurrent() bool {
	amperes := strings.Contains(o.text, "amp") || strings.Contains(o.text, "ma)")
	if !amperes && (o.lastKeyword() >= 0 || o.has("cpu", "mem", "memory", "power", "speed", "measurement", "value", "state", "session", "sessions", "stats")) {
		return false
	}
	if o.has("temp", "temperature", "voltage") {
		return false
	}
	return o.last("current") == len(o.words)-1 || strings.Contains(o.text, "amp") || strings.Contains(o.text, "ma)") || o.last("current") > 0 && !o.has("temp", "temperature", "volt", "voltage", "power", "users", "sessions", "speed", "humidity", "value") &&
		len(o.words)-o.last("current") <= 2 && o.has("l", "1", "2", "3", "a", "b", "c", "value", "ma", "dc", "ac", "phase", "rms")
}

var light = regexp.MustCompile(`optic|laser|light|transceiver|sfp|xfp|dbm|microwatt|\buw\b`)

// isLight reports whether a power is that of light.
func (o *object) isLight() bool {
	lit := o.mentions("optical", "optic", "optics", "laser", "sfp", "xfp", "qsfp", "transceiver", "xcvr", "ddm", "dom", "ddmi", "dbm", "lane", "onu", "ont", "olt", "pon", "gpon", "epon", "fiber", "light", "edfa", "osa", "amplifier", "dmi", "gbic", "wdm", "och", "digital")
	sided := o.has("rx", "tx", "receive", "transmit", "received", "transmitted", "rxpower", "txpower", "input", "output", "in", "out", "launch", "recv")
	return lit && (sided || o.has("optical", "laser", "dbm")) || sided && o.says(light) && !o.mentions("ups", "battery", "outlet", "psu", "radio", "wlan", "wireless", "antenna", "ap")
}

// isPercent reports whether a share is meant.
func (o *object) isPercent() bool {
	return strings.Contains(o.units, "%") || strings.Contains(o.units, "percent") || o.has("percent", "percentage", "pct", "perc", "utilization", "utilisation", "util")
}

// count finds counts and shares.
func (o *object) count() (kind, bool) {
	if metric, _ := o.space(); metric != "" {
		return kind{}, false
	}
	percent := o.isPercent()
	radio := o.mentions("ap", "aps", "wl", "wlan", "wireless", "radio", "ssid", "bss", "dot11", "wifi", "station", "stations", "sta", "bsn", "capwap")
	count := o.has("num", "number", "count", "total", "current", "active", "connected", "nb", "cur", "associated", "assoc", "online", "no", "registered") || o.node.Syntax.Type == smi.Gauge
	counter := o.node.Syntax.Type == smi.Counter || o.node.Syntax.Type == smi.Counter64
	scalar := o.node.Kind == smi.Scalar
	switch {
	case counter:
		return kind{}, false
	case radio && (count || o.says(present)) && !o.has("capacity", "capability", "mac", "index") && o.has("client", "clients", "station", "stations", "sta", "stas", "user", "users", "subscriber", "associations", "assoc", "connections", "peers"):
		return kind{"wireless_clients", ""}, true
	case count && o.has("ap", "aps", "accesspoint", "accesspoints") && (scalar || o.has("count", "number", "num")):
		return kind{"wireless_access_points", ""}, true
	case o.mentions("radio", "channel", "wlan", "dot11") && o.has("channel", "airtime", "utilization", "util") && percent:
		return kind{"radio_channel_utilization", "percent"}, true
	case o.mentions("tunnel", "tunnels", "vpn", "ipsec", "ssl", "ike") && count && o.has("tunnel", "tunnels", "users", "sessions", "connections") && scalar:
		return kind{"device_count", ""}, true
	case o.has("session", "sessions", "connections", "conns", "conn", "sess") && scalar && count && !o.has("rate"):
		return kind{"device_count", ""}, true
	}
	switch {
	case o.rate() != "":
		return kind{o.rate(), "bits"}, true
	case o.ofRadio() && o.has("distance"):
		return kind{"radio_distance", "length"}, true
	case percent || strings.HasPrefix(o.units, "percent"):
		return kind{"device_ratio", "percent"}, true
	case count && !o.hasAny([]string{"version", "serial", "size", "speed", "port", "slot", "time", "interval", "rate", "bytes", "octets", "packets", "pkts", "frames"}) && (scalar || len(o.node.Row.Index) <= 2 && o.has("count", "active", "online", "session", "sessions", "connections", "tunnels", "subscribers")):
		return kind{"device_count", ""}, true
	}
	return kind{}, false
}

// isTotal reports whether a scalar is the number of users, calls or leases, rather than a row for each of them.
func (o *object) isTotal() bool {
	counted := []string{"user", "users", "call", "calls", "lease", "leases", "subscribers", "hosts"}
	last := o.words[len(o.words)-1]
	return o.node.Kind == smi.Scalar && o.has(counted...) && (slices.Contains(counted, last) || last == "count") && !o.has("directory", "label") &&
		o.has("active", "current", "cur", "online", "connected", "registered", "count") && !o.hasAny(settings)
}

var bitsASecond = regexp.MustCompile(`[kmg]?bps\b|[kmg]?bits?( per |/)s|(kilo|mega|giga)bits? per second`)

// rate is the metric of a rate in bits a second that the device has measured; empty if the object is none.
func (o *object) rate() string {
	if o.has("limit", "burst", "commit", "configured", "interface", "port", "if", "sfp", "xfp", "transceiver", "multicast") || !o.has("rate", "bitrate", "throughput", "bandwidth", "capacity", "phy", "speed", "tput", "datarate") {
		return ""
	}
	if !bitsASecond.MatchString(o.units+o.joint) && !o.says(bitsASecond) {
		return ""
	}
	if o.ofRadio() || o.mentions("radio", "wlan", "wireless", "carrier") {
		return "radio_bits_per_second"
	}
	if o.has("bitrate", "throughput") {
		return "device_bits_per_second"
	}
	return ""
}

// inWatts reports whether light is counted in watts.
func (o *object) inWatts() bool {
	all := o.joint + o.units + o.text
	watt, dbm := strings.Index(all, "watt"), strings.Index(all, "dbm")
	return watt >= 0 && (dbm < 0 || watt < dbm)
}

var radios = regexp.MustCompile(`radio|wireless|wlan|microwave|airmax|airfiber|mimosa|cambium|whisp|pmp|ptp|mobile|modem|lte|canopy|rfu|odu|wimax|wipipe`)

// ofRadio reports whether the module is about radios.
func (o *object) ofRadio() bool { return radios.MatchString(strings.ToLower(o.node.Module)) }

// ranges reports whether the type permits numbers from 0 up to high.
func (o *object) ranges(high int64) bool {
	r := o.node.Syntax.Ranges
	return len(r) > 0 && r[len(r)-1].High == high && o.node.Syntax.Type != smi.OctetString
}

// isOther reports whether a reading is none of its kind: reactive energy is not used, what a frequency is off by and the
// clock of a processor are none of the mains, and a module may have the name of a unit.
func (o *object) isOther(k kind) bool {
	switch k.metric {
	case "hw_energy":
		return o.has("reactive", "var", "kvarh", "varh")
	case "hw_frequency":
		return o.has("offset", "error", "deviation", "drift") || o.mentions("cpu", "processor", "memory", "mem", "dimm", "clock")
	case "hw_fan_speed":
		return k.dimension == "rpm" && o.units == "" && !o.mentions("fan", "fans", "blower", "pump", "tach", "tachometer", "rotation", "motor") && o.last("rpm", "rpms") < len(o.words)-1
	}
	return false
}

// refined looks at the place of a reading: power of light or of a radio, frequency of a channel, a share rather than an amount.
func (o *object) refined(k kind) (kind, bool) {
	radio := o.ofRadio() || o.mentions("radio", "wlan", "wireless", "antenna", "dot11", "rssi", "wifi", "signal", "modem", "lte", "cell", "remote", "link", "odu", "rf", "station", "ap", "5g", "4g")
	sent := o.has("tx", "transmit", "txpower", "transmitted", "eirp")
	lit := o.isLight() && !o.ofRadio() && !o.mentions("radio", "wlan", "wireless", "antenna", "odu", "dot11", "rssi", "cell", "lte", "signal")
	switch {
	case o.isOther(k):
		return kind{}, false
	case k.metric == "hw_optical_power" && !lit && radio:
		k.metric = "radio_signal"
		if sent {
			k.metric = "radio_transmit_power"
		}
		if o.has("noise") {
			k.metric = "radio_noise"
		}
	case k.metric == "hw_power" && lit && k.dimension == "power":
		k.metric = "hw_optical_power"
	case k.metric == "hw_power" && radio && sent:
		k = kind{"radio_transmit_power", "dbm"}
	case k.metric == "hw_fan_speed" && o.has("disk", "drive", "hdd", "raid"):
		return kind{}, false
	case k.metric == "hw_power" && o.has("factor"):
		k = kind{"hw_power_factor", "factor"}
	case k.metric == "hw_power" && o.has("apparent"):
		k = kind{"hw_apparent_power", "apparent"}
	case k.metric == "hw_power" && o.has("reactive"):
		return kind{}, false
	case k.metric == "hw_signal_noise_ratio" && o.has("sinr", "snir"):
		k.metric = "radio_sinr"
	case k.metric == "hw_signal_noise_ratio" && (o.ofRadio() || o.mentions("radio", "wlan", "wireless", "dot11", "station", "client")):
		k.metric = "radio_signal_noise_ratio"
	case k.metric == "hw_frequency" && o.ofRadio(), k.metric == "hw_frequency" && o.mentions("radio", "wlan", "wireless", "channel", "dot11", "wifi", "tx", "rx", "antenna", "lte"):
		k.metric = "radio_frequency"
	case k.metric == "hw_optical_power" && k.dimension == "dbm" && o.inWatts(), k.metric == "hw_optical_power" && o.has("uw", "mw", "microwatt", "microwatts"):
		k.dimension = "power"
	}
	if o.has("percent", "percentage", "pct") && k.dimension != "percent" && k.dimension != "factor" {
		if o.has("load", "loading", "utilization") || o.mentions("outlet", "ups") {
			return kind{"hw_power_supply_utilization", "percent"}, true
		}
		return kind{"device_ratio", "percent"}, true
	}
	return k, true
}
