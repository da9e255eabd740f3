package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

// HasData reports whether our own server has run before.
func (c *Config) HasData() bool { return wal.Exist(filepath.Join(c.Dir, "member", "wal")) }

// enterWait bounds how long other voters are asked for their cluster.
const enterWait = 2 * time.Second

// enter returns the members of the cluster that our own server, which has no data, joins as a learner. They are "" if the
// voters of the configuration begin one: none has answered, or those that did wait for this one.
//
// A voter that the cluster knows has lost its disk: under its old ID it might vote for entries that it has forgotten to have
// stored. Hence it is removed and added again. A learner votes once it has all entries, and etcd has one at a time.
func (e *Engine) enter(running context.Context) (members string, err error) {
	ctx, cancel := context.WithTimeout(running, enterWait)
	defer cancel()
	if !e.Listening(ctx) {
		return "", nil
	}
	list, err := Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (*clientv3.MemberListResponse, error) {
		return c.MemberList(ctx)
	})
	if err != nil {
		if e.excluded(running) {
			return "", errExcluded
		}
		return "", nil // if they have a cluster all the same, etcd refuses to begin one: known
	}
	address := e.config.url(e.config.Member, e.config.Peers)
	i := slices.IndexFunc(list.Members, func(m *etcdserverpb.Member) bool {
		return m.Name == e.config.Member || slices.Contains(m.PeerURLs, address)
	})
	if i < 0 && len(list.Members) >= len(e.config.Voters) {
		return "", &strangerError{e.config.Member, list.Members}
	}
	if j := slices.IndexFunc(list.Members, func(m *etcdserverpb.Member) bool { return m.IsLearner }); j >= 0 && j != i {
		return "", fmt.Errorf("%w: %s", errOneByOne, strings.Join(list.Members[j].PeerURLs, ", "))
	}
	if i >= 0 {
		switch mine := list.Members[i]; {
		case len(mine.ClientURLs) == 0 && mine.IsLearner: // added, and never started
			return initial(list.Members), nil
		case len(mine.ClientURLs) == 0:
			return "", nil
		default:
			if err := e.remove(ctx, mine.ID); err != nil {
				return "", err
			}
		}
	}
	added, err := Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (*clientv3.MemberAddResponse, error) {
		return c.MemberAddAsLearner(ctx, []string{address})
	})
	if errors.Is(err, rpctypes.ErrTooManyLearners) { // another one was added at the same time
		return "", errOneByOne
	}
	if err != nil {
		return "", err
	}
	e.config.Log.Warn("the engine of this voter has no data, and those of the others have: it joins them, and votes when it has theirs")
	return initial(added.Members), nil
}

// errOneByOne is the error while another voter joins.
var errOneByOne = errors.New("one voter joins after the other, and another one is joining now")

// errExcluded is the error while the others have a cluster that this voter must not begin anew.
var errExcluded = errors.New("the others have a cluster without this voter, and no majority of them answers")

// excluded reports whether another voter is of a cluster without our server. Those that wait for a majority answer no client,
// but each other.
func (e *Engine) excluded(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: e.secure, DisableKeepAlives: true}}
	answers := make(chan bool, len(e.config.Voters))
	for _, v := range e.config.Voters {
		go func() {
			answers <- v != e.config.Member && e.excludes(ctx, client, e.config.url(v, e.config.Peers)+"/members")
		}()
	}
	for range e.config.Voters {
		if <-answers {
			return true
		}
	}
	return false
}

// maxMembers is how many octets a list of voters may have.
const maxMembers = 1 << 20

func (e *Engine) excludes(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	var members []struct {
		PeerURLs []string `json:"peerURLs"`
	}
	if response.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(response.Body, maxMembers)).Decode(&members) != nil || len(members) == 0 {
		return false
	}
	address := e.config.url(e.config.Member, e.config.Peers)
	for _, m := range members {
		if slices.Contains(m.PeerURLs, address) {
			return false
		}
	}
	return true
}

// strangerError is the error of a voter of our configuration that those of the cluster do not know, and which they have no
// vote left for: one of the configurations is wrong.
type strangerError struct {
	member string
	voters []*etcdserverpb.Member
}

func (e *strangerError) Error() string {
	return fmt.Sprintf("the cluster has the voters %s, and not %s: write these in cluster.members; to have %s vote in the place of one that is gone, run: trapline cluster replace OLD %s",
		voterNames(e.voters), e.member, e.member, e.member)
}

// Listening reports whether a server of another accepts connections: clients wait for those that do not.
func (e *Engine) Listening(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	accepted := make(chan bool, len(e.clients))
	for _, c := range e.clients {
		go func() {
			if c.own { // which is not asked
				accepted <- false
				return
			}
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.address)
			if err == nil {
				_ = conn.Close()
			}
			accepted <- err == nil
		}()
	}
	for range e.clients {
		if <-accepted {
			return true
		}
	}
	return false
}

// remove takes the server out of the cluster that had our name, unless a process has it.
func (e *Engine) remove(ctx context.Context, id uint64) error {
	holder, err := Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (*clientv3.GetResponse, error) {
		return c.Get(ctx, e.config.Key, clientv3.WithCountOnly())
	})
	if err != nil {
		return err
	}
	if holder.Count > 0 {
		return fmt.Errorf("another process is the member %s, or was until its session ends: two members need two names", e.config.Member)
	}
	return e.Remove(ctx, id)
}

// Remove takes a server out of the cluster.
func (e *Engine) Remove(ctx context.Context, id uint64) error {
	_, err := Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (*clientv3.MemberRemoveResponse, error) {
		return c.MemberRemove(ctx, id)
	})
	if errors.Is(err, rpctypes.ErrMemberNotFound) { // a copy of the request was first
		return nil
	}
	return err
}

// initial returns the members of a cluster as etcd's setting has them. Those that never ran have no names.
func initial(list []*etcdserverpb.Member) string {
	var members []string
	for _, m := range list {
		for _, peer := range m.PeerURLs {
			name := m.Name
			if u, err := url.Parse(peer); name == "" && err == nil {
				name = u.Hostname() // as that of a voter is
			}
			members = append(members, name+"="+peer)
		}
	}
	return strings.Join(members, ",")
}

// known reports whether etcd refuses to begin a cluster because others know this server to have run.
func known(err error) bool { return strings.Contains(err.Error(), "has already been bootstrapped") }

// compareClusters reports that the data of our own server, which is not ready, is of another cluster than that of the others:
// it began one while none of them ran.
func (e *Engine) compareClusters(ctx context.Context, own uint64) {
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	list, err := Ask(ctx, e, func(ctx context.Context, c *clientv3.Client) (*clientv3.MemberListResponse, error) {
		return c.MemberList(ctx)
	})
	if err != nil || list.Header.ClusterId == own {
		return
	}
	err = fmt.Errorf("the data in %s is of another cluster than that of the voters %s: stop Trapline, remove that directory, and start it", e.config.Dir, voterNames(list.Members))
	e.server.setFault(err)
	e.server.log.Error("the engine of this voter cannot join those of the others", "err", err)
}

// promoteEvery is how often a learner asks whether it may vote.
const promoteEvery = time.Second

// promote has our own server vote if it is a learner, as soon as it has all entries.
func (e *Engine) promote(ctx context.Context) {
	tick := time.NewTicker(promoteEvery)
	defer tick.Stop()
	for learner := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		etcd := e.server.running()
		if etcd == nil {
			continue
		}
		if !e.Up() {
			e.compareClusters(ctx, uint64(etcd.Server.Cluster().ID()))
			continue
		}
		if !etcd.Server.IsLearner() {
			if learner {
				e.config.Log.Info("the engine of this voter has all data, and votes")
			}
			return
		}
		learner = true
		asking, cancel := context.WithTimeout(ctx, enterWait)
		_, err := Ask(asking, e, func(ctx context.Context, c *clientv3.Client) (*clientv3.MemberPromoteResponse, error) {
			return c.MemberPromote(ctx, uint64(etcd.Server.MemberID()))
		})
		cancel()
		if err != nil {
			e.config.Log.Debug("the engine of this voter does not vote yet", "err", err)
		}
	}
}
