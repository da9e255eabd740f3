package senderclock

import (
	"encoding/json"
	"os"
	"time"

	"trapline/internal/originator"
	"trapline/internal/statedir"
)

// File is where clocks are kept in a state directory.
const File = "senderclocks.json"

// Store keeps clocks in a file, so that the next process on the same boot of the machine goes on with them: a restart is
// no reason to believe a wall clock that was set meanwhile. After the machine has started anew, nothing but the wall
// clock says how long it was off.
type Store struct {
	File  string
	Write func(file string, text []byte) error
	Boot  func() (id string, since time.Duration) // nil: of this machine
}

// saved are clocks as the file has them.
type saved struct {
	Boot    string                 `json:"boot"`
	Steady  time.Time              `json:"steady"` // what the steady clock showed when the machine started
	Senders map[string]savedSender `json:"senders"`
}

type savedSender struct {
	Ahead   time.Duration `json:"ahead"`
	Watched Alert         `json:"watched"`
	Over    bool          `json:"over"`
	Since   time.Time     `json:"since"`
}

// Keep reads the clocks of an earlier process, and has those that change stored. It is called before Begin. Without the
// identity of a boot nothing is kept.
func (c *Clocks) Keep(s Store, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Boot == nil {
		s.Boot = boot
	}
	id, since := s.Boot()
	if id == "" {
		return nil
	}
	c.store, c.boot = s, id
	was, err := read(s.File)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil || was.Boot != id {
		return err
	}
	c.start, c.wall, c.slept, c.senders = now, was.Steady.Add(since), originator.Asleep(), map[string]*sender{}
	for name, one := range was.Senders {
		c.senders[name] = &sender{ahead: one.Ahead, at: c.wall, watched: one.Watched, over: one.Over, since: one.Since}
	}
	return nil
}

func read(file string) (was saved, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return was, err
	}
	text, err := statedir.Unseal([]byte(File), raw)
	if err != nil {
		return was, err
	}
	return was, json.Unmarshal(text, &was)
}

// save stores the clocks at a time of the steady clock.
func (c *Clocks) save(steady time.Time) error {
	if c.boot == "" {
		return nil
	}
	_, since := c.store.Boot()
	s := saved{Boot: c.boot, Steady: steady.Add(-since), Senders: map[string]savedSender{}}
	for name, one := range c.senders {
		if one.ahead != 0 || one.watched.ID != "" {
			s.Senders[name] = savedSender{one.ahead, one.watched, one.over, one.since}
		}
	}
	text, err := json.Marshal(&s)
	if err != nil {
		return err
	}
	return c.store.Write(c.store.File, statedir.Seal([]byte(File), text))
}

// differs reports whether a sender is not any more as it is stored: small steps of its clock are none.
func (s *sender) differs(was sender) bool {
	return (s.ahead-was.ahead).Abs() > time.Second || s.watched != was.watched || s.over != was.over
}
