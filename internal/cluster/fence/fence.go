// Package fence decides which commits of a shard are applied. One register per shard, seq/S, is compared and written by
// every commit and by every take of the shard, so that all of them form one sequence, whoever sends them and however late
// they arrive. The package is pure: it makes requests and is given the answers.
package fence

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"trapline/internal/ledger"
)

// Register is the value of seq/S.
type Register struct {
	Number uint64 `json:"n"`  // the last that a row or event of the shard was given
	Mark   string `json:"by"` // of the request that wrote it
}

// Seen is a register as an answer has it. Its revision is 0 if there is none.
type Seen struct {
	Register
	Revision int64
}

// Write puts a row of a shard, or deletes it if Value is nil.
type Write = ledger.Write

// MaxOps is how many operations of a kind a transaction of the engine may have.
const MaxOps = 128

// MaxWrites is how many rows of one shard a commit may write.
const MaxWrites = MaxOps - 1

// maxBytes is the size of a transaction from which on further shards have their own: a third of the engine's limit.
const maxBytes = 512 << 10

// TooLarge is the error of a commit that the engine would refuse for its size.
type TooLarge struct {
	Shard  string
	Writes int
}

func (e *TooLarge) Error() string {
	return fmt.Sprintf("commit of shard %s has %d rows, may have %d", e.Shard, e.Writes, MaxWrites)
}

// Fence has the revisions of the shards that a member owns. It is not safe for concurrent use.
type Fence struct {
	token  string // makes marks unique
	marks  int
	shards map[string]*tenure
	last   uint64 // the greatest number of all shards that were ever owned
	least  uint64 // numbers of shards that are taken from here on are greater
}

// tenure is a shard from its take to its loss.
type tenure struct {
	revision int64 // of seq/S
	number   uint64
}

// New returns the fence of a member that owns nothing. No two fences of a cluster may ever have the same token.
func New(token string) *Fence {
	return &Fence{token: token, shards: map[string]*tenure{}}
}

// NextMark returns a mark that no other request has.
func (f *Fence) NextMark() string {
	f.marks++
	return f.token + "-" + strconv.Itoa(f.marks)
}

// maxNumber is greater than any number that was ever given.
const maxNumber = 1 << 51

// Next returns the register of a take, with a mark that no other request has, given that which the shard has. If that cannot be read, or
// has a number that nobody has given, numbers go on beyond those that this member knows.
func (f *Fence) Next(has Register, readable bool) Register {
	if !readable || has.Number >= maxNumber {
		has.Number = f.last + Skipped
	}
	return Register{Number: max(has.Number, f.least), Mark: f.NextMark()}
}

// Skipped is how many numbers are left out where it is unknown which ones were given.
const Skipped = 1 << 32

// Skip leaves numbers out in all shards that are taken from here on: it is unknown which were given after those of their registers.
func (f *Fence) Skip() { f.least = f.last + Skipped }

// Take begins to own a shard, whose register the take has written.
func (f *Fence) Take(shard string, written Seen) {
	f.last = max(f.last, written.Number)
	f.shards[shard] = &tenure{revision: written.Revision, number: written.Number}
}

// Lose ends it. A commit under way finds its part lost, whether it was applied or not.
func (f *Fence) Lose(shard string) { delete(f.shards, shard) }

// Number returns the last number given in a shard, and whether it is owned.
func (f *Fence) Number(shard string) (uint64, bool) {
	t := f.shards[shard]
	if t == nil {
		return 0, false
	}
	return t.number, true
}

// Request is a transaction. It is applied if the register of each part has the part's revision; then it writes their rows
// and registers. Else it reads the registers.
type Request struct {
	Mark  string
	Parts []*Part
}

// Part is the part of a request in one shard.
type Part struct {
	Shard    string
	Revision int64  // that seq/S must have
	Number   uint64 // that seq/S gets
	Writes   []Write

	tenure *tenure
}

// Commit is a number of writes on their way. One shard's are applied together, and at most one commit of a fence is under
// way.
type Commit struct {
	fence *Fence
	queue []*Request // the first is to be sent, or was sent
	sent  bool
	doubt bool
	some  bool // was applied
	parts []*Part
	never []string // shards that were not owned when it was planned
}

// Begin plans a commit of writes, of which later ones of the same row replace earlier ones. numbers are the last that were
// given in a shard; without one it stays.
func (f *Fence) Begin(writes []Write, numbers map[string]uint64) (*Commit, error) {
	c := &Commit{fence: f}
	parts := map[string]map[string]Write{}
	for _, w := range writes {
		if parts[w.Shard] == nil {
			parts[w.Shard] = map[string]Write{}
		}
		parts[w.Shard][w.Key] = w
	}
	for shard := range numbers {
		if parts[shard] == nil {
			parts[shard] = map[string]Write{}
		}
	}
	for _, shard := range slices.Sorted(maps.Keys(parts)) {
		rows := parts[shard]
		if len(rows) > MaxWrites {
			return nil, &TooLarge{shard, len(rows)}
		}
		t := f.shards[shard]
		if t == nil {
			c.never = append(c.never, shard)
			continue
		}
		p := &Part{Shard: shard, Revision: t.revision, Number: max(t.number, numbers[shard]), tenure: t}
		for _, key := range slices.Sorted(maps.Keys(rows)) {
			p.Writes = append(p.Writes, rows[key])
		}
		c.parts = append(c.parts, p)
		c.add(p)
	}
	return c, nil
}

// add appends a part to the last request, or to one of its own.
func (c *Commit) add(p *Part) {
	if last := len(c.queue) - 1; last >= 0 {
		r := c.queue[last]
		ops, bytes := 1+len(p.Writes), ledger.Octets(p.Writes)
		for _, other := range r.Parts {
			ops += 1 + len(other.Writes)
			bytes += ledger.Octets(other.Writes)
		}
		if ops <= MaxOps && bytes <= maxBytes {
			r.Parts = append(r.Parts, p)
			return
		}
	}
	c.queue = append(c.queue, &Request{Mark: c.fence.NextMark(), Parts: []*Part{p}})
}

// owned reports whether the shard has not been lost since the part was planned.
func (p *Part) owned(f *Fence) bool { return f.shards[p.Shard] == p.tenure }

// Request returns the transaction to be sent, or nil if the commit has ended. It is the same one until there is an answer:
// it may be applied at any later time, once.
func (c *Commit) Request() *Request {
	for len(c.queue) > 0 {
		r := c.queue[0]
		if !c.sent { // a request that was sent may be under way, and stays as it is
			r.Parts = slices.DeleteFunc(r.Parts, func(p *Part) bool { return !p.owned(c.fence) })
		}
		if slices.ContainsFunc(r.Parts, func(p *Part) bool { return p.owned(c.fence) }) {
			c.sent = true
			return r
		}
		c.next()
	}
	return nil
}

func (c *Commit) next() {
	c.queue, c.sent, c.doubt = c.queue[1:], false, false
}

// Unanswered puts the request in doubt: it may be applied now, later or never.
func (c *Commit) Unanswered() { c.doubt = c.sent }

// InDoubt returns the shards of which it is unknown whether the commit was applied.
func (c *Commit) InDoubt() (shards []string) {
	if !c.doubt {
		return nil
	}
	for _, p := range c.queue[0].Parts {
		shards = append(shards, p.Shard)
	}
	return shards
}

// Applied is the answer that the request was applied, at a revision.
func (c *Commit) Applied(revision int64) {
	for _, p := range c.queue[0].Parts {
		c.applied(p, revision)
	}
	c.next()
}

func (c *Commit) applied(p *Part, revision int64) {
	c.some = true
	if p.owned(c.fence) {
		p.tenure.revision, p.tenure.number = revision, p.Number
		c.fence.last = max(c.fence.last, p.Number)
	}
}

// Refused is the answer that the request was not applied this time, with the registers of its shards. If one of them bears
// the mark of the request, an earlier copy was applied. Else it never will be, and shards that are still owned are tried alone.
func (c *Commit) Refused(seen map[string]Seen) {
	r := c.queue[0]
	before := slices.ContainsFunc(r.Parts, func(p *Part) bool { return seen[p.Shard].Mark == r.Mark })
	if alone := len(r.Parts) == 1; alone || before {
		for _, p := range r.Parts {
			if s := seen[p.Shard]; s.Mark == r.Mark {
				c.applied(p, s.Revision)
			} else {
				c.lose(p)
			}
		}
		c.next()
		return
	}
	c.next()
	var again []*Request
	for _, p := range r.Parts {
		if seen[p.Shard].Revision != p.Revision {
			c.lose(p)
			continue
		}
		again = append(again, &Request{Mark: c.fence.NextMark(), Parts: []*Part{p}})
	}
	c.queue = append(again, c.queue...)
}

// lose ends the tenure of a part: somebody else has taken the shard.
func (c *Commit) lose(p *Part) {
	if p.owned(c.fence) {
		c.fence.Lose(p.Shard)
	}
}

// Partial reports whether some of the writes were applied.
func (c *Commit) Partial() bool { return c.some }

// Abandon ends the commit where it stands. Shards in doubt, and those not sent, are lost.
func (c *Commit) Abandon() {
	for _, r := range c.queue {
		for _, p := range r.Parts {
			c.lose(p)
		}
	}
	c.queue, c.sent, c.doubt = nil, false, false
}

// Lost returns the shards that were lost between Begin and now, sorted: it is unknown whether their writes were applied. All
// others are applied once Request returns nil.
func (c *Commit) Lost() []string {
	lost := slices.Clone(c.never)
	for _, p := range c.parts {
		if !p.owned(c.fence) {
			lost = append(lost, p.Shard)
		}
	}
	slices.Sort(lost)
	return lost
}
