// Package notify sends the notifications of an outbox to receivers: traps, informs and webhooks. It has the settings
// of receivers, the formats of notifications, the annotations by which rules choose them, and the HTTP API that
// takes alerts.
package notify

import (
	"fmt"
	"time"

	"trapline/internal/outbox/queue"
	"trapline/internal/snmp"
)

// openers make the functions that deliver to receivers, by their type.
var openers = map[string]func(*ReceiverSettings, *Dependencies) (queue.Deliver, error){
	"trap":    openTrap,
	"inform":  openInform,
	"webhook": openWebhook,
}

// NewRoute returns the route to a receiver. The settings must have no Problems.
func NewRoute(r *ReceiverSettings, c *Dependencies) (*queue.Route, error) {
	deliver, err := openers[r.Type](r, c)
	if err != nil {
		return nil, fmt.Errorf("receiver %s: %w", r.Name, err)
	}
	group := r.Group
	if c.Settings.Groups[group] != queue.GroupFirstAcked {
		group = ""
	}
	key, scheme := newKey(r, c)
	window, spacing := r.Window, time.Duration(float64(time.Second)/r.Rate)
	if len(r.GroupBy) > 0 { // deliveries wait for the message of their group
		window, spacing = max(window, groupWindow), 0
	}
	return &queue.Route{
		Name: r.Name, About: about(r, c), Group: group, Deliver: deliver, Matches: r.matches(c.Targets), Tags: r.Tags, Key: key, Scheme: scheme,
		Window: window, Spacing: spacing,
		MaxAge: duration(r.MaxAge, defaultMaxAge), MaxEvents: r.MaxEvents, MaxBytes: r.MaxBytes,
		RepeatInterval: r.RepeatInterval.Duration, Heartbeat: r.Heartbeat.Duration,
		Resyncs: kinds[r.Type].resyncs, EveryTransition: r.EveryTransition,
		Active: r.ActiveTimeIntervals, Mute: r.MuteTimeIntervals, Delay: r.Delay.Duration, UnlessAcked: r.UnlessAcknowledged, Acks: r.Acknowledgements,
		Forwards: r.Forward.forwards(c.Names),
		Times:    r.Repeat, TimesApart: duration(r.Spacing, defaultSpacing),
	}, nil
}

// groupWindow is the least number of alarms that may wait for the messages of their groups.
const groupWindow = 10_000

// about returns the description of a receiver for pages, commands and metrics.
func about(r *ReceiverSettings, c *Dependencies) queue.About {
	a := queue.About{Type: r.Type, Address: r.Address, Auth: r.Auth}
	if kinds[r.Type].url {
		a.Address = r.URL.String()
		return a
	}
	a.Format = r.formatName(c.Settings)
	auth := c.Auths[r.Auth]
	if auth == nil {
		return a
	}
	p, err := auth.Principal()
	if err != nil {
		return a
	}
	switch p.Version {
	case snmp.V1:
		a.Version = "1"
	case snmp.V2c:
		a.Version = "2c"
	case snmp.V3:
		a.Version, a.User = "3", p.User.Name
		a.CreateUser = createUser(r, &p, c.Identity)
	}
	return a
}
