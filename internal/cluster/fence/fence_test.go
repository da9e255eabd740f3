package fence

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"trapline/internal/ledger"
)

// A request stays within the engine's limits, each shard's rows are in one of them, and a later write of a row replaces an
// earlier one: the engine refuses a key that is given twice.
func TestRequestsStayWithinLimits(t *testing.T) {
	f := New("t")
	var writes []Write
	for s := range 40 {
		shard := fmt.Sprint(s)
		f.Take(shard, Seen{Revision: int64(s + 1)})
		for k := range s * 3 {
			writes = append(writes, Write{Shard: shard, Key: fmt.Sprint("row", k%(s*2+1)), Value: fmt.Append(nil, k)})
		}
		writes = append(writes, Write{Shard: shard, Key: "large", Value: make([]byte, s*10_000)})
	}
	c, err := f.Begin(writes, map[string]uint64{"3": 7})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for r := c.Request(); r != nil; r = c.Request() {
		ops, bytes := 0, 0
		for _, p := range r.Parts {
			seen = append(seen, p.Shard)
			ops += 1 + len(p.Writes)
			bytes += ledger.Octets(p.Writes)
			if i := slices.IndexFunc(p.Writes, func(w Write) bool { return w.Key == "row0" }); i >= 0 {
				n := 0
				fmt.Sscan(string(p.Writes[i].Value), &n)
				var s int
				fmt.Sscan(p.Shard, &s)
				if want := (s*3 - 1) / (s*2 + 1) * (s*2 + 1); n != want {
					t.Errorf("shard %s: row0 is %d, was last written as %d", p.Shard, n, want)
				}
			}
		}
		if ops > MaxOps || bytes > maxBytes && len(r.Parts) > 1 {
			t.Errorf("a request has %d operations and %d bytes", ops, bytes)
		}
		c.Applied(100)
	}
	slices.Sort(seen)
	if len(seen) != 40 || len(slices.Compact(seen)) != 40 || len(c.Lost()) != 0 {
		t.Errorf("%d shards committed, %v lost", len(seen), c.Lost())
	}
	if n, _ := f.Number("3"); n != 7 {
		t.Errorf("the last number is %d", n)
	}
}

func TestTooManyRowsOfAShard(t *testing.T) {
	f := New("t")
	f.Take("0", Seen{Revision: 1})
	var writes []Write
	for k := range MaxWrites + 1 {
		writes = append(writes, Write{Shard: "0", Key: fmt.Sprint(k)})
	}
	var large *TooLarge
	if _, err := f.Begin(writes, nil); !errors.As(err, &large) {
		t.Errorf("%d rows: %v", len(writes), err)
	}
	if _, err := f.Begin(writes[1:], nil); err != nil {
		t.Error(err)
	}
}

// A shard of another is lost alone, and so is one that is abandoned.
func TestOthersAreNotLostWithOne(t *testing.T) {
	f := New("t")
	f.Take("0", Seen{Revision: 1})
	f.Take("1", Seen{Revision: 1})
	c, _ := f.Begin([]Write{{Shard: "0", Key: "a", Value: []byte("1")}, {Shard: "1", Key: "a", Value: []byte("1")}, {Shard: "2", Key: "a", Value: []byte("1")}}, nil)
	c.Request()
	c.Refused(map[string]Seen{"0": {Revision: 1}, "1": {Revision: 5}})
	if r := c.Request(); r == nil || len(r.Parts) != 1 || r.Parts[0].Shard != "0" {
		t.Fatalf("tried again: %v", r)
	}
	c.Applied(6)
	if got := c.Lost(); c.Request() != nil || !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("lost %v", got)
	}
	c, _ = f.Begin([]Write{{Shard: "0", Key: "a"}}, nil)
	c.Request()
	c.Unanswered()
	if !slices.Equal(c.InDoubt(), []string{"0"}) {
		t.Errorf("in doubt: %v", c.InDoubt())
	}
	c.Abandon()
	if _, owned := f.Number("0"); owned || c.Request() != nil || !slices.Equal(c.Lost(), []string{"0"}) {
		t.Errorf("abandoned: owned %v, lost %v", owned, c.Lost())
	}
}
