// Package replay evaluates rules for recordings of a device, one for each poll. It returns the notifications that
// receivers would have been sent, and when.
package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"trapline/collector"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/rules"
)

// Playback is the recordings of a target, one for each poll. An empty one is a poll that was not answered.
type Playback struct {
	Target     *poller.Target
	Recordings []string // files
}

// Options of a replay.
type Options struct {
	Rules     rules.DryRunOptions  // its targets are those of the playbacks
	Start     time.Time            // of the first poll of each target; the next ones follow at the target's interval
	Sent      func(notify.DrySent) // called for each notification
	PollEnded func()               // called after each poll
	Warn      func(error)          // called for an invalid line of a recording, and for a rule that cannot be evaluated
}

// player is a playback in progress.
type player struct {
	playback *Playback
	follower *poller.Tracker
	next     int
}

// Run plays all playbacks from their beginning to their end.
func Run(ctx context.Context, playbacks []Playback, o Options) error {
	var players []*player
	for i := range playbacks {
		players = append(players, &player{playback: &playbacks[i], follower: poller.NewTracker(playbacks[i].Target)})
		o.Rules.Targets = append(o.Rules.Targets, playbacks[i].Target)
	}
	dry, err := rules.NewDryRun(o.Rules, o.Start)
	if err != nil {
		return err
	}
	defer dry.Close()
	for ctx.Err() == nil {
		at, due := nextOf(players, o.Start)
		if len(due) == 0 {
			return nil
		}
		var reports []poller.Report
		for _, p := range due {
			r, err := p.pass(ctx, at, at.Sub(o.Start), o.Warn)
			if err != nil {
				return err
			}
			reports = append(reports, r)
			if o.PollEnded != nil {
				o.PollEnded()
			}
		}
		sent, err := dry.Evaluate(ctx, at, reports)
		if err != nil {
			o.Warn(fmt.Errorf("%s: %w", at.Format(time.RFC3339), err))
		}
		for _, t := range sent {
			o.Sent(t)
		}
	}
	return ctx.Err()
}

// nextOf returns the players whose poll is next, and its time.
func nextOf(players []*player, start time.Time) (at time.Time, due []*player) {
	for _, p := range players {
		if p.next >= len(p.playback.Recordings) {
			continue
		}
		turn := start.Add(time.Duration(p.next) * p.playback.Target.Interval)
		if len(due) == 0 || turn.Before(at) {
			at, due = turn, nil
		}
		if turn.Equal(at) {
			due = append(due, p)
		}
	}
	return at, slices.Clip(due)
}

// pass returns the poll of the next recording.
func (p *player) pass(ctx context.Context, at time.Time, uptime time.Duration, warn func(error)) (poller.Report, error) {
	file := p.playback.Recordings[p.next]
	p.next++
	recording, err := agent.OpenRecording(file)
	if recording == nil {
		return poller.Report{}, err
	}
	if err != nil {
		warn(fmt.Errorf("lines of a recording are left out: %w", err))
	}
	o := poller.PassOptions{
		Open:         func(client.Spec) (collector.Session, error) { return &device{recording, uptime}, nil },
		WrapCounters: true,
		KeepIndexes:  true,
	}
	pass := o.Run(ctx, p.playback.Target, false)
	pass.Start, pass.Duration = at, 0
	return p.follower.Observe(pass), nil
}
