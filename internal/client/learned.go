package client

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"net/netip"
	"time"
	"unique"

	"trapline/internal/access"
)

// maxLearned is how many octets the measurements of a target may have for another process. Of more, the segments of tables are
// left out.
const maxLearned = 128 << 10

// learnedFormat is the first octet of the measurements of a target. It changes with the format.
const learnedFormat = 1

var errLearned = errors.New("these are not measurements of a target, or of another version")

// Learned returns the measurements of a target for Learn in another process, nil if there are none. They hold no secret, and neither
// values nor names of the device but OIDs.
func (e *Client) Learned(s Spec) []byte {
	t := e.find(s)
	if t == nil {
		return nil
	}
	state, ok := t.save()
	if !ok {
		waiting, kept := e.restored.Load(t.key()) // of another process, and not used yet
		if !kept {
			return nil
		}
		state = waiting.(saved)
	}
	b := state.append(nil)
	if len(b) > maxLearned {
		for i := range state.Columns {
			state.Columns[i].Ends, state.Columns[i].Counts = nil, []int32{0}
		}
		b = state.append(nil)
	}
	if len(b) > maxLearned {
		return nil
	}
	return b
}

// find returns a target that is known, or nil.
func (e *Client) find(s Spec) *Target {
	auth := s.Auth
	if auth == nil {
		auth = &defaultAuth
	}
	s.Auth = nil
	e.mu.Lock()
	defer e.mu.Unlock()
	if element := e.targets[identity{s, unique.Make(*auth)}]; element != nil {
		return element.Value.(*Target)
	}
	return nil
}

// Learn has the polls of a target go on with the measurements of another process, as Restore does: they make polls faster, and
// change no result, whatever octets these are.
func (e *Client) Learn(s Spec, learned []byte) error {
	state, err := readLearned(learned)
	if err != nil {
		return err
	}
	t, err := e.Target(s)
	if err != nil {
		return err
	}
	address, secrets, known := t.place()
	t.mux.Lock()
	defer t.mux.Unlock()
	if d := t.device; d != nil {
		d.memory, d.capacity = memory{}, capacity{}
		t.restoreDeviceLocked(&state)
		return nil
	}
	e.restored.Store(t.key(), state)
	if known {
		_ = t.meetLocked(address, secrets) // the first poll reports the error
	}
	return nil
}

// place returns where the target is, if that need not be looked up: modules share the requests of the first poll then, too.
func (t *Target) place() (address netip.AddrPort, secrets access.Secrets, known bool) {
	if _, err := netip.ParseAddr(t.conn.Address.Host); err != nil || !t.viaMux() {
		return address, secrets, false
	}
	secrets, err := t.client.env.Secrets.Secrets(t.conn.Auth)
	if err == nil {
		address, err = t.conn.LookUp(context.Background(), 0)
	}
	return address, secrets, err == nil
}

// append writes the state. Each OID begins with as many octets of the one before as it shares with it.
func (s *saved) append(b []byte) []byte {
	begin := len(b)
	b = append(b, learnedFormat)
	b = binary.AppendVarint(b, s.At.UnixMilli())
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(s.Window))
	for _, d := range []time.Duration{s.RTT, s.RTTVar, s.Base} {
		b = binary.AppendVarint(b, int64(d))
	}
	b = binary.AppendVarint(binary.AppendVarint(b, int64(s.MaxBindings)), int64(s.Answered))
	b = appendOctets(b, nil, s.EngineID)
	b = binary.AppendVarint(binary.AppendVarint(b, int64(s.Boots)), int64(s.Time))
	b = binary.AppendUvarint(b, uint64(len(s.Columns)))
	var last []byte
	for i := range s.Columns {
		c := &s.Columns[i]
		b = appendOctets(b, last, c.OID)
		last = c.OID
		b = binary.AppendUvarint(b, uint64(c.Size)<<3|flag(c.Failed)<<2|flag(c.Unordered)<<1|flag(c.Alone))
		b = binary.AppendVarint(b, int64(c.Rows))
		b = binary.AppendUvarint(b, uint64(len(c.Ends)))
		var end []byte
		for j, e := range c.Ends {
			b = appendOctets(b, end, []byte(e))
			end = []byte(e)
			b = binary.AppendVarint(b, int64(c.Counts[j]))
		}
		b = binary.AppendVarint(b, int64(c.Counts[len(c.Ends)]))
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[begin:]))
}

func flag(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

func appendOctets(b, before, octets []byte) []byte {
	same := 0
	for same < min(len(before), len(octets)) && before[same] == octets[same] {
		same++
	}
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(same)), uint64(len(octets)-same))
	return append(b, octets[same:]...)
}

// readLearned reads the output of append. Whether the values are plausible is for those who use them.
func readLearned(b []byte) (s saved, err error) {
	if len(b) < 5 || len(b) > maxLearned || b[0] != learnedFormat || crc32.ChecksumIEEE(b[:len(b)-4]) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return s, errLearned
	}
	r := learnedReader{left: b[1 : len(b)-4]}
	s.At = time.UnixMilli(r.number())
	s.Window = math.Float64frombits(r.word())
	s.RTT, s.RTTVar, s.Base = time.Duration(r.number()), time.Duration(r.number()), time.Duration(r.number())
	s.MaxBindings, s.Answered = int(r.small()), int(r.small())
	s.EngineID = r.octets(nil)
	s.Boots, s.Time = r.small(), r.small()
	var last []byte
	for n := r.count(maxColumns); n > 0 && !r.failed; n-- {
		c := savedColumn{OID: r.octets(last)}
		last = c.OID
		size := r.count(1<<19 - 1)
		c.Size, c.Failed, c.Unordered, c.Alone = uint16(size>>3), size&4 != 0, size&2 != 0, size&1 != 0
		c.Rows = r.small()
		var end []byte
		for n := r.count(len(r.left)); n > 0 && !r.failed; n-- {
			end = r.octets(end)
			c.Ends, c.Counts = append(c.Ends, string(end)), append(c.Counts, r.small())
		}
		c.Counts = append(c.Counts, r.small())
		s.Columns = append(s.Columns, c)
	}
	if r.failed || len(r.left) > 0 {
		return saved{}, errLearned
	}
	return s, nil
}

// maxOID is how many octets an OID has at most: 128 arcs of five.
const maxOID = 640

// learnedReader reads numbers and octets until one is missing.
type learnedReader struct {
	left   []byte
	failed bool
}

func (r *learnedReader) take(n int) []byte {
	if n <= 0 || n > len(r.left) {
		r.left, r.failed = nil, true
		return nil
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}

func (r *learnedReader) number() int64 {
	v, n := binary.Varint(r.left)
	r.take(n)
	return v
}

// small returns a number of 32 bits.
func (r *learnedReader) small() int32 {
	v := r.number()
	if v < math.MinInt32 || v > math.MaxInt32 {
		r.failed = true
	}
	return int32(v)
}

func (r *learnedReader) word() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// count returns a number from 0 to most.
func (r *learnedReader) count(most int) int {
	v, n := binary.Uvarint(r.left)
	r.take(n)
	if v > uint64(most) {
		r.failed = true
		return 0
	}
	return int(v)
}

// octets returns octets that may begin as those before.
func (r *learnedReader) octets(before []byte) []byte {
	same := r.count(len(before))
	n := r.count(maxOID - same)
	b := append([]byte{}, before[:same]...)
	if n == 0 || r.failed {
		return b
	}
	return append(b, r.take(n)...)
}
