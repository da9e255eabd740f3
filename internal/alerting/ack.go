package alerting

import (
	"errors"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
)

// errNoStore is the error of actions on alarms that are kept in memory alone.
var errNoStore = api.WithHint(api.Errorf(api.ErrUnavailable, "alarms are not stored"), "set state_dir or receivers in the configuration, and reload it")

// maxAckText is the maximum size of a name or a comment in octets.
const maxAckText = 4096

// Acknowledge records that a person has acknowledged an active alarm.
func (c *Console) Acknowledge(id string, a api.Ack) error {
	if c.outbox() == nil {
		return errNoStore
	}
	now := time.Now()
	ack := &alarm.Ack{By: a.By, Comment: a.Comment, Sticky: a.Sticky}
	var err error
	if err := checkBy(a.By, a.Comment); err != nil {
		return err
	}
	if ack.Until, err = moment(a.Until, now); err != nil {
		return api.WithHint(api.Errorf(api.ErrBadRequest, "until=%.100q: %v", a.Until, err), "write a time in the future as in 2026-12-01T22:00:00Z, or a duration such as 2h")
	}
	return receiverError(c.outbox().Acknowledge(id, ack, now))
}

// checkBy returns an error of the name of a person, or of a comment.
func checkBy(by, comment string) error {
	switch {
	case by == "":
		return api.WithHint(api.Errorf(api.ErrBadRequest, "by is required"), "write who does it")
	case len(by) > maxAckText || len(comment) > maxAckText:
		return api.Errorf(api.ErrBadRequest, "by and comment may have %d octets each", maxAckText)
	}
	return nil
}

// moment reads a moment in the future, or a duration until then; zero if the text is empty.
func moment(text string, now time.Time) (at time.Time, err error) {
	if text == "" {
		return at, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		at = now.Add(d)
	} else if at, err = time.Parse(time.RFC3339, text); err != nil {
		return at, err
	}
	if !at.After(now) {
		return at, errors.New("it is over")
	}
	return at, nil
}

// Unacknowledge removes the acknowledgement of an alarm.
func (c *Console) Unacknowledge(id string) error {
	if c.outbox() == nil {
		return errNoStore
	}
	return receiverError(c.outbox().Acknowledge(id, nil, time.Now()))
}
