package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/corpus"
)

// TestConformance scrapes recordings of real devices through snmp_exporter's own configuration and
// compares the samples, as sets, with those that snmp_exporter gave. These lack what moves.
func TestConformance(t *testing.T) {
	dir := corpus.Large(t, "conformance")
	samples, err := filepath.Glob(filepath.Join(dir, "samples", "*.gz"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	addresses := map[string]string{}
	var names []string
	var recordings []*agent.Recording
	for _, file := range samples {
		name, _, _ := strings.Cut(filepath.Base(file), "@")
		if slices.Contains(names, name) {
			continue
		}
		r, err := agent.OpenRecording(filepath.Join(dir, "recordings", name+".snmprec.gz"))
		if r == nil {
			t.Fatal(err)
		}
		names, recordings = append(names, name), append(recordings, r.Still())
	}
	devices := startDevices(t, "127.0.32.1:0", agent.Faults{}, recordings...)
	for i, name := range names {
		addresses[name] = devices.Addr(i).String()
	}
	base := startServer(t, corpus.Text(t, filepath.Join(dir, "snmp_exporter.yml")))
	equal := 0
	for _, file := range samples {
		device, module, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".gz"), "@")
		query := url.Values{"target": {addresses[device]}, "module": {module}, "auth": {"public_v2"}}
		status, _, body := get(t, base+"/snmp?"+query.Encode())
		if status != 200 {
			t.Errorf("%s@%s: status %d: %s", device, module, status, body)
			continue
		}
		if diff := difference(sampleSet(body), sampleSet(corpus.Text(t, file))); diff != "" {
			t.Errorf("%s@%s: %s", device, module, diff)
			continue
		}
		equal++
	}
	t.Logf("%d of %d pairs are equal", equal, len(samples))
}

// sampleSet gives the samples of an exposition, labels sorted, without comments and without the
// series that an exporter has about its own work.
func sampleSet(text string) map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && line[0] != '#' && !strings.HasPrefix(line, "snmp_") {
			set[sortLabels(line)] = true
		}
	}
	return set
}

func sortLabels(line string) string {
	open, end := strings.IndexByte(line, '{'), strings.LastIndexByte(line, '}')
	if open < 0 || end < open {
		return line
	}
	var labels []string
	for rest := line[open+1 : end]; rest != ""; {
		at := strings.Index(rest, `="`) + 2
		for rest[at] != '"' {
			if rest[at] == '\\' {
				at++
			}
			at++
		}
		labels = append(labels, rest[:at+1])
		rest = strings.TrimPrefix(rest[at+1:], ",")
	}
	slices.Sort(labels)
	return line[:open+1] + strings.Join(labels, ",") + line[end:]
}

func difference(got, want map[string]bool) string {
	var missing, extra []string
	for line := range want {
		if !got[line] {
			missing = append(missing, line)
		}
	}
	for line := range got {
		if !want[line] {
			extra = append(extra, line)
		}
	}
	if len(missing)+len(extra) == 0 {
		return ""
	}
	slices.Sort(missing)
	slices.Sort(extra)
	return fmt.Sprintf("%d samples are missing, such as %q; %d are too many, such as %q", len(missing), first(missing), len(extra), first(extra))
}

func first(list []string) []string { return list[:min(2, len(list))] }
