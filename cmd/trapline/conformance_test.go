package main

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/corpus"
	"trapline/internal/doctest"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// TestConformance scrapes recordings through a configuration of snmp_exporter and compares the samples, as sets, with
// those that snmp_exporter answered. These lack the values that move.
func TestConformance(t *testing.T) {
	corpus.Each(t, "conformance", func(t *testing.T, dir string) {
		testConformance(t, dir, "samples", filepath.Join(dir, "snmp_exporter.yml"))
	})
}

// The file that Trapline ships with means the same to snmp_exporter.
func TestConformanceOfTheShippedFile(t *testing.T) {
	testConformance(t, corpus.Own(t, "conformance"), "shipped", filepath.Join(corpus.Root, "snmp.yml"))
}

func testConformance(t *testing.T, dir, expected, config string) {
	samples, err := filepath.Glob(filepath.Join(dir, expected, "*@*"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	addresses := map[string]string{}
	names, recordings := programtest.Recordings(t, dir)
	devices := programtest.StartDevices(t, "127.0.32.1:0", agent.Faults{}, recordings...)
	for i, name := range names {
		addresses[name] = devices.Addr(i).String()
	}
	configuration := corpus.Text(t, config)
	if *doctest.Update && dir == corpus.Own(t, "conformance") {
		writeSamples(t, configuration, addresses, samples)
	}
	base := startServer(t, configuration)
	equal := 0
	for _, file := range samples {
		device, module, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".gz"), "@")
		status, _, body := get(t, base+scrapePath(device, addresses[device], module))
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

// scrapePath returns the path that both programs are asked for. A device whose name ends in -v1 knows no later version.
func scrapePath(device, address, module string) string {
	auth := "public_v2"
	if strings.HasSuffix(device, "-v1") {
		auth = "public_v1"
	}
	return "/snmp?" + url.Values{"target": {address}, "module": {module}, "auth": {auth}}.Encode()
}

// writeSamples asks snmp_exporter, the program that SNMP_EXPORTER names, anew. The names of files have the device and the module: an empty
// file is enough for a new one.
func writeSamples(t *testing.T, configuration string, addresses map[string]string, files []string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "snmp.yml")
	if err := os.WriteFile(config, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	listen := peers.FreeTCPAddress(t)
	p := peers.Start(t, nil, os.Getenv("SNMP_EXPORTER"), "--config.file="+config, "--web.listen-address="+listen)
	p.Await(t, func() bool { return strings.Contains(p.Output(), "Listening on") })
	for _, file := range files {
		device, module, _ := strings.Cut(filepath.Base(file), "@")
		status, _, body := get(t, "http://"+listen+scrapePath(device, addresses[device], module))
		if status != 200 {
			t.Fatalf("%s: snmp_exporter answers %d: %s", file, status, body)
		}
		text := strings.Join(slices.Sorted(maps.Keys(sampleSet(body))), "\n") + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// sampleSet returns the samples of an exposition, labels sorted, without comments and without the
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
