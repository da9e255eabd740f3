package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/programtest"
)

// A name of a target is looked for in the configuration, then at the server; a name that neither knows is a host.
func TestTargetsByName(t *testing.T) {
	t.Parallel()
	r := agent.Builtin["switch"](1)
	devices := programtest.ServeDevices(t, []agent.Device{{Address: netip.MustParseAddrPort("127.0.65.20:0"), Communities: map[string]*agent.Recording{"s3cret": r}}})
	address, dir := devices.Addr(0).String(), t.TempDir()
	config := fmt.Sprintf(`auths: {lab: {community: s3cret}, other: {community: "wr0ng"}}
modules: {m: {get: [1.3.6.1.2.1.1.3.0]}}
targets: [{name: core-1, address: %q, auth: lab, modules: [m], timeout: 200ms, retries: 0}, {name: silent, address: %q, auth: other, modules: [m], timeout: 200ms, retries: 0}]
`, address, address)
	if err := os.WriteFile(filepath.Join(dir, "snmp.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	server := serveStub(t, stub{
		"GET /api/v1/targets/edge-1": api.Target{TargetSummary: api.TargetSummary{Name: "edge-1", Address: "198.51.100.7"}},
		"GET /api/v1/targets":        api.TargetList{Targets: []api.TargetSummary{{Name: "edge-1"}}, Matched: 1},
		"POST /api/v1/targets/edge-1/walk": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var in api.WalkRequest
			_ = json.NewDecoder(r.Body).Decode(&in)
			if strings.Contains(in.What, "9999") {
				fmt.Fprintln(w, `{"status":"success"}`)
				return
			}
			fmt.Fprintf(w, `{"oid":"1.3.6.1.2.1.1.5.0","name":"SNMPv2-MIB::sysName.0","type":"OCTET STRING","value":%q}`+"\n"+`{"status":"success"}`+"\n", in.What)
		}),
	})
	const name = "SNMPv2-MIB::sysName.0"
	value := "SNMPv2-MIB::sysName.0 = STRING: sw-001\n"
	from := "core-1: " + address + ", "
	for _, c := range []struct {
		args   string
		status int
		out    string
		errs   string
	}{
		{"get core-1 " + name, 0, value, from + "auth lab, from snmp.yml\n"},
		{"get core-1,core-1 " + name, 0, "==> core-1 <==\n" + value + "\n==> core-1 <==\n" + value, from + "auth lab, from snmp.yml\n" + from + "auth lab, from snmp.yml\n"},
		{"walk core-1 " + name, 0, value, from + "auth lab, from snmp.yml\n"},
		{"walk core-1 1.3.6.1.4.1.99999", 0, "", from + "auth lab, from snmp.yml\ncore-1 has no objects below 1.3.6.1.4.1.99999, or does not show them\n"},
		{"get -c s3cret silent " + name, 0, value, strings.Replace(from, "core-1", "silent", 1) + "credentials of the command line, from snmp.yml\n"},
		{"get --auth=lab silent " + name, 0, value, strings.Replace(from, "core-1", "silent", 1) + "auth lab, from snmp.yml\n"},
		{"get --auth=lab " + address + " " + name, 0, value, ""},
		{"get silent " + name, cli.ExitFailed, "", strings.Replace(from, "core-1", "silent", 1) + "auth other, from snmp.yml\nerror getting target " + address + ": request timeout (after 0 retries)\n"},
		{"get --auth=labs core-1 " + name, cli.ExitUsage, "", "no auth \"labs\" in snmp.yml; did you mean lab?\n"},
		{"get -c s3cret " + address + " " + name, 0, value, ""},
		{"get -c s3cret udp:" + address + " " + name, 0, value, ""},
		{"get edge-1 " + name, 0, "SNMPv2-MIB::sysName.0 = STRING: 1.3.6.1.2.1.1.5.0\n", "edge-1: 198.51.100.7, asked by URL\n"},
		{"get edge-1 1.3.6.1.4.1.9999.0", cli.ExitFailed, "", "edge-1: 198.51.100.7, asked by URL\nedge-1 has no 1.3.6.1.4.1.9999.0\n"},
		{"walk edge-1 system -On", 0, ".1.3.6.1.2.1.1.5.0 = STRING: system\n", "edge-1: 198.51.100.7, asked by URL\n"},
		{"walk edge-1 1.3.6.1.4.1.9999", 0, "", "edge-1: 198.51.100.7, asked by URL\nedge-1 has no objects below 1.3.6.1.4.1.9999, or does not show them\n"},
		{"poll core-1 --log.level=error", 0, "sysUpTime", "core-1: up, "},
	} {
		got := invokeIn(t, dir, append(strings.Fields(c.args), "--url="+server)...)
		errs := strings.ReplaceAll(got.errs, server, "URL")
		exact := got.out == c.out && errs == c.errs
		if strings.HasPrefix(c.args, "poll") {
			exact = strings.Contains(got.out, c.out) && strings.Contains(errs, c.errs)
		}
		if got.status != c.status || !exact {
			t.Errorf("trapline %s: status %d, output %q, errors %q; want %d, %q, %q", c.args, got.status, got.out, errs, c.status, c.out, c.errs)
		}
		if strings.Contains(got.out+got.errs, "wr0ng") || strings.Contains(got.out+got.errs, "s3cret") {
			t.Errorf("trapline %s prints a community", c.args)
		}
	}
	got := invokeIn(t, dir, "get", "core-l", name, "--url="+server)
	if got.status != cli.ExitUsage || !strings.HasSuffix(got.errs, "; did you mean core-1?\n") {
		t.Errorf("%+v", got)
	}
}
