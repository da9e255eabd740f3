package app

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/outage"
	"trapline/internal/outbox"
	"trapline/internal/statedir"
	"trapline/internal/topology"
)

// The update of each second, with 50,000 targets of which 50 are down and any number of other alarms are active: while
// nothing changes, and while one more device is down in each other second.
func BenchmarkUpdateOfOutages(b *testing.B) {
	const targets = 50_000
	for _, by := range []string{"parents", "links"} {
		for _, alarms := range []int{0, 10_000, 99_000} {
			o, said := benchOutages(b, by, targets, alarms)
			o.update(true) // makes the index
			b.Run(fmt.Sprintf("%s, %d alarms, nothing changes", by, alarms), func(b *testing.B) {
				for b.Loop() {
					o.update(true)
				}
			})
			b.Run(fmt.Sprintf("%s, %d alarms, one changes", by, alarms), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					if i%2 == 0 {
						said["t00777"] = true
					} else {
						delete(said, "t00777")
					}
					o.update(true)
				}
			})
		}
	}
}

func benchOutages(b *testing.B, by string, targets, alarms int) (o *outages, said map[string]bool) {
	b.Helper()
	logger := slog.New(slog.DiscardHandler)
	dir, err := statedir.Open(b.TempDir(), nil, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = dir.Close() })
	out, err := outbox.New(dir, nil, outbox.Options{Logger: logger, Metrics: outbox.NewMetrics(prometheus.NewRegistry())}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	var list []outbox.Transition
	for i := range alarms + 50 {
		a := alarm.Alarm{Rule: "InterfaceDown", Target: fmt.Sprintf("t%05d", i%targets), Severity: alarm.Major, Labels: map[string]string{"alertname": "InterfaceDown", "ifIndex": fmt.Sprint(i)}}
		if i >= alarms {
			a.Rule, a.Labels = "DeviceDown", map[string]string{"alertname": "DeviceDown"}
		}
		a.ID = fmt.Sprint(i)
		list = append(list, outbox.Transition{Alarm: a, Active: true})
	}
	if err := out.Apply(list, time.Now()); err != nil {
		b.Fatal(err)
	}
	var devices []topology.Device
	var links [][2]string
	for i := range targets {
		d := topology.Device{Name: fmt.Sprintf("t%05d", i), Interval: time.Minute}
		for _, up := range []int{i / 40, i / 41} {
			if i > 0 && by == "parents" {
				d.Parents = append(d.Parents, fmt.Sprintf("t%05d", up))
			} else if i > 0 {
				links = append(links, [2]string{fmt.Sprintf("t%05d", up), d.Name})
			}
		}
		devices = append(devices, d)
	}
	s := &topology.Settings{}
	if by == "links" {
		s.Roots = []string{"t00000"}
	}
	n := &notifier{tracker: outage.NewTracker(nil, logger), logger: logger}
	n.storage.Store(&storage{state: dir, outbox: out})
	if err := n.tracker.Configure(s, devices); err != nil {
		b.Fatal(err)
	}
	n.tracker.SetLinks(links)
	said = map[string]bool{}
	pending := func(func(string) bool) (list []alarm.Alarm) {
		for name := range said {
			list = append(list, alarm.Alarm{Rule: "DeviceDown", Target: name})
		}
		return list
	}
	return &outages{notifier: n, pending: pending, again: func(string) {}}, said
}
