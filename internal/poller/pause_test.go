package poller

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/series"
)

// A paused target is not asked, not even by a poll that is wished for. What is known of it stays as it was, and the
// schedule goes on where it is.
func TestPausedTargetsAreNotPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		begin := time.Now().Add(10 * time.Minute)
		end := begin.Add(time.Hour)
		var ended []time.Time
		p := New(Options{
			PassOptions: PassOptions{Open: n.open}, Logger: slog.New(slog.DiscardHandler),
			Ended: func(r Report) {
				if r.Target.Name == "a" {
					ended = append(ended, time.Now())
				}
			},
			Paused: func(name string, now time.Time) string {
				if name == "a" && !now.Before(begin) && now.Before(end) {
					return "maintenance CHG-1"
				}
				return ""
			},
		})
		p.SetTargets([]*Target{target("a", time.Minute), target("b", time.Minute)})
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- p.Run(ctx) }()
		defer func() {
			if cancel(); <-stopped != nil {
				t.Error("it did not end well")
			}
		}()
		time.Sleep(time.Until(begin.Add(2 * time.Minute)))
		before, others := n.count("a"), n.count("b")
		shown := p.Summaries()[0]
		if shown.Paused != "maintenance CHG-1" || shown.State != Up || !has(t, p, "trapline_target_paused") || !has(t, p, "trapline_target_up") {
			t.Errorf("shown as %q and %v", shown.Paused, shown.State)
		}
		time.Sleep(50 * time.Minute)
		var paused *PausedError
		if err := p.PollNow(t.Context(), "a"); !errors.As(err, &paused) || err.Error() != "a is not polled: maintenance CHG-1" {
			t.Error(err)
		}
		if err := p.Refresh(t.Context(), "a", nil); !errors.As(err, &paused) {
			t.Error(err)
		}
		p.PollAgain("a")
		time.Sleep(5 * time.Second)
		if n.count("a") != before || n.count("b") < others+49 {
			t.Errorf("%d polls of the target that is paused, %d of the other", n.count("a")-before, n.count("b")-others)
		}
		if err := p.Check(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Until(end.Add(time.Minute + time.Second)))
		if shown := p.Summaries()[0]; n.count("a") != before+1 || shown.Paused != "" || has(t, p, "trapline_target_paused") {
			t.Errorf("%d polls within a minute after the pause, shown as %q", n.count("a")-before, shown.Paused)
		}
		for _, at := range ended {
			if !at.Before(begin.Add(time.Minute)) && at.Before(end) {
				t.Errorf("a poll ended at %v", at)
			}
		}
	})
}

// has reports whether the target a has a series of a name.
func has(t *testing.T, p *Poller, name string) bool {
	t.Helper()
	r, _ := p.Report("a")
	for _, c := range r.Health.Columns {
		if c.Desc.Name == name && c.Desc.Type == series.Gauge {
			return true
		}
	}
	return false
}
