package client

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unique"

	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// saved is the state of one target that Save writes. It holds no secret.
type saved struct {
	At          time.Time
	Window      float64
	RTT, RTTVar time.Duration
	Base        time.Duration
	MaxBindings int
	Answered    int    // bindings of the largest request that was answered in full
	EngineID    []byte // SNMPv3
	Boots, Time int32
	Columns     []savedColumn
}

type savedColumn struct {
	OID              []byte
	Rows             int32
	Size             uint16
	Unordered, Alone bool
	Failed           bool
	Ends             []string // of the segments but the last
	Counts           []int32  // their rows
}

// stateFormat is the header of saved state. It changes with the format.
const stateFormat = "trapline engine 1\n"

// maxSplitRows is how many rows a segment of a saved state may have: no answer has more.
const maxSplitRows = 1 << 16

var errStateFormat = errors.New("it is not the state of an engine, or of another version")

// Save writes the measurements of the targets, for Restore to read in another process: how fast they
// answer, how their tables divide, and which SNMPv3 engine they are.
func (e *Client) Save(w io.Writer) error {
	var targets []*Target
	e.mu.Lock()
	for element := e.recent.Front(); element != nil; element = element.Next() {
		targets = append(targets, element.Value.(*Target))
	}
	e.mu.Unlock()
	all := map[string]saved{}
	for _, t := range targets {
		if s, ok := t.save(); ok {
			all[t.key()] = s
		}
	}
	if _, err := io.WriteString(w, stateFormat); err != nil {
		return err
	}
	return gob.NewEncoder(w).Encode(all)
}

// Restore reads the output of Save. It is used when a target is first polled, and only makes that faster:
// whatever of it no longer holds is measured again. It is to be called before the first poll.
func (e *Client) Restore(r io.Reader) error {
	head := make([]byte, len(stateFormat))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != stateFormat {
		return errStateFormat
	}
	var all map[string]saved
	if err := gob.NewDecoder(r).Decode(&all); err != nil {
		return err
	}
	for key, s := range all {
		e.restored.Store(key, s)
	}
	return nil
}

// key returns a name of the target that holds no secret.
func (t *Target) key() string {
	a := t.conn.Auth
	return fmt.Sprintf("%s|%s|%x|%s|%d|%s|%s|%s|%s", t.conn.Spec.Address, t.conn.Spec.Context, t.conn.Spec.ContextEngineID, t.conn.Spec.Source,
		a.Version, a.Username, a.SecurityLevel, a.AuthProtocol, a.PrivProtocol)
}

func (t *Target) save() (s saved, ok bool) {
	t.mux.Lock()
	defer t.mux.Unlock()
	d := t.device
	if d == nil {
		return s, false
	}
	p, ok := d.peer.StateLocked(t.mux.Now)
	if !ok {
		return s, false
	}
	s = saved{
		At: time.Now(), Window: p.Window, RTT: p.RTT, RTTVar: p.RTTVar, Base: p.Base, MaxBindings: d.capacity.max, Answered: d.capacity.maxAnswered,
		EngineID: p.EngineID, Boots: p.Boots, Time: p.Time,
	}
	for i := range d.memory.columns {
		s.Columns = append(s.Columns, d.memory.columns[i].save())
	}
	return s, true
}

// restoreLocked applies the state that was saved of the target to its device, which was just made.
func (t *Target) restoreLocked() {
	value, ok := t.client.restored.LoadAndDelete(t.key())
	if !ok {
		return
	}
	s := value.(saved)
	t.restoreDeviceLocked(&s)
}

// restoreDeviceLocked applies a state to the device.
func (t *Target) restoreDeviceLocked(s *saved) {
	d, now := t.device, t.mux.Now
	d.peer.RestoreLocked(&mux.SavedPeer{
		Window: s.Window, RTT: s.RTT, RTTVar: s.RTTVar, Base: s.Base, EngineID: s.EngineID, Boots: s.Boots, Time: s.Time,
	}, time.Since(s.At), now)
	if s.MaxBindings > 0 {
		d.capacity.limit(s.MaxBindings, now)
	}
	d.capacity.answered(min(s.Answered, maxAnswered))
	for _, c := range s.Columns {
		d.memory.restore(&c)
	}
}

func (l *columnStats) save() savedColumn {
	s := savedColumn{OID: []byte(l.name.Value()), Rows: l.rows, Size: l.size, Unordered: l.traits.has(unordered), Alone: l.traits.has(alone), Failed: l.traits.has(failed)}
	splits := l.segments()
	for _, x := range splits[:len(splits)-1] {
		s.Ends, s.Counts = append(s.Ends, x.end), append(s.Counts, x.rows)
	}
	s.Counts = append(s.Counts, splits[len(splits)-1].rows)
	return s
}

// restore adds a column, unless it is impossible.
func (m *memory) restore(c *savedColumn) {
	at, known := m.find(c.OID)
	if known || !snmp.OID(c.OID).Valid() || len(m.columns) >= maxColumns || len(c.Counts) != len(c.Ends)+1 || !ascending(c.Ends) {
		return
	}
	if c.Rows < 0 || slices.ContainsFunc(c.Counts, func(n int32) bool { return n < 0 || n > maxSplitRows }) {
		return
	}
	l := columnStats{name: unique.Make(string(c.OID)), rows: c.Rows, size: c.Size}
	l.traits = l.traits.with(unordered, c.Unordered).with(alone, c.Alone).with(failed, c.Failed)
	if len(c.Ends) > 0 {
		splits := make([]split, len(c.Counts))
		for i, rows := range c.Counts {
			splits[i].rows = rows
		}
		for i, end := range c.Ends {
			splits[i].end = end
		}
		l.splits = &splits
	}
	m.columns = slices.Insert(m.columns, at, l)
}

// maxAnswered is how many bindings a request of a saved state may have had: more fill no packet.
const maxAnswered = 1 << 13

// ascending reports whether the ends of segments are indexes, each behind the one before.
func ascending(ends []string) bool {
	var last snmp.OID
	for _, end := range ends {
		if !snmp.OID(end).Valid() || snmp.OID(end).Compare(last) <= 0 {
			return false
		}
		last = snmp.OID(end)
	}
	return true
}
