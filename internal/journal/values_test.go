package journal

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/mute"
)

// A segment that is left out for its values has no entry that the matchers match, and one that is not left out has for
// each matcher an entry, unless there are too many values.
func TestValuesLeaveOutNoEntry(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(17, 9))
	names := matchedNames()
	left := 0
	for range 3000 {
		var v values
		entries := make([]Event, 1+random.IntN(4))
		for i := range entries {
			entries[i] = trickyEntry(random)
			v.add(entries[i : i+1])
		}
		text, err := json.Marshal(contents{Values: v.index()})
		if err != nil {
			t.Fatal(err)
		}
		c, err := readContents(text)
		if err != nil {
			t.Fatal(err)
		}
		name := names[random.IntN(len(names))]
		m := randomMatcher(t, random, name, entries[random.IntN(len(entries))].Label(name))
		matched := false
		for i := range entries {
			matched = matched || m.Matches(entries[i].Label(name))
		}
		if got := lack(c.Values, []*condition{newCondition(m)}); got == matched {
			t.Fatalf("%s: left out is %v, of %+v", m, got, entries)
		}
		if !matched {
			left++
		}
	}
	if left < 300 {
		t.Errorf("%d were left out", left)
	}
}

// The values of a segment are bounded, and those of other names stay.
func TestValuesAreBounded(t *testing.T) {
	t.Parallel()
	var v values
	for i := range 100_000 {
		v.add([]Event{{Kind: Raised, Alarm: fmt.Sprintf("%032d", i), Target: fmt.Sprint("core-", i%500), Labels: map[string]string{fmt.Sprint("l", i%1000): "x"}}})
	}
	list := v.index()
	octets := 0
	for name, all := range list {
		for _, value := range all {
			octets += len(name) + len(value)
		}
	}
	if octets > 2*maxValues || list[fieldAlarm] != nil || len(list[fieldTarget]) != 500 || len(list[fieldKind]) != 1 {
		t.Errorf("%d octets, %d targets, kinds %q", octets, len(list[fieldTarget]), list[fieldKind])
	}
	for _, text := range []string{`alarm!="x"`, `l999=~"x"`} {
		m, err := mute.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if lack(list, []*condition{newCondition(m[0])}) {
			t.Errorf("%s is said to match nothing", text)
		}
	}
}

// A closed segment has its values, over a restart too, and is read where they match.
func TestClosedSegmentsHaveValues(t *testing.T) {
	t.Parallel()
	now := begin
	o := Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
	run := time.Duration(0)
	o.Elapsed = func() time.Duration { return run }
	j, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for i, site := range []string{"berlin", "milan", "paris"} {
		j.Add([]Event{{Seq: uint64(i + 1), At: now, Kind: Raised, Labels: map[string]string{"site": site}}}, nil)
		if err := j.Flush(); err != nil {
			t.Fatal(err)
		}
		run += 48 * time.Hour // each begins a segment
		if i == 1 {           // the second one is read again as it grows
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if j, err = Open(o); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(j.closed) == 0 || j.closed[0].values == nil {
		t.Fatalf("%d closed segments", len(j.closed))
	}
	for text, want := range map[string]int{`site!~"b.*"`: 2, `site=~"b.*"`: 1, `site!~".+"`: 0, `site!="milan"`: 2, `other!~"x"`: 3} {
		m, err := mute.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := j.Query(t.Context(), Query{Matchers: m}); err != nil || len(got) != want {
			t.Errorf("%s: %d entries, want %d: %v", text, len(got), want, err)
		}
	}
}
