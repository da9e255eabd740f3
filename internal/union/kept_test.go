package union

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Whatever clients ask for, the answers that are kept are bounded, and the newest of them are there.
func TestAnswersThatAreKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var d devices
	for i := range 2000 {
		next := keptFacts{member: fmt.Sprint(random.IntN(3)), query: fmt.Sprint("x=", random.IntN(1000)), tag: fmt.Sprint(i), list: make([]facts, random.IntN(2*maxKeptFacts/3))}
		if random.IntN(100) == 0 {
			next.list = make([]facts, 2*maxKeptFacts)
		}
		d.keep(next)
		total := 0
		for _, k := range d.kept {
			total += len(k.list)
		}
		if len(d.kept) > maxKept || total > maxKeptFacts && len(d.kept) > 1 {
			t.Fatalf("%d answers about %d targets", len(d.kept), total)
		}
		if d.find(next.member, next.query).tag != next.tag {
			t.Fatal("the newest is not there")
		}
	}
}
