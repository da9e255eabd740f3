package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/cli"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// amtool runs Alertmanager's amtool against Trapline.
func amtool(t *testing.T, base string, args ...string) string {
	t.Helper()
	out, err := exec.Command(peers.Require(t, "amtool", "prometheus-alertmanager"), append([]string{"--no-version-check", "--alertmanager.url=" + base}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("amtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// amtool adds, lists, changes, imports and expires silences, and lists alerts.
func TestAmtoolWorks(t *testing.T) {
	t.Parallel()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	base := startServer(t, programtest.Notifying(t, t.TempDir(), "- {name: nms, address: \""+d.Address+"\"}\n"))
	raise := func(rule string) {
		t.Helper()
		insist(t, base+"/api/v2/alerts", `[{"labels":{"alertname":"`+rule+`","target":"core-1","severity":"major","site":"berlin"},"annotations":{"summary":"it is hot"}}]`)
	}
	count := func(rule string) int { return strings.Count(strings.Join(delivered(d), "\n"), `"`+rule+`"`) }
	id := amtool(t, base, "silence", "add", "--comment=core upgrade", "--author=ann", "--duration=1h", "site=berlin", "alertname=~Hot|Cold")
	if len(id) != 36 {
		t.Fatalf("silence add: %q", id)
	}
	raise("Hot")
	if text := amtool(t, base, "silence", "query", "site=berlin"); !strings.Contains(text, id) || !strings.Contains(text, "ann") || !strings.Contains(text, "core upgrade") || !strings.Contains(text, `alertname=~"Hot|Cold"`) {
		t.Errorf("silence query:\n%s", text)
	}
	if text := amtool(t, base, "alert", "query"); strings.Contains(text, "Hot") {
		t.Errorf("alert query shows a silenced alert:\n%s", text)
	}
	if text := amtool(t, base, "alert", "query", "--silenced", "target=core-1", "-o", "extended"); !strings.Contains(text, "Hot") || !strings.Contains(text, "it is hot") {
		t.Errorf("alert query --silenced:\n%s", text)
	}
	raise("Wet")
	d.Process.Await(t, func() bool { return count("Wet") == 1 })
	if count("Hot") != 0 {
		t.Errorf("a silenced alarm was sent:\n%s", strings.Join(delivered(d), "\n"))
	}
	if text := amtool(t, base, "alert", "query"); !strings.Contains(text, "Wet") {
		t.Errorf("alert query:\n%s", text)
	}
	if again := amtool(t, base, "silence", "update", "--duration=2h", "--comment=takes longer", id); !strings.Contains(again, id) || !strings.Contains(again, "takes longer") {
		t.Errorf("silence update:\n%s", again)
	}

	file := filepath.Join(t.TempDir(), "silences.json")
	if err := os.WriteFile(file, []byte(amtool(t, base, "silence", "query", "-o", "json")), 0o600); err != nil {
		t.Fatal(err)
	}
	if text := amtool(t, base, "silence", "expire", id); text != "" {
		t.Errorf("silence expire: %s", text)
	}
	d.Process.Await(t, func() bool { return count("Hot") == 1 })
	if text := amtool(t, base, "silence", "query"); strings.Contains(text, "ann") {
		t.Errorf("silence query shows an expired silence:\n%s", text)
	}
	amtool(t, base, "silence", "import", "--force", file)
	if text := amtool(t, base, "silence", "query"); !strings.Contains(text, "takes longer") {
		t.Errorf("silence query after import:\n%s", text)
	}
	_, _, text := get(t, base+"/api/v2/silences")
	var silences []struct {
		Status struct{ State string }
		EndsAt time.Time
	}
	if err := json.Unmarshal([]byte(text), &silences); err != nil || len(silences) != 2 || silences[0].Status.State != "active" || silences[1].Status.State != "expired" {
		t.Errorf("%v, %s", err, text)
	}
	if _, _, text := get(t, base+"/metrics"); !containsLine(text, `alertmanager_build_info{version="0.34.1"} 1`) {
		t.Error("no alertmanager_build_info")
	}
}

// Silences and acknowledgements by commands: what is muted is shown, and sent when the silence ends.
func TestSilencesAndAcknowledgementsByCommand(t *testing.T) {
	t.Parallel()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	base := startServer(t, programtest.Notifying(t, t.TempDir(), "- {name: nms, acknowledgements: true, address: \""+d.Address+"\"}\n"))
	do := func(args ...string) string {
		t.Helper()
		got := invoke(t, append(args, "--url="+base)...)
		if got.status != 0 {
			t.Fatalf("%v: %+v", args, got)
		}
		return strings.TrimSpace(got.out)
	}
	arrived := func(text string) {
		d.Process.Await(t, func() bool { return strings.Contains(strings.Join(delivered(d), "\n"), text) })
	}
	id := do("silence", "add", "target=core-1", "severity=~minor|major", "-d", "2h", "-c", "core upgrade", "--author=ann")
	insist(t, base+"/api/v2/alerts", `[{"labels":{"alertname":"Hot","target":"core-1","severity":"major"},"annotations":{"summary":"it is hot"}}]`)
	if text := do("silence", "list"); !strings.Contains(text, id) || !strings.Contains(text, `target="core-1",severity=~"minor|major"`) || !strings.Contains(text, "core upgrade") {
		t.Errorf("silence list:\n%s", text)
	}
	if text := do("alarms"); !strings.Contains(text, "muted by silence "+id[:8]+",") || !strings.Contains(text, "nms muted") {
		t.Errorf("alarms:\n%s", text)
	}
	for _, path := range []string{"/alarms", "/api/v1/alarms"} {
		if _, _, text := get(t, base+path); !strings.Contains(text, id) {
			t.Errorf("%s does not show what mutes the alarm:\n%s", path, text)
		}
	}
	for args, want := range map[string]string{
		"severity=major": "It mutes 1 alarm that is active.",
		"target=core-9":  "It mutes none of the alarms that are active.",
		"severty=major":  "It mutes none of the alarms that are active. No target and no active alarm has the label severty; did you mean severity?",
	} {
		got := invoke(t, "silence", "add", args, "--comment=x", "--until-clear", "--url="+base)
		if strings.TrimSpace(got.errs) != want {
			t.Errorf("silence add %s: %+v, want %q", args, got, want)
		}
		do("silence", "expire", got.out[:12])
	}
	if got := invoke(t, "silence", "expire", "4711", "--url="+base); got.status != cli.ExitUsage || !strings.Contains(got.errs, "no silence 4711 at ") {
		t.Errorf("silence expire: %+v", got)
	}
	do("silence", "expire", id)
	arrived(`"it is hot"`)
	if text := do("silence", "list", "--expired"); !strings.Contains(text, "expired") {
		t.Errorf("silence list --expired:\n%s", text)
	}
	if text := do("alarms", "ack", "target=core-1", "-c", "on my way", "--author=bob"); !strings.HasSuffix(text, "core-1 Hot") {
		t.Errorf("alarms ack:\n%s", text)
	}
	arrived(`"on my way"`)
	if text := do("alarms"); !strings.Contains(text, "acknowledged by bob") {
		t.Errorf("alarms:\n%s", text)
	}
	alarm, _, _ := strings.Cut(do("alarms", "ack", "--remove", "rule=Hot"), " ")
	if text := do("alarms", "show", alarm); strings.Contains(text, "Acknowledged") || !strings.Contains(text, "ack ended") || !strings.Contains(text, "unmuted") {
		t.Errorf("alarms show:\n%s", text)
	}
	if _, _, page := get(t, base+"/alarms/"+alarm); !strings.Contains(page, "it is hot") {
		t.Errorf("page:\n%s", page)
	}
	for _, args := range [][]string{{"silence", "add", "target", "-c", "x"}, {"silence", "expire", "unknown"}, {"alarms", "ack", "target=core-2"}} {
		if got := invoke(t, append(args, "--url="+base)...); got.status != cli.ExitUsage {
			t.Errorf("%v: %+v", args, got)
		}
	}
}
