package journal

import (
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// The clock of a machine can be wrong by years, and right again a moment later. So it removes nothing by itself: a
// segment goes for its age once the clock says that all its entries are too old, and the journal has been open for
// MaxAge since the segment was closed, which is counted by a clock that nobody sets. However often the clock is set
// forth and back, entries stay for MaxAge at least, unless MaxBytes is exceeded. A journal that is open for a part of
// each day keeps files for longer; queries leave out what is too old.

// uptimeFile has how long the journal has been open in all, in milliseconds. Without it, that is what the newest of
// the closed segments says.
const uptimeFile = "uptime"

// saveTime is how much of the uptime a crash may cost.
const saveTime = 10 * time.Minute

// uptime is how long the journal has been open.
type uptime struct {
	elapsed func() time.Duration
	before  time.Duration // Open, less what elapsed returned then
	saved   time.Duration
	rolled  time.Duration // when the last segment was closed
}

func newUptime(elapsed func() time.Duration) uptime {
	if elapsed == nil {
		begin := time.Now()
		elapsed = func() time.Duration { return time.Since(begin) } // by the monotonic clock
	}
	return uptime{elapsed: elapsed, before: -elapsed()}
}

func (u *uptime) now() time.Duration { return u.before + u.elapsed() }

// load takes up the uptime that the last process left.
func (u *uptime) load(dir string) {
	text, _ := os.ReadFile(filepath.Join(dir, uptimeFile))
	ms, err := strconv.ParseUint(string(text), 10, 43) // milliseconds of a time.Duration
	if err != nil {
		ms = 0
	}
	u.saved = max(time.Duration(ms)*time.Millisecond, u.rolled)
	u.before += u.saved
}

// save writes the uptime, at most every so often.
func (u *uptime) save(dir string, every time.Duration) error {
	now := u.now()
	if now < u.saved+every {
		return nil
	}
	path := filepath.Join(dir, uptimeFile)
	if err := os.WriteFile(path+temporary, strconv.AppendInt(nil, now.Milliseconds(), 10), 0o600); err != nil {
		return err
	}
	u.saved = now
	return os.Rename(path+temporary, path)
}

// outlived reports whether a segment is too old by both clocks.
func (j *Journal) outlived(s *segment) bool {
	closed := s.blocks[len(s.blocks)-1].Uptime
	return s.to() < j.options.Now().Add(-j.options.MaxAge).UnixMilli() && j.uptime.now().Milliseconds()-closed >= j.options.MaxAge.Milliseconds()
}
