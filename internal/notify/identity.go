package notify

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"trapline/internal/snmp"
)

// Identity is our own SNMP engine (RFC 3411 section 3.1.1): the authoritative one of our traps, and the
// context of all notifications. Its boots are stored before it is used, for a receiver drops, without a
// word, whatever comes with boots that it has seen surpassed.
type Identity struct {
	ID []byte // snmpEngineID; not to be changed

	file    string // empty where the boots are not ours to store
	mu      sync.Mutex
	boots   int32
	booted  time.Time // when boots were last bumped
	started time.Time

	// A machine that is suspended keeps its monotonic clock, but receivers go on counting, and drop what lags
	// behind by more than 150 s (RFC 3414 section 3.2).
	asleep func() time.Duration // since the machine started
	slept  time.Duration        // asleep at booted
}

// engineRecord is what is stored of an Identity.
type engineRecord struct {
	id    []byte
	boots int32
}

// fits tells whether the record is of the engine ID that is configured, if any.
func (r *engineRecord) fits(configured []byte) bool {
	return configured == nil || bytes.Equal(configured, r.id)
}

// engineFile is where, in the state directory.
const engineFile = "engine"

// openIdentity counts one more boot of the engine in dir and stores it. Without a configured ID, it is
// the one that is stored, or a new one.
func openIdentity(dir string, configured []byte, now time.Time) (*Identity, error) {
	file := filepath.Join(dir, engineFile)
	r, err := settleEngine(file, configured, now)
	if err != nil {
		return nil, err
	}
	if r.boots++; r.boots == math.MaxInt32 {
		return nil, fmt.Errorf("%s: the engine ID %x has used up its boots (RFC 3414 section 2.2.2): delete the file, "+
			"and set another engine ID where one is configured", file, r.id)
	}
	if err := r.store(file); err != nil {
		return nil, err
	}
	return &Identity{ID: r.id, file: file, boots: r.boots, booted: now, started: now, asleep: asleep, slept: asleep()}, nil
}

// FixedIdentity is an engine as somebody else keeps it.
func FixedIdentity(id []byte, boots, seconds int32, now time.Time) *Identity {
	return &Identity{ID: id, boots: boots, booted: now.Add(-time.Duration(seconds) * time.Second), started: now, asleep: asleep, slept: asleep()}
}

// settleEngine reads what is stored, or makes up what will be. The boots are those of the last start.
//
// A new ID has not been seen by anybody and starts to count at 1. One that was configured may be known
// to receivers, with boots that we have lost or never had: it goes on at the seconds since 2020, which
// no engine that starts less than once a second can have reached.
func settleEngine(file string, configured []byte, now time.Time) (r engineRecord, err error) {
	r, err = readEngine(file)
	switch {
	case err == nil && r.fits(configured):
		return r, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return r, err
	case configured == nil:
		return engineRecord{id: drawEngineID()}, nil
	}
	seconds := int64(now.Sub(bootsEpoch) / time.Second)
	if seconds <= 0 || seconds >= math.MaxInt32-1 {
		return r, fmt.Errorf("%s: nothing is known of the boots of engine ID %x, and the clock that would give them says %s",
			file, configured, now.Format(time.DateOnly))
	}
	return engineRecord{id: configured, boots: int32(seconds)}, nil
}

var bootsEpoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// drawEngineID makes an SnmpEngineID of random octets, for addresses are cloned and move (RFC 3411
// section 5). Its enterprise number is 0, which is reserved: it is nobody else's.
func drawEngineID() []byte {
	const octets, format = 16, 5
	id := append(make([]byte, 0, 5+octets), 0x80, 0, 0, 0, format)
	id = id[:cap(id)]
	_, _ = rand.Read(id[5:]) // never fails
	return id
}

// readEngine gives what is stored in file. A file that cannot be understood is an error: to count from
// 1 again would silence every receiver that remembers the engine.
func readEngine(file string) (r engineRecord, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	id, boots := "", ""
	for line := range strings.Lines(string(text)) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); key {
		case "engine_id":
			id = value
		case "boots":
			boots = value
		}
	}
	r.id, err = hex.DecodeString(id)
	if err == nil {
		err = snmp.CheckEngineID(r.id)
	}
	n, errBoots := strconv.ParseInt(boots, 10, 32)
	if err != nil || errBoots != nil || n < 0 {
		return r, fmt.Errorf("%s: has no engine_id and boots that can be read: restore it, or delete it to get a new engine ID, "+
			"which receivers of SNMPv3 traps have to be told", file)
	}
	r.boots = int32(n)
	return r, nil
}

// store replaces the file in one step: after a crash, the old one or the new one is there.
func (r *engineRecord) store(file string) error {
	text := fmt.Sprintf("# Who Trapline is in SNMPv3, and how often it has started. A copy of this file in use elsewhere makes receivers drop traps.\n"+
		"engine_id: %x\nboots: %d\n", r.id, r.boots)
	temporary := file + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Clock gives snmpEngineBoots and snmpEngineTime for a message that leaves now. Only after 68 years it
// has to store something, and may fail.
func (i *Identity) Clock(now time.Time) (boots, seconds int32, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	slept := i.asleep()
	elapsed := (now.Sub(i.booted) + slept - i.slept) / time.Second
	if elapsed >= math.MaxInt32 && i.file != "" {
		r := engineRecord{i.ID, i.boots + 1}
		if err := r.store(i.file); err != nil {
			return 0, 0, err
		}
		i.boots, i.booted, i.slept, elapsed = r.boots, now, slept, 0
	}
	return i.boots, int32(min(elapsed, math.MaxInt32)), nil
}

// Uptime is sysUpTime: hundredths of a second since we started, which wrap after 497 days.
func (i *Identity) Uptime(now time.Time) uint32 {
	return uint32(now.Sub(i.started) / (10 * time.Millisecond))
}
