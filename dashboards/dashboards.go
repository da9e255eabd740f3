// Package dashboards makes the Grafana dashboards that Trapline ships: Fleet, about all devices, Device, about one,
// and Trapline, about the process and its receivers. build writes them as JSON.
//
// They work with each way of scraping: by service discovery, in one scrape for all, and on demand as snmp_exporter.
// The variable by is the label that names a device: target, or instance for data that snmp_exporter left.
package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
)

//go:generate go run ./build .

// All returns the dashboards by the names of their files.
func All() map[string]Dashboard {
	return map[string]Dashboard{
		"fleet.json":    Fleet(),
		"device.json":   Device(),
		"trapline.json": Trapline(),
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
