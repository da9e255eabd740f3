// Package plan says which member of a cluster should own which shard. It is pure: no clock, no engine. A plan is advice:
// owners are those that the engine has under own/.
package plan

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Plan is who should own each shard. A shard that is absent has no member: none of its zone lives.
type Plan struct {
	Members []string // all that lived and did not drain, sorted
	Owners  map[string]string
}

// Equal reports whether two plans are the same.
func (p Plan) Equal(other Plan) bool {
	return slices.Equal(p.Members, other.Members) && maps.Equal(p.Owners, other.Owners)
}

// Member is a living member of the cluster.
type Member struct {
	Name     string
	Zone     string
	Weight   float64 // its share of the work; 0 for one that only votes
	Draining bool    // it is about to leave
}

// maxLoad is the load of a member, as a multiple of the mean, over which shards leave it.
const maxLoad = 1.1

// maxWeight bounds the ratio of two weights, and maxCost that of two costs: both come from other processes.
const (
	maxWeight = 1e6
	maxCost   = 1e12
)

// Next returns the plan that follows: shards of members that can keep them stay, others go to the member of their zone
// with the least cost per weight, those without a zone to any if each member has one, and then at most so many more move from the fullest members to the emptiest. The result
// does not depend on the order of members and shards.
func Next(previous Plan, members []Member, shards []Shard, moves int) Plan {
	next := Plan{Owners: make(map[string]string, len(shards))}
	zones := map[string]*zone{}
	for _, m := range members {
		if m.Draining {
			continue
		}
		next.Members = append(next.Members, m.Name)
		if weight := min(m.Weight, maxWeight); weight > 0 {
			z := zoneOf(zones, m.Zone)
			z.loads = append(z.loads, &load{member: m.Name, weight: weight})
		}
	}
	slices.Sort(next.Members)
	nowhere(zones, members)
	base := leastCost(shards)
	for _, s := range shards {
		z := zoneOf(zones, s.Zone)
		z.shards = append(z.shards, weighed{s.Name, bounded(s.Cost) + base})
	}
	for _, name := range sorted(zones) {
		z := zones[name]
		z.place(previous.Owners)
		moves -= z.balance(moves)
		for _, l := range z.loads {
			for _, s := range l.shards {
				next.Owners[s.name] = l.member
			}
		}
	}
	return next
}

// nowhere has the shards without a zone go to all members if each of them has one: their alarms need an owner.
func nowhere(zones map[string]*zone, members []Member) {
	if z := zones[""]; z != nil && len(z.loads) > 0 {
		return
	}
	for _, m := range members {
		if weight := min(m.Weight, maxWeight); weight > 0 && !m.Draining {
			z := zoneOf(zones, "")
			z.loads = append(z.loads, &load{member: m.Name, weight: weight})
		}
	}
}

// bounded makes a cost of a number that another process sent.
func bounded(cost float64) float64 {
	if math.IsNaN(cost) || cost < 0 {
		return 0
	}
	return min(cost, maxCost)
}

// leastCost is the least cost of a shard, so that shards without targets are spread too: a thousandth of the mean.
func leastCost(shards []Shard) float64 {
	sum := 0.0
	for _, s := range shards {
		sum += bounded(s.Cost)
	}
	if sum == 0 {
		return 1
	}
	return sum / float64(len(shards)) / 1000
}

// zone are the members of a zone that own shards, and its shards.
type zone struct {
	loads  []*load
	shards []weighed
}

// load is the shards of a member.
type load struct {
	member string
	weight float64
	cost   float64
	shards []weighed
}

type weighed struct {
	name string
	cost float64
}

func zoneOf(zones map[string]*zone, name string) *zone {
	z := zones[name]
	if z == nil {
		z = &zone{}
		zones[name] = z
	}
	return z
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (l *load) add(s weighed) {
	l.cost += s.cost
	l.shards = append(l.shards, s)
}

func (l *load) perWeight() float64 { return l.cost / l.weight }

// place lets shards stay where they can, and gives the others to the emptiest, dearest first.
func (z *zone) place(owners map[string]string) {
	if len(z.loads) == 0 {
		return
	}
	slices.SortFunc(z.loads, func(a, b *load) int { return cmp.Compare(a.member, b.member) })
	slices.SortFunc(z.shards, func(a, b weighed) int {
		return cmp.Or(cmp.Compare(b.cost, a.cost), cmp.Compare(a.name, b.name))
	})
	byName := map[string]*load{}
	for _, l := range z.loads {
		byName[l.member] = l
	}
	var homeless []weighed
	for _, s := range z.shards {
		if l := byName[owners[s.name]]; l != nil {
			l.add(s)
		} else {
			homeless = append(homeless, s)
		}
	}
	for _, s := range homeless {
		least := z.loads[0]
		for _, l := range z.loads[1:] {
			if (l.cost+s.cost)/l.weight < (least.cost+s.cost)/least.weight {
				least = l
			}
		}
		least.add(s)
	}
}

// balance moves shards from the fullest member to the emptiest, and returns how many it moved.
func (z *zone) balance(moves int) (moved int) {
	if len(z.loads) < 2 {
		return 0
	}
	cost, weight := 0.0, 0.0
	for _, l := range z.loads {
		cost += l.cost
		weight += l.weight
	}
	for ; moved < moves; moved++ {
		fullest, emptiest := z.extremes()
		if fullest.perWeight() <= maxLoad*cost/weight {
			break
		}
		i := bestMove(fullest, emptiest)
		if i < 0 {
			break
		}
		s := fullest.shards[i]
		fullest.shards = slices.Delete(fullest.shards, i, i+1)
		fullest.cost -= s.cost
		emptiest.add(s)
	}
	return moved
}

func (z *zone) extremes() (fullest, emptiest *load) {
	fullest, emptiest = z.loads[0], z.loads[0]
	for _, l := range z.loads[1:] {
		if l.perWeight() > fullest.perWeight() {
			fullest = l
		}
		if l.perWeight() < emptiest.perWeight() {
			emptiest = l
		}
	}
	return fullest, emptiest
}

// bestMove returns the index of the shard after whose move the fuller of the two is least full, or -1 if none helps.
func bestMove(from, to *load) int {
	best, least := -1, from.perWeight()*(1-1e-9)
	for i, s := range from.shards {
		after := max((from.cost-s.cost)/from.weight, (to.cost+s.cost)/to.weight)
		if after < least {
			best, least = i, after
		}
	}
	return best
}

// Without returns the names of a list that another does not have.
func Without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(other, name) })
}
