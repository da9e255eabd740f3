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
