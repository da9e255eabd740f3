package tools

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/clocks"
	"trapline/internal/corpus"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/programtest"
	"trapline/internal/replay"
	"trapline/internal/snmp"
)

// All modules together cost no more than thirteen packets for ten of the standard ones when each of these is polled by
// itself, as it is without vendors' modules, once a pass has shown which objects are absent. Recordings for conformance
// are of everything, with tables of thousands of rows that only vendors' modules read.
func TestPacketsOfAuto(t *testing.T) {
	own, recorded := corpus.Own(t, "conformance"), func(t *testing.T, dir string) []*agent.Recording {
		_, list := programtest.Recordings(t, dir)
		return list
	}
	t.Run("own", func(t *testing.T) { packets(t, recorded(t, own)).judge(t) })
	t.Run("large", func(t *testing.T) { packets(t, recorded(t, corpus.Large(t, "conformance"))).judge(t) })
	t.Run("devices", func(t *testing.T) { packets(t, openDevices(t)).judge(t) })
}

// openDevices returns recordings of the large corpus of devices: all of them in a long run, else one of twenty.
func openDevices(t *testing.T) (list []*agent.Recording) {
	t.Helper()
	n, share := 0, 20
	if os.Getenv("TRAPLINE_SOAK") != "" {
		share = 1
	}
	archive := corpus.Text(t, filepath.Join(corpus.Large(t, "devices"), "open.tar"))
	err := corpus.Walk(archive, func(name string, content io.Reader) error {
		if filepath.Ext(name) != ".snmprec" {
			return nil
		}
		if n++; n%share == 0 {
			if r, _ := agent.ReadRecording(content); r.Len() > 0 {
				list = append(list, r)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// packetCounts are the packets of all devices: of the first pass, which finds out what a device lacks, of the second,
// of the second with the modules of the default profile, each by itself, and of polls that carry labels.
type packetCounts struct{ devices, first, all, standard, dueFirst, due int }

func (n packetCounts) judge(t *testing.T) {
	t.Helper()
	t.Logf("with labels that are carried: %d in a poll that reads them, %d in those that follow", n.dueFirst, n.due)
	if n.due > n.all {
		t.Errorf("%d packets of polls that carry labels, %d of those that read them", n.due, n.all)
	}
	t.Logf("%d devices: %d packets in the first pass, %d in the second; %d of standard modules by themselves (1 : %.2f)",
		n.devices, n.first, n.all, n.standard, float64(n.all)/float64(n.standard))
	if n.all*10 > n.standard*13 {
		t.Errorf("%d packets, of standard modules by themselves %d", n.all, n.standard)
	}
}

// packets polls each device twice, and twice again by standard modules alone.
func packets(t *testing.T, list []*agent.Recording) (n packetCounts) {
	t.Helper()
	devices := programtest.StartDevices(t, "127.0.71.1:0", agent.Faults{}, list...)
	c := newChooser(t)
	auths := map[string]*access.Auth{"a": {Version: 2, Community: "public"}}
	catalog := poller.NewCatalog(auths, nil, func() (*profile.Registry, error) { return c.book, nil })
	standard := standardModules(t, c.book)
	passes := poller.PassOptions{Open: func(s client.Spec) (collector.Session, error) { return c.engine.Target(s) }}
	for i := range list {
		settings := poller.TargetSettings{Name: "t", Address: devices.Addr(i).String(), Auth: "a", Modules: []string{profile.Auto}}
		auto, err := poller.NewTarget(&settings, &poller.Global{}, catalog)
		if err != nil {
			t.Fatal(err)
		}
		p := passes.Run(t.Context(), auto, false)
		n.devices++
		n.first += sent(p)
		second := passes.Run(t.Context(), auto, false)
		n.all += sent(second)
		memory := clocks.NewMemory("t", &clocks.Budget{})
		n.dueFirst += sent(passes.RunDue(t.Context(), auto, memory))
		n.due += sent(passes.RunDue(t.Context(), auto, memory))
		if p.Choice == nil {
			t.Fatalf("%s: %v", settings.Address, p.Err)
		}
		p.Choice.Modules = slices.DeleteFunc(p.Choice.Modules, func(m profile.Chosen) bool { return !standard[m.Module.Name] })
		for _, m := range p.Choice.Modules {
			name := m.Module.Name
			own, err := m.Module.Settings()
			if err != nil {
				t.Fatal(err)
			}
			settings.Modules = []string{name}
			plain, err := poller.NewTarget(&settings, &poller.Global{}, poller.NewCatalog(auths, map[string]*collector.Settings{name: own}, nil))
			if err != nil {
				t.Fatal(err)
			}
			passes.Run(t.Context(), plain, false)
			n.standard += sent(passes.Run(t.Context(), plain, false))
		}
	}
	return n
}

// standardModules are those of the default profile.
func standardModules(t *testing.T, book *profile.Registry) map[string]bool {
	t.Helper()
	nothing := agent.Builder{}
	nothing.Text(snmp.MustParseOID("1.3.6.1.2.1.1.1.0"), "")
	c, err := book.Choose(t.Context(), replay.Device(nothing.Recording()), client.Params{})
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]bool{}
	for _, m := range slices.Concat(c.Modules, c.Absent) {
		list[m.Module.Name] = true
	}
	return list
}

// sent is the number of requests of a pass, without those that choose its modules. A busy machine sends some again.
func sent(p *poller.Pass) int { return p.Stats.Packets - p.Stats.Retries }
