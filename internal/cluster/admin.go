package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"trapline/internal/cluster/contact"
	"trapline/internal/cluster/engine"
	"trapline/internal/cluster/fence"
)

// Admin changes the engine of a cluster, or copies it. It is no member.
type Admin struct {
	settings Settings
	keys     keys
	config   engine.Config
}

// NewAdmin returns the administration of a cluster. dir is the state directory of the member of the settings, which Recover
// needs.
func NewAdmin(s Settings, dir string, log *slog.Logger) (*Admin, error) {
	if problems := s.Problems(); len(problems) > 0 {
		return nil, fmt.Errorf("cluster: %s: %s", problems[0].Path, problems[0].Text)
	}
	s = s.WithDefaults()
	c, err := engineConfig(s, dir, log)
	return &Admin{s, keysOf(s.Name), c}, err
}

// adminWait bounds each request; none is urgent.
const adminWait = 10 * time.Second

// ask calls f with an engine that runs no server.
func (a *Admin) ask(ctx context.Context, f func(*engine.Engine) error) error {
	c := a.config
	c.Member = ""
	e, err := engine.New(c)
	if err != nil {
		return err
	}
	defer e.Close()
	err = engine.ErrNoServer
	if e.Listening(ctx) {
		err = f(e)
	}
	if err != nil && !engine.Answered(err) && (errors.Is(err, engine.ErrNoServer) || ctx.Err() != nil) {
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), adminWait)
		defer cancel()
		if voters := contact.Reasons(e.Silent(asking)); voters != "" {
			return fmt.Errorf("no majority of the voters answers: %s", voters)
		}
	}
	return err
}

// Replace takes a voter out of the cluster, in whose place another begins as soon as it starts with the same file: none if by is
// "".
func (a *Admin) Replace(ctx context.Context, old, by string) error {
	ctx, cancel := context.WithTimeout(ctx, adminWait)
	defer cancel()
	switch members := a.settings.Members; {
	case a.settings.Etcd != nil:
		return errors.New("the cluster has an etcd of its own: replace its members as etcd's documentation says")
	case by != "" && !slices.Contains(members, by):
		return fmt.Errorf("cluster.members of the configuration has no %s: write it there in the place of %s", by, old)
	case slices.Contains(members, old):
		return fmt.Errorf("cluster.members of the configuration still has %s: write the name of another in its place, or 3 names in the place of 5", old)
	}
	return a.ask(ctx, func(e *engine.Engine) error {
		s, err := e.Servers(ctx)
		if err != nil {
			return err
		}
		id, votes := s.Voters[old]
		if !votes {
			id = s.Others[old]
		}
		if id == 0 {
			return fmt.Errorf("%s is no voter of the cluster: it has %s", old, strings.Join(slices.Sorted(maps.Keys(s.Voters)), ", "))
		}
		return e.Remove(ctx, id)
	})
}

// Engines returns the SNMP engines of all that ever were members and send traps, by member.
func (a *Admin) Engines(ctx context.Context) (engines map[string]Identity, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminWait)
	defer cancel()
	engines = map[string]Identity{}
	prefix := a.keys.engine("")
	return engines, a.ask(ctx, func(e *engine.Engine) error {
		return eachRow(ctx, e, prefix, func(_ int64, kv *mvccpb.KeyValue) error {
			identity := Identity{}
			if err := json.Unmarshal(kv.Value, &identity); err != nil {
				return fmt.Errorf("%s: %w", kv.Key, err)
			}
			engines[strings.TrimPrefix(string(kv.Key), prefix)] = identity
			return nil
		})
	})
}

// Recovered is a cluster of one voter.
type Recovered struct {
	ID   string
	Rows int // that outlive members
}

// Recover makes a cluster of one voter, that of the settings, out of its data on this machine, while it does not run. With a
// snapshot it needs none. The other voters must begin without data.
func (a *Admin) Recover(ctx context.Context, snapshot io.ReadSeeker) (r Recovered, err error) {
	switch {
	case a.settings.Etcd != nil:
		return r, errors.New("the cluster has an etcd of its own: recover it as etcd's documentation says")
	case !a.settings.Voter():
		return r, fmt.Errorf("%s is no voter, whose engine alone could be recovered: write --cluster.member=NAME, one of %s", a.settings.Member, strings.Join(a.settings.Members, ", "))
	case snapshot == nil && !a.config.HasData():
		return r, fmt.Errorf("%s has no data of the engine: run this on a voter that has them, or name a snapshot with --snapshot", a.config.Dir)
	case snapshot == nil && a.config.Unfinished():
		return r, fmt.Errorf("%s has a part of a snapshot: run this once more with --snapshot", a.config.Dir)
	case snapshot != nil && a.config.HasData() && !a.config.Unfinished():
		return r, fmt.Errorf("%s has data of the engine: remove that directory, or leave the snapshot out", a.config.Dir)
	}
	if err := a.ask(ctx, func(e *engine.Engine) error {
		ctx, cancel := context.WithTimeout(ctx, adminWait)
		defer cancel()
		_, err := e.Servers(ctx)
		return err
	}); err == nil {
		return r, errors.New("a majority of the voters answers, and goes on without this one: start it")
	}
	if snapshot != nil {
		if err := verify(snapshot, a.settings.Name); err != nil {
			return r, err
		}
	}
	e, err := engine.New(a.config)
	if err != nil {
		return r, err
	}
	defer e.Close()
	if snapshot != nil && a.config.Unfinished() {
		if err := a.config.Discard(); err != nil {
			return r, err
		}
	}
	return r, e.Recover(ctx, func(ctx context.Context, c *clientv3.Client) error {
		if snapshot != nil {
			if err := a.restore(ctx, c, snapshot); err != nil {
				return err
			}
		}
		if err := a.skipNumbers(ctx, c); err != nil {
			return err
		}
		all, err := c.Get(ctx, a.keys.root, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			return err
		}
		r.Rows = int(all.Count)
		r.ID, err = a.id(ctx, c)
		return err
	})
}

// id returns the ID of the cluster.
func (a *Admin) id(ctx context.Context, c *clientv3.Client) (string, error) {
	r, err := c.Get(ctx, a.keys.format())
	if err != nil {
		return "", err
	}
	if len(r.Kvs) == 0 {
		return "", fmt.Errorf("the engine has no cluster %s", a.settings.Name)
	}
	f, err := readFormat(r.Kvs[0].Value, ours)
	return f.ID, err
}

// skipNumbers has no number given twice: those that were given to events that are lost are left out.
func (a *Admin) skipNumbers(ctx context.Context, c *clientv3.Client) error {
	registers, err := c.Get(ctx, a.keys.seq(""), clientv3.WithPrefix())
	if err != nil {
		return err
	}
	for _, kv := range registers.Kvs {
		var r fence.Register
		if json.Unmarshal(kv.Value, &r) != nil {
			continue // of which no number is known either
		}
		r.Number += fence.Skipped
		if _, err := c.Put(ctx, string(kv.Key), encode(r)); err != nil {
			return err
		}
	}
	return nil
}
