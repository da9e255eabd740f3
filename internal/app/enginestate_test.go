package app

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/collector"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/programtest"
	"trapline/internal/runtimeconfig"
)

// No damage of the engine state stops the start: the process logs that it starts cold.
func TestNoDamageOfTheEngineStateStopsTheStart(t *testing.T) {
	address := programtest.StartDevices(t, "127.0.42.21:0", agent.Faults{}, agent.Switch48(1)).Addr(0).String()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	learned := client.New(client.Options{Logger: logger})
	defer learned.Close()
	w, err := runtimeconfig.Load([]string{"../../snmp.yml"}, false, "")
	if err != nil {
		t.Fatal(err)
	}
	device, err := learned.Target(client.Spec{Address: address, Auth: w.Config.Auths["public_v2"]})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if r := w.Catalog.Modules["if_mib"].Collect(t.Context(), device, collector.Options{}); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	dir := t.TempDir()
	saved := newEngineState(learned, dir, logger)
	if err := saved.save(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(saved.path)
	if err != nil || len(whole) < 1000 {
		t.Fatalf("%d octets, %v", len(whole), err)
	}
	random := rand.New(rand.NewPCG(9, 10))
	start := func(text []byte) string {
		t.Helper()
		if err := os.WriteFile(saved.path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		log.Reset()
		cold := client.New(client.Options{Logger: logger})
		defer cold.Close()
		newEngineState(cold, dir, logger).restore()
		return log.String()
	}
	if got := start(whole); got != "" {
		t.Errorf("as it was written: logged\n%s", got)
	}
	for range 1000 {
		text := bytes.Clone(whole)
		switch at := random.IntN(len(text)); random.IntN(6) {
		case 0:
			text = text[:at]
		case 1:
			clear(text[at:])
		case 2:
			text = append(text, text[at:]...)
		default:
			text[at] ^= byte(1 + random.IntN(255))
		}
		if got := start(text); !strings.Contains(got, "cannot load the engine state, starting cold") {
			t.Fatalf("%q: logged\n%s", text, got)
		}
	}
	if left, _ := filepath.Glob(saved.path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
