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
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// whyConfig has a module for each step at which a metric may get lost; the first %s is the address of a switch, the
// second that of one that fails in the middle of a column.
const whyConfig = `
auths: {public_v2: {community: public}}
modules:
  plain:
    walk: [1.3.6.1.2.1.2.2.1.10, 1.3.6.1.2.1.31.1.1.1.1, 1.3.6.1.2.1.2.2.1.7, 1.3.6.1.2.1.2.2.1.2]
    metrics:
    - {name: ifInOctets, oid: 1.3.6.1.2.1.2.2.1.10, type: counter, help: In., indexes: [{labelname: ifIndex, type: gauge}], lookups: [{labels: [ifIndex], labelname: ifName, oid: 1.3.6.1.2.1.31.1.1.1.1, type: DisplayString}]}
    - {name: ifOutOctets, oid: 1.3.6.1.2.1.2.2.1.16, type: counter, help: Not asked for., indexes: [{labelname: ifIndex, type: gauge}]}
    - {name: ifMtuDate, oid: 1.3.6.1.2.1.2.2.1.2, type: DateAndTime, help: No date., indexes: [{labelname: ifIndex, type: gauge}]}
    - {name: twice, oid: 1.3.6.1.2.1.2.2.1.7, type: gauge, help: Without an index.}
  filtered:
    walk: [1.3.6.1.2.1.2.2.1.13, 1.3.6.1.2.1.2.2.1.19]
    metrics:
    - {name: ifInDiscards, oid: 1.3.6.1.2.1.2.2.1.13, type: counter, help: In., indexes: [{labelname: ifIndex, type: gauge}]}
    - {name: ifOutDiscards, oid: 1.3.6.1.2.1.2.2.1.19, type: counter, help: Out., indexes: [{labelname: ifIndex, type: gauge}]}
    filters:
    - {oid: 1.3.6.1.2.1.2.2.1.8, targets: [1.3.6.1.2.1.2.2.1.13], values: ["1"]}
    - {oid: 1.3.6.1.2.1.2.2.1.8, targets: [1.3.6.1.2.1.2.2.1.19], values: ["77"]}
  nothing:
    walk: [1.3.6.1.4.1.99999.1]
    metrics: [{name: absent, oid: 1.3.6.1.4.1.99999.1, type: gauge, help: Not there.}]
  labeled:
    walk: [1.3.6.1.2.1.2.2.1.14, 1.3.6.1.4.1.99999.2]
    metrics: [{name: ifInErrors, oid: 1.3.6.1.2.1.2.2.1.14, type: counter, help: In., indexes: [{labelname: ifIndex, type: gauge}], lookups: [{labels: [ifIndex], labelname: circuit, oid: 1.3.6.1.4.1.99999.2, type: DisplayString}]}]
  other:
    walk: [1.3.6.1.2.1.25.3.3.1.2]
    metrics: [{name: load, oid: 1.3.6.1.2.1.25.3.3.1.2, type: gauge, help: Of nobody., indexes: [{labelname: i, type: gauge}]}]
global: {interval: 1h, timeout: 1s, retries: 0}
targets:
- {name: sw, address: %q, modules: [plain, filtered, nothing, labeled]}
- {name: half, address: %q, modules: [plain]}
- {name: dead, address: "127.0.0.1:1", modules: [plain]}
- {name: silent, address: %q, modules: [plain]}
- {name: unseen, address: "127.0.0.2:1", modules: [auto]}
`

func TestWhy(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	half := startSwitch(t, agent.Faults{FailFrom: mustOID(t, "1.3.6.1.2.1.2.2.1.10.20")})
	silent := startSwitch(t, agent.Faults{Dead: true})
	base := startServer(t, fmt.Sprintf(whyConfig, device, half, silent))
	for _, name := range []string{"sw", "half", "dead", "silent", "unseen"} {
		await(t, base+"/metrics", `trapline_target_up{target="`+name+`"}`)
	}
	for _, c := range []struct {
		target, metric, row string
		failed              int // Step, or -1
		verdict, reason     string
		remedy              string
	}{
		{"sw", "ifInOctets", "", -1, "ifInOctets of sw is there: 56 rows.", "", ""},
		{"sw", "ifInOctets", "ifName=Gi1/0/7", -1, "ifInOctets of sw is there for ifName=Gi1/0/7: ", "", ""},
		{"sw", "ifInOctets", "7", -1, "ifInOctets of sw is there for 7: ", "", ""},
		{"sw", "IF-MIB::ifInOctets", `{ifIndex="7", ifName="Gi1/0/7"}`, -1, "ifInOctets of sw is there for ", "", ""},
		{"sw", "1.3.6.1.2.1.2.2.1.10", "", -1, "ifInOctets of sw is there: 56 rows.", "", ""},
		{"sw", "trapline_target_up", "", -1, "trapline_target_up of sw is there: 1 row.", "", ""},
		{"sw", "ifInOctts", "", 0, "ifInOctts is no metric and no object that is known.", "No module that is known", "Did you mean ifInOctets?"},
		{"sw", "ifSpeedo", "", 0, "ifSpeedo is no metric", "", "Did you mean ifSpeed"},
		{"sw", "qqqqqqqqqqqqqqq", "", 0, "", "", "Search the MIBs"},
		{"sw", "load", "", 1, "load of sw does not exist: no module of this target reads it.", "The modules of sw are plain, filtered, nothing, labeled", "Add module other"},
		{"sw", "IF-MIB::ifLastChange", "", 1, "", "", "module"},
		{"sw", "SNMPv2-MIB::snmpInPkts", "", 1, "", "", "SNMPv2-MIB::snmpInPkts"},
		{"sw", "ifOutOctets", "", 1, "ifOutOctets of sw does not exist: module plain does not ask for it.", "neither walk nor get", "Add IF-MIB::ifOutOctets to walk of module plain (SNMP:5)"},
		{"dead", "ifInOctets", "", 2, "ifInOctets of dead is not there: dead is down.", "", ""},
		{"silent", "ifInOctets", "", 2, "ifInOctets of silent is not there: silent is down.", "No answer to", "trapline get silent"},
		{"unseen", "hrStorageUsed", "", 2, "hrStorageUsed of unseen is not there: unseen is down.", "Nothing listens", "SNMP agent"},
		{"half", "ifInOctets", "", 3, "", "is partial after row 19", ""},
		{"sw", "absent", "", 3, "absent of sw has no series: the device has not sent it.", "the device sent nothing below", "trapline walk sw"},
		{"sw", "ifInOctets", "ifName=Gi1/0/77", 3, "ifInOctets of sw has 56 rows, and none for ifName=Gi1/0/77: the device has not sent it.", "none with ifName=Gi1/0/77", "Did you mean ifName=Gi1/0/17?"},
		{"sw", "ifInOctets", "port=7", 3, "", "", "Its rows have no label port, but ifIndex, ifName."},
		{"sw", "ifInDiscards", "", -1, "ifInDiscards of sw is there: ", "", ""},
		{"sw", "ifInDiscards", "ifIndex=DOWN", 4, "ifInDiscards of sw: 40 of 56 rows. ifIndex=", "filters: ifOperStatus = up(1) (SNMP:16); it was down(2)", "Remove the filter, or change ifOperStatus on the device."},
		{"sw", "ifInDiscards", "ifName=NAME", 4, "", "it was down(2)", ""},
		{"sw", "ifOutDiscards", "", 4, "ifOutDiscards of sw has no series: a filter drops it.", "none of 56 rows has that", "Remove the filter"},
		{"sw", "ifMtuDate", "", 5, "ifMtuDate of sw has no series: its value does not fit its type.", "Row 1 has the OCTET STRING", "Give the metric another type in module plain (SNMP:6)"},
		{"sw", "twice", "", 6, "", "Several samples of the last poll have the name twice and the labels no labels", "plain"},
	} {
		down, name := downPort(t, base)
		c.row = strings.NewReplacer("DOWN", down, "NAME", name).Replace(c.row)
		for _, live := range []bool{false, true} {
			w := why(t, base, c.target, c.metric, c.row, live)
			if len(w.Steps) != len(api.WhySteps) {
				t.Fatalf("%+v", w)
			}
			failed := slices.IndexFunc(w.Steps, func(s api.Step) bool { return s.State == "failed" })
			reason := strings.NewReplacer(fileOf(t, base), "SNMP").Replace(w.Reason)
			remedy := strings.NewReplacer(fileOf(t, base), "SNMP").Replace(w.Remedy)
			if live { // a row is named where it was seen
				reason = strings.ReplaceAll(reason, "Asked now", "In the poll")
			}
			if failed != c.failed || !strings.Contains(w.Verdict, c.verdict) || !strings.Contains(reason, c.reason) || !strings.Contains(remedy, c.remedy) || w.There != (c.failed < 0 || w.There) {
				t.Errorf("%s %s %s, live %v: step %d\n%s\n%s\n%s\n%+v", c.target, c.metric, c.row, live, failed, w.Verdict, reason, remedy, w.Steps)
			}
			for i, s := range w.Steps {
				if failed >= 0 && i > failed && s.State != "unknown" || failed < 0 && s.State != "ok" {
					t.Errorf("%s %s %s, live %v: step %d is %+v", c.target, c.metric, c.row, live, i, s)
				}
			}
		}
	}
}

// Labels without a value are empty. Asked again, the device may have a value that was missing in the last poll.
func TestWhyAsksTheDevice(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	silent := startSwitch(t, agent.Faults{Dead: true})
	later, _ := peers.FreeUDPAddresses(t)
	config := strings.Replace(fmt.Sprintf(whyConfig, device, later, silent), "timeout: 1s, retries: 0", "timeout: 20s", 1)
	base := startServer(t, config)
	await(t, base+"/metrics", `trapline_target_up{target="sw"}`)
	await(t, base+"/metrics", `trapline_target_up{target="half"} 0`)
	if w := why(t, base, "sw", "ifInErrors", "", true); !w.Asked || !strings.Contains(w.Steps[5].Text, "of row 1 the label circuit is empty") {
		t.Errorf("%+v", w)
	}
	if w := why(t, base, "silent", "ifInOctets", "", false); w.Steps[2].State != "unknown" || !strings.Contains(w.Verdict, "the first poll of silent has not ended") || !strings.Contains(w.Remedy, "--live") {
		t.Errorf("%+v", w)
	}
	programtest.StartDevices(t, later, agent.Faults{}, agent.Switch48(1))
	w := why(t, base, "half", "ifInOctets", "ifIndex=7", true)
	if w.There || w.Steps[6].State == "failed" || w.Steps[7].State != "unknown" || w.Verdict != "ifInOctets of half was not in the last poll, and the device has it now." {
		t.Errorf("%+v", w)
	}
}

func why(t *testing.T, base, target, metric, row string, live bool) api.Why {
	t.Helper()
	path := base + "/api/v1/targets/" + target + "/why"
	if !live {
		return dataOf[api.Why](t, path+"?metric="+url.QueryEscape(metric)+"&row="+url.QueryEscape(row))
	}
	body, _ := json.Marshal(api.WhyRequest{Metric: metric, Row: row})
	status, text := act(t, path, string(body))
	var envelope struct{ Data api.Why }
	if err := json.Unmarshal([]byte(text), &envelope); err != nil || status != 200 {
		t.Fatalf("%s: %d %s", path, status, text)
	}
	return envelope.Data
}

// downPort returns index and name of an interface that is down.
func downPort(t *testing.T, base string) (index, name string) {
	t.Helper()
	for _, row := range walked(t, base, `{"what": "IF-MIB::ifOperStatus"}`) {
		if row.Value == "down(2)" {
			index = row.OID[strings.LastIndexByte(row.OID, '.')+1:]
			break
		}
	}
	rows := walked(t, base, `{"what": "IF-MIB::ifName.`+index+`"}`)
	if len(rows) != 1 {
		t.Fatalf("no interface is down: %v", rows)
	}
	return index, rows[0].Value
}

func fileOf(t *testing.T, base string) string {
	t.Helper()
	return dataOf[api.Config](t, base+"/api/v1/config").Status.Files[0]
}

// Without a metric, all that is missing is listed: partial tables first, then each metric without series.
func TestWhyListsWhatIsMissing(t *testing.T) {
	device := startSwitch(t, agent.Faults{})
	half := startSwitch(t, agent.Faults{FailFrom: mustOID(t, "1.3.6.1.2.1.2.2.1.10.20")})
	base := startServer(t, fmt.Sprintf(whyConfig, device, half, half))
	for _, name := range []string{"sw", "half", "dead"} {
		await(t, base+"/metrics", `trapline_target_up{target="`+name+`"}`)
	}
	w := why(t, base, "sw", "", "", false)
	got := map[string]string{}
	for _, m := range w.Missing {
		got[m.Metric] = m.Kind
		if m.Text == "" {
			t.Errorf("%+v", m)
		}
	}
	want := map[string]string{"ifOutOctets": "not asked", "ifMtuDate": "unfit", "twice": "duplicate", "ifOutDiscards": "filtered", "absent": "absent"}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(w.Steps) != 0 {
		t.Errorf("%v: %s, want %v", got, w.Verdict, want)
	}
	if w = why(t, base, "half", "", "", false); len(w.Missing) == 0 || w.Missing[0].Kind != "partial" || !strings.Contains(w.Verdict, "did not arrive whole") {
		t.Errorf("%+v", w)
	}
	if w = why(t, base, "dead", "", "", false); w.Verdict != "dead is down." || w.Remedy == "" {
		t.Errorf("%+v", w)
	}
	if status, body := act(t, base+"/api/v1/targets/sw/why", "{}"); status != 400 || !strings.Contains(body, "one metric") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := get(t, base+"/api/v1/targets/sv/why"); status != 404 || !strings.Contains(body, "did you mean sw?") {
		t.Errorf("%d %s", status, body)
	}
}
