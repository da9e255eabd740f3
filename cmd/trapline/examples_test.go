package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/cmd/trapline/tools"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/runtimeconfig"
)

// shippedExamples are the directories of examples/, and their targets.
var shippedExamples = []struct {
	name    string
	files   []string
	targets []string
}{
	{"small", []string{"snmp.yml"}, []string{"switch-1", "switch-2", "ups-1"}},
	{"v3", []string{"snmp.yml"}, []string{"core-1"}},
	{"thresholds", []string{"snmp.yml"}, []string{"db-1", "build-1"}},
	{"ha", []string{"common.yml", "a.yml"}, []string{"core-1", "core-2"}},
	{"ha", []string{"common.yml", "b.yml"}, []string{"core-1", "core-2"}},
	{"alertmanager", []string{"snmp.yml"}, []string{"core-1"}},
}

// Each example is checked without a warning, its receivers take a test, and its targets are polled.
func TestExamples(t *testing.T) {
	snmptrapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Config: "authUser log monitor priv\n" + createMonitor})
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{Config: createMonitor + "\nrouser monitor priv"})
	devices := programtest.StartDevices(t, "127.0.68.16:0", agent.Faults{}, agent.Switch48(1), agent.Switch48(2), agent.UPS(1))
	for _, example := range shippedExamples {
		t.Run(example.name+" "+example.files[len(example.files)-1], func(t *testing.T) {
			first := devices.Addr(0).String()
			if example.name == "v3" {
				first = snmpd.Address
			}
			addresses := strings.NewReplacer(
				"192.0.2.10", fmt.Sprintf("%q", snmptrapd.Address), "192.0.2.1", fmt.Sprintf("%q", first), "192.0.2.2", fmt.Sprintf("%q", devices.Addr(1)),
				"192.0.2.3", fmt.Sprintf("%q", devices.Addr(2)), "192.0.2.9", fmt.Sprintf("%q", snmptrapd.Address))
			var files, flags []string
			for _, file := range copyExample(t, example.name, addresses) {
				for _, name := range example.files {
					if filepath.Base(file) == name {
						files, flags = append(files, file), append(flags, "--config.file="+file)
					}
				}
			}
			t.Chdir(filepath.Dir(files[0])) // where secrets and state directories are
			c, err := config.Load(files, config.Options{})
			if err != nil || len(c.Warnings) > 0 {
				t.Fatalf("%v %q", err, c.Warnings)
			}
			for i := range c.Receivers {
				before := len(delivered(snmptrapd))
				if _, err := tools.TestReceiver(t.Context(), c, c.Receivers[i].Name, "", slog.New(slog.DiscardHandler)); err != nil {
					t.Errorf("%s: %v", c.Receivers[i].Name, err)
				}
				snmptrapd.Process.Await(t, func() bool { return len(delivered(snmptrapd)) > before })
			}
			base := startServerWith(t, append(flags, "--no-web.targets")...)
			for _, target := range example.targets {
				awaitMatch(t, base+"/metrics", fmt.Sprintf(`trapline_target_up{.*target="%s".*} 1`, target))
			}
		})
	}
}

// copyExample copies an example and the files that it refers to, with other addresses.
func copyExample(t *testing.T, name string, addresses *strings.Replacer) (files []string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "rules"), os.DirFS(root+"/rules")); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "examples", name)
	if err := os.CopyFS(to, os.DirFS(root+"/examples/"+name)); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"secrets/auth": peers.AuthPassphrase, "secrets/priv": peers.PrivPassphrase} {
		if err := os.MkdirAll(filepath.Join(to, "secrets"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, file), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := filepath.Glob(filepath.Join(to, "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(addresses.Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// Files of deployments are accepted, too; the file of the packages once a target is named.
func TestDeployedConfigurations(t *testing.T) {
	for _, file := range []string{"compose/snmp.yml", "kubernetes/snmp.yml", "package/snmp.yml"} {
		text, err := os.ReadFile(root + "/deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		rules, err := filepath.Abs(root + "/rules")
		if err != nil {
			t.Fatal(err)
		}
		whole := strings.ReplaceAll(string(text), "/etc/trapline/rules", rules)
		if file == "package/snmp.yml" {
			if err := checkFile(t, whole); err == nil || !strings.Contains(err.Error(), "nothing to poll") {
				t.Errorf("%s as it is installed: %v", file, err)
			}
			whole = strings.ReplaceAll(whole, "\n# -", "\n-")
			whole = strings.NewReplacer("\n# auths:", "\nauths:", "\n#   public_v2", "\n  public_v2", "\n#   secure", "\n  secure", "\n# receivers:", "\nreceivers:").Replace(whole)
		}
		if err := checkFile(t, whole); err != nil {
			t.Errorf("%s: %v\n%s", file, err, whole)
		}
	}
}

func checkFile(t *testing.T, text string) error {
	path := programtest.InDir(t, map[string]string{"snmp.yml": text})
	return runtimeconfig.Check([]string{path("snmp.yml")}, false, slog.New(slog.DiscardHandler))
}
