package member

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"trapline/internal/client"
	"trapline/internal/cluster/peer"
	"trapline/internal/cluster/plan"
	"trapline/internal/poller"
)

// Two members agree if they have the same targets in the same shards, in any order. Those in dispute are the targets of a shard that the other
// one has elsewhere, and not those that it lacks.
func TestHomesInDispute(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	agreed := 0
	for range 200 {
		var mine, theirs []*poller.Target
		same := true
		var want []string
		const zone = "berlin"
		shard := plan.Of(zone, "t0")
		for i := range 3 {
			name := fmt.Sprint("t", i)
			one := &poller.Target{Name: name, Zone: zone, Spec: client.Spec{Address: name}}
			mine = append(mine, one)
			switch random.IntN(6) {
			case 0:
				same = false
			case 1:
				theirs, same = append(theirs, &poller.Target{Name: name, Spec: one.Spec}), false
				if i == 0 {
					want = []string{name}
				}
			default:
				theirs = append(theirs, one)
			}
		}
		random.Shuffle(len(theirs), func(i, j int) { theirs[i], theirs[j] = theirs[j], theirs[i] })
		a, b := learner(t, nil, mine...), learner(t, nil, theirs...)
		if is := a.count(a.options.Running()).homes == b.count(b.options.Running()).homes; is != same {
			t.Errorf("%v agrees with %v: %v", mine, theirs, is)
		}
		if same {
			agreed++
		}
		mux := http.NewServeMux()
		b.ServeMembers(mux)
		server := httptest.NewServer(mux)
		got, err := a.askHomes(t.Context(), peer.Member{Name: "b", URL: server.URL}, &homesRequest{shard, []string{"t0"}})
		if server.Close(); err != nil || !slices.Equal(got, want) {
			t.Errorf("in dispute are %q, want %q: %v", got, want, err)
		}
	}
	if agreed == 0 {
		t.Error("nobody agrees")
	}
}
