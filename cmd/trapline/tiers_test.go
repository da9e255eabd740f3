package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// Ports go from one of two states to the other, each with a rule of its own, of one name and at two severities. To snmptrapd,
// which is sent triggers, a port is raised once and cleared once, whatever happens in between.
func TestPortsBetweenTwoTiersAreNeverSaidToBeUp(t *testing.T) {
	t.Parallel()
	const ports, changes = 10, 12
	device, d := startGauges(t, ports), peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	var gets []string
	for i := range ports {
		gets = append(gets, fmt.Sprintf("%s.%d", gaugeObject, i+1))
	}
	text := programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: d, address: %q, format: disman}\n", d.Address))
	text = strings.Replace(text, "modules: {", fmt.Sprintf("modules: {gauges: {get: [%s], metrics: [{name: g, oid: %s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ", strings.Join(gets, ", "), gaugeObject), 1)
	tier := `{alert: Load, expr: g == %d, labels: {severity: %s}, annotations: {trap_variable: '` + gaugeObject.String() + `.{{ $labels.i }}'}}`
	text += withRules(t, fmt.Sprintf(tier, 2, "minor")+",\n"+fmt.Sprintf(tier, 7, "major"))
	text += fmt.Sprintf("targets: [{name: device, address: %q, modules: [gauges], interval: 1s}]\n", device.LocalAddr())
	file, address := filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	process := peers.Start(t, nil, program(t), "--config.file="+file, "--web.listen-address="+address)
	for change := range changes {
		for i := range ports {
			device.set(i, []int64{2, 7}[change%2])
		}
		process.Await(t, func() bool { return transitionsAt(address) == ports*(1+2*change) })
	}
	for i := range ports {
		device.set(i, 1)
	}
	received := d.AwaitReceived(t, 2*ports)
	if len(received) != 2*ports {
		t.Errorf("%d notifications", len(received))
	}
	for i, text := range received {
		want := map[bool]string{true: ".1.3.6.1.2.1.88.2.0.2", false: ".1.3.6.1.2.1.88.2.0.3"}[i < ports]
		if !strings.Contains(text, want+" ") && !strings.Contains(text, want+"|") {
			t.Errorf("notification %d is %s", i, text)
		}
	}
}
