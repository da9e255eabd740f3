package member

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"trapline/internal/cluster/peer"
)

// homesPath is the path of requests for targets that a member has in another shard.
const homesPath = "/homes"

// homesWait is how long the answers are waited for: a shard that is taken is not polled meanwhile.
const homesWait = 500 * time.Millisecond

// homesRequest asks which of the targets of a shard another member has in another one. The answer is the list of these.
type homesRequest struct {
	Shard   string   `json:"shard"`
	Targets []string `json:"targets"`
}

// disputed returns the targets of a shard that members with other files have in another one, and may have raised alarms of. A member that
// does not answer has none.
func (m *Member) disputed(ctx context.Context, shard string) (list []string) {
	c := m.count(m.options.Running())
	if len(c.having[shard]) == 0 || !c.zoned && len(m.cluster.Siblings(shard)) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, homesWait)
	defer cancel()
	for _, o := range m.cluster.Members() {
		if o.Name == m.name || o.Homes == c.homes {
			continue
		}
		theirs, err := m.askHomes(ctx, peer.Member{Name: o.Name, URL: o.URL}, &homesRequest{shard, c.having[shard]})
		if err != nil && ctx.Err() == nil {
			m.options.Logger.Debug("it is unknown which targets another member has in other shards", "shard", shard, "member", o.Name, "err", err)
		}
		list = append(list, theirs...)
	}
	return list
}

func (m *Member) askHomes(ctx context.Context, of peer.Member, request *homesRequest) (list []string, err error) {
	text, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	answer, err := m.client.Open(ctx, &peer.Request{To: of, Method: http.MethodPost, Path: homesPath, Body: text})
	if err != nil {
		return nil, err
	}
	return list, peer.ReadJSON(answer, maxLearnedAsk, &list)
}

// serveHomes answers a member that takes a shard. A target that this member does not have is nowhere in dispute.
func (m *Member) serveHomes(w http.ResponseWriter, r *http.Request) {
	var request homesRequest
	if err := json.NewDecoder(io.LimitReader(r.Body, maxLearnedAsk)).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c, list := m.count(m.options.Running()), []string{}
	for _, name := range request.Targets {
		if shard, known := c.shard[name]; known && shard != request.Shard {
			list = append(list, name)
		}
	}
	writeJSON(w, list)
}
