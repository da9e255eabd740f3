package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// walk is the way through one subtree.
type walk struct {
	pass        *pass
	root        snmp.OID
	cursor      snmp.OID // the last name that arrived, or where the walk begins
	arrived     int
	held        int64 // octets
	requests    int
	limit       int // rows
	repetitions uint32
	again       bool // the last answer was empty, and asked for once more
	idle        int  // answers in a row that brought only the row they follow

	// In an unordered walk, the hashes of all names so far: only these show that it goes in a circle.
	seen map[uint64]struct{}
	seed maphash.Seed
}

func (p *pass) walk(ctx context.Context, root snmp.OID) {
	w := &walk{pass: p, root: root, cursor: bytes.Clone(root.First()), repetitions: p.resolvedParams.repetitions, limit: p.maxVarBinds}
	if p.maxRows > 0 {
		w.limit = min(p.maxRows, w.limit)
	}
	if p.unordered {
		w.seen, w.seed = map[uint64]struct{}{}, maphash.MakeSeed()
	}
	for more := true; more; {
		more = w.step(ctx)
	}
}

var errEmpty = errors.New("agent answers without any varbind")

// step requests the successors of the cursor, and reports whether there may be more.
func (w *walk) step(ctx context.Context) (more bool) {
	if w.requests++; w.pass.maxRequests > 0 && w.requests > w.pass.maxRequests {
		w.pass.partial("walk", w.root, w.last(), access.TooMany, fmt.Errorf("more than %d requests", w.pass.maxRequests))
		return false
	}
	r := mux.Request{PDU: snmp.GetBulkRequest, OIDs: []snmp.OID{w.cursor}, Repetitions: w.repetitions}
	if w.pass.v1 {
		r.PDU = snmp.GetNextRequest
	}
	a, e := w.pass.Exchange(ctx, r)
	switch {
	case e != nil:
		w.pass.lost("walk", w.root, w.last(), e)
		return false
	case a.Status != snmp.NoError && w.repetitions > 1 && !mux.MessageRefused(a):
		// Too big, or there is an object ahead that cannot be read. The objects before it can, and it
		// may even lie behind the end of the subtree.
		w.repetitions /= 2
		return true
	case a.Status == snmp.NoSuchName:
		// The end of the MIB in SNMPv1 (RFC 1157 section 4.1.3), and behind proxies to it.
		w.end(ctx)
		return false
	case a.Status != snmp.NoError:
		w.pass.refused("walk", w.root, w.last(), a)
		return false
	case len(a.VarBinds) == 0 && w.repetitions > 1 && !w.again:
		// Some agents answer so instead of with tooBig, or with as much as fits.
		w.repetitions, w.again = w.repetitions/2, true
		return true
	case len(a.VarBinds) == 0:
		w.pass.partial("walk", w.root, w.last(), access.EmptyAnswer, errEmpty)
		return false
	}
	w.again = false
	return w.take(ctx, a.VarBinds)
}

// take yields the bindings of one answer, and reports whether there may be more behind them.
func (w *walk) take(ctx context.Context, varbinds []snmp.VarBind) (more bool) {
	before := w.arrived
	for _, v := range varbinds {
		switch {
		case v.Type.Exception() && !(v.Name.HasPrefix(w.root) && v.Name.Compare(w.cursor) > 0), !w.pass.toEnd && !v.Name.HasPrefix(w.root):
			if v.Type.Exception() && v.Type != snmp.EndOfMibView && w.arrived > 0 {
				w.pass.partial("walk", w.root, w.last(), access.NotIncreasing, fmt.Errorf("%s is no answer to what follows %s", v.Type, w.cursor))
				return false
			}
			w.end(ctx)
			return false
		}
		if w.seen != nil && w.arrived > 0 && bytes.Equal(v.Name, w.cursor) && w.idle < maxIdle {
			w.pass.metrics.Deviates(mux.RepeatedRow)
			continue
		}
		if err := w.ordered(v.Name); err != nil {
			w.pass.partial("walk", w.root, w.last(), access.NotIncreasing, err)
			return false
		}
		if w.arrived == w.limit {
			w.pass.partial("walk", w.root, w.last(), access.TooMany, fmt.Errorf("more than %d rows", w.limit))
			return false
		}
		w.arrived++
		w.cursor = append(w.cursor[:0], v.Name...)
		if v.Type.HasValue() && !w.pass.giveTo(&w.held, v) {
			w.pass.tooLarge(w.root)
			w.pass.holding.release(&w.held)
			return false
		}
	}
	if w.idle++; w.arrived > before {
		w.idle = 0
	}
	return true
}

// maxIdle is how often a walk that takes rows in any order asks again for the successor of a row, when it got
// that row once more.
const maxIdle = 3

// ordered returns an error if name may not follow the cursor.
func (w *walk) ordered(name snmp.OID) error {
	if w.seen == nil {
		if w.cursor.Compare(name) >= 0 {
			return fmt.Errorf("OID not increasing: %s >= %s", w.cursor, name)
		}
		return nil
	}
	h := maphash.Bytes(w.seed, name)
	if _, ok := w.seen[h]; ok {
		return fmt.Errorf("OID %s came a second time", name)
	}
	w.seen[h] = struct{}{}
	return nil
}

// end asks for the root itself where nothing lies below it. A single number is no OID that could be asked
// for.
func (w *walk) end(ctx context.Context) {
	if w.arrived == 0 && bytes.Equal(w.root, w.root.First()) {
		w.pass.gets(ctx, [][]snmp.OID{{w.root}}, true)
	}
}

// Silenced is the last name that arrived, nil when none did. It outlives the walk.
func (w *walk) last() snmp.OID {
	if w.arrived == 0 {
		return nil
	}
	return bytes.Clone(w.cursor)
}
