package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/api"
)

// Without a metric, why says how far a device answers, which tables it has, and where its metrics come from. The ladder is in
// the metrics, too.
func TestWhyOfADevice(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	half := startSwitch(t, agent.Faults{FailFrom: mustOID(t, "1.3.6.1.2.1.2.2.1.10.20")})
	silent := startSwitch(t, agent.Faults{Dead: true})
	config := strings.Replace(fmt.Sprintf(whyConfig, device, half, silent), "public_v2: {community: public}", "public_v2: {community: public}, lost: {version: 3, username: u, security_level: authPriv, password_file: /nowhere/p, priv_password_file: /nowhere/q}", 1)
	base := startServer(t, config+fmt.Sprintf("- {name: secretless, address: %q, modules: [plain], auth: lost}\n", device))
	for _, c := range []struct {
		target, ladder string
		want           []string // in the output
	}{
		{"sw", "resolves sent answers view", []string{"auth public_v2", "IF-MIB::ifTable", "whole", "✓ view"}},
		{"half", "resolves sent answers view", []string{"IF-MIB::ifTable", "partial"}},
		{"silent", "resolves sent", []string{"✗ answers", "? view"}},
		{"secretless", "resolves", []string{"✗ sent", "/nowhere/p: no such file", "? user", "? digest", "? decrypts"}},
	} {
		await(t, base+"/metrics", `trapline_target_up{target="`+c.target+`"}`)
		_, _, text := get(t, base+"/api/v1/targets/"+c.target+"/why")
		var w api.Why
		if err := json.Unmarshal([]byte(text), &struct{ Data *api.Why }{&w}); err != nil || w.Device == nil {
			t.Fatalf("%s: %v", text, err)
		}
		var holds []string
		_, _, metrics := get(t, base+"/metrics")
		for _, s := range w.Device.Ladder {
			if s.State == "ok" {
				holds = append(holds, s.Name)
			}
			line := fmt.Sprintf("trapline_target_rung{target=%q,rung=%q} ", c.target, s.Name)
			if want := map[string]string{"ok": "1", "failed": "0"}[s.State]; want != "" && !strings.Contains(metrics, line+want+"\n") || want == "" && strings.Contains(metrics, line) {
				t.Errorf("%s: %s is %s, and the metrics have it otherwise", c.target, s.Name, s.State)
			}
		}
		if got := strings.Join(holds, " "); got != c.ladder {
			t.Errorf("%s: %s hold, want %s", c.target, got, c.ladder)
		}
		got := invoke(t, "why", c.target, "--url="+base)
		for _, part := range c.want {
			if !strings.Contains(got.out, part) {
				t.Errorf("%s: no %q in\n%s", c.target, part, got.out)
			}
		}
	}
	got := invoke(t, "why", "sw", "-o", "wide", "--url="+base)
	if !strings.Contains(got.out, "IF-MIB::ifInOctets, 1.3.6.1.2.1.2.2.1.10, Counter32, rows by ifIndex") || !strings.Contains(got.out, `ifIndex="1",ifName="Gi1/0/1"`) {
		t.Errorf("%s", got.out)
	}
	t.Log(got.out)
	if _, _, page := get(t, base+"/targets/sw/why"); !strings.Contains(page, "Where metrics come from") || !strings.Contains(page, "IF-MIB::ifTable") {
		t.Error("the page lacks the tables")
	}
}

// whySources has labels and a table that are read once an hour, a column that the device does not have, and values that
// differ from those that it sends.
const whySources = `
auths: {public_v2: {community: public}}
global: {interval: 1s}
modules:
  slow:
    walk: [1.3.6.1.2.1.2.2.1.10, 1.3.6.1.2.1.31.1.1.1.1, {name: 1.3.6.1.2.1.2.2.1.7, every: 1h}, {name: 1.3.6.1.4.1.99999.1, every: 1h}, 1.3.6.1.4.1.99999.2]
    metrics:
    - {name: ifInOctets, oid: 1.3.6.1.2.1.2.2.1.10, type: counter, scale: 8, help: In., indexes: [{labelname: ifIndex, type: gauge}], lookups: [{labels: [ifIndex], labelname: ifName, oid: 1.3.6.1.2.1.31.1.1.1.1, type: DisplayString, every: 1h}]}
    - {name: ifAdminStatus, oid: 1.3.6.1.2.1.2.2.1.7, type: gauge, help: Status., indexes: [{labelname: ifIndex, type: gauge}]}
    - {name: rare, oid: 1.3.6.1.4.1.99999.1, type: gauge, help: Not there.}
    - {name: never, oid: 1.3.6.1.4.1.99999.2, type: gauge, help: Not there.}
targets: [{name: sw, address: %[1]q, modules: [slow]}, {name: auto, address: %[1]q, modules: [auto]}]
`

// A value is shown as the device sent it, with the objects that its labels are of and how old they are; of what is missing
// why says since when, and when it is asked for again. The page, the API and the command say the same.
func TestWhySaysWhereAValueComesFrom(t *testing.T) {
	base := startServer(t, fmt.Sprintf(whySources, startSwitch(t, agent.Faults{})))
	ask := func(query string) (w api.Why) {
		t.Helper()
		_, _, text := get(t, base+"/api/v1/targets/sw/why"+query)
		if err := json.Unmarshal([]byte(text), &struct{ Data *api.Why }{&w}); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return w
	}
	await(t, base+"/metrics", `trapline_target_up{target="sw"}`)
	var w api.Why
	for w.Source == nil || len(w.Source.From) < 2 || w.Source.From[1].Due.IsZero() { // until a poll carries the labels
		w = ask("?metric=ifInOctets&row=ifIndex=1")
	}
	s := w.Source
	if s.Value == "" || s.Raw == "" || s.Raw == s.Value || s.Module != "slow" || !s.Due.IsZero() || !strings.Contains(s.Labels, `ifIndex="1"`) {
		t.Errorf("%+v", s)
	}
	if index, name := s.From[0], s.From[1]; index.Label != "ifIndex" || index.Object != "" || name.Label != "ifName" || name.Object != "IF-MIB::ifName" || !name.Read.Before(s.Read) {
		t.Errorf("%+v", s.From)
	}
	d := ask("").Device
	if len(d.Modules) != 1 || d.Modules[0].Name != "slow" || d.Modules[0].Packets < 1 || d.Modules[0].Packets != d.Packets || d.Modules[0].Values == 0 {
		t.Errorf("%+v, %d packets", d.Modules, d.Packets)
	}
	for _, c := range []struct{ metric, want string }{
		{"rare", "the device sent nothing below"}, {"rare", "it is asked again when the device restarts, or at "},
		{"never", ", as in all polls since "}, {"never", "; it is asked again at "},
	} {
		if w := ask("?metric=" + c.metric); !strings.Contains(w.Reason, c.want) {
			t.Errorf("%s: no %q in %q", c.metric, c.want, w.Reason)
		}
		if _, _, page := get(t, base+"/targets/sw/why?metric="+c.metric); !strings.Contains(page, c.want) {
			t.Errorf("%s: no %q on the page", c.metric, c.want)
		}
	}
	await(t, base+"/metrics", `trapline_target_up{target="auto"} 1`)
	if got := invoke(t, "why", "auto", "bgpPeerState", "--url="+base); !strings.Contains(got.out, "auto left it out") || !strings.Contains(got.out, "it is asked again at ") {
		t.Errorf("%s", got.out)
	}
	got := invoke(t, "why", "sw", "ifInOctets", "ifIndex=1", "--url="+base)
	for _, want := range []string{"the device sent ", "IF-MIB::ifName, read ", "carried, due in "} {
		if !strings.Contains(got.out, want) {
			t.Errorf("no %q in\n%s", want, got.out)
		}
	}
	if _, _, page := get(t, base+"/targets/sw/why?metric=ifInOctets&row=ifIndex%3D1"); !strings.Contains(page, "the device sent ") || !strings.Contains(page, "IF-MIB::ifName, read ") || !strings.Contains(page, "carried, due ") {
		t.Errorf("the page lacks the source of a value: %s", page)
	}
	t.Log(invoke(t, "why", "sw", "-o", "wide", "--url="+base).out)
	t.Log(got.out)
}
