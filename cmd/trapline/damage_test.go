package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/cmd/trapline/serve"
	"trapline/internal/agent"
	"trapline/internal/app"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// liveOnce runs the server until ready returns true, and returns its log.
func liveOnce(t *testing.T, file string, ready func(base string) bool) string {
	t.Helper()
	address := peers.FreeTCPAddress(t)
	line := kingpin.New("trapline", "")
	flags := serve.AddServeFlags(line.Command("serve", "").Default())
	if _, err := line.Parse([]string{"--config.file=" + file, "--web.listen-address=" + address}); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, flags, slog.New(slog.NewTextHandler(&log, nil))) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ready("http://" + address) {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, log.String())
		case <-tick.C:
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, log.String())
	}
	return log.String()
}

// Whatever file of the state directory was changed while no process ran, the next one starts, raises no alarm
// again and clears none, and logs which file it was.
func TestNoDamageOfAnyStateFileStopsTheStart(t *testing.T) {
	t.Parallel()
	device := programtest.StartDevices(t, "127.0.42.31:0", agent.Faults{}, agent.Switch48(1)).Addr(0).String()
	dir, file := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "snmp.yml")
	receiver, _ := peers.FreeUDPAddresses(t)
	text := programtest.Notifying(t, dir, fmt.Sprintf("- {name: nms, address: %q, every_transition: true}\n", receiver)) +
		fmt.Sprintf("targets: [{name: device, address: %q, modules: [uptime], interval: 1s}]\nrules: {interval: 1s}\n", device) +
		withRules(t, "{alert: Up, expr: sysUpTime > 0}, {alert: Any, expr: count(sysUpTime) > 0}")
	text = strings.Replace(text, "modules: {uptime: {get: [1.3.6.1.2.1.1.3.0]}}", "modules: {uptime: {get: [SNMPv2-MIB::sysUpTime.0], walk: [IF-MIB::ifTable]}}", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	lives := func(base string) bool {
		response, err := http.Get(base + "/metrics")
		if err != nil {
			return false
		}
		response.Body.Close()
		_, _, metrics := get(t, base+"/metrics")
		return strings.Contains(metrics, "\ntrapline_alarms_active 2\n") && regexp.MustCompile(`trapline_target_passes_total\{target="device"\} [1-9]`).MatchString(metrics)
	}
	if log := liveOnce(t, file, lives); strings.Contains(log, "state directory") {
		t.Fatalf("the first logs\n%s", log)
	}
	whole := t.TempDir()
	if err := os.CopyFS(whole, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	var files []string
	if err := fs.WalkDir(os.DirFS(whole), ".", func(path string, entry fs.DirEntry, err error) error {
		if info, errInfo := entry.Info(); errInfo == nil && entry.Type().IsRegular() && info.Size() > 0 {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(11, 12))
	times := 3 * len(files)
	if os.Getenv("TRAPLINE_SOAK") != "" {
		times = 1000
	}
	for i := range times {
		name := files[i%len(files)]
		b, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		raises, clears := 0, 0
		log := liveOnce(t, file, func(base string) bool {
			if !lives(base) {
				return false
			}
			_, _, body := get(t, base+"/api/v1/outbox")
			raises, clears = strings.Count(body, `"kind":"raise"`), strings.Count(body, `"kind":"clear"`)
			return true
		})
		if !strings.Contains(log, "of="+filepath.Join(dir, name)+" ") || clears > 0 || raises > 3 {
			t.Errorf("%s: %d raises, %d clears, logged\n%s", name, raises, clears, log)
		}
	}
	t.Logf("%d changes of %d files", times, len(files))
}
