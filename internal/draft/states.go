package draft

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"trapline/mibs/smi"
)

// State is the meaning of a label of an enumeration.
type State int

// The states as hw_status counts them. Absent is that of a part that is not there.
const (
	OK State = iota
	Degraded
	Failed
	Unknown
	Absent
	unclear
)

// phrases are searched in a label in this order: the first that it has decides. A phrase of one word must be a word of the
// label; one of several must follow each other.
var phrases = []struct {
	state State
	words []string
}{
	{Absent, []string{"not installed", "notinstalled", "uninstalled", "not present", "notpresent", "absent", "not exist", "no exist", "noexist", "nonexistent", "not exists", "vacant", "not equipped", "unequipped", "not inserted", "none present"}},
	{Unknown, []string{"unknown", "unknow", "undefined", "undetermined", "not available", "notavailable", "not applicable", "na", "n a", "not supported", "unsupported", "not monitored",
		"not found", "missing", "empty", "removed", "no support", "not support", "reserved", "other", "null", "not used", "not detected", "no sensor", "not valid", "not specified", "not defined", "not configured", "unconfigured", "invalid", "not implemented", "unmanaged", "nonsupport", "no data", "unassigned", "not init", "uninitialized", "not reported", "unspecified", "not connected", "notconnected", "no status", "nostatus", "unused", "deactivated"}},
	{OK, []string{"no alarm", "no alarms", "no error", "no errors", "no fault", "no faults", "noerror", "noalarm", "nofault", "non error", "no problem", "no failure", "not alarmed", "no trouble", "no warning", "not critical fault", "fault clear", "not active alarm", "no defect", "no action", "low load", "no batteries need replacing", "no battery needs replacing"}},
	{Degraded, []string{"non critical", "noncritical", "pre alarm", "near overload", "partially", "partial"}},
	{Failed, []string{"non recoverable", "nonrecoverable", "not ok", "not okay", "not good", "not operational", "non operational", "not functioning", "not running", "not normal", "not redundant", "not responding", "not working", "not ready", "power off", "poweroff", "powered off", "poweredoff", "unestablishable", "no power", "no input", "no signal", "no response", "not powered", "over temperature", "over voltage", "under voltage", "over temp", "out of range", "out of order", "unhealthy", "not healthy", "no comm", "no communication", "communication lost", "needs replacing", "need replacing", "replace", "un operational", "loss", "lost", "los", "tripped", "blown"}},
	{Degraded, []string{"on battery", "on bypass", "bypass", "incompatible", "foreign", "low warning", "high warning", "upper warning", "lower warning"}},
	{Failed, []string{"fail", "failed", "failure", "faulty", "faulted", "fault", "fails", "error", "err", "errors", "errored", "critical", "crit", "fatal", "bad", "broken", "down", "dead", "abnormal", "alarm", "alarmed", "emergency", "major", "severe", "offline", "defective", "malfunction", "overheat", "overload", "overloaded", "shutdown", "stopped", "stop", "disconnected", "disconnect", "inoperable", "inoperative", "unavailable", "unreachable", "alert", "outage", "blocked", "red", "short", "shorted", "shortcircuit", "tampered", "expired", "overcurrent", "overvoltage", "undervoltage", "overtemp", "overtemperature", "violated", "conflict", "lowerror", "higherror", "corrupt", "corrupted", "problem", "exceeded", "depleted", "stalled", "halted", "crashed", "rejected", "denied", "linkdown", "nok", "nonoperational", "smoke", "leak", "interrupted", "mismatch", "violation", "fluid", "vibration", "motion", "detected", "flooded", "intrusion", "misbehav"}},
	{Degraded, []string{"warning", "warn", "warnings", "minor", "degraded", "degrade", "low", "high", "lower", "marginal", "caution", "attention", "yellow", "amber", "orange", "testing", "test", "rebuilding", "rebuild", "initializing", "initialising", "init", "booting", "starting", "upgrading", "updating", "pending", "transition", "transitioning", "discharging", "predictive", "predicted", "pre", "recovering", "suspended", "dormant", "weak", "stressed", "impaired", "changing", "connecting", "noncritical", "trouble", "underlimit", "overlimit", "slow", "fast", "restarting", "holdover", "reconstructing", "syncing", "resyncing", "paused"}},
	{OK, []string{"ok", "okay", "normal", "good", "up", "online", "on", "active", "operational", "operative", "operable", "running", "healthy", "health", "nominal", "ready", "enabled", "enable", "present", "connected", "standby", "idle", "full", "charged", "charging", "green", "clear", "cleared", "optimal", "available", "in service", "inservice", "inserted", "installed", "working", "in use", "functional", "functioning", "redundant", "stable", "synchronized", "synced", "sync", "locked", "valid", "passed", "pass", "success", "successful", "fine", "established", "master", "slave", "primary", "secondary", "powered", "poweron", "complete", "completed", "float", "floating", "online", "open", "member", "backup", "spare", "hotspare", "closed", "info", "informational", "supplying", "forwarding", "configured", "registered", "noalarm", "excellent", "satisfied", "equipped", "exist", "exists", "optimum", "activated", "started", "powering", "delivering", "intact", "associated", "insync", "right", "reachable", "licensed", "blocking"}},
	{Failed, []string{"no", "not", "non", "un", "powerfail", "unplugged", "abnormally", "without"}},
}

// StateOf classifies a label; ok is false if it has no word that is known.
func StateOf(label string) (s State, ok bool) {
	list := split(label)
	if len(list) > 1 && (list[0] == "no" || list[0] == "not" || list[0] == "non" || list[0] == "without") || len(list) == 1 && strings.HasPrefix(list[0], "no") && len(list[0]) > 4 {
		rest := strings.Join(list[1:], "_")
		if len(list) == 1 {
			rest = list[0][2:]
		}
		if s, known := wordState(rest); known && (s == Failed || s == Degraded) && !strings.HasPrefix(rest, "critical") && !strings.HasPrefix(rest, "recoverable") {
			return OK, true
		}
	}
	return wordState(label)
}

func wordState(label string) (s State, ok bool) {
	words := " " + strings.Join(split(label), " ") + " "
	for _, p := range phrases {
		if slices.ContainsFunc(p.words, func(w string) bool { return strings.Contains(words, " "+w+" ") }) {
			return p.state, true
		}
	}
	joint := strings.ReplaceAll(words, " ", "")
	for _, p := range phrases {
		if slices.ContainsFunc(p.words, func(w string) bool { return len(w) >= 4 && strings.Contains(joint, strings.ReplaceAll(w, " ", "")) }) {
			return p.state, true
		}
	}
	return unclear, false
}

// statusWords are words of names of states that an operator watches.
var statusWords = []string{"status", "state", "health", "condition", "alarm", "oper", "operstatus", "operstate", "fault", "failure", "fail", "ok", "present", "presence", "redundancy", "redundant", "stat", "sts", "cond", "led", "severity", "availability", "rollup", "sync", "lock", "alert", "warning", "error", "role", "level", "link", "status1", "active", "position", "source", "online", "running", "operability", "operational", "healthy"}

// statusSettings are words of names of states that are settings, or of rows that come and go.
var statusSettings = []string{"admin", "row", "config", "cfg", "conf", "enable", "mode", "control", "ctrl", "action", "trap", "type", "set", "default", "notification", "notify", "storage", "policy", "method", "option", "auto", "reset", "clear", "command", "cmd", "desired", "server", "auth", "snmp", "log", "port", "vlan", "threshold", "upgrade", "download", "upload", "copy", "test", "ack", "mask", "unit", "units", "capability", "protocol", "direction", "flag", "entry"}

// parts are words of names that an operator watches, with the type that they give to a state.
var parts = []struct {
	typ   string
	words []string
}{
	{"fan", []string{"fan", "fans", "blower", "fantray"}},
	{"power_supply", []string{"psu", "powersupply", "supply", "rectifier", "ps", "rps", "ac", "pwr", "power", "inverter", "feed", "pem"}},
	{"battery", []string{"battery", "batteries", "batt", "bat", "bbu", "cachebattery"}},
	{"temperature", []string{"temperature", "temp", "thermal", "temps"}},
	{"voltage", []string{"voltage", "volt"}},
	{"physical_disk", []string{"disk", "drive", "pd", "hdd", "ssd", "physicaldisk", "harddisk", "phydrv"}},
	{"logical_disk", []string{"raid", "array", "volume", "virtualdisk", "vdisk", "ld", "lun", "pool"}},
	{"memory", []string{"memory", "mem", "dimm"}},
	{"transceiver", []string{"sfp", "xfp", "transceiver", "xcvr", "optical", "optic", "laser"}},
	{"license", []string{"license", "licence"}},
	{"contact", []string{"contact", "relay", "dry", "input", "digital", "door", "smoke", "water", "leak", "motion"}},
	{"outlet", []string{"outlet", "outlets", "receptacle"}},
	{"link", []string{"link", "ring", "port", "interface", "trunk", "lag"}},
	{"module", []string{"module", "card", "slot", "board", "blade", "chassis", "unit", "stack", "member", "shelf", "controller", "engine", "line"}},
	{"alarm", []string{"alarm", "alert"}},
}

// carriers are words that say what parts are in, or what they are called, wherever they stand in a name.
var carriers = []string{"unit", "module", "slot", "board", "chassis", "stack", "member", "shelf", "controller", "line"}

// typeOf is the hw_type of the part that an object is about: that of the last word, and of a carrier only if there is
// no other.
func (o *object) typeOf() string {
	best, typ, carrier := -1, "", ""
	for _, p := range parts {
		at := o.last(p.words...)
		if at >= 0 && slices.Contains(carriers, o.words[at]) {
			carrier = p.typ
			continue
		}
		if at > best {
			best, typ = at, p.typ
		}
	}
	if typ != "" {
		return typ
	}
	list := parts
	if carrier != "" {
		list = parts[:3] // a unit of a table of fans is a fan; of other tables, it is a unit
	}
	for _, p := range list {
		if o.mentions(p.words...) {
			return p.typ
		}
	}
	return carrier
}

// statesOf classifies the labels of an enumeration; ok is false if it is not a state that an operator watches.
func (o *object) statesOf(labels []smi.Label) (states map[State][]string, ok bool) {
	if len(labels) < 2 || len(labels) > 40 || o.node.Syntax.Type == smi.Bits || o.node.Syntax.TC == "RowStatus" || o.node.Syntax.TC == "StorageType" {
		return nil, false
	}
	states = map[State][]string{}
	for _, l := range labels {
		s, known := o.labelState(l.Name)
		name := l.Name
		if len(o.node.Syntax.Labels) == 0 {
			name = strconv.FormatInt(l.Number, 10)
		}
		if !known {
			s = OK
			states[unclear] = append(states[unclear], name)
		}
		states[s] = append(states[s], name)
	}
	if used, rest := partition(states[Failed], isSwitchedOff); len(used) > 0 && len(rest) > 0 {
		states[Failed], states[Unknown] = rest, append(states[Unknown], used...)
	}
	return states, true
}

// isSwitchedOff reports whether a label, beside others that are failures, says that a part is not used.
func isSwitchedOff(label string) bool {
	return slices.Contains([]string{"off", "disabled", "disable"}, strings.ToLower(label))
}

func partition(list []string, in func(string) bool) (yes, no []string) {
	for _, x := range list {
		if in(x) {
			yes = append(yes, x)
		} else {
			no = append(no, x)
		}
	}
	return yes, no
}

// Words of names of truth values: what a part is if it is true, and what makes the value a setting or a limit.
var (
	works    = []string{"ok", "okay", "good", "healthy", "health", "normal", "operational", "operating", "functional", "working", "connected", "ready", "up", "online", "available", "oper", "passed", "intact"}
	faults   = []string{"fail", "failed", "failure", "fault", "faulty", "alarm", "error", "lost", "loss", "overload", "overheat", "problem", "abnormal", "broken", "trouble", "critical", "replace"}
	presence = []string{"present", "presence", "installed", "inserted", "exists", "exist", "plugged", "equipped", "populated"}
	options  = []string{"support", "supported", "supports", "capable", "capability", "enable", "enabled", "config", "configured", "admin", "allowed", "needed", "required", "control", "monitor", "monitoring", "auto", "automatic", "threshold",
		"warn", "warning", "high", "low", "hi", "lo", "test", "remote", "spare", "shutdown", "suspect", "mask", "siren", "relay"}
)

// isFlag reports whether an enumeration is yes or no to something else than whether a part works or is there: no part has
// failed, whatever it says.
func (o *object) isFlag(labels []smi.Label) bool {
	for _, l := range labels {
		switch strings.ToLower(l.Name) {
		case "true", "false", "yes", "no", "enabled", "disabled", "enable", "disable", "unknown", "notapplicable", "notsupported", "na", "other":
		default:
			return false
		}
	}
	return o.has(options...) && !o.has(faults...) || !o.has(works...) && !o.has(faults...) && !o.has(presence...)
}

// troubles are words of names of which yes is bad.
var troubles = []string{"alarm", "fault", "failure", "fail", "error", "alert", "warning", "trouble", "problem", "overload", "overheat", "lost", "loss", "los", "mismatch", "over", "under", "bypass", "tripped", "low", "high", "replace", "indicator", "smoke", "leak"}

func (o *object) labelState(label string) (State, bool) {
	if o.has(troubles...) {
		switch strings.ToLower(label) {
		case "true", "yes", "on", "active", "present", "set", "raised", "exist", "asserted", "activated", "occurred", "detected":
			return Failed, true
		case "false", "no", "off", "inactive", "none", "normal", "notactive", "cleared", "notset", "clear", "absent", "notpresent", "deasserted", "nonexist", "notdetected":
			return OK, true
		}
	}
	switch strings.ToLower(label) {
	case "false":
		switch {
		case o.has(presence...):
			return Absent, true
		case o.mentions("poe", "pse", "monitor"):
			return Unknown, true
		}
		return Failed, true
	case "true", "yes", "none":
		return OK, true
	case "off", "disabled", "disable":
		if o.mentions("fan", "psu", "supply", "power", "outlet", "oper") && !o.mentions("port", "xcvr", "sfp", "transceiver", "poe") {
			return Failed, true
		}
		return Unknown, true
	case "inactive", "notactive":
		return Unknown, true
	}
	return StateOf(label)
}

// namesState reports whether the last word of the name says that the object is a state.
func (o *object) namesState() bool {
	last := len(o.words) - 1
	for last > 0 && o.words[last][0] <= '9' {
		last--
	}
	return slices.Contains([]string{"status", "state", "health", "condition", "fault", "failure", "alarm", "operability", "operational", "sts", "online", "running"}, o.words[last])
}

// isWatched reports whether a state is one that an operator watches, rather than a setting.
func (o *object) isWatched(states map[State][]string, labels []smi.Label) bool {
	writable := o.node.Access == smi.ReadWrite || o.node.Access == smi.ReadCreate
	known := len(labels) - len(states[unclear])
	bad := len(states[Failed]) + len(states[Degraded])
	settings := statusSettings
	rows := tallies
	if o.namesState() && len(states[OK]) > 0 && bad > 0 && !writable {
		settings = without(settings, "unit", "entry", "server", "flag", "control", "mode")
		if o.mentions("xcvr", "sfp", "transceiver", "optical", "poe", "pse", "power", "supply", "battery", "ring", "raps") {
			settings = without(settings, "port", "protocol")
		}
		if o.has("health", "condition", "drv", "drive") {
			settings, rows = without(settings, "log"), without(rows, "log", "process", "stats")
		}
	}
	if o.mentions("outlet", "psu", "ups", "contact", "relay", "fan", "supply") {
		settings = without(settings, "control", "mode", "ctrl", "port", "unit")
	}
	switch {
	case o.hasAny(settings) && !o.has("alarm", "health") || o.hasAny(rows):
		return false
	case writable && (!o.has("status", "state") || o.has("admin")):
		return false
	case o.has(statusWords...) && known*2 >= len(labels):
		return true
	case bad > 0 && len(states[OK]) > 0 && o.typeOf() != "" && known == len(labels):
		return true
	}
	return false
}

var (
	numberFirst = regexp.MustCompile(`(?:^|[\s,;:("'])(-?\d{1,3})\s?(?:=|:|-|–|\)|\s-|=>|: )\s?["']?([a-z][a-z_\-/]*(?: [a-z]+)?)`)
	wordFirst   = regexp.MustCompile(`([a-z][a-z_\-/]*(?: [a-z]+)?)["']?\s?(?:=|\()\s?(-?\d{1,3})\)?`)
)

// described are the labels of a number that its description states: "0 - normal, 1 - alarm" or "normal(0)".
func (o *object) described() []smi.Label {
	switch o.node.Syntax.Type {
	case smi.Integer, smi.Integer32, smi.Unsigned32, smi.Gauge:
	default:
		return nil
	}
	if len(o.node.Syntax.Labels) > 0 || o.units != "" {
		return nil
	}
	labels := o.labelsBy(numberFirst, 1, 2)
	if more := o.labelsBy(wordFirst, 2, 1); len(more) > len(labels) {
		labels = more
	}
	return labels
}

func (o *object) labelsBy(re *regexp.Regexp, number, word int) []smi.Label {
	var labels []smi.Label
	for _, m := range re.FindAllStringSubmatch(o.text, 40) {
		n, err := strconv.ParseInt(m[number], 10, 64)
		if err == nil && !slices.ContainsFunc(labels, func(l smi.Label) bool { return l.Number == n }) {
			labels = append(labels, smi.Label{Number: n, Name: strings.TrimSpace(m[word])})
		}
	}
	return labels
}

// textStates are the words that devices write for states.
var textStates = map[State][]string{
	OK:       {"ok", "normal", "up", "good", "online", "active", "on", "running", "healthy", "ready", "optimal", "operational", "connected", "enabled", "valid", "inserted", "registered", "synchronized", "hot spare", "member", "raidset member", "up-to-date", "passive", "primary", "secondary", "master", "backup", "yes", "no error", "no failure", "present", "success", "green", "clear", "standby"},
	Degraded: {"warning", "degraded", "minor", "rebuilding", "testing", "initializing", "yellow", "non-critical", "drain", "maint"},
	Failed:   {"failed", "fail", "failure", "fault", "faulty", "error", "critical", "down", "offline", "bad", "alarm", "major", "abnormal", "red", "disconnected", "broken", "expired", "lost", "dead", "missing"},
	Unknown:  {"unknown", "off", "n/a", "none", "not available", "disabled", "inactive"},
	Absent:   {"not present", "absent", "not installed"},
}

// isTextState reports whether a text is the state of something that an operator watches.
func (o *object) isTextState() bool {
	last := o.words[len(o.words)-1]
	if o.node.Syntax.Type != smi.OctetString || o.units != "" || notText.MatchString(o.node.Syntax.TC) || o.node.Access == smi.ReadWrite || o.node.Access == smi.ReadCreate {
		return false
	}
	if !slices.Contains([]string{"status", "state", "health", "condition"}, last) && !(last == "string" && o.has("status", "state")) {
		return false
	}
	return !o.hasAny(tallies) && !o.hasAny(without(statusSettings, "server", "port", "unit", "entry"))
}
