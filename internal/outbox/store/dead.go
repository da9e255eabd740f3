package store

import (
	"encoding/json"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
)

// DeadLetter is an event that was given up, with the reason.
type DeadLetter struct {
	alarm.Event
	Line string    `json:"line,omitempty"` // the key by which the receiver identifies the alarm, if it is not the ID
	Why  string    `json:"why"`
	At   time.Time `json:"given_up_at"`

	number uint64
}

// Number returns the number of its row.
func (d *DeadLetter) Number() uint64 { return d.number }

// maxDeadLetters is the maximum number of dead letters of a receiver.
const maxDeadLetters = 1000

// Buried are the numbers of the dead letters by receiver, in order. The lists are not changed but replaced.
type Buried map[string][]uint64

// Numbers are numbers of records of a receiver.
type Numbers struct {
	Receiver string
	Numbers  []uint64
}

// writeDead deletes dead letters, and writes new ones in the place of the oldest.
func (c *Change) writeDead(b *batch) {
	c.buried = Buried{}
	for _, d := range c.Unburied {
		list := slices.Clone(c.buriedOf(d.Receiver))
		for _, number := range d.Numbers {
			b.delete(c.Shards.OfNumber(number), deadKey(d.Receiver, number))
			if i, found := slices.BinarySearch(list, number); found {
				list = slices.Delete(list, i, i+1)
			}
		}
		c.buried[d.Receiver] = list
	}
	for _, d := range c.Dead {
		putJSON(b, c.Shards.OfNumber(d.Number), deadKey(d.Receiver, d.Number), d.Letter)
		list := c.buriedOf(d.Receiver)
		if i, found := slices.BinarySearch(list, d.Number); !found {
			list = slices.Insert(slices.Clone(list), i, d.Number)
		}
		if len(list) > maxDeadLetters {
			b.delete(c.Shards.OfNumber(list[0]), deadKey(d.Receiver, list[0]))
			list = list[1:]
		}
		c.buried[d.Receiver] = list
	}
}

func (c *Change) buriedOf(receiver string) []uint64 {
	if list, changed := c.buried[receiver]; changed {
		return list
	}
	return c.Buried[receiver]
}

func deadKey(receiver string, number uint64) string {
	return ledger.Numbered(ledger.Of(ledger.Dead, receiver), number)
}

func readDead(name string, text []byte) (d DeadLetter, err error) {
	if d.number, err = ledger.ParseNumber(name); err == nil {
		err = json.Unmarshal(text, &d)
	}
	return d, err
}
