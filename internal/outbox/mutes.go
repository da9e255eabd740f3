package outbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"trapline/internal/mute"
)

// Mutes returns what mutes alarms.
func (o *Outbox) Mutes() *mute.Set {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state.mutes
}

// Silence stores a silence and mutes the alarms that it matches, in one transaction. It returns its ID: see mute.Set.Put.
func (o *Outbox) Silence(s mute.Silence, now time.Time) (id string, err error) {
	fresh := newID()
	err = o.changeMutes(now, func(set *mute.Set, now time.Time) (c *mute.Change, err error) {
		c, id, err = set.Put(s, fresh, now)
		return c, err
	})
	return id, err
}

// Expire ends a silence. One that has ended stays as it is.
func (o *Outbox) Expire(id string, now time.Time) error {
	return o.changeMutes(now, func(set *mute.Set, now time.Time) (*mute.Change, error) { return set.Expire(id, now) })
}

// changeMutes commits a change of what mutes alarms, unless it is refused.
func (o *Outbox) changeMutes(now time.Time, make func(*mute.Set, time.Time) (*mute.Change, error)) error {
	var refused error
	err := o.do(&change{now: now, plan: func(p *plan) {
		var c *mute.Change
		if c, refused = make(p.mutes, p.now); refused == nil {
			p.changeMutes(c)
		}
	}})
	return errors.Join(refused, err)
}

// newID returns a random UUID (RFC 9562 version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // which never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
