package replay_test

import (
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"testing"

	"trapline/collector"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/anonymize"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/replay"
	"trapline/mibs"
)

// A device whose recording was made anonymous is measured as before: each metric has as many series, with the same values.
func TestAnonymousDevicesMeasureTheSame(t *testing.T) {
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := mibs.LoadAll(mibs.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	devices, metrics, differ := 0, 0, 0
	check := func(name string, r *agent.Recording) {
		devices++
		anonymous := anonymize.New([]byte("key"), tree).Recording(r)
		if leaks := anonymize.Leaks(r, anonymous, tree); len(leaks) > 0 {
			t.Errorf("%s: %d identities are left", name, len(leaks))
		}
		before, after := measured(t, book, r), measured(t, book, anonymous)
		metrics += len(before)
		for metric, text := range before {
			if after[metric] != text {
				differ++
				t.Errorf("%s: %s: %.200s, then %.200s", name, metric, text, after[metric])
			}
		}
	}
	for name, r := range ownDevices(t) {
		check(name, r)
	}
	eachRecording(t, func(name string, content io.Reader) {
		if !chosenForLaw(name) {
			return
		}
		if r, _ := agent.ReadRecording(content); r.Len() > 0 {
			check(name, r)
		}
	})
	t.Logf("%d recordings, %d of %d metrics differ", devices, differ, metrics)
	if metrics < devices {
		t.Error("hardly anything is measured")
	}
}

// measured are the values of the measures of a device, sorted: rows whose index is an address are in another order.
func measured(t *testing.T, book *profile.Registry, r *agent.Recording) map[string]string {
	t.Helper()
	catalog := poller.NewCatalog(nil, nil, func() (*profile.Registry, error) { return book, nil })
	target, err := poller.NewTarget(&poller.TargetSettings{Name: "d", Modules: []string{profile.Auto}}, &poller.Global{}, catalog)
	if err != nil {
		t.Fatal(err)
	}
	o := poller.PassOptions{Open: func(client.Spec) (collector.Session, error) { return replay.Device(r), nil }, WrapCounters: true}
	values := map[string][]float64{}
	for _, set := range o.Run(t.Context(), target, true).Sets {
		for i := range set.Columns {
			if c := &set.Columns[i]; c.Desc.Computed {
				values[c.Desc.Name] = append(values[c.Desc.Name], c.Values...)
			}
		}
	}
	texts := map[string]string{}
	for name, list := range values {
		slices.Sort(list)
		texts[name] = strings.Trim(fmt.Sprint(list), "[]")
	}
	return texts
}

// chosenForLaw reports whether a recording of the large corpus is made anonymous: one of ten.
func chosenForLaw(name string) bool {
	h := fnv.New32a()
	_, _ = io.WriteString(h, name)
	return h.Sum32()%10 == 0
}
