package neighbours_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/corpus"
	"trapline/internal/neighbours"
	"trapline/internal/programtest"
)

// Recordings of real devices have the neighbours that their tables have.
func TestNeighboursOfRealDevices(t *testing.T) {
	dir := corpus.Large(t, "conformance")
	names, list := programtest.Recordings(t, dir)
	server := programtest.StartDevices(t, "127.0.71.20:0", agent.Faults{}, list...)
	at := func(name string) *neighbours.Reading {
		t.Helper()
		i := slices.IndexFunc(names, func(one string) bool { return strings.HasPrefix(filepath.Base(one), name) })
		e := client.New(client.Options{})
		defer func() { _ = e.Close() }()
		s, err := e.Target(client.Spec{Address: server.Addr(i).String(), Auth: &access.Auth{Version: 2, Community: "public"}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := neighbours.Read(t.Context(), s, client.Params{}, append(slices.Clone(neighbours.Protocols), neighbours.ARP))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for name, want := range map[string]string{
		"arista-dcs-7150s":  "ZJ-BP-Bak-Arista, ZJ-BP-Bak-Arista",
		"juniper-mx960-13-": "DCGL-S5800, SNNU-CA-Core-JSQ-B10, SNNU_Lib, re0-SNNU-YT-CORE-1, SNNU-CA-Agg-BGQ-YEY-2F-0, re0-SNNU-CA-CORE-2",
	} {
		var got []string
		if r := at(name); len(r.Near) == 0 {
			t.Errorf("%s has nobody near", name)
		}
		for _, n := range at(name).Neighbours {
			got = append(got, n.Name)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	b := neighbours.NewBook()
	b.Configure(nil, []neighbours.Device{{Name: "arista"}, {Name: "other", Address: "172.16.229.22"}})
	b.Answered("arista", at("arista"), 0, time.Unix(0, 0))
	b.Answered("other", &neighbours.Reading{Neighbours: []neighbours.Neighbour{{Protocol: neighbours.LLDP, Keys: []string{"c4\x00\x1c\x73\xb4\xfd\x69"}}}}, 0, time.Unix(0, 0))
	if got := b.Links(); len(got) != 1 || got[0].Ends != neighbours.EndsOf("arista", "other") {
		t.Errorf("%+v", got)
	}
}
