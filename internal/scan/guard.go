package scan

import (
	"slices"
	"time"
)

// Devices block those who log in wrongly too often, and log each try. The bounds of failed logins:
const (
	failureMemory = 24 * time.Hour     // for which MaxFailures counts
	refusalMemory = 7 * 24 * time.Hour // for which a refused credential is not tried again
	silenceMemory = 24 * time.Hour     // for which one is not that came to nothing, as it may have been lost
	firstHandsOff = 15 * time.Minute   // for which a device that fell silent is left alone
	maxHandsOff   = 24 * time.Hour
)

// Guard counts the logins to a device that failed. The zero value is of a device that nobody logged in to.
type Guard struct {
	Failed   []time.Time        `json:"failed,omitempty"`   // logins that failed, or whose outcome is not known
	Tried    map[string]Attempt `json:"tried,omitempty"`    // by the digest of a credential that was not accepted
	Open     string             `json:"open,omitempty"`     // digest of the credential whose login is under way
	Before   Attempt            `json:"before,omitzero"`    // with that, before
	Until    time.Time          `json:"until,omitzero"`     // until when the device is left alone
	HandsOff time.Duration      `json:"hands_off,omitzero"` // for how long it was last
}

// Attempt is a credential that a device did not accept.
type Attempt struct {
	Until  time.Time `json:"until"` // when it may be tried again
	Silent int       `json:"silent,omitempty"`
}

// MayTry reports whether a login with a credential may be tried, and after which wait. Again is set for one that was
// accepted before, which only the number of failures bounds.
func (g *Guard) MayTry(credential string, o *Bounds, again bool, now time.Time) (wait time.Duration, ok bool) {
	g.forget(now)
	if now.Before(g.Until) || len(g.Failed) >= o.MaxFailures {
		return 0, false
	}
	if t, tried := g.Tried[credential]; tried && !again && g.Open != credential && now.Before(t.Until) {
		return 0, false
	}
	if n := len(g.Failed); n > 0 {
		wait = max(0, o.Spacing-now.Sub(g.Failed[n-1]))
	}
	return wait, true
}

// Bounds say how often a device may refuse logins.
type Bounds struct {
	MaxFailures int           // a day
	Spacing     time.Duration // between two
}

// Begin notes a login before it is sent: one whose outcome nobody notes has failed.
func (g *Guard) Begin(credential string, now time.Time) {
	g.Failed = append(g.Failed, now)
	g.Open, g.Before = credential, g.Tried[credential]
	g.try(credential, silenceMemory, g.Tried[credential].Silent, now)
}

func (g *Guard) try(credential string, until time.Duration, silent int, now time.Time) {
	if g.Tried == nil {
		g.Tried = map[string]Attempt{}
	}
	g.Tried[credential] = Attempt{now.Add(until), silent}
}

// Accepted notes that the login under way succeeded: the device counts anew, and no other credential is tried.
func (g *Guard) Accepted() { *g = Guard{} }

// Late notes a login that nobody took for one when it was sent, and of which nothing came yet.
func (g *Guard) Late(credential string, now time.Time) {
	open, before := g.Open, g.Before
	g.Begin(credential, now)
	g.Silent(now)
	g.Open, g.Before = open, before
}

// AcceptedLate notes that the device accepted a login whose answer came late: it counts anew, but for a login under way.
func (g *Guard) AcceptedLate() {
	if g.Open == "" {
		g.Accepted()
		return
	}
	*g = Guard{Failed: g.Failed[len(g.Failed)-1:], Tried: map[string]Attempt{g.Open: g.Tried[g.Open]}, Open: g.Open, Before: g.Before}
}

// AcceptedElsewhere notes that a device accepts a credential at another address: if that alone was tried, none has failed.
func (g *Guard) AcceptedElsewhere(credential string) {
	if _, tried := g.Tried[credential]; tried && len(g.Tried) == 1 {
		g.Accepted()
	}
}

// Unanswered reports whether nothing came of a login since a time, once.
func (g *Guard) Unanswered(credential string, since time.Time) bool {
	t := g.Tried[credential]
	return t.Silent == 1 && g.Open != credential && !t.Until.Add(-silenceMemory).Before(since)
}

// NoLogin notes that the login under way was none: the device does not know the user.
func (g *Guard) NoLogin(now time.Time) {
	g.Failed = g.Failed[:len(g.Failed)-1]
	g.try(g.Open, refusalMemory, 0, now)
	g.Open = ""
}

// Undone notes that the login under way was not sent, or that nobody was there.
func (g *Guard) Undone() {
	g.Failed = g.Failed[:len(g.Failed)-1]
	if delete(g.Tried, g.Open); g.Before.Until.IsZero() {
		g.Open = ""
		return
	}
	g.Tried[g.Open] = g.Before
	g.Open = ""
}

// Refused notes that the device refused the login under way.
func (g *Guard) Refused(now time.Time) {
	g.try(g.Open, refusalMemory, 0, now)
	g.Open = ""
}

// Silent notes that nothing came of the login under way. Once may be loss, twice is a refusal.
func (g *Guard) Silent(now time.Time) {
	silent, until := g.Tried[g.Open].Silent+1, silenceMemory
	if silent > 1 {
		until = refusalMemory
	}
	g.try(g.Open, until, silent, now)
	g.Open = ""
}

// Locked notes that a device that answered is silent to all, and leaves it alone: twice as long as the last time.
func (g *Guard) Locked(now time.Time) {
	g.HandsOff = min(max(firstHandsOff, 2*g.HandsOff), maxHandsOff)
	g.Until = now.Add(g.HandsOff)
}

// forget removes entries that are too old to count.
func (g *Guard) forget(now time.Time) {
	g.Failed = slices.DeleteFunc(g.Failed, func(at time.Time) bool { return now.Sub(at) >= failureMemory })
	for credential, t := range g.Tried {
		if !now.Before(t.Until.Add(refusalMemory)) {
			delete(g.Tried, credential)
		}
	}
}

// merge adds the failures of another address of the same device.
func (g *Guard) merge(o *Guard) {
	for _, at := range o.Failed {
		if !slices.ContainsFunc(g.Failed, at.Equal) {
			g.Failed = append(g.Failed, at)
		}
	}
	slices.SortFunc(g.Failed, time.Time.Compare)
	for credential, t := range o.Tried {
		if t.Until.After(g.Tried[credential].Until) {
			g.try(credential, 0, 0, t.Until)
			g.Tried[credential] = t
		}
	}
	if o.Until.After(g.Until) {
		g.Until, g.HandsOff = o.Until, o.HandsOff
	}
	if g.Open == "" {
		g.Open = o.Open
	}
}

// clone returns a copy for a state file.
func (g *Guard) clone() Guard {
	c := *g
	c.Failed = slices.Clone(g.Failed)
	c.Tried = make(map[string]Attempt, len(g.Tried))
	for k, v := range g.Tried {
		c.Tried[k] = v
	}
	return c
}
