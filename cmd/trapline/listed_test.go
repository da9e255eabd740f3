package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// Commands take targets by the names that they have in lists, without a server: of a list that is saved as it was saved, and
// of one that is not, or lacks the name, from its source. A source that does not answer is reported.
func TestTargetsOfListsByName(t *testing.T) {
	t.Parallel()
	r := agent.Builtin["switch"](1)
	devices := programtest.ServeDevices(t, []agent.Device{{Address: netip.MustParseAddrPort("127.0.87.20:0"), Communities: map[string]*agent.Recording{"s3cret": r}}})
	address, dir := devices.Addr(0).String(), t.TempDir()
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `[{"targets": [%q], "labels": {"instance": "from-server"}}]`, address)
	}))
	t.Cleanup(server.Close)
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("devices.csv", "name,address,auth\nfrom-csv,"+address+",lab\n")
	write("devices.json", fmt.Sprintf(`[{"targets": [%q], "labels": {"__trapline_name__": "from-file", "__param_auth": "lab"}}]`, address))
	write("state/discovery/saved.json", fmt.Sprintf(`{"sources": [{"kind": "http %s", "source": "0", "targets": [{"__address__": %q, "instance": "from-saved"}]}]}`, server.URL+"/saved", address))
	write("snmp.yml", fmt.Sprintf(`auths: {lab: {community: s3cret}}
state_dir: %s
assign: [{set: {auth: lab, modules: [system]}}]
discovery:
- {name: csv, csv: {files: [devices.csv]}}
- {name: file, file_sd_configs: [{files: [devices.json]}]}
- {name: server, http_sd_configs: [{url: %[2]s}]}
- {name: saved, http_sd_configs: [{url: %[2]s/saved}]}
`, filepath.Join(dir, "state"), server.URL))
	const name = "SNMPv2-MIB::sysName.0"
	none := "--url=http://" + peers.FreeTCPAddress(t)
	ask := func(target string, status int, errs string) {
		t.Helper()
		got := invokeIn(t, dir, "get", target, name, none)
		if got.status != status || status == 0 && got.out != name+" = STRING: sw-001\n" || !strings.Contains(got.errs, errs) {
			t.Errorf("%s: %+v; want %d and %q", target, got, status, errs)
		}
		if strings.Contains(got.out+got.errs, "s3cret") {
			t.Errorf("%s: the community is printed", target)
		}
	}
	for name, list := range map[string]string{"from-csv": "csv", "from-file": "file", "from-server": "server", "from-saved": "saved"} {
		ask(name, 0, fmt.Sprintf("%s: %s, auth lab, from the list %s\n", name, address, list))
	}
	if got := invokeIn(t, dir, "--completion-bash", "walk", "from-"); strings.Join(strings.Fields(got.out), " ") != "from-csv from-file from-saved from-server" {
		t.Errorf("completion: %+v", got)
	}
	if got := invokeIn(t, dir, "poll", "from-csv", "--log.level=error", none); got.status != 0 || !strings.Contains(got.out, "\nsysUpTime") {
		t.Errorf("%+v", got)
	}
	down.Store(true)
	ask("from-saved", 0, "from the list saved")
	ask("from-server", cli.ExitUsage, "the list server, http "+server.URL+", cannot be read: the server answered 500 Internal Server Error\n")
}
