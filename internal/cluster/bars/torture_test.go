package bars

import (
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Everything that may happen to members happens to them, at random, for half an hour (bar 8).
// TRAPLINE_BARS_TORTURE is another duration, TRAPLINE_BARS_SEED repeats a run.
func TestTorture(t *testing.T) {
	s := flapping(t, 8)
	s.torture(duration(t, "TRAPLINE_BARS_TORTURE", 30*time.Minute))
	s.rest()
}

// A program that compares its commits with the owner of their shard alone is found out, and the program as it is stands that (bar 8).
func TestTortureFindsAWeakFence(t *testing.T) {
	t.Run("the program", func(t *testing.T) {
		if n, again := repeated(t, build, 4); len(again) > 0 {
			t.Errorf("after %d kills:\n%s", n, summary(again))
		}
	})
	t.Run("compares owners", func(t *testing.T) {
		n, again := repeated(t, func() (string, error) {
			return buildWith("../store.go", `clientv3.Compare(clientv3.ModRevision(seq), "=", p.Revision)`, `clientv3.Compare(clientv3.Value(c.keys.own(p.Shard)), "=", c.settings.Member)`)
		}, 20)
		if t.Logf("after %d kills:\n%s", n, summary(again)); len(again) == 0 {
			t.Error("no event came again")
		}
	})
}

// repeated kills members whose copies of commits come late, until events come again, and returns how often it has.
func repeated(t *testing.T, build func() (program string, err error), most int) (n int, again []string) {
	t.Helper()
	s := siteOf(t, build).warmed(9)
	s.book.answerAfter(1500 * time.Millisecond) // more is in flight
	for n < most && len(again) == 0 {
		s.cutThenKilled(nil, 0, 10*time.Second)
		n++
		for _, b := range []*book{s.book, s.informs, s.traps} {
			again = append(again, b.again(s.spans)...)
		}
	}
	return n, again
}

func (s *site) torture(lasts time.Duration) {
	s.t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("TRAPLINE_BARS_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	s.t.Logf("TRAPLINE_BARS_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 8))
	counts := map[string]int{}
	for begun := time.Now(); time.Since(begun) < lasts; {
		i := random.IntN(memberCount)
		while := 2*time.Second + time.Duration(random.Int64N(int64(25*time.Second)))
		kind := tortures[random.IntN(len(tortures))]
		counts[kind.name]++
		kind.do(s, random, i, while)
		time.Sleep(time.Duration(random.Int64N(int64(interval))))
	}
	s.t.Logf("%v", counts)
}

var tortures = []struct {
	name string
	do   func(s *site, random *rand.Rand, i int, while time.Duration)
}{
	{"kill", func(s *site, _ *rand.Rand, i int, while time.Duration) {
		s.hurt(i, "is killed", false, while, s.killed)
	}},
	{"stop", func(s *site, _ *rand.Rand, i int, while time.Duration) {
		s.hurt(i, "is stopped", false, while, s.stopped)
	}},
	{"pause", func(s *site, _ *rand.Rand, i int, while time.Duration) {
		s.hurt(i, "stands still", false, while, s.stood)
	}},
	{"cut", func(s *site, random *rand.Rand, i int, while time.Duration) {
		c := cuts[random.IntN(len(cuts))]
		s.hurt(i, c.text, false, while, func(i int) (end func()) {
			c.do(s.t, i)
			return func() { join(s.t) }
		})
	}},
	{"cut all", func(s *site, _ *rand.Rand, _ int, while time.Duration) {
		s.hurt(0, "and all others are cut off from all", true, while, func(int) (end func()) {
			for i := range memberCount {
				deaf(s.t, i, othersOf(i)...)
			}
			return func() { join(s.t) }
		})
	}},
	{"flutter", func(s *site, _ *rand.Rand, i int, _ time.Duration) { s.flutter(i, 3) }},
	{"slow disk", func(s *site, random *rand.Rand, i int, while time.Duration) {
		later := time.Duration(random.Int64N(int64(2 * time.Second)))
		s.hurt(i, "has a disk slower by "+later.String(), false, while, func(i int) (end func()) { return s.disk(i, later) })
	}},
	{"cut, then kill", (*site).cutThenKilled},
	{"two of three", func(s *site, random *rand.Rand, i int, while time.Duration) {
		others := othersOf(i)
		s.hurt(others[0], "and another one are killed", true, while, func(int) (end func()) {
			a, b := s.killed(others[0]), s.killed(others[1])
			return func() {
				a()
				time.Sleep(time.Duration(random.Int64N(int64(interval))))
				b()
			}
		})
	}},
}

// cutThenKilled has copies of a member's commits wait on the way to the leader, while it commits more by way of the third member,
// then come to the leader. Others take over whatever is stored then.
func (s *site) cutThenKilled(_ *rand.Rand, _ int, while time.Duration) {
	s.t.Helper()
	leader, _ := s.roles()
	i := othersOf(leader)[0]
	s.t.Logf("%s %s is cut off from the leader, for %v", clock(time.Now()), hostOf(i), copiesWait)
	blackhole(s.t, i, leader)
	deaf(s.t, i, leader)
	time.Sleep(copiesWait)
	join(s.t)
	time.Sleep(2 * flight) // nothing that was sent meanwhile is in flight
	s.hurt(i, "is killed", false, while, s.killed)
}

// copiesWait is longer than the leader of the engine may be silent, and shorter than its connections may be.
const copiesWait = 3500 * time.Millisecond

// hurt does something to a member for a while, and waits until all is well.
func (s *site) hurt(i int, text string, blind bool, while time.Duration, do func(i int) (end func())) {
	s.t.Helper()
	healed := s.fault(hostOf(i)+" "+text+", for "+while.Round(time.Second).String(), blind)
	end := do(i)
	time.Sleep(while)
	end()
	s.caughtUp(time.Now())
	s.await(time.Minute, "the cluster is whole", s.whole)
	healed()
}

func (s *site) killed(i int) (end func()) {
	s.stop(i, syscall.SIGKILL)
	return func() { s.start(i) }
}

func (s *site) stopped(i int) (end func()) {
	s.stop(i, syscall.SIGTERM)
	return func() { s.start(i) }
}

func (s *site) stood(i int) (end func()) {
	s.signal(i, syscall.SIGSTOP)
	return func() { s.signal(i, syscall.SIGCONT) }
}
