package draft

import (
	"slices"
	"testing"

	"trapline/mibs"
	"trapline/mibs/smi"
)

func TestLabelsAreClassified(t *testing.T) {
	for label, want := range map[string]State{
		"ok": OK, "normal": OK, "noAlarm": OK, "noViolation": OK, "nosmoke": OK, "noError": OK, "online": OK, "fullyRedundant": OK,
		"nonCritical": Degraded, "nonCriticalUpper": Degraded, "onBattery": Degraded, "nonRecoverableLower": Failed, "poweredOff": Failed, "lowLoad": OK, "noStatus": Unknown, "warning": Degraded, "nearOverload": Degraded, "lowWarning": Degraded,
		"critical": Failed, "notOk": Failed, "powerSupplyFailure": Failed, "overTemperature": Failed, "smokeDetected": Failed, "commLost": Failed, "nonRecoverable": Failed, "notRedundant": Failed,
		"notPresent": Absent, "notInstalled": Absent, "absent": Absent, "unknown": Unknown, "missing": Unknown, "other": Unknown, "notSupported": Unknown,
	} {
		if have, ok := StateOf(label); !ok || have != want {
			t.Errorf("StateOf(%s) = %v, %v, want %v", label, have, ok, want)
		}
	}
}

// Of truth values only those about whether a part works or is there say that one has failed.
func TestFlagsAreNoParts(t *testing.T) {
	truth := []smi.Label{{Number: 1, Name: "true"}, {Number: 2, Name: "false"}}
	for name, flag := range map[string]bool{
		"tmnxHwTempSensor": true, "chassisHasPluggableEeprom": true, "fanRedundantSupported": true,
		"xcvrDomTempHiWarn": true, "sensorEnabled": true, "diskGlobalSpare": true, "rectifierHasBeenShutdown": true, "psuMonitorEnable": true,
		"feFanIsHealthy": false, "modulePresent": false, "psuFault": false, "extremeFanOperational": false, "xcvrDomTempHiAlarm": false,
	} {
		if o := newObject(&mibs.Node{Name: name}); o.isFlag(truth) != flag {
			t.Errorf("%s: a flag: %v, want %v", name, !flag, flag)
		}
	}
	if o := newObject(&mibs.Node{Name: "tmnxHwTempSensor"}); o.isFlag([]smi.Label{{Name: "normal"}, {Name: "failed"}}) {
		t.Error("normal and failed are no flag")
	}
}

func TestPartsThatAreNotUsedHaveNotFailed(t *testing.T) {
	labels := func(names ...string) (list []smi.Label) {
		for i, n := range names {
			list = append(list, smi.Label{Number: int64(i), Name: n})
		}
		return list
	}
	for _, c := range []struct {
		name   string
		labels []smi.Label
		want   map[string]State
	}{
		{"fanStatus", labels("ok", "failed", "disabled", "off"), map[string]State{"ok": OK, "failed": Failed, "disabled": Unknown, "off": Unknown}},
		{"psuPowerState", labels("on", "off"), map[string]State{"on": OK, "off": Failed}},
		{"psuPresent", labels("true", "false"), map[string]State{"true": OK, "false": Absent}},
	} {
		o := newObject(&mibs.Node{Name: c.name, Syntax: &mibs.Syntax{Type: smi.Integer, Labels: c.labels}})
		states, _ := o.statesOf(c.labels)
		for label, want := range c.want {
			if !slices.Contains(states[want], label) {
				t.Errorf("%s: %v, want %s among %v", c.name, states, label, want)
			}
		}
	}
}
