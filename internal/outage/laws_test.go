package outage

import (
	"maps"
	"os"
	"slices"
	"testing"
	"time"
)

// seeds is the number of random histories: more of them in a long run.
func seeds(n uint64) uint64 {
	if os.Getenv("TRAPLINE_SOAK") != "" {
		return 40 * n
	}
	return n
}

// calm is a time in which everything settles.
const calm = 5 * time.Minute

func (s *site) random(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.IntN(n)
}

// change has something happen to devices: one fails, or answers again.
func (s *site) change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.devices[s.r.IntN(len(s.devices))].Name
	s.dead[name] = !s.dead[name]
	s.note("%s is dead: %v", name, s.dead[name])
}

// Whatever fails, and whoever owns the shards and computes the outages, no alarm is raised that a single process would mute,
// unless requests are lost. Once all has settled, the same alarms are muted for the same reasons, also if some were.
func TestMembersMuteAsOneProcess(t *testing.T) {
	for seed := range seeds(15) {
		play(t, seed, (*site).network, func(s *site) {
			s.sleep(2 * time.Minute)
			for range 4 {
				s.mu.Lock()
				s.faults = s.r.IntN(3) == 0
				s.note("faults: %v", s.faults)
				s.mu.Unlock()
				for range s.random(8) {
					switch s.random(6) {
					case 0:
						s.move(shardOf(s.devices[s.random(len(s.devices))].Name), time.Duration(s.random(2000))*time.Millisecond)
					case 1:
						s.move("global", time.Duration(s.random(2000))*time.Millisecond)
					case 2:
						s.kill()
					default:
						s.change()
					}
					s.sleep(time.Duration(s.random(90_000)) * time.Millisecond)
				}
				s.mu.Lock()
				s.faults = false
				s.note("no faults")
				s.mu.Unlock()
				s.sleep(calm)
				if s.settled(); t.Failed() {
					return
				}
			}
		})
		if t.Failed() {
			return
		}
	}
}

// kill kills a member, whose shards others take when its session has ended. It starts again later.
func (s *site) kill() {
	s.mu.Lock()
	names := slices.Sorted(maps.Keys(s.members))
	name := names[s.r.IntN(len(names))]
	if len(names) < 2 {
		s.mu.Unlock()
		return
	}
	s.note("%s is killed", name)
	s.members[name].end()
	s.disks[name] = s.members[name].tracker.Book.Links()
	delete(s.members, name)
	var lost []string
	for shard, owner := range s.owner {
		if owner == name {
			lost = append(lost, shard)
		}
	}
	slices.Sort(lost)
	gap := 5*time.Second + time.Duration(s.r.IntN(2000))*time.Millisecond
	s.mu.Unlock()
	for _, shard := range lost {
		s.move(shard, gap)
	}
	s.running.Go(func() {
		if s.sleep(20 * time.Second) {
			s.start(name)
			s.mu.Lock()
			s.note("%s starts", name)
			s.views()
			s.mu.Unlock()
		}
	})
}
