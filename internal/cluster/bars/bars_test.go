// Package bars has three members poll 2,000 simulated devices, each member in a network namespace of its own, while 200 alarms
// come and go by a schedule that only the devices know. Whatever happens to the members, a receiver gets each change once and
// in order.
package bars

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// warm is how long the alarms come and go before something is done to the members.
const warm = 30 * time.Second

// flapping starts a site whose alarms come and go.
func flapping(t *testing.T, seed uint64) *site {
	t.Helper()
	return newSite(t).warmed(seed)
}

// warmed has the alarms come and go.
func (s *site) warmed(seed uint64) *site {
	s.flap(seed, 2*time.Hour)
	time.Sleep(warm)
	return s
}

// Without a fault each target is polled once in an interval, nothing moves, nobody elects, and the engine costs little; for one
// of five minutes all processors are busy (bar 1).
func TestQuiet(t *testing.T) {
	s := flapping(t, 1)
	lasts := duration(t, "TRAPLINE_BARS_QUIET", 5*time.Minute)
	moves, takes, term, begun := s.sum("trapline_cluster_moves_total"), s.sum("trapline_cluster_takes_total"), s.term(), time.Now()
	for i, share := range s.engineShares(lasts / 5) {
		t.Logf("member %d: the engine takes %.1f %% of a core, all %.1f %%", i+1, share.engine, share.all)
		if share.engine > 2 {
			t.Errorf("the engine takes %.1f %% of a core, bar 2 %%", share.engine)
		}
	}
	time.Sleep(time.Until(begun.Add(lasts * 2 / 5)))
	end := busy(t)
	healed := s.fault("all processors are busy", false)
	time.Sleep(lasts / 5)
	end()
	healed()
	time.Sleep(time.Until(begun.Add(lasts)))
	ended := time.Now()
	passes := float64(s.devices.polled(begun, ended)) / targets / (float64(ended.Sub(begun)) / float64(interval))
	t.Logf("polls per target and interval: %.4f", passes)
	if passes > 1.01 || passes < 0.99 {
		t.Errorf("polls per target and interval: %.4f, bar 1.01", passes)
	}
	if n := s.sum("trapline_cluster_moves_total") - moves; n > 0 {
		t.Errorf("%v shards were planned for others", n)
	}
	if n := s.sum("trapline_cluster_takes_total") - takes; n > 0 {
		t.Errorf("%v shards were taken", n)
	}
	if n := s.term() - term; n > 0 {
		t.Errorf("%d elections", n)
	}
	s.rest()
}

// A member is killed: its targets are polled again, and nothing is lost. It comes back, and has its share (bar 2).
func TestKilled(t *testing.T) {
	s := flapping(t, 2)
	for range 3 {
		for _, role := range []string{"the leader", "the coordinator", "another member"} {
			s.kill(s.with(role), role)
			time.Sleep(interval)
		}
	}
	s.rest()
}

// with returns the member with a role.
func (s *site) with(role string) int {
	leader, coordinator := s.roles()
	switch role {
	case "the leader":
		return leader
	case "the coordinator":
		return coordinator
	}
	return s.other()
}

func (s *site) kill(i int, role string) {
	s.t.Helper()
	healed := s.fault(role+", "+hostOf(i)+", is killed", false)
	at := time.Now()
	had := s.devices.lastBy(i, at)
	s.stop(i, syscall.SIGKILL)
	s.polledAgain(had, at, i)
	s.start(i)
	s.bar("balanced after the restart", s.await(time.Minute, "the cluster is whole", s.whole), 15*time.Second)
	healed()
}

// polledAgain waits until the targets of a member are polled by others.
func (s *site) polledAgain(had []int, at time.Time, i int) {
	s.t.Helper()
	var longest time.Duration
	s.await(time.Minute, "its targets are polled by others", func() bool {
		var missing int
		longest, missing = s.devices.again(had, at, othersOf(i)...)
		return missing == 0
	})
	s.t.Logf("its %d targets were polled again within %v", len(had), longest.Round(10*time.Millisecond))
	s.bar("all targets are polled again", longest, 10*time.Second)
}

// A member stands still and goes on: it sends nothing before it has a session again (bar 4).
func TestPaused(t *testing.T) {
	s := flapping(t, 4)
	for _, role := range []string{"the leader", "another member"} {
		s.pause(s.with(role), role, 30*time.Second)
		time.Sleep(interval)
	}
	s.rest()
}

func (s *site) pause(i int, role string, while time.Duration) {
	s.t.Helper()
	healed := s.fault(role+", "+hostOf(i)+", stands still", false)
	at := time.Now()
	had := s.devices.lastBy(i, at)
	s.signal(i, syscall.SIGSTOP)
	if while > 2*lease+interval {
		s.polledAgain(had, at, i)
	}
	time.Sleep(time.Until(at.Add(while)))
	resumed := time.Now()
	s.signal(i, syscall.SIGCONT)
	s.await(time.Minute, "resumed: the cluster is whole", s.whole)
	if while > 2*lease {
		late := s.metrics(i)["trapline_cluster_late_sends_total"]
		lost := s.logged(i, resumed, "session with the cluster has ended")
		list, _ := s.book.sentBy(i, resumed, lost)
		s.t.Logf("it noticed the end of its session %v after it was resumed, and sent %d before that; %v late sends", lost.Sub(resumed), len(list), late)
		if float64(len(list)) > late {
			s.t.Errorf("it sent %d notifications before it had a session again, and knows of %v", len(list), late)
		}
	}
	healed()
}

// The leases of all members are revoked at once, as an engine does whose clock is wrong: each takes its own shards again (bar 4).
func TestRevoked(t *testing.T) {
	s := flapping(t, 44)
	const ownKeys = "/trapline/trapline/own/"
	for range 3 {
		healed := s.fault("all leases are revoked", false)
		s.engine(func(ctx context.Context, c *clientv3.Client) error {
			had, err := c.Get(ctx, ownKeys, clientv3.WithPrefix())
			if err != nil {
				return err
			}
			leases := map[int64]bool{}
			for _, kv := range had.Kvs {
				leases[kv.Lease] = true
			}
			if len(leases) != memberCount {
				return fmt.Errorf("%d leases own shards", len(leases))
			}
			begun, owners := time.Now(), map[string]string{}
			for _, kv := range had.Kvs {
				owners[string(kv.Key)] = string(kv.Value)
			}
			for lease := range leases {
				if _, err := c.Revoke(ctx, clientv3.LeaseID(lease)); err != nil {
					return err
				}
			}
			for {
				has, err := c.Get(ctx, ownKeys, clientv3.WithPrefix())
				if err != nil {
					return err
				}
				if len(has.Kvs) == len(had.Kvs) {
					moved := 0
					for _, kv := range has.Kvs {
						if owners[string(kv.Key)] != string(kv.Value) {
							moved++
						}
					}
					t.Logf("all %d shards are owned again after %v, %d by others", len(has.Kvs), time.Since(begun).Round(10*time.Millisecond), moved)
					s.bar("all shards are owned again", time.Since(begun), 2*time.Second)
					return nil
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
		s.await(time.Minute, "the cluster is whole", s.whole)
		healed()
		time.Sleep(interval)
	}
	s.rest()
}

var logTime = regexp.MustCompile(`^time=(\S+)`)

// logged returns the time of the first line after a time in the log of a member that has a text.
func (s *site) logged(i int, after time.Time, text string) time.Time {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, spaceOf(i)+".log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		found := logTime.FindStringSubmatch(lines.Text())
		if found == nil || !strings.Contains(lines.Text(), text) {
			continue
		}
		if at, err := time.Parse(time.RFC3339Nano, found[1]); err == nil && !at.Before(after.Truncate(time.Millisecond)) {
			return at
		}
	}
	s.t.Fatalf("member %d has not logged: %s", i+1, text)
	return time.Time{}
}

// A member is cut off from the others, in several ways: nothing is lost or sent by two, it sends nothing without a session, and
// goes on polling its targets (bar 5).
func TestCutOff(t *testing.T) {
	s := flapping(t, 5)
	for _, c := range cuts {
		s.cutOff(s.with(c.role), c, 30*time.Second)
		time.Sleep(interval)
	}
	s.cutAll(30 * time.Second)
	time.Sleep(interval)
	s.flutter(s.with("the coordinator"), 10)
	s.rest()
}

type cut struct {
	role, text string
	do         func(t *testing.T, i int)
}

var cuts = []cut{
	{"another member", "is cut off, packets are refused", func(t *testing.T, i int) {
		blackhole(t, i, othersOf(i)...)
		for _, o := range othersOf(i) {
			blackhole(t, o, i)
		}
	}},
	{"the leader", "is cut off, packets are lost", func(t *testing.T, i int) {
		deaf(t, i, othersOf(i)...)
		for _, o := range othersOf(i) {
			deaf(t, o, i)
		}
	}},
	{"the leader", "hears nobody", func(t *testing.T, i int) { deaf(t, i, othersOf(i)...) }},
	{"the coordinator", "is heard by nobody", func(t *testing.T, i int) {
		for _, o := range othersOf(i) {
			deaf(t, o, i)
		}
	}},
	{"another member", "sends to nobody", func(t *testing.T, i int) { blackhole(t, i, othersOf(i)...) }},
}

func (s *site) cutOff(i int, c cut, while time.Duration) {
	s.t.Helper()
	healed := s.fault(c.role+", "+hostOf(i)+", "+c.text, false)
	begun := time.Now()
	had := s.devices.lastBy(i, begun)
	c.do(s.t, i)
	time.Sleep(while)
	s.served(had, i)
	s.silent(i, begun)
	join(s.t)
	s.bar("all is sent after healing", s.caughtUp(time.Now()), 15*time.Second)
	s.await(time.Minute, "the cluster is whole", s.whole)
	healed()
}

// served checks that a member without the others polls the targets that it had, and answers.
func (s *site) served(had []int, i int) {
	s.t.Helper()
	const late = 2 * time.Second
	if _, missing := s.devices.again(had, time.Now().Add(-interval-late), i); missing > 0 {
		s.t.Errorf("cut off, it polled %d of its %d targets no more", missing, len(had))
	}
	if s.get(i, "/metrics") == "" {
		s.t.Error("cut off, it does not answer")
	}
}

// silent checks that a member has sent nothing since its session ended. A leader renews it until it notices that it is alone.
func (s *site) silent(i int, since time.Time) {
	s.t.Helper()
	list, own := s.book.sentBy(i, since.Add(2*lease), time.Now())
	s.t.Logf("%s has sent %d notifications without a session, and %d about the quorum", hostOf(i), len(list), len(own))
	if len(list) > 0 {
		s.t.Errorf("without a session it sent %d notifications, the last %v after it was cut off", len(list), list[len(list)-1].at.Sub(since))
	}
}

// cutAll has no member hear another one.
func (s *site) cutAll(while time.Duration) {
	s.t.Helper()
	healed := s.fault("all are cut off from all", true)
	begun := time.Now()
	var had [memberCount][]int
	for i := range memberCount {
		had[i] = s.devices.lastBy(i, begun)
		deaf(s.t, i, othersOf(i)...)
	}
	time.Sleep(while)
	for i := range memberCount {
		s.served(had[i], i)
		s.silent(i, begun)
	}
	join(s.t)
	s.bar("all is sent after healing", s.caughtUp(time.Now()), 15*time.Second)
	s.await(time.Minute, "the cluster is whole", s.whole)
	healed()
}

// flutter cuts a member off several times, for less than a session and for more.
func (s *site) flutter(i, times int) {
	s.t.Helper()
	healed := s.fault(hostOf(i)+" is cut off again and again", false)
	for n := range times {
		deaf(s.t, i, othersOf(i)...)
		for _, o := range othersOf(i) {
			deaf(s.t, o, i)
		}
		time.Sleep(lease/2 + time.Duration(n)*lease/10)
		join(s.t)
		time.Sleep(lease / 2)
	}
	s.bar("all is sent after healing", s.caughtUp(time.Now()), 15*time.Second)
	s.await(time.Minute, "the cluster is whole", s.whole)
	healed()
}

// The disk of the leader is slow: another one leads, and the others commit as before (bar 6).
func TestSlowDisk(t *testing.T) {
	s := flapping(t, 6)
	s.slowDisk(time.Minute)
	s.rest()
}

func (s *site) slowDisk(while time.Duration) {
	s.t.Helper()
	i := s.with("the leader")
	healed := s.fault(hostOf(i)+", the leader, has a slow disk", false)
	begun := time.Now()
	end := s.disk(i, 1500*time.Millisecond)
	s.bar("another one leads", s.await(while, "another one leads", func() bool {
		for _, o := range othersOf(i) {
			if c, ok := s.status(o); ok {
				return c.Leader != "" && c.Leader != hostOf(i)
			}
		}
		return false
	}), 10*time.Second)
	soon, all := s.commitSeconds(othersOf(i)...)
	time.Sleep(time.Until(begun.Add(while)))
	soonAfter, allAfter := s.commitSeconds(othersOf(i)...)
	end()
	share := percent(soonAfter-soon, allAfter-all)
	s.t.Logf("of %v commits of the others, %v %% took a second at most", allAfter-all, share)
	if allAfter == all || share < 99 {
		s.t.Errorf("of %v commits of the others, %v %% took a second at most, bar 99 %%", allAfter-all, share)
	}
	s.await(time.Minute, "the cluster is whole", s.whole)
	healed()
}
