package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// The clock of a machine can be wrong by years, and right again a moment later. So it removes nothing by itself: a
// segment goes for its age once the clock says that all its entries are too old, and the journal has been open for
// MaxAge since the segment was closed, which is counted by a clock that nobody sets. However often the clock is set
// forth and back, entries stay for MaxAge at least, unless MaxBytes is exceeded. A journal that is open for a part of
// each day keeps files for longer; queries leave out entries that are too old.

// uptimeFile holds how long the journal has been open in all, in milliseconds, and a checksum. If it is absent or damaged,
// the uptime of the newest closed segment is used instead.
const uptimeFile = "uptime"

var errUptime = errors.New("the checksum does not match")

// formatUptime returns the content of the file: a digit that is damaged would be a digit all the same.
func formatUptime(d time.Duration) []byte {
	text := fmt.Appendf(nil, "%d ", d.Milliseconds())
	return fmt.Appendf(text, "%08x\n", crc32.ChecksumIEEE(text))
}

func parseUptime(text []byte) (time.Duration, error) {
	var ms, sum int64
	if _, err := fmt.Sscanf(string(text), "%d %x\n", &ms, &sum); err != nil {
		return 0, err
	}
	d := time.Duration(ms) * time.Millisecond
	if string(formatUptime(d)) != string(text) {
		return 0, errUptime
	}
	return d, nil
}

// saveTime is how much of the uptime a crash may cost.
const saveTime = 10 * time.Minute

// uptime is how long the journal has been open.
type uptime struct {
	elapsed func() time.Duration
	before  time.Duration // Open, less elapsed() at that time
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

// load continues the uptime of the last process. Damage of the file is logged.
func (u *uptime) load(dir string, logger *slog.Logger) {
	path := filepath.Join(dir, uptimeFile)
	text, err := os.ReadFile(path)
	if err == nil {
		u.saved, err = parseUptime(text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		logger.Warn("the uptime of the journal is damaged, and continues from its newest closed segment", "of", path, "err", err)
	}
	u.saved = max(u.saved, u.rolled)
	u.before += u.saved
}

// save writes the uptime, at most every so often.
func (u *uptime) save(dir string, every time.Duration) error {
	now := u.now()
	if now < u.saved+every {
		return nil
	}
	path := filepath.Join(dir, uptimeFile)
	if err := os.WriteFile(path+temporary, formatUptime(now), 0o600); err != nil {
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
