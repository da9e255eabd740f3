package draft

import "testing"

func TestLabelsAreClassified(t *testing.T) {
	for label, want := range map[string]State{
		"ok": OK, "normal": OK, "noAlarm": OK, "noViolation": OK, "nosmoke": OK, "noError": OK, "online": OK, "fullyRedundant": OK,
		"nonCritical": Degraded, "warning": Degraded, "nearOverload": Degraded, "lowWarning": Degraded,
		"critical": Failed, "notOk": Failed, "powerSupplyFailure": Failed, "overTemperature": Failed, "smokeDetected": Failed, "commLost": Failed, "nonRecoverable": Failed, "notRedundant": Failed,
		"unknown": Unknown, "notPresent": Unknown, "notInstalled": Unknown, "other": Unknown, "notSupported": Unknown,
	} {
		if have, ok := StateOf(label); !ok || have != want {
			t.Errorf("StateOf(%s) = %v, %v, want %v", label, have, ok, want)
		}
	}
}
