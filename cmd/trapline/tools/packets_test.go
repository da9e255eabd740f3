package tools

import (
	"testing"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/corpus"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/programtest"
)

// Modules of vendors' objects cost no more than three packets for ten of the standard ones, once a pass has shown which
// objects are absent.
func TestPacketsOfAuto(t *testing.T) { corpus.Each(t, "conformance", testPacketsOfAuto) }

func testPacketsOfAuto(t *testing.T, dir string) {
	_, list := programtest.Recordings(t, dir)
	devices := programtest.StartDevices(t, "127.0.62.1:0", agent.Faults{}, list...)
	c := newChooser(t)
	auths := map[string]*access.Auth{"a": {Version: 2, Community: "public"}}
	catalog := poller.NewCatalog(auths, nil, func() (*profile.Registry, error) { return c.book, nil })
	passes := poller.PassOptions{Open: func(s client.Spec) (collector.Session, error) { return c.engine.Target(s) }}
	var standard, all, first int
	for i := range list {
		settings := poller.TargetSettings{Name: "t", Address: devices.Addr(i).String(), Auth: "a", Modules: []string{profile.Auto}}
		auto, err := poller.NewTarget(&settings, &poller.Global{}, catalog)
		if err != nil {
			t.Fatal(err)
		}
		p := passes.Run(t.Context(), auto, false)
		first += sent(p)
		all += sent(passes.Run(t.Context(), auto, false))
		if p.Choice == nil {
			t.Fatalf("%s: %v", settings.Address, p.Err)
		}
		withStandardModules(p.Choice)
		named := map[string]*collector.Settings{}
		settings.Modules = nil
		for _, m := range p.Choice.Modules {
			if named[m.Module.Name], err = m.Module.Settings(); err != nil {
				t.Fatal(err)
			}
			settings.Modules = append(settings.Modules, m.Module.Name)
		}
		plain, err := poller.NewTarget(&settings, &poller.Global{}, poller.NewCatalog(auths, named, nil))
		if err != nil {
			t.Fatal(err)
		}
		passes.Run(t.Context(), plain, false)
		standard += sent(passes.Run(t.Context(), plain, false))
	}
	t.Logf("%d devices: %d packets in the first pass, %d in the second, %d of them for standard modules", len(list), first, all, standard)
	if all*10 > standard*13 {
		t.Errorf("%d packets, of them %d for standard modules", all, standard)
	}
}

// sent is the number of packets of a pass, without those that choose its modules.
func sent(p *poller.Pass) int { return p.Stats.Packets }
