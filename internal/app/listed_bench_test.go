package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"trapline/internal/runtimeconfig"
)

// writeList writes a list of targets of which one of a hundred is another one at each step.
func writeList(b *testing.B, file string, targets, step int) {
	b.Helper()
	var text bytes.Buffer
	text.WriteByte('[')
	for i := range targets {
		at := 0
		if i%100 == step%100 {
			at = step
		}
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"targets":["127.66.%d.%d:9"],"labels":{"__trapline_name__":"t-%d","step":"%d"}}`, i/256, i%256, i, at)
	}
	text.WriteByte(']')
	other := filepath.Join(b.TempDir(), "new") // each file beside it would have the list read
	if err := os.WriteFile(other, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(other, file); err != nil {
		b.Fatal(err)
	}
}

// cpuTime returns the CPU time that the process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkListChanges changes one of a hundred of 50,000 targets of a list: how long it takes until they are polled by
// their new settings.
func BenchmarkListChanges(b *testing.B) {
	const targets = 50_000
	dir := b.TempDir()
	list, file, rules := filepath.Join(dir, "list.json"), filepath.Join(dir, "trapline.yml"), filepath.Join(dir, "rules.yml")
	writeList(b, list, targets, 0)
	text := fmt.Sprintf(`
auths: {public_v2: {community: public}}
state_dir: %s
global: {interval: 1h}
discovery: [{name: all, file_sd_configs: [{files: [%s]}]}]
assign: [{set: {modules: [system], auth: public_v2}}]
rule_files: [%s]
`, filepath.Join(dir, "state"), list, rules)
	if err := os.WriteFile(rules, []byte("groups: [{name: g, rules: [{alert: Down, expr: trapline_target_up == 0}]}]"), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	d := newDaemon(&Options{Files: []string{file}, Web: &web.FlagConfig{WebListenAddresses: &[]string{"127.0.66.1:0"}, WebConfigFile: new("")}, TelemetryPath: "/metrics", Actions: "auto", MaxConnections: 10, MaxProbes: 10}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(b.Context())
	if err := d.start(ctx); err != nil {
		b.Fatal(err)
	}
	changed, ended := make(chan struct{}, 1), make(chan error, 1)
	loaded := d.reloader.loaded
	d.reloader.loaded = func(w *runtimeconfig.Config) { loaded(w); changed <- struct{}{} }
	go func() { ended <- d.discovery.Run(ctx) }()
	writeList(b, list, targets, 1)
	<-changed
	before, step := cpuTime(b), 1
	for b.Loop() {
		step++
		b.StopTimer()
		writeList(b, list, targets, step)
		b.StartTimer()
		<-changed
	}
	b.ReportMetric((cpuTime(b)-before).Seconds()*1e3/float64(step-1), "cpu-ms/op")
	cancel()
	<-ended
	d.close()
}
