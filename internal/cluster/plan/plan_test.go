package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// world is a random cluster: members in zones with weights, shards with costs.
type world struct {
	rng     *rand.Rand
	members []Member
	shards  []Shard
	names   int
}

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 16))}
	for range 1 + w.rng.IntN(9) {
		w.join()
	}
	for i := range 1 + w.rng.IntN(200) {
		zone := w.zone()
		w.shards = append(w.shards, Shard{Name: Name(zone, i), Zone: zone, Cost: w.cost()})
	}
	w.shards = append(w.shards, Shard{Name: Global}, Shard{Name: OfScan("lab")})
	return w
}

func (w *world) zone() string { return []string{"", "", "berlin", "ulm@1/2"}[w.rng.IntN(4)] }

func (w *world) cost() float64 {
	if w.rng.IntN(5) == 0 {
		return []float64{0, -1, math.NaN(), math.Inf(1), 1e300}[w.rng.IntN(5)]
	}
	return math.Exp(w.rng.NormFloat64())
}

func (w *world) join() {
	w.names++
	m := Member{Name: fmt.Sprint("m", w.names), Zone: w.zone(), Weight: float64(w.rng.IntN(4)), Draining: w.rng.IntN(8) == 0}
	w.members = append(w.members, m)
}

// step changes a member, a cost, or nothing.
func (w *world) step() {
	i := w.rng.IntN(len(w.members))
	switch w.rng.IntN(6) {
	case 0:
		w.join()
	case 1:
		if len(w.members) > 1 {
			w.members = slices.Delete(w.members, i, i+1)
		}
	case 2:
		w.members[i].Draining = !w.members[i].Draining
	case 3:
		w.members[i].Weight = float64(w.rng.IntN(4))
	case 4:
		w.shards[w.rng.IntN(len(w.shards))].Cost = w.cost()
	}
}

// eligible returns the members that may own shards of a zone.
func (w *world) eligible(zone string) map[string]float64 {
	names := map[string]float64{}
	for _, m := range w.members {
		if m.Zone == zone && !m.Draining && m.Weight > 0 {
			names[m.Name] = m.Weight
		}
	}
	if zone == "" && len(names) == 0 { // each of them has a zone
		for _, m := range w.members {
			if !m.Draining && m.Weight > 0 {
				names[m.Name] = m.Weight
			}
		}
	}
	return names
}

// Each shard has an owner that may own it, if there is any; and only so many leave a member that can keep them.
func TestLawOfOwners(t *testing.T) {
	for seed := range uint64(300) {
		w := newWorld(seed)
		var p Plan
		for range 30 {
			moves := w.rng.IntN(4)
			next := Next(p, w.members, w.shards, moves)
			moved := 0
			for _, s := range w.shards {
				may, owner := w.eligible(s.Zone), next.Owners[s.Name]
				if _, ok := may[owner]; ok != (len(may) > 0) || owner == "" != (len(may) == 0) {
					t.Fatalf("seed %d: shard %s of zone %q is owned by %q, may be by %v", seed, s.Name, s.Zone, owner, may)
				}
				if _, keeps := may[p.Owners[s.Name]]; keeps && owner != p.Owners[s.Name] {
					moved++
				}
			}
			if moved > moves {
				t.Fatalf("seed %d: %d shards moved for balance, may %d", seed, moved, moves)
			}
			if len(next.Owners) > len(w.shards) {
				t.Fatalf("seed %d: %d owners of %d shards", seed, len(next.Owners), len(w.shards))
			}
			p = next
			w.step()
		}
	}
}

// The plan is a function of sets: whoever coordinates, in whatever order it reads them, finds the same.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(200) {
		w := newWorld(seed)
		p := Next(Plan{}, w.members, w.shards, 0)
		w.step()
		w.step()
		want := Next(p, w.members, w.shards, 3)
		w.rng.Shuffle(len(w.members), func(i, j int) { w.members[i], w.members[j] = w.members[j], w.members[i] })
		w.rng.Shuffle(len(w.shards), func(i, j int) { w.shards[i], w.shards[j] = w.shards[j], w.shards[i] })
		if got := Next(p, w.members, w.shards, 3); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: the plan depends on the order of its arguments", seed)
		}
	}
}

// Without changes the plan comes to rest, and then no member is over the bound unless no shard of it could help.
func TestBalanceComesToRest(t *testing.T) {
	for seed := range uint64(300) {
		w := newWorld(seed)
		var p Plan
		for range 5 {
			p = Next(p, w.members, w.shards, 0)
			w.step()
		}
		for round := 0; ; round++ {
			next := Next(p, w.members, w.shards, 5)
			if reflect.DeepEqual(next, p) {
				break
			}
			if round > 200 {
				t.Fatalf("seed %d: shards still move", seed)
			}
			p = next
		}
		w.checkBalance(t, seed, p)
	}
}

func (w *world) checkBalance(t *testing.T, seed uint64, p Plan) {
	base := leastCost(w.shards)
	for _, zone := range []string{"", "berlin", "ulm@1/2"} {
		may := w.eligible(zone)
		costs, dearest, sum, weights := map[string]float64{}, map[string]float64{}, 0.0, 0.0
		for _, s := range w.shards {
			if s.Zone == zone {
				c := bounded(s.Cost) + base
				owner := p.Owners[s.Name]
				costs[owner] += c
				sum += c
				if least, ok := dearest[owner]; !ok || c < least {
					dearest[owner] = c
				}
			}
		}
		emptiest := ""
		for _, name := range slices.Sorted(maps.Keys(may)) {
			weights += may[name]
			if emptiest == "" || costs[name]/may[name] < costs[emptiest]/may[emptiest] {
				emptiest = name
			}
		}
		for name, weight := range may {
			over := costs[name]/weight > 1.1*sum/weights*(1+1e-9)
			helps := (costs[emptiest]+dearest[name])/may[emptiest] < costs[name]/weight*(1-1e-6)
			fullest := true
			for other, weight2 := range may {
				fullest = fullest && costs[other]/weight2 <= costs[name]/weight
			}
			if over && helps && fullest {
				t.Fatalf("seed %d: %s of %q has %.3f per weight, mean %.3f, and the move of a shard helps", seed, name, zone, costs[name]/weight, sum/weights)
			}
		}
	}
}

func TestPlanReadsWhatItWrote(t *testing.T) {
	for seed := range uint64(200) {
		w := newWorld(seed)
		p := Next(Plan{}, w.members, w.shards, 0)
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var got Plan
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got.Owners, p.Owners) || !slices.Equal(got.Members, p.Members) {
			t.Fatalf("seed %d: read %v, wrote %v", seed, got, p)
		}
	}
	for _, bad := range []string{`{"zones":{"":"AAAA"}}`, `{"zones":[]}`, `{"owners":[],"zones":{"":"` + string(slices.Repeat([]byte("////"), 2*Shards/3+1)[:(2*Shards+2)/3*4]) + `"}}`} {
		var p Plan
		if json.Unmarshal([]byte(bad), &p) == nil {
			t.Errorf("%.30s… was read as %v", bad, p)
		}
	}
}

func TestNamesOfShards(t *testing.T) {
	seen := map[string]bool{}
	for i := range 200_000 {
		seen[Of("", fmt.Sprint("switch-", i))] = true
	}
	if len(seen) != Shards {
		t.Errorf("200,000 targets lie in %d shards of %d", len(seen), Shards)
	}
	for _, zone := range []string{"", "berlin", "7", "a@b", "x/y"} {
		if z, n, ok := numbered(Name(zone, 17)); z != zone || n != 17 || !ok {
			t.Errorf("zone %q, 17 is read as %q, %d", zone, z, n)
		}
	}
	for _, other := range []string{Global, OfScan("1"), OfScan("1@a"), "01", "1024", "-1", "+1", ""} {
		if _, _, ok := numbered(other); ok {
			t.Errorf("%q is read as a number", other)
		}
	}
}

// cluster returns n equal members and all shards of one zone.
func cluster(n int) ([]Member, []Shard) {
	var members []Member
	for i := range n {
		members = append(members, Member{Name: fmt.Sprint("m", i), Weight: 1})
	}
	var shards []Shard
	for i := range Shards {
		shards = append(shards, Shard{Name: Name("", i), Cost: 1})
	}
	return members, shards
}

const lease = 5 * time.Second

func owned(p Plan) map[string]int {
	n := map[string]int{}
	for _, owner := range p.Owners {
		n[owner]++
	}
	return n
}

func TestFirstPlanWaitsForVoters(t *testing.T) {
	members, shards := cluster(3)
	p := NewPlanner(lease, []string{"m0", "m1", "m2"})
	got, wait := p.Next(100*time.Second, Plan{}, members[:1], shards)
	if len(got.Owners) != 0 || wait != firstWait {
		t.Errorf("a voter alone owns %d shards at once, wait %v", len(got.Owners), wait)
	}
	if got, _ := p.Next(101*time.Second, Plan{}, members, shards); len(owned(got)) != 3 {
		t.Errorf("all voters are there, owned %v", owned(got))
	}
	if got, _ := p.Next(105*time.Second, Plan{}, members[:2], shards); len(owned(got)) != 2 {
		t.Errorf("after %v, owned %v", firstWait, owned(got))
	}
}

// Half of the members vanish at once and come back within a lease: nothing moves. One of three that dies is replaced at once.
func TestGuardAgainstMassRevocation(t *testing.T) {
	for n := 2; n < 12; n++ {
		members, shards := cluster(n)
		p := NewPlanner(lease, nil)
		start, _ := p.Next(0, Plan{}, members, shards)
		for gone := 1; gone <= n; gone++ {
			_, first := p.Next(time.Second, start, members[1:], shards)
			if first != lease/20 && n > 2 {
				t.Fatalf("the first of %d vanished: wait %v", n, first)
			}
			got, wait := p.Next(time.Second+lease/20, start, members[gone:], shards)
			if held := reflect.DeepEqual(got, start) && wait == lease-lease/20; held != (2*gone >= n) {
				t.Fatalf("%d of %d vanished: plan held: %v, wait %v", gone, n, held, wait)
			}
			if got, _ = p.Next(2*time.Second, start, members, shards); !reflect.DeepEqual(got, start) {
				t.Fatalf("%d of %d came back, and the plan changed", gone, n)
			}
		}
		p.Next(10*time.Second, start, members[:1], shards)
		got, _ := p.Next(10*time.Second+lease, start, members[:1], shards)
		if owned(got)["m0"] != Shards {
			t.Fatalf("a lease after %d of %d vanished, owned %v", n-1, n, owned(got))
		}
	}
}

// A member that joins has its share a lease later; costs that change move a twentieth of the shards in a minute.
func TestPaceOfMoves(t *testing.T) {
	members, shards := cluster(3)
	p := NewPlanner(lease, nil)
	got, _ := p.Next(0, Plan{}, members[:2], shards)
	got, wait := p.Next(time.Second, got, members, shards)
	if owned(got)["m2"] > Shards/20 || wait <= 0 {
		t.Errorf("joined just now, owns %d, wait %v", owned(got)["m2"], wait)
	}
	got, _ = p.Next(time.Second+lease, got, members, shards)
	if n := owned(got)["m2"]; n < Shards/4 {
		t.Errorf("a lease after it joined, owns %d of %d", n, Shards)
	}
	for i := range shards {
		if got.Owners[shards[i].Name] == "m0" {
			shards[i].Cost = 10
		}
	}
	now := time.Minute
	for range 20 {
		moved := 0
		for range 6 {
			now += 10 * time.Second
			next, _ := p.Next(now, got, members, shards)
			moved += balanced(got, next, members)
			got = next
		}
		if moved > Shards/20 {
			t.Fatalf("%d shards moved within a minute", moved)
		}
	}
	w := world{members: members, shards: shards}
	w.checkBalance(t, 0, got)
}

// Sizes of devices are lognormal: the fullest of 24 members has little over the mean, for costs are known.
func TestLoadOfAMillionTargets(t *testing.T) {
	for _, n := range []int{24, 50} {
		members, shards := sized(n)
		p := Next(Plan{}, members, shards, 0)
		costs, sum := map[string]float64{}, 0.0
		for _, s := range shards {
			costs[p.Owners[s.Name]] += s.Cost
			sum += s.Cost
		}
		fullest := slices.Max(slices.Collect(maps.Values(costs))) / (sum / float64(n))
		t.Logf("%d members: fullest %.3f of the mean", n, fullest)
		if fullest > 1.05 {
			t.Errorf("%d members: fullest %.3f of the mean", n, fullest)
		}
	}
}

func sized(n int) ([]Member, []Shard) {
	members, shards := cluster(n)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range shards {
		shards[i].Cost = 0
	}
	for range 1_000_000 {
		size := math.Exp(5 + 1.5*rng.NormFloat64())
		shards[rng.IntN(Shards)].Cost += min(60_000, max(20, size))
	}
	return members, shards
}

// BenchmarkNext plans 1,024 shards for 50 members of which one died.
func BenchmarkNext(b *testing.B) {
	members, shards := sized(50)
	previous := Next(Plan{}, members, shards, 0)
	for b.Loop() {
		Next(previous, members[1:], shards, Shards/20)
	}
}

func BenchmarkNextFirst(b *testing.B) {
	members, shards := sized(50)
	for b.Loop() {
		Next(Plan{}, members, shards, 0)
	}
}
