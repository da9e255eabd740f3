// Package dashboards draws the Grafana dashboards that Trapline ships: Fleet, about all targets and
// the polling of them, and Device, about one. build writes them to fleet.json and device.json.
//
// They expect what Prometheus makes of Trapline's service discovery: a device's series have its
// target's name in the label instance, and Trapline's own have it in the label target.
package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
)

//go:generate go run ./build .

// All gives the dashboards by the names of their files.
func All() map[string]Dashboard {
	return map[string]Dashboard{
		"fleet.json":  Fleet(),
		"device.json": Device(),
	}
}

// JSON is the dashboard as Grafana imports it.
func (d Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // expressions compare with < and >
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("dashboard %s: %w", d.UID, err)
	}
	return b.Bytes(), nil
}
