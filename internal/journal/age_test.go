package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const testAge = 30 * time.Hour

var past = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

// years sets a clock anywhere between 1950 and 2100.
func years(random *rand.Rand) time.Time {
	return time.Date(1950+random.IntN(150), 1, 1, 0, 0, 0, 0, time.UTC)
}

// However often the clock is set forth and back, and the process started anew, an entry is on the disk until the journal
// has been open for MaxAge since. Once the clock says so too, it is removed.
func TestNoClockThatIsSetRemovesEntries(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 7))
		dir, now, elapsed := t.TempDir(), begin, time.Duration(0)
		o := optionsOf(dir, &now)
		o.MaxAge, o.Elapsed = testAge, func() time.Duration { return elapsed }
		open := func() *Journal {
			j, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			return j
		}
		j, added, restarts := open(), []time.Duration(nil), 0
		step := func() {
			seq := uint64(len(added) + 1)
			j.Add([]Event{randomEntry(random, seq, now)}, nil)
			added = append(added, elapsed)
			if err := j.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		for range 150 {
			switch random.IntN(6) {
			case 0:
				now = years(random)
			case 1:
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				restarts++
				if now = now.Add(time.Hour); random.IntN(2) == 0 {
					now = years(random)
				}
				if random.IntN(3) == 0 {
					_ = os.Remove(filepath.Join(dir, uptimeFile))
				}
				j = open()
			default:
				by := time.Duration(random.IntN(240)) * time.Minute
				now, elapsed = now.Add(by), elapsed+by
			}
			step()
		}
		now = past // when nothing is too old to be shown
		got, err := j.Query(t.Context(), Query{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		there := map[uint64]bool{}
		for _, e := range got {
			there[e.Seq] = true
		}
		for i, at := range added {
			if !there[uint64(i+1)] && elapsed-at < testAge {
				t.Fatalf("seed %d: entry %d is gone after %v, with %d restarts", seed, i+1, elapsed-at, restarts)
			}
		}
		now = begin.AddDate(300, 0, 0)
		for range 3 { // the active one is closed, and the others grow old
			now, elapsed = now.Add(testAge), elapsed+testAge
			step()
		}
		now = past
		if got, err = j.Query(t.Context(), Query{Limit: 1000}); err != nil || len(got) > 2 {
			t.Errorf("seed %d: %v: %d entries are left", seed, err, len(got))
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Segments of which nothing can be read are put aside, a bounded number of them, and each is reported once.
func TestSegmentsThatCannotBeReadArePutAside(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 9))
	dir, now := t.TempDir(), begin
	var text bytes.Buffer
	o := optionsOf(dir, &now)
	o.Logger = slog.New(slog.NewTextHandler(&text, nil))
	var want []string
	reported := 0
	for n := 1; n <= 3*maxDamaged; n++ {
		path := filepath.Join(dir, fmt.Sprintf("%020d%s", n, suffix))
		content := make([]byte, random.IntN(3)*(1+random.IntN(5000)))
		for i := range content {
			content[i] = byte(random.IntN(256))
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if len(content) > 0 {
			want = append(want, string(content))
			reported++
		}
		for range 2 {
			j, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*"+suffix+"*"))
		var got []string
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil || !strings.HasSuffix(file, damagedSuffix) {
				t.Fatal(file, err)
			}
			got = append(got, string(content))
		}
		if want = want[max(0, len(want)-maxDamaged):]; strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("after %d: %d files are put aside, want the last %d", n, len(got), len(want))
		}
		if said := strings.Count(text.String(), "put aside"); said != reported {
			t.Errorf("reported %d times, want %d", said, reported)
		}
	}
}

// What has the name of a segment and is no file is put aside with its content, and the journal stays on the disk.
func TestEntriesThatAreNoFilesArePutAside(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	dir, now := t.TempDir(), begin
	j := openIn(t, dir, &now)
	j.Add([]Event{randomEntry(random, 3, now)}, nil)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for n := range 2 * maxDamaged { // older and newer than the segment
		path := filepath.Join(dir, fmt.Sprintf("%020d%s", 2*n, suffix))
		if err := os.MkdirAll(filepath.Join(path, "of somebody"), 0o700); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	link := filepath.Join(dir, fmt.Sprintf("%020d%s", 99, suffix))
	if err := os.Symlink(filepath.Join(dir, "gone"), link); err != nil {
		t.Fatal(err)
	}
	for want := 1; want <= 3; want++ {
		j = openIn(t, dir, &now)
		if got, err := j.Query(t.Context(), Query{}); err != nil || len(got) != want || !j.Durable() {
			t.Fatalf("%v: %v, durable %t", err, seqs(got), j.Durable())
		}
		j.Add([]Event{randomEntry(random, uint64(3+want), now)}, nil)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join(path+damagedSuffix, "of somebody")); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(link + damagedSuffix); err != nil {
		t.Error(err)
	}
}

// A segment that is damaged as a whole while it is written is put aside as it is, and the next one is begun.
func TestAnActiveSegmentThatCannotBeReadIsPutAside(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 9))
	dir, now := t.TempDir(), begin
	j := openIn(t, dir, &now)
	j.Add([]Event{randomEntry(random, 1, now)}, nil)
	if err := j.Flush(); err != nil {
		t.Fatal(err)
	}
	path := j.active.path
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(content)
	if err := os.WriteFile(path, content, 0o600); err != nil { // in place: the journal has the file open
		t.Fatal(err)
	}
	now = now.Add(48 * time.Hour)
	j.Add([]Event{randomEntry(random, 2, now)}, nil)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path + damagedSuffix); err != nil || !bytes.Equal(got, content) {
		t.Errorf("put aside: %d octets, %v", len(got), err)
	}
	j = openIn(t, dir, &now)
	if got, err := j.Query(t.Context(), Query{}); err != nil || len(got) != 1 || got[0].Seq != 2 {
		t.Errorf("%v: %v", err, seqs(got))
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// Any damage of the file is noticed, reported with its path, and costs no more than the uptime since the last segment
// was closed.
func TestADamagedUptimeIsReported(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 9))
	dir, now := t.TempDir(), begin
	path := filepath.Join(dir, uptimeFile)
	for _, d := range []time.Duration{0, time.Millisecond, 400 * 24 * time.Hour, 250 * 365 * 24 * time.Hour} {
		if got, err := parseUptime(formatUptime(d)); err != nil || got != d {
			t.Errorf("%v: %v, %v", d, got, err)
		}
	}
	whole := string(formatUptime(123456 * time.Millisecond))
	for range 2000 {
		content := []byte(whole)
		switch random.IntN(3) {
		case 0:
			content = content[:random.IntN(len(content))]
		case 1:
			content = append(content, byte(random.IntN(256)))
		default:
			content[random.IntN(len(content))] ^= byte(1 + random.IntN(255))
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		u := newUptime(func() time.Duration { return 0 })
		u.rolled = time.Second
		u.load(dir, slog.New(slog.NewTextHandler(&text, nil)))
		if !strings.Contains(text.String(), "of="+path+" ") || u.now() != time.Second {
			t.Fatalf("%q: %v, logged %s", content, u.now(), text.String())
		}
	}
	j := openIn(t, dir, &now)
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// Files are removed and directories written without the mutex that Add takes. A file that cannot be removed stays a
// segment, and is removed by a later Flush.
func TestNobodyWaitsForFilesThatAreRemoved(t *testing.T) {
	random := rand.New(rand.NewPCG(12, 9))
	dir, now := t.TempDir(), begin
	o := optionsOf(dir, &now)
	o.MaxAge = testAge
	j, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	errDisk := errors.New("the disk is busy")
	removed, synced, refused := 0, 0, 0
	unlocked := func(path string) {
		if !j.mu.TryLock() {
			t.Fatalf("%s is changed with the mutex held", path)
		}
		j.mu.Unlock()
	}
	j.syncDir = func(path string) error {
		unlocked(path)
		synced++
		return syncDirectory(path)
	}
	j.remove = func(path string) error {
		unlocked(path)
		if random.IntN(2) == 0 {
			refused++
			return errDisk
		}
		removed++
		return os.Remove(path)
	}
	for seq := range uint64(200) {
		j.Add([]Event{randomEntry(random, seq+1, now)}, nil)
		now = now.Add(testAge / 20)
		before := refused
		if err := j.Flush(); errors.Is(err, errDisk) != (refused > before) {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
		segments := len(j.closed)
		if j.active != nil {
			segments++
		}
		if len(files) != segments {
			t.Fatalf("%d files for %d segments", len(files), segments)
		}
	}
	if removed == 0 || refused == 0 || synced == 0 {
		t.Errorf("%d removed, %d refused, %d synced", removed, refused, synced)
	}
	if err := j.Close(); err != nil && !errors.Is(err, errDisk) {
		t.Error(err)
	}
}
