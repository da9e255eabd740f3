package app

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"trapline/internal/discovery"
	"trapline/internal/outbox"
)

// The alarm about a list lasts as long as targets are held, is renewed before its lease ends, and ends with the list.
func TestAlarmAboutListThatShrank(t *testing.T) {
	var lists []discovery.Status
	var got []outbox.Transition
	var refused error
	s := &shrinks{lists: func() []discovery.Status { return lists }, deployment: func() string { return "d" }, logger: slog.New(slog.DiscardHandler),
		apply: func(l []outbox.Transition, _ time.Time) error { got = append(got, l...); return refused }}
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
			if got[i].Active != want[i] || want[i] && got[i].Lease.Sub(now) <= shrunkRenewal || got[i].Alarm.Labels["list"] != "inventory" {
				t.Errorf("%s: %+v", text, got[i])
			}
		}
	}
	step("an alarm of the process before is cleared", 0, 0, false)
	step("nothing changes", time.Second, 0)
	step("targets are held", time.Second, 90, true)
	step("they are still", time.Second, 90)
	step("fewer are", time.Second, 40, true)
	step("the lease is renewed", shrunkRenewal, 40, true)
	refused = errors.New("full")
	step("the end cannot be stored", time.Second, 0, false)
	refused = nil
	step("and is tried again", time.Second, 0, false)
	step("targets are held again", time.Second, 90, true)
	step("the list is no more", time.Second, -1, false)
	step("and stays so", time.Second, -1)
}
