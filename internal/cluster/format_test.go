package cluster

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"trapline/internal/cluster/plan"
	"trapline/internal/cluster/settings"
	"trapline/internal/setting"
)

// written returns the format in the engine.
func (s *site) written() (f format) {
	s.t.Helper()
	r, err := s.client.Get(s.t.Context(), keysOf(settings.DefaultName).format())
	if err != nil {
		s.t.Fatal(err)
	}
	if len(r.Kvs) == 1 && json.Unmarshal(r.Kvs[0].Value, &f) != nil {
		s.t.Fatalf("format %s", r.Kvs[0].Value)
	}
	return f
}

// Members are upgraded one by one: the format is raised when the last of them reads a newer one, by one at each time, the ID
// stays, and a program that does not read it is refused from then on.
func TestFormatIsRaisedWhenAllMembersReadIt(t *testing.T) {
	s, b := newSite(t), newBooks()
	reading := func(name string, reads formats) *Cluster {
		t.Helper()
		m, err := New(Config{Settings: Settings{Member: name, Insecure: true, Etcd: &Etcd{Endpoints: []string{s.url}}, Lease: setting.Duration{Duration: 2 * time.Second}},
			Version: "test", Shards: func() []plan.Shard { return AllShards("") }, Log: quiet()}, worker{name, b})
		if err != nil {
			t.Fatal(err)
		}
		m.reads = reads
		return m
	}
	stop := map[string]func() error{}
	for _, name := range []string{"a", "b"} {
		stop[name] = s.run(reading(name, formats{1, 1}))
	}
	b.await(t, "both own shards", func() bool { return b.count("a") > 400 && b.count("b") > 400 })
	before := s.written()
	for i, name := range []string{"a", "b"} {
		if err := stop[name](); err != nil {
			t.Fatal(err)
		}
		stop[name] = s.run(reading(name, formats{1, 2}))
		b.await(t, "both own shards again", func() bool { return b.count("a") > 400 && b.count("b") > 400 })
		if f := s.written(); i == 0 && f != before {
			t.Errorf("format %+v with a member that reads 1 only", f)
		}
	}
	for timeout := time.After(time.Minute); s.written() != (format{2, before.ID}); {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-timeout:
			t.Fatalf("format %+v after all members read 2, want that with the ID %s", s.written(), before.ID)
		}
	}
	for _, reads := range []formats{{1, 1}, {3, 4}} {
		var wrong *formatError
		if err := reading("c", reads).Run(t.Context()); !errors.As(err, &wrong) || wrong.theirs != 2 {
			t.Errorf("a program that reads %v: %v", reads, err)
		}
	}
}
