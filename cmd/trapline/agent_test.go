package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trapline/internal/api"
	"trapline/internal/corpus"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

const activeAlarms = ".1.3.6.1.4.1.32473.1.3.1"

// startAgent runs a server that answers requests, with three alarms: one is acknowledged, one is silenced.
func startAgent(t *testing.T) (address, base string) {
	t.Helper()
	address, _ = peers.FreeUDPAddresses(t)
	text := programtest.Notifying(t, t.TempDir(), "- {name: nms, address: 127.0.0.1:9}\n") +
		fmt.Sprintf("listen: {addresses: [%q], auths: [strong], agent: [public_v2, secure], allow: [127.0.0.1]}\n", address)
	base = startServer(t, text)
	post(t, base+"/api/v2/alerts", `[
		{"labels": {"alertname": "PortDown", "severity": "major", "instance": "core-1", "ifName": "Gi0/3"}, "annotations": {"summary": "Gi0/3 is down", "description": "since it was cut"}},
		{"labels": {"alertname": "DiskFull", "severity": "critical", "instance": "core-2"}, "annotations": {"summary": "full: \"/var\""}},
		{"labels": {"alertname": "FanFailed", "severity": "warning", "instance": "core-3"}, "annotations": {"summary": "fan 2"}}]`)
	post(t, base+"/api/v2/silences", `{"matchers": [{"name": "alertname", "value": "DiskFull", "isEqual": true}], "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2090-01-01T00:00:00Z", "createdBy": "ann", "comment": "known"}`)
	for _, a := range alarmsOf(t, base) {
		if a.Rule == "FanFailed" {
			post(t, base+"/api/v1/alarms/"+a.ID+"/ack", `{"by": "bob", "comment": "spare is ordered", "sticky": true}`)
		}
	}
	return address, base
}

func alarmsOf(t *testing.T, base string) []api.Alarm {
	t.Helper()
	_, _, body := get(t, base+"/api/v1/alarms")
	var answer struct{ Data []api.Alarm }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return answer.Data
}

var (
	communityOptions = []string{"-v2c", "-cpublic"}
	secureOptions    = []string{"-v3", "-u", "usr-sha-aes", "-l", "authPriv", "-a", "SHA", "-A", peers.AuthPassphrase, "-x", "AES", "-X", peers.PrivPassphrase}
)

// severityNumbers are those of ITU-T X.733 in TRAPLINE-MIB.
var severityNumbers = map[string]string{"critical": "3", "major": "4", "minor": "5", "warning": "6"}

// The table of active alarms that Net-SNMP and our own walk read has what the API has.
func TestWalksOfTheAgentHaveTheAlarmsOfTheAPI(t *testing.T) {
	t.Parallel()
	address, base := startAgent(t)
	var want []string
	for _, a := range alarmsOf(t, base) {
		for column, value := range map[int]string{
			1: a.ID, 4: severityNumbers[a.Severity], 5: a.Rule, 6: a.Target, 17: a.Text, 22: a.Description, 23: a.AckedBy, 24: a.AckComment, 26: strings.Join(a.Mutes, ", "),
		} {
			want = append(want, fmt.Sprintf("%s.1.%d.%d %s", activeAlarms, column, a.Number, value))
		}
	}
	slices.Sort(want)
	if all := strings.Join(want, "\n"); len(want) != 27 || !strings.Contains(all, "silence ") || !strings.Contains(all, "spare is ordered") {
		t.Fatal(all)
	}
	for name, args := range map[string][]string{
		"snmpwalk": communityOptions, "snmpbulkwalk": slices.Concat(secureOptions, []string{"-Cr100"}),
	} {
		out := peers.NetSNMP(t, name, slices.Concat(args, []string{"-OqnU", address, activeAlarms})...)
		if got := shown(out, want); !slices.Equal(got, want) {
			t.Errorf("%s has\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	config := filepath.Join(t.TempDir(), "snmp.yml")
	if err := os.WriteFile(config, []byte(programtest.Notifying(t, t.TempDir(), "- {name: nms, address: 127.0.0.1:9}\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, auth := range []string{"public_v2", "secure"} {
		got := invoke(t, "walk", address, activeAlarms, "--config.file="+config, "--auth="+auth)
		if rows := strings.Count(got.out, "\n"); got.status != 0 || rows != 3*22 || !strings.Contains(got.out, "spare is ordered") {
			t.Errorf("walk with %s has %d lines, %+v", auth, rows, got)
		}
	}
	await(t, base+"/metrics", `trapline_agent_requests_total{outcome="too_big"} 0`)
}

// shown returns the lines of a walk about the columns that are wanted, with strings as they are.
func shown(out string, want []string) (list []string) {
	columns := map[string]bool{}
	for _, line := range want {
		name, _, _ := strings.Cut(line, " ")
		columns[name] = true
	}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		if columns[name] {
			list = append(list, name+" "+value)
		}
	}
	slices.Sort(list)
	return list
}

// snmptable shows the tables by the names of TRAPLINE-MIB.
func TestTablesOfTheAgentByName(t *testing.T) {
	t.Parallel()
	address, _ := startAgent(t)
	standard, own := filepath.Join(t.TempDir(), "rfc"), t.TempDir()
	corpus.WriteStandardMIBs(t, standard)
	mib := invoke(t, "mib", "print", "--enterprise-oid=1.3.6.1.4.1.32473")
	if err := os.WriteFile(filepath.Join(own, "TRAPLINE-MIB.txt"), []byte(mib.out), 0o600); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]string{"traplineActiveAlarmTable": "FanFailed|core-3", "traplineReceiverTable": "nms|127.0.0.1:9|inform|fails|refused"} {
		for _, args := range [][]string{communityOptions, slices.Concat(communityOptions, []string{"-CB"}), secureOptions} {
			out := peers.NetSNMP(t, "snmptable", slices.Concat(args, []string{"-M", standard + ":" + own, "-m", "TRAPLINE-MIB", "-Cf", "|", address, "TRAPLINE-MIB::" + table})...)
			if !strings.Contains(out, want) || !strings.Contains(out, strings.TrimSuffix(table, "Table")+"S") {
				t.Errorf("%s by %s:\n%s", table, args[0], out)
			}
		}
	}
}

// Who may not read, or write at all, is refused as RFC 3414 and RFC 3416 say; Net-SNMP says it in its words.
func TestTheAgentRefuses(t *testing.T) {
	t.Parallel()
	address, base := startAgent(t)
	const name = "1.3.6.1.2.1.1.5.0"
	env := append(os.Environ(), peers.NetSNMPEnvironment(t, t.TempDir())...)
	ask := func(program string, options []string, more ...string) string {
		c := exec.CommandContext(t.Context(), peers.Require(t, program, "snmp"), slices.Concat(options, []string{"-r0", "-t2"}, more)...)
		c.Env = env
		out, _ := c.CombinedOutput()
		return string(out)
	}
	secure := func(more ...string) []string { return slices.Concat(secureOptions, more) }
	strong := []string{"-v3", "-u", "usr-sha512-aes256", "-l", "authPriv", "-a", "SHA-512", "-A", peers.AuthPassphrase, "-x", "AES-256", "-X", peers.PrivPassphrase}
	for want, got := range map[string]string{
		"Unknown user name":          ask("snmpget", secure("-u", "nobody"), address, name),
		"Authentication failure":     ask("snmpget", secure("-A", "another passphrase"), address, name),
		"Decryption error":           ask("snmpget", secure("-X", "another passphrase"), address, name),
		"Unsupported security level": ask("snmpget", secure("-l", "authNoPriv"), address, name),
		"Bad context":                ask("snmpget", secure("-n", "other"), address, name),
		"authorizationError":         ask("snmpget", strong, address, name),
		"notWritable":                ask("snmpset", secure(), address, name, "s", "x"),
		"readOnly":                   ask("snmpset", []string{"-v1", "-cpublic"}, address, name, "s", "x"),
		"noSuchName":                 ask("snmpget", []string{"-v1", "-cpublic"}, address, "1.3.6.1.2.1.1.9.0"),
		"No Such Object":             ask("snmpget", communityOptions, address, "1.3.6.1.2.1.1.9.0"),
		"Timeout":                    ask("snmpget", []string{"-v2c", "-cother"}, address, name),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q: %s", want, got)
		}
	}
	for outcome, n := range map[string]int{"denied": 1, "not_writable": 2, "no_such_name": 1, "answered": 1} {
		await(t, base+"/metrics", fmt.Sprintf("trapline_agent_requests_total{outcome=%q} %d", outcome, n))
	}
	for _, reason := range []string{"user", "level", "community"} {
		await(t, base+"/metrics", fmt.Sprintf("trapline_traps_refused_total{reason=%q} 1", reason))
	}
}
