package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// scene is a directory with a configuration that a server runs, in which the commands of a document are run.
type scene struct {
	dir    string
	change func(line string) string // replaces the addresses of documents
	env    []string
}

const sceneConfiguration = `
global: {interval: 2s, labels: {site: lab}}
auths: {public_v2: {version: 2, community: public}}
targets:
- {name: core-1, address: %q, modules: [system, if_mib]}
- {name: ups-1, address: %q, modules: [system, ups_mib]}
rule_files: [rules/*.yml]
receivers: [{name: nms-1, address: %q}]
thresholds: [{name: PortNotUp, metric: "IF-MIB::ifOperStatus", above: 1, severity: minor}]
`

func newScene(t *testing.T) *scene {
	t.Helper()
	snmptrapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	devices := programtest.StartDevices(t, "127.0.68.32:0", agent.Faults{}, agent.Switch48(1), agent.UPS(1))
	s := &scene{dir: t.TempDir()}
	text := fmt.Sprintf(sceneConfiguration, devices.Addr(0), devices.Addr(1), snmptrapd.Address)
	if err := os.WriteFile(filepath.Join(s.dir, "snmp.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(s.dir, "rules"), os.DirFS(root+"/rules")); err != nil {
		t.Fatal(err)
	}
	served := peers.FreeTCPAddress(t)
	server := peers.Start(t, []string{"STATE_DIRECTORY=" + t.TempDir()}, program(t), "--config.file="+filepath.Join(s.dir, "snmp.yml"), "--web.listen-address="+served)
	awaitReady(t, server, "http://"+served)
	for _, target := range []string{"core-1", "ups-1"} {
		awaitMatch(t, "http://"+served+"/metrics", fmt.Sprintf(`trapline_target_up{.*target="%s".*} 1`, target))
	}
	awaitMatch(t, "http://"+served+"/api/v1/alerts", `PortNotUp`)
	first := regexp.MustCompile(`192\.0\.2\.1\b`)
	s.change = func(line string) string {
		line = strings.NewReplacer("localhost:9116", served, "192.0.2.9", snmptrapd.Address).Replace(line)
		return first.ReplaceAllString(line, devices.Addr(0).String())
	}
	s.env = append(os.Environ(), peers.NetSNMPEnvironment(t, s.dir)...)
	s.env = append(s.env, "PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"), "TRAPLINE_URL=http://"+served)
	return s
}

// asks are commands whose exit status 1 is an answer.
var asks = regexp.MustCompile(`^trapline (status|diff)\b`)

// Every command of the documents succeeds.
func TestCommandsOfTheDocuments(t *testing.T) {
	t.Parallel()
	for file := range documents(t) {
		blocks := documentBlocks(t, file, "sh")
		if len(blocks) == 0 || file == snmpTools {
			continue
		}
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			for _, block := range blocks {
				for line := range strings.Lines(block.text) {
					s.run(t, &block, strings.TrimSpace(line))
				}
			}
		})
	}
}

func (s *scene) run(t *testing.T, block *codeBlock, line string) {
	t.Helper()
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	c := exec.CommandContext(t.Context(), "/bin/sh", "-c", s.change(line))
	c.Dir, c.Env = s.dir, s.env
	out, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() == 1 && asks.MatchString(line) {
		return
	}
	if err != nil {
		t.Errorf("%s: %s: %v\n%s", block, line, err, out)
	}
}
