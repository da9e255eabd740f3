// Package dashboards builds the Grafana dashboards of Trapline: Fleet for all devices, Device for
// one, and Trapline for the process and its receivers. The command build writes them as JSON.
//
// They work with every way of scraping: by service discovery, in one scrape for all, and on demand
// as with snmp_exporter. The variable by is the label that names a device: target, or instance for
// data of snmp_exporter.
package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
)

//go:generate go run ./build .

// All returns the dashboards by file name.
func All() map[string]Dashboard {
	return map[string]Dashboard{
		"fleet.json":    Fleet(),
		"device.json":   Device(),
		"trapline.json": Trapline(),
	}
}

// JSON returns the dashboard in Grafana's import format.
func (d Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // expressions contain < and >
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("dashboard %s: %w", d.UID, err)
	}
	return b.Bytes(), nil
}
