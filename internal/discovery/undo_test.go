package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/assign"
	"trapline/internal/client"
	"trapline/internal/facts"
	"trapline/internal/poller"
)

// targetsOf returns the names of targets by their addresses.
func targetsOf(d *Discovery) map[string]string {
	names := map[string]string{}
	for _, e := range d.Entries() {
		names[e.Target.Address] = e.Target.Name
	}
	return names
}

// namedByDevices starts a list of so many devices that have got their names, and say another one by now.
func namedByDevices(t *testing.T, dir string, devices int) (*Discovery, Configuration) {
	t.Helper()
	file := filepath.Join(dir, "devices.csv")
	rows := "address\n"
	for n := range devices {
		rows += fmt.Sprintf("192.0.2.%d\n", n)
	}
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Configuration{
		Lists:    []Settings{{Name: "campus", CSV: &CSV{Paths: []string{file}}}},
		Assign:   bySysName,
		Usual:    func(*poller.TargetSettings) error { return nil },
		StateDir: dir,
		Ask: func(_ context.Context, t *poller.TargetSettings) (*facts.Facts, error) {
			return &facts.Facts{SysName: "sw-" + t.Address, SysObjectID: "1.3"}, nil
		},
	}
	d := New(func() {}, slog.New(slog.DiscardHandler))
	d.Configure(c)
	ended := make(chan error)
	go func() { ended <- d.Run(t.Context()) }()
	t.Cleanup(func() { <-ended })
	time.Sleep(time.Minute) // in a bubble
	say(d, d.Entries(), "other-")
	return d, c
}

// say has devices say their names.
func say(d *Discovery, entries []*Entry, name string) {
	for _, e := range entries {
		t := &poller.Target{Name: e.Target.Name, List: e.List, Spec: client.Spec{Address: e.Target.Address}}
		d.Identified(t, &poller.Identity{SysName: name + e.Target.Address})
	}
	time.Sleep(time.Minute) // in a bubble
}

// A configuration that is refused costs no target and no name, whatever is in it: other templates, names that devices of
// the list have, none of the lists. Nor does it with the next start.
func TestARefusedConfigurationKeepsNames(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			dir, random := t.TempDir(), rand.New(rand.NewPCG(seed, 15))
			d, c := namedByDevices(t, dir, 10)
			want := targetsOf(d)
			if want["192.0.2.3"] != "sw-192.0.2.3" {
				t.Fatalf("%v", want)
			}
			for range 1 + random.IntN(4) {
				refused := c
				if random.IntN(2) == 0 {
					refused.Assign = []assign.Assignment{{Set: assign.Set{Name: facts.ParseTemplate("x-{{ .sysName }}")}}}
				}
				if random.IntN(3) == 0 {
					refused.Targets = map[string]string{"sw-192.0.2.3": "192.0.2.99"}
				}
				if random.IntN(3) == 0 {
					refused.Lists = nil
				}
				undo := d.Configure(refused)
				entries := d.Entries()
				if random.IntN(2) == 0 { // devices answer while it is checked, and the lists are saved
					say(d, entries, fmt.Sprint("again-", random.IntN(100)))
				}
				undo()
				if got := targetsOf(d); !maps.Equal(got, want) {
					t.Fatalf("%v, want %v", got, want)
				}
			}
			time.Sleep(time.Second) // before the list is read again
			next := New(func() {}, slog.New(slog.DiscardHandler))
			next.Configure(c)
			if got := targetsOf(next); !maps.Equal(got, want) {
				t.Errorf("after a start %v, want %v", got, want)
			}
		})
	}
}

// Of most entries that are no targets, or have other names than their devices give, only the reason is kept.
func TestRejectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, c := namedByDevices(t, t.TempDir(), 3*maxFirst)
		c.Targets = map[string]string{}
		for n := range 3 * maxFirst {
			c.Targets[fmt.Sprintf("sw-192.0.2.%d", n)] = "192.0.2.250"
		}
		check := func(name string, list []Rejection) {
			t.Helper()
			texts := 0
			for _, r := range list {
				if r.Text != "" {
					texts++
				}
			}
			if len(list) < 2*maxFirst || texts != maxFirst {
				t.Errorf("%s: %d, of which %d have texts", name, len(list), texts)
			}
		}
		check("naming", d.lists[0].naming)
		d.Configure(c)
		d.Entries()
		check("clashing", d.lists[0].clashing)
		c.Targets = map[string]string{}
		for n := range 3 * maxFirst {
			c.Targets[fmt.Sprintf("192.0.2.%d", n)] = "192.0.2.250"
		}
		c.Assign = nil
		d.Configure(c)
		d.Entries()
		check("shadowed", d.lists[0].shadowed)
	})
}

// Files of lists are for the user of the process alone: labels may be secrets.
func TestSavedListsAreSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		namedByDevices(t, dir, 3)
		for name, want := range map[string]os.FileMode{savedFile(dir, "campus"): 0o600, filepath.Join(dir, savedDir): 0o700 | os.ModeDir} {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != want {
				t.Errorf("%s has the mode %v, want %v", name, info.Mode(), want)
			}
		}
	})
}
