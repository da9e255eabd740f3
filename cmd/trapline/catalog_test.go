package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/api"
)

// dataOf asks for the data of a path.
func dataOf[T any](t testing.TB, url string) T {
	t.Helper()
	var envelope struct {
		Status string
		Data   T
	}
	status, _, body := get(t, url)
	if err := json.Unmarshal([]byte(body), &envelope); err != nil || status != 200 || envelope.Status != "success" {
		t.Fatalf("%s: %d %v %.500s", url, status, err, body)
	}
	return envelope.Data
}

func TestModulesOfTheServer(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	base := startServer(t, small+fmt.Sprintf("targets: [{name: sw, address: %q, modules: [uptime, auto], interval: 1h}, {name: sw2, address: %q, modules: [uptime], interval: 1h}]\n", device, device))
	await(t, base+"/metrics", `trapline_target_up{target="sw"} 1`)
	await(t, base+"/metrics", `trapline_target_up{target="sw2"} 1`)
	list := dataOf[[]api.Module](t, base+"/api/v1/modules")
	at := func(name string) api.Module {
		t.Helper()
		i := slices.IndexFunc(list, func(m api.Module) bool { return m.Name == name })
		if i < 0 {
			t.Fatalf("there is no module %s", name)
		}
		return list[i]
	}
	if m := at("uptime"); m.Targets != 2 || m.Seconds <= 0 || m.Packets < 1 || m.Rows != 1 || m.Walks[0] != "SNMPv2-MIB::sysUpTime.0" || m.Metrics[0] != "sysUpTime" || !strings.HasSuffix(m.Origin, "snmp.yml") || m.Text != "" {
		t.Errorf("%+v", m)
	}
	if m := at("again"); m.Targets != 0 || m.Seconds != 0 {
		t.Errorf("%+v", m)
	}
	chosen := slices.IndexFunc(list, func(m api.Module) bool { return strings.HasPrefix(m.Text, "auto chose it for 1 target of profile ") })
	if chosen < 0 || list[chosen].Targets != 1 || list[chosen].Origin != "" {
		t.Errorf("auto chose nothing: %+v", list[:3])
	}
	m := dataOf[api.Module](t, base+"/api/v1/modules/if_mib")
	if len(m.Reads) != 1 || m.Reads[0].Object != "IF-MIB::ifInOctets" || strings.Join(m.Reads[0].Labels, " ") != "ifIndex ifName" {
		t.Errorf("%+v", m)
	}
	if status, _, body := get(t, base+"/api/v1/modules/if_mb"); status != 404 || !strings.Contains(body, "did you mean if_mib?") {
		t.Errorf("%d %s", status, body)
	}
}

func TestObjectsOfTheServer(t *testing.T) {
	base := startServer(t, small)
	if list := dataOf[api.ObjectList](t, base+"/api/v1/mibs"); list.Matched < 50 {
		t.Errorf("%+v", list)
	}
	identity := func(o api.ObjectReference) bool {
		return o.Name == "IF-MIB" && o.Kind == "module identity" && o.OID != ""
	}
	if list := dataOf[api.ObjectList](t, base+"/api/v1/mibs?limit=10000"); !slices.ContainsFunc(list.Objects, identity) {
		t.Errorf("%+v", list)
	}
	for query, want := range map[string]string{
		"ifOperStatus": "IF-MIB::ifOperStatus", "if-mib::ifoper": "IF-MIB::ifOperStatus", "1.3.6.1.2.1.2.2.1.8": "IF-MIB::ifOperStatus", ".1.3.6.1.2.1.2.2.1.8": "IF-MIB::ifOperStatus", "status oper if": "IF-MIB::ifOperStatus",
	} {
		list := dataOf[api.ObjectList](t, base+"/api/v1/mibs?limit=5&q="+url.QueryEscape(query))
		if !slices.ContainsFunc(list.Objects, func(o api.ObjectReference) bool { return o.Name == want }) || len(list.Objects) > 5 {
			t.Errorf("%s: %+v", query, list)
		}
	}
	o := dataOf[api.Object](t, base+"/api/v1/mibs/IF-MIB::ifOperStatus")
	if o.OID != "1.3.6.1.2.1.2.2.1.8" || o.Kind != "column" || o.Enum["down"] != 2 || strings.Join(o.Index, "") != "ifIndex" || o.Access != "read-only" || len(o.Parents) < 5 || o.Parents[len(o.Parents)-1].Name != "IF-MIB::ifEntry" {
		t.Errorf("%+v", o)
	}
	if o = dataOf[api.Object](t, base+"/api/v1/mibs/1.3.6.1.2.1.2.2.1.10"); o.Name != "IF-MIB::ifInOctets" || !slices.Contains(o.ReadBy, "if_mib") {
		t.Errorf("%+v", o)
	}
	if o = dataOf[api.Object](t, base+"/api/v1/mibs/ifTable"); o.Kind != "table" || len(o.Children) != 1 || o.Children[0].Name != "IF-MIB::ifEntry" {
		t.Errorf("%+v", o)
	}
	if o = dataOf[api.Object](t, base+"/api/v1/mibs/IF-MIB"); o.Kind != "module identity" || o.OID != "1.3.6.1.2.1.31" || o.LastUpdated != "2000-06-14" || len(o.Children) == 0 {
		t.Errorf("%+v", o)
	}
	if status, _, body := get(t, base+"/api/v1/mibs/ifDscr"); status != 404 || !strings.Contains(body, "ifDescr?") {
		t.Errorf("%d %s", status, body)
	}
}
