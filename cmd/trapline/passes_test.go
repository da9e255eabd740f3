package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/programtest"
	"trapline/internal/snmp"
)

// lacking are devices with ever more interfaces, which lack some columns of their tables.
func lacking(devices int) (list []*agent.Recording) {
	whole := agent.Switch48(1).Still()
	for n := range devices {
		var b agent.Builder
		for i := range whole.Len() {
			v := whole.Object(i, 0)
			column, row, ok := interfaceColumn(v.Name)
			if ok && (row > n+1 || column%(n+3) == 0) {
				continue
			}
			b.Add(v.Name, v.Type, v.Value)
		}
		list = append(list, b.Recording())
	}
	return list
}

// interfaceColumn reports which column and row of ifTable or ifXTable an instance is of.
func interfaceColumn(name snmp.OID) (column, row int, ok bool) {
	for _, entry := range []string{"1.3.6.1.2.1.2.2.1.", "1.3.6.1.2.1.31.1.1.1."} {
		if index, found := strings.CutPrefix(name.String(), entry); found {
			_, err := fmt.Sscanf(index, "%d.%d", &column, &row)
			return column, row, err == nil
		}
	}
	return 0, 0, false
}

// Each of twenty passes over a device that lacks columns brings the samples of the first, on demand and
// on an interval.
func TestTwentyPassesAreEqual(t *testing.T) {
	t.Parallel()
	devices := lacking(6)
	server := programtest.StartDevices(t, "127.0.46.101:0", agent.Faults{}, devices...)
	var config strings.Builder
	config.WriteString("auths: {public_v2: {version: 2}}\nmodules: {if_mib: {walk: [IF-MIB::ifTable, IF-MIB::ifXTable]}}\nglobal: {interval: 1s}\ntargets:\n")
	for i := range devices {
		fmt.Fprintf(&config, "- {name: d%d, address: '%s', modules: [auto]}\n", i, server.Addr(i))
	}
	base := startServer(t, config.String())
	passes := regexp.MustCompile(`(?m)^trapline_target_passes_total\{target="d(\d)"\} (\d+)$`)
	for i := range devices {
		for _, module := range []string{"auto", "if_mib"} {
			query := url.Values{"target": {server.Addr(i).String()}, "module": {module}}
			wantEqualPasses(t, fmt.Sprintf("d%d, %s", i, module), base+"/snmp?"+query.Encode(), 20)
		}
	}
	first := map[string]map[string]bool{}
	seen := map[string]int{}
	awaitThat(t, base+"/metrics", func(text string) error {
		for _, m := range passes.FindAllStringSubmatch(text, -1) {
			name := m[1]
			n, _ := strconv.Atoi(m[2])
			if n == seen[name] {
				continue
			}
			seen[name] = n
			_, _, body := get(t, base+"/targets/d"+name+"/metrics")
			if first[name] == nil {
				first[name] = polledSamples(body)
			}
			if diff := difference(polledSamples(body), first[name]); diff != "" {
				t.Errorf("d%s, pass %d: %s", name, n, diff)
			}
		}
		for i := range devices {
			if n := seen[strconv.Itoa(i)]; n < 20 {
				return fmt.Errorf("d%d has %d passes", i, n)
			}
		}
		return nil
	})
}

func wantEqualPasses(t *testing.T, what, address string, passes int) {
	t.Helper()
	var first map[string]bool
	for n := range passes {
		status, _, body := get(t, address)
		if status != 200 {
			t.Errorf("%s, pass %d: status %d: %.200s", what, n+1, status, body)
			return
		}
		samples := sampleSet(body)
		if first == nil {
			first = samples
		}
		if diff := difference(samples, first); diff != "" || len(samples) < 10 {
			t.Errorf("%s, pass %d: %d samples: %s", what, n+1, len(samples), diff)
		}
	}
}

// polledSamples are the samples of the device, without those about its polling.
func polledSamples(body string) map[string]bool {
	samples := sampleSet(body)
	for line := range samples {
		if strings.HasPrefix(line, "trapline_") {
			delete(samples, line)
		}
	}
	return samples
}
