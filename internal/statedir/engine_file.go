package statedir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"trapline/internal/originator"
)

// identityFile is where an Identity is kept.
type identityFile struct {
	file   string
	backup *engineRecord               // the copy of the record in the database, or nil
	also   func(r *engineRecord) error // stores the copy, before the file is written; nil without one
}

// open counts one more boot of the engine and stores it. Without a configured ID, it is the one that is stored,
// or a new one. Where the file is damaged, that is returned too.
func (f *identityFile) open(configured []byte, now time.Time) (i *originator.Identity, damage *Damage, err error) {
	r, err := readEngine(f.file)
	known := f.backup != nil && f.backup.fits(configured)
	store := (*engineRecord).store
	switch {
	case errors.Is(err, errBrokenEngine):
		damage, store = brokenEngine(f.file, err, known, now), (*engineRecord).replace
		if err = keepAside(f.file, damage.Aside); err != nil {
			return nil, damage, err
		}
		if err = fs.ErrNotExist; known {
			r, err = *f.backup, nil
		}
	case err == nil && known && f.backup.fits(r.id): // the file may be an older one that somebody put back
		r.boots = max(r.boots, f.backup.boots)
		if r.unsealed {
			damage = brokenEngine(f.file, errors.New("its checksum is missing"), true, now)
			err = keepAside(f.file, damage.Aside)
		}
	}
	if r, err = settleEngine(f.file, r, err, configured, now); err != nil {
		return nil, damage, err
	}
	if r.boots++; r.boots == math.MaxInt32 {
		return nil, damage, fmt.Errorf("%s: the engine ID %x has used up its boots (RFC 3414 section 2.2.2): delete the file, "+
			"and set another engine ID where one is configured", f.file, r.id)
	}
	if f.also != nil {
		if err := f.also(&r); err != nil {
			return nil, damage, err
		}
	}
	if err := store(&r, f.file); err != nil {
		return nil, damage, err
	}
	return originator.NewIdentity(r.id, r.boots, now, func(boots int32) error {
		return (&engineRecord{id: r.id, boots: boots}).store(f.file)
	}), damage, nil
}

// brokenEngine returns the damage of a file of an engine. The engine is lost unless it is known from the database.
func brokenEngine(file string, why error, known bool, now time.Time) *Damage {
	d := &Damage{
		Text:  "the engine ID and its boots are lost: receivers of SNMPv3 traps must be given the engine ID that trapline engine prints",
		Where: file, Aside: file + ".corrupt-" + now.UTC().Format("20060102T150405.000Z"), Err: why,
	}
	if known {
		d.Text = "the file of the engine ID is damaged, and was written anew from what " + DatabaseFile + " has"
	}
	return d
}

// settleEngine returns r and err, as readEngine returned them for a file, or a new record if the file does not exist or
// is of another engine ID than the configured one. The boots are those of the last start.
//
// A new ID is unknown to all receivers, so its boots begin at 1. A configured ID may be known to receivers, with boots
// that are lost: its boots continue at the seconds since 2020, which no engine that starts less than once a second can
// have reached.
func settleEngine(file string, r engineRecord, err error, configured []byte, now time.Time) (engineRecord, error) {
	switch {
	case err == nil && r.fits(configured):
		return r, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return r, err
	case len(configured) == 0:
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

// drawEngineID returns an SnmpEngineID of random octets, since addresses are cloned and move (RFC 3411 section 5). Its
// enterprise number is 0, which is reserved and assigned to nobody.
func drawEngineID() []byte {
	const octets, format = 16, 5
	id := append(make([]byte, 0, 5+octets), 0x80, 0, 0, 0, format)
	id = id[:cap(id)]
	_, _ = rand.Read(id[5:]) // never fails
	return id
}
