package app

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/config"
	"trapline/internal/alarm"
	"trapline/internal/client"
	"trapline/internal/discovery"
	"trapline/internal/journal"
	"trapline/internal/outbox"
	"trapline/internal/ownalarm"
	"trapline/internal/poller"
	"trapline/internal/programtest"
	"trapline/internal/runtimeconfig"
)

// The alarm about a list lasts as long as targets are held, is renewed before its lease ends, and ends with the list.
func TestAlarmAboutListThatShrank(t *testing.T) {
	var lists []discovery.Status
	var got []outbox.Transition
	var refused error
	s := newShrinks(func() []discovery.Status { return lists }, "", func() string { return "d" },
		func(l []outbox.Transition, _ time.Time) error { got = append(got, l...); return refused }, slog.New(slog.DiscardHandler))
	now := time.Unix(1e9, 0)
	step := func(text string, after time.Duration, held int, want ...bool) {
		t.Helper()
		now = now.Add(after)
		lists, got = nil, nil
		if held >= 0 {
			lists = []discovery.Status{{Name: "inventory", Targets: 100, Held: held}}
		}
		s.update(now)
		if len(got) != len(want) {
			t.Fatalf("%s: %+v", text, got)
		}
		for i := range want {
			if got[i].Active != want[i] || want[i] && got[i].Lease.Sub(now) <= ownalarm.Renewal || got[i].Alarm.Labels["list"] != "inventory" {
				t.Errorf("%s: %+v", text, got[i])
			}
		}
	}
	step("an alarm of the process before is cleared", 0, 0, false)
	step("nothing changes", time.Second, 0)
	step("targets are held", time.Second, 90, true)
	step("they are still", time.Second, 90)
	step("fewer are", time.Second, 40, true)
	step("the lease is renewed", ownalarm.Renewal, 40, true)
	refused = errors.New("full")
	step("the end cannot be stored", time.Second, 0, false)
	refused = nil
	step("and is tried again", time.Second, 0, false)
	step("targets are held again", time.Second, 90, true)
	step("the list is no more", time.Second, -1, false)
	step("and stays so", time.Second, -1)
}

// After each change of lists, silences, receivers and pauses know the labels that a reload would give them.
func TestLabelsOfListedTargets(t *testing.T) {
	w, err := runtimeconfig.Compile(programtest.Loaded(t, fmt.Sprintf(`
state_dir: %s
global: {labels: {region: north}}
targets: [{name: core-1, address: 192.0.2.1, labels: {site: kiel}}]
maintenance: [{name: CHG-1, matchers: ['site="berlin"'], poll: false, until: 2100-01-01T00:00:00Z}]
`, t.TempDir())), "")
	if err != nil {
		t.Fatal(err)
	}
	n, err := openNotifier(w.Config, nil, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.close(n.logger) })
	random, listed := rand.New(rand.NewPCG(1, 1)), map[string]*discovery.Entry{}
	for range 50 {
		for range random.IntN(4) {
			name := fmt.Sprint("edge-", random.IntN(6))
			if delete(listed, name); random.IntN(3) > 0 {
				site := []string{"berlin", "bonn"}[random.IntN(2)]
				listed[name] = &discovery.Entry{List: "inventory", Target: poller.TargetSettings{Name: name, Address: "192.0.2.9", Labels: map[string]string{"site": site}}}
			}
		}
		var entries []*discovery.Entry
		for _, e := range listed {
			entries = append(entries, e)
		}
		next, err := w.With(entries, true)
		if err == nil {
			err = n.relist(w, next)
		}
		if err != nil {
			t.Fatal(err)
		}
		w = next
		checkLabels(t, n, w.Config)
	}
}

func checkLabels(t *testing.T, n *notifier, c *config.Config) {
	t.Helper()
	want, err := mutesOf(c)
	if err != nil {
		t.Fatal(err)
	}
	names, now := []string{"core-1"}, time.Now()
	for i := range 6 {
		names = append(names, fmt.Sprint("edge-", i))
	}
	for _, name := range names {
		labels := want.TargetLabels(name)
		if muted := n.storage.Load().outbox.Mutes().Labels(&alarm.Alarm{Target: name}).Target; !maps.Equal(muted, labels) || !maps.Equal(n.targetLabels(name), labels) {
			t.Fatalf("%s has %v in mutes and %v for receivers, want %v", name, muted, n.targetLabels(name), labels)
		}
		if got, want := n.paused(name, now) != "", want.Paused(name, now) != ""; got != want {
			t.Fatalf("%s is paused: %t, want %t", name, got, want)
		}
	}
}

// The journal has which targets lists added, removed and moved to another address; of many of a kind the number.
func TestChangesOfListsAreNoted(t *testing.T) {
	j, err := journal.Open(journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	target := func(name, address string) *poller.Target {
		return &poller.Target{Name: name, List: "inventory", Spec: client.Spec{Address: address}}
	}
	var before, after []*poller.Target
	for i := range maxListed + 2 {
		name := fmt.Sprintf("sw-%02d", i)
		before, after = append(before, target(name, "192.0.2.1")), append(after, target(name, "192.0.2.2"))
	}
	before, after = append(before, target("same", "192.0.2.3"), target("old", "192.0.2.4")), append(after, target("same", "192.0.2.3"), target("new", "192.0.2.4"))
	n := &notifier{logger: slog.New(slog.DiscardHandler)}
	n.storage.Store(&storage{journal: j})
	n.noteListed(before, before)
	n.noteListed(before, after)
	list, err := j.Query(t.Context(), journal.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list { // the latest first
		got = append(got, e.Target+" "+e.Words())
	}
	if len(got) != maxListed+3 || got[0] != "old gone: list inventory" || got[1] != " address: 2 more targets" || got[2] != "sw-19 address: 192.0.2.2, was 192.0.2.1" || got[maxListed+2] != "new added: list inventory" {
		t.Errorf("%d entries: %q", len(got), got)
	}
}

// A configuration that is refused, with its lists or because of them, has them undone.
func TestListsOfARefusedConfigurationAreUndone(t *testing.T) {
	refused := errors.New("refused")
	for _, c := range []struct{ listed, accepted error }{{nil, nil}, {refused, nil}, {nil, refused}} {
		undone := 0
		w := &runtimeconfig.Config{Config: &config.Config{}}
		r := &reloader{
			lists: func(*runtimeconfig.Config) (*runtimeconfig.Config, func(), error) {
				return w, func() { undone++ }, c.listed
			},
			accept: func(*config.Config) error { return c.accepted },
		}
		_, err := r.withLists(w)
		want := errors.Join(c.listed, c.accepted) != nil
		if (err != nil) != want || (undone == 1) != want {
			t.Errorf("%+v: %v, undone %d times", c, err, undone)
		}
	}
}
