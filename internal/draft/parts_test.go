package draft

import (
	"strings"
	"testing"

	"trapline/mibs"
	"trapline/mibs/smi"
)

// A part counts more than the unit or module that it is in or is called.
func TestTypesOfParts(t *testing.T) {
	for name, want := range map[string]string{
		"fanUnitStatus": "fan", "fanStatus": "fan", "psuModuleState": "power_supply", "unitFanStatus": "fan", "moduleAlarm": "alarm",
		"moduleStatus": "module", "slotTemperatureState": "temperature", "unitStatus": "module", "nothingKnown": "",
	} {
		if typ := newObject(&mibs.Node{Name: name}).typeOf(); typ != want {
			t.Errorf("%s is of type %q, want %q", name, typ, want)
		}
	}
	row := &mibs.Node{Name: "fanEntry"}
	if typ := newObject(&mibs.Node{Name: "unitStatus", Row: row}).typeOf(); typ != "fan" {
		t.Errorf("a unit in a table of fans is of type %q", typ)
	}
}

// Columns named as a reading, but for words of limits, are its limits; rows without names are named by their part.
func TestLimitsOfReadings(t *testing.T) {
	row := &mibs.Node{Name: "tempEntry", Kind: smi.Row}
	var nodes []*mibs.Node
	for _, name := range []string{"tempValue", "tempThreshold", "tempHighWarning", "tempLowLimit", "tempHysteresis", "boardTempLimit", "fanLimit"} {
		nodes = append(nodes, &mibs.Node{Module: "A", Name: name, Kind: smi.Column, Row: row, Access: smi.ReadOnly, Syntax: &mibs.Syntax{Type: smi.Integer32}})
	}
	g := &group{node: &mibs.Node{Name: "tempTable"}}
	for i, n := range nodes {
		g.columns = append(g.columns, &column{node: n, numbers: []int64{40 + int64(i)}})
	}
	list := g.measures()
	if len(list) != 1 {
		t.Fatalf("guesses are %+v", list)
	}
	text := list[0].yaml(g)
	for _, want := range []string{"limit: {high.critical: A::tempThreshold, high.degraded: A::tempHighWarning, low.critical: A::tempLowLimit}", "name: 'Temperature {index}'"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	g.columns[1].numbers = []int64{0}
	if text := g.measures()[0]; text.Limits["high.critical"] != nil {
		t.Error("a limit that is not set is drafted")
	}
}
