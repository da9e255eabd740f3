package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var begin = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

func openIn(t testing.TB, dir string, now *time.Time) *Journal {
	t.Helper()
	j, err := Open(optionsOf(dir, now))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// optionsOf are those of a journal whose clock is never set.
func optionsOf(dir string, now *time.Time) Options {
	return Options{
		Dir: dir, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return *now }, Elapsed: func() time.Duration { return now.Sub(begin) },
	}
}

func randomEntry(random *rand.Rand, seq uint64, at time.Time) Event {
	kinds := []string{Raised, Changed, Cleared, Acknowledged, GivenUp}
	n := random.IntN(50)
	return Event{
		Seq: seq, At: at, Kind: kinds[random.IntN(len(kinds))], Alarm: fmt.Sprintf("%032x", n), Rule: []string{"PortDown", "Hot <&>"}[n%2],
		Target: fmt.Sprintf("core-%d", n/5), Receiver: []string{"", "nms-1", "nms-2"}[n%3], Text: strings.Repeat("x", random.IntN(100)),
		Labels: map[string]string{"site": []string{"a", "b", "c"}[n%3], "ifName": fmt.Sprintf("Gi%d", n%7)},
	}
}

// An entry is written as json.Marshal writes it, whatever is in it.
func TestLinesAreJSON(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	text := func() string {
		if random.IntN(3) == 0 {
			return ""
		}
		b := make([]byte, random.IntN(20))
		for i := range b {
			b[i] = byte(random.IntN(256))
			if random.IntN(3) > 0 {
				b[i] = byte(' ' + random.IntN(95))
			}
		}
		return string(b)
	}
	for range 5000 {
		e := Event{
			Seq: random.Uint64(), At: begin.Add(time.Duration(random.Int64N(1 << 50))), Kind: text(), Alarm: text(), Rule: text(), Target: text(), Resource: text(),
			Severity: text(), Receiver: text(), Event: text(), Notification: text(), Value: text(), Reason: text(), Text: text(),
		}
		if random.IntN(2) == 0 {
			e.Tries, e.Millis = random.IntN(1000), random.Float64()*1e6
		}
		want, err := json.Marshal(&e)
		if got := e.AppendLine(nil); err != nil || string(got) != string(want)+"\n" {
			t.Fatalf("%v:\n%s is\n%s", err, want, got)
		}
	}
}

func seqs(list []Event) (numbers []uint64) {
	for _, e := range list {
		numbers = append(numbers, e.Seq)
	}
	return numbers
}

// Under any sequence of adds, flushes, closes and opens, each query returns the events that a search through all events
// returns.
func TestQueriesFindWhatThereIs(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		dir, now := t.TempDir(), begin
		j := openIn(t, dir, &now)
		var all []Event
		for range 200 {
			switch random.IntN(8) {
			case 0:
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				j = openIn(t, dir, &now)
			case 1:
				now = now.Add(time.Duration(random.IntN(20)) * time.Hour)
			case 2:
				if err := j.Flush(); err != nil {
					t.Fatal(err)
				}
			default:
				var list []Event
				for range 1 + random.IntN(300) {
					list = append(list, randomEntry(random, uint64(len(all)+len(list)+1), now))
				}
				all = append(all, list...)
				j.Add(list, nil)
			}
		}
		for range 50 {
			compareQuery(t, random, j, all, now)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}

func compareQuery(t *testing.T, random *rand.Rand, j *Journal, all []Event, now time.Time) {
	t.Helper()
	like := all[random.IntN(len(all))]
	q := Query{Limit: 1 + random.IntN(500)}
	for i, set := range []func(){
		func() { q.Alarm = like.Alarm }, func() { q.Rule = like.Rule }, func() { q.Target = like.Target }, func() { q.Receiver = like.Receiver },
		func() { q.Kind = like.Kind }, func() { q.Since = like.At }, func() { q.After = like.Seq }, func() { q.Before = like.Seq }, func() { q.Until = like.At },
		func() { q.Match = func(e *Event) bool { return len(e.Text) > 50 } }, func() { q.Matchers = randomMatchers(t, random) },
	} {
		if random.IntN(10) < 2+i/10*5 {
			set()
		}
	}
	s := j.newSearch(&q)
	for _, e := range slices.Backward(all) {
		if now.Sub(e.At) <= defaultMaxAge && s.add(&e, 0) {
			break
		}
	}
	got, err := j.Query(t.Context(), q)
	if err != nil || !slices.Equal(seqs(got), seqs(s.found)) {
		t.Errorf("%+v: %v, found %v, want %v", q, err, seqs(got), seqs(s.found))
	}
}

// If any part of the end of a file is missing or damaged, the events before it are kept, and further ones are stored.
func TestATornEndIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		dir, now := t.TempDir(), begin
		j := openIn(t, dir, &now)
		ends := map[int64]uint64{} // by size of the file, the last entry
		for seq := uint64(1); seq <= 20; seq++ {
			j.Add([]Event{randomEntry(random, seq, now)}, nil)
			if err := j.Flush(); err != nil {
				t.Fatal(err)
			}
			ends[j.active.size] = seq
		}
		path := j.active.path
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := random.IntN(len(content))
		if random.IntN(2) == 0 {
			content = content[:at]
		} else {
			clear(content[at:])
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		want := uint64(0)
		for size, seq := range ends {
			if size <= int64(at) {
				want = max(want, seq)
			}
		}
		j = openIn(t, dir, &now)
		if j.Last() < want || j.Last() > want+1 { // a cleared octet may have been 0
			t.Fatalf("cut at %d: the last entry is %d, want %d", at, j.Last(), want)
		}
		want = j.Last()
		j.Add([]Event{randomEntry(random, want+1, now)}, nil)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = openIn(t, dir, &now)
		got, err := j.Query(t.Context(), Query{})
		if slices.Reverse(got); err != nil || len(got) != int(want)+1 || got[len(got)-1].Seq != want+1 {
			t.Fatalf("%v: %v, want 1 to %d", err, seqs(got), want+1)
		}
		_ = j.Close()
	}
}

// An octet that is damaged costs the entries of its frame, and no others.
func TestDamageCostsOneFrame(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 2))
	dir, now := t.TempDir(), begin
	j := openIn(t, dir, &now)
	for seq := uint64(1); seq <= 20; seq++ {
		j.Add([]Event{randomEntry(random, seq, now)}, nil)
		if err := j.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	path := j.active.path
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		damaged := bytes.Clone(whole)
		damaged[random.IntN(len(damaged))] ^= byte(1 + random.IntN(255))
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		j := openIn(t, dir, &now)
		got, err := j.Query(t.Context(), Query{})
		if err != nil || len(got) != 19 {
			t.Fatalf("%v: %v", err, seqs(got))
		}
		_ = j.Close()
	}
}

// Segments are removed, the oldest first, once they are too old or too much.
func TestBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	dir, now := t.TempDir(), begin
	o := optionsOf(dir, &now)
	o.MaxBytes, o.MaxAge = 30_000, 60*24*time.Hour
	j, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 400; now = now.Add(24 * time.Hour) {
		var list []Event
		for range 20 {
			list = append(list, randomEntry(random, seq, now))
			seq++
		}
		j.Add(list, nil)
		if err := j.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	size := int64(0)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 30_000+8_000 || len(files) < 2 {
		t.Errorf("%d octets in %d files", size, len(files))
	}
	now = now.Add(59 * 24 * time.Hour)
	got, err := j.Query(t.Context(), Query{Limit: 1000})
	if err != nil || len(got) == 0 || got[0].Seq != 400 || now.Sub(got[len(got)-1].At) > 60*24*time.Hour {
		t.Errorf("%v: %d entries", err, len(got))
	}
}

// A segment can be read by zstd.
func TestSegmentsAreReadByZstd(t *testing.T) {
	zstd, err := exec.LookPath("zstd")
	if err != nil {
		t.Skip("there is no zstd")
	}
	random := rand.New(rand.NewPCG(1, 2))
	dir, now := t.TempDir(), begin
	j := openIn(t, dir, &now)
	for seq := uint64(1); seq <= 30; seq++ {
		j.Add([]Event{randomEntry(random, seq, now)}, nil)
		if err := j.Flush(); err != nil {
			t.Fatal(err)
		}
		now = now.Add(6 * time.Hour)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	out, err := exec.CommandContext(t.Context(), zstd, append([]string{"-dc"}, files...)...).Output()
	if lines := bytes.Count(out, []byte("\n")); err != nil || lines != 30 || len(files) < 2 {
		t.Errorf("%v: %d lines of %d files", err, lines, len(files))
	}
}

// Who follows is woken by each entry.
func TestChanged(t *testing.T) {
	now := begin
	j := openIn(t, "", &now)
	for n := range 30_000 {
		changed := j.Changed()
		j.Note(Event{Kind: Reload})
		select {
		case <-changed:
		default:
			t.Fatal("nobody was woken")
		}
		if j.Last() != uint64(n+1) {
			t.Fatalf("the last is %d", j.Last())
		}
	}
	if got, err := j.Query(context.Background(), Query{Limit: 100_000}); err != nil || len(got) < maxInMemory || len(got) > maxInMemory*5/4 || got[0].Seq != 30_000 {
		t.Errorf("%v: %d entries", err, len(got))
	}
}
