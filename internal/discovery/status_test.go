package discovery

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"trapline/internal/poller"
)

// run starts lists of CSV files, and returns a function that writes one with so many devices and waits for its reading.
func runCSV(t *testing.T, dir string) (d *Discovery, write func(rows string)) {
	t.Helper()
	file := filepath.Join(dir, "devices.csv")
	d = New(func() {}, slog.New(slog.DiscardHandler))
	d.Configure(Configuration{
		Lists:    []Settings{{Name: "inventory", CSV: &CSV{Paths: []string{file}}}, {Name: "second", CSV: &CSV{Paths: []string{file}}}},
		Usual:    func(*poller.TargetSettings) error { return nil },
		StateDir: dir, Targets: map[string]string{"sw-0": "192.0.2.1"},
	})
	go func() { _ = d.Run(t.Context()) }()
	return d, func(rows string) {
		if err := os.WriteFile(file, []byte("name,address\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(defaultRefresh + time.Second) // in a bubble
	}
}

func csvRows(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "sw-%d,192.0.2.%d\n", i, i)
	}
	return b.String()
}

// What is not polled of a list is shown with its reason; a list that shrank is accepted by hand.
func TestStatusOfLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		d, write := runCSV(t, dir)
		write(csvRows(100) + "nobody,\n")
		d.Entries()
		all := d.Lists()
		first, second := all[0], all[1]
		if first.Targets != 99 || first.Rejected[rejectDuplicate] != 1 || first.Rejected[rejectRow] != 1 || len(first.First) != 2 || first.Sources[0].Entries != 101 || first.Sources[0].Success.IsZero() {
			t.Errorf("%+v", first)
		}
		if second.Targets != 0 || second.Rejected[rejectDuplicate] != 100 || len(second.First) != maxFirst {
			t.Errorf("%+v", second)
		}
		write(csvRows(10))
		if s := d.Lists()[0]; s.Held != 90 || s.HeldUntil.IsZero() || len(d.Entries()) != 99 {
			t.Errorf("%+v", s)
		}
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(d)
		want := `
# HELP trapline_discovery_held Targets that a list has lost all at once, and that are polled on.
# TYPE trapline_discovery_held gauge
trapline_discovery_held{list="inventory"} 90
trapline_discovery_held{list="second"} 90
`
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "trapline_discovery_held"); err != nil {
			t.Error(err)
		}
		if err := d.Accept("inventry"); !errors.Is(err, ErrNoList) || !strings.Contains(err.Error(), "inventory") {
			t.Error(err)
		}
		for _, name := range []string{"inventory", "second"} {
			if err := d.Accept(name); err != nil {
				t.Error(err)
			}
		}
		if s := d.Lists()[0]; s.Held != 0 || len(d.Entries()) != 9 {
			t.Errorf("%+v", s)
		}
		if err := os.WriteFile(filepath.Join(dir, "devices.csv"), []byte("\xff\xfe"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if s := d.Lists()[0]; s.Sources[0].Error == "" || len(d.Entries()) != 9 {
			t.Errorf("a file that cannot be read: %+v", s)
		}
	})
}
