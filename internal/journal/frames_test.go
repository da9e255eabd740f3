package journal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// Entries that waited for the disk are found once it is writable, however large they are: a frame never exceeds the
// maximum size for decompression, and a segment can be closed.
func TestFramesAreNeverTooLargeToRead(t *testing.T) {
	dir, now := t.TempDir(), begin
	j := openIn(t, dir, &now)
	const entries, text = 300, 300 << 10 // more than maxFrame
	var all []Event
	for i := range entries {
		e := Event{Seq: uint64(i + 1), At: now, Kind: Raised, Text: fmt.Sprintf("%*d", text, i)}
		all = append(all, e)
	}
	j.Add(all, nil)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openIn(t, dir, &now)
	now = now.Add(48 * time.Hour) // so that the segment is closed
	j.Add([]Event{{Seq: entries + 1, At: now, Kind: Raised}}, nil)
	if err := j.Flush(); err != nil {
		t.Fatal(err)
	}
	found, err := j.Query(t.Context(), Query{Limit: 2 * entries})
	if err != nil || len(found) != entries+1 {
		t.Errorf("%d of %d entries are found: %v", len(found), entries+1, err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// Damage in the active segment affects only the damaged frames, and later events are written.
func TestDamageDoesNotKeepTheJournalFromGoingOn(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 2))
		dir, now := t.TempDir(), begin
		j := openIn(t, dir, &now)
		seq := uint64(0)
		for range 1 + random.IntN(3) {
			for range 2000 {
				seq++
				j.Add([]Event{randomEntry(random, seq, now)}, nil)
			}
			if err := j.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		damage(t, random, j.active.path)
		now = now.Add(48 * time.Hour)
		seq++
		j.Add([]Event{randomEntry(random, seq, now)}, nil)
		if err := j.Flush(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if found, err := j.Query(t.Context(), Query{}); err != nil || len(found) == 0 || found[0].Seq != seq {
			t.Errorf("seed %d: %v, %v", seed, seqs(found), err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}

func damage(t *testing.T, random *rand.Rand, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 1 + random.IntN(20) {
		content[random.IntN(len(content))]++
	}
	if err := os.WriteFile(path, content, 0o600); err != nil { // in place: the journal has the file open
		t.Fatal(err)
	}
}
