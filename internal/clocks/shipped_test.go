package clocks_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"trapline"
	"trapline/collector"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/clocks"
	"trapline/internal/programtest"
)

// documented returns the module of the guide that has the series of if_mib, of its lines those that keep does not refuse.
func documented(t testing.TB, keep func(line string) bool) *collector.Module {
	t.Helper()
	guide, err := os.ReadFile("../../docs/3-modules.md")
	if err != nil {
		t.Fatal(err)
	}
	const heading = "modules: [interfaces], interval: 30s}]"
	before, after, found := strings.Cut(string(guide), heading)
	if !found {
		t.Fatal("the guide has no such module")
	}
	text := before[strings.LastIndex(before, "```yaml")+len("```yaml"):] + heading + after[:strings.Index(after, "```")]
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return !keep(line) })
	return collector.Compile("interfaces", programtest.Loaded(t, strings.Join(lines, "\n")).Compiled["interfaces"])
}

func all(string) bool { return true }

// shipped returns if_mib, which reads everything in every poll.
func shipped(t testing.TB) *collector.Module {
	return collector.Compile("if_mib", programtest.Loaded(t, string(trapline.DefaultConfig)).Compiled["if_mib"])
}

// switched returns a target of a switch with 48 ports and eight other interfaces, on loopback.
func switched(t testing.TB) *client.Target {
	t.Helper()
	server := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return targetAt(t, server.Addr(0).String())
}

func listen(t testing.TB) *agent.Server {
	t.Helper()
	server, err := agent.Listen(agent.Device{Address: netip.MustParseAddrPort("127.0.66.1:0"), Communities: map[string]*agent.Recording{"": agent.Switch48(1)}})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func targetAt(t testing.TB, address string) *client.Target {
	t.Helper()
	e := client.New(client.Options{})
	t.Cleanup(func() { _ = e.Close() })
	target, err := e.Target(client.Spec{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// collect polls a target.
func collect(t testing.TB, target *client.Target, m *collector.Module, memory *clocks.Memory) *collector.Result {
	t.Helper()
	var session collector.Session = target
	s := clocks.NewSession(target, memory, []clocks.Asked{{Module: m}}, time.Now(), interval)
	if s != nil {
		session = s
	}
	r := m.Collect(t.Context(), session, collector.Options{})
	if s != nil {
		s.End()
	}
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	return &r
}

// seriesOf returns the names and labels of series.
func seriesOf(r *collector.Result) (list []string) {
	for _, c := range r.Set.Columns {
		for i := range c.Values {
			list = append(list, fmt.Sprintf("%s{%s%s}", c.Desc.Name, c.Table.Row(c.RowOf(i)), c.ExtraOf(i)))
		}
	}
	slices.Sort(list)
	return list
}

// Of the shipped if_mib, polls that read once an hour what the guide says have the same series of fewer values.
func TestValuesOfTheShippedModule(t *testing.T) {
	target := switched(t)
	mean := func(m *collector.Module) (values, packets float64, series []string) {
		memory := clocks.NewMemory("sw-1", &clocks.Budget{})
		collect(t, target, m, nil) // sizes of rows are learned
		first, next := collect(t, target, m, memory), collect(t, target, m, memory)
		if series = seriesOf(next); !slices.Equal(seriesOf(first), series) {
			t.Errorf("the next poll has other series")
		}
		const polls = float64(time.Hour / interval)
		each := func(read, carried int) float64 { return (float64(read) + float64(carried)*(polls-1)) / polls }
		return each(first.Stats.VarBinds, next.Stats.VarBinds), each(first.Stats.Packets, next.Stats.Packets), series
	}
	values, packets, series := mean(shipped(t))
	t.Logf("if_mib: %.0f values, %.0f packets a poll, %d series", values, packets, len(series))
	for _, c := range []struct {
		of    string
		keep  func(line string) bool
		fewer float64
	}{
		{"labels", func(line string) bool { return !strings.Contains(line, "- {name:") }, 7},
		{"labels and configuration", func(line string) bool {
			return !strings.Contains(line, "- {name:") || !strings.Contains(line, "Pkts") && !strings.Contains(line, "Octets") && !strings.Contains(line, "QLen")
		}, 31},
		{"all that the guide has", all, 58},
	} {
		v, p, got := mean(documented(t, c.keep))
		if t.Logf("%s hourly: %.0f values (%.1f %% fewer), %.0f packets (%.1f %% fewer)", c.of, v, 100-100*v/values, p, 100-100*p/packets); 100-100*v/values < c.fewer-0.5 {
			t.Errorf("%.1f %% fewer values, the guide says %.0f", 100-100*v/values, c.fewer)
		}
		if !slices.Equal(got, series) {
			t.Errorf("%s: %d series, if_mib has %d", c.of, len(got), len(series))
		}
	}
}

var ownID = regexp.MustCompile(`if(?:Alias|Descr|Name)="(\d+)/|ifType="(\d+)"|ifSpecific="1\.3\.(\d+)"|ifPhysAddress="02:00:00:00:(..:..)"|} (\d{4,})$`)

// The law of labels holds for this module, too: all that a series has is of the row that the device has there.
func TestNoLabelOfTheShippedModuleIsOfAnotherRow(t *testing.T) {
	m, plain := documented(t, all), documented(t, func(line string) bool { return !strings.Contains(line, "- {name:") })
	changeOften(t, func(*rand.Rand) (*collector.Module, *collector.Module) { return m, plain }, func(t *testing.T, d *device, line string) {
		_, label, _ := strings.Cut(line, `ifIndex="`)
		text, _, _ := strings.Cut(label, `"`)
		index, err := strconv.Atoi(text)
		if err != nil {
			if line != fmt.Sprintf("ifNumber{} %d", len(d.rows)) {
				t.Errorf("%d rows: %s", len(d.rows), line)
			}
			return
		}
		id := d.rows[uint32(index)]
		own := []string{fmt.Sprint(id), fmt.Sprintf("%02X:%02X", id>>8, id&0xff)}
		found := ownID.FindAllStringSubmatch(line, -1)
		if len(found) != 4 {
			t.Fatalf("not checked: %s", line)
		}
		for _, parts := range found {
			if got := strings.Join(parts[1:], ""); !slices.Contains(own, got) {
				t.Errorf("of row %d, %q is of another: %s", id, got, line)
			}
		}
	})
}

// asAgent is set in the process of the benchmark that is the switch.
const asAgent = "TRAPLINE_BENCHMARK_AGENT"

func TestAgentOfTheBenchmark(t *testing.T) {
	if os.Getenv(asAgent) == "" {
		t.Skip("a part of BenchmarkPollOfASwitch")
	}
	server := listen(t)
	fmt.Println(server.Addr(0))
	if err := server.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// apart starts the switch in a process of its own, and returns its address.
func apart(b *testing.B) string {
	b.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestAgentOfTheBenchmark$")
	command.Env = append(os.Environ(), asAgent+"=1")
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPollOfASwitch compares polls that read all with those that carry all that they may, by the module of the guide:
// the processor time of the poll, without the switch.
func BenchmarkPollOfASwitch(b *testing.B) {
	for _, c := range []struct {
		name   string
		memory *clocks.Memory
	}{{"all", nil}, {"hourly", clocks.NewMemory("sw-1", &clocks.Budget{})}} {
		b.Run(c.name, func(b *testing.B) {
			target, module := targetAt(b, apart(b)), documented(b, all)
			collect(b, target, module, c.memory)
			var stats client.Stats
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				stats.Add(collect(b, target, module, c.memory).Stats)
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N)/1e3, "cpu-µs/op")
			b.ReportMetric(float64(stats.Packets)/float64(b.N), "packets/op")
			b.ReportMetric(float64(stats.VarBinds)/float64(b.N), "values/op")
		})
	}
}
