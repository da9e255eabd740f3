package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/config"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// candidate is an auth that a device may answer to.
type candidate struct {
	name    string
	auth    *access.Auth
	known   bool // by the configuration
	builtin bool // in a file without auths
}

// candidates are the auths of the configuration, if there is one, and those that devices come with.
func candidates(files []string, expandEnv bool) ([]candidate, error) {
	var list []candidate
	auths := map[string]*access.Auth{}
	c, err := config.Load(files, config.Options{ExpandEnv: expandEnv})
	switch {
	case err == nil:
		auths = c.Auths
	case runtimeconfig.AnyFile(files):
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(auths)) {
		builtin := name == poller.DefaultAuth && *auths[name] == *publicAuth(2)
		list = append(list, candidate{name: name, auth: auths[name], known: !builtin, builtin: builtin})
	}
	usual := []candidate{{name: poller.DefaultAuth, auth: publicAuth(2), builtin: true}, {name: "public_v1", auth: publicAuth(1)}}
	for _, usual := range usual {
		same := func(c candidate) bool {
			return c.auth.Version == usual.auth.Version && c.auth.Community == usual.auth.Community && c.auth.CommunityFile == ""
		}
		if !slices.ContainsFunc(list, same) {
			list = append(list, usual)
		}
	}
	return list, nil
}

func publicAuth(version access.Version) *access.Auth {
	a := access.DefaultAuth()
	a.Version = version
	return &a
}

// surveyed is what a device says to those who ask.
type surveyed struct {
	address     string
	by          *candidate // nil: it answers to none
	name, descr string
	took        time.Duration
	engine      *client.Discovery // of SNMPv3; nil: it does not speak that, or was not asked
	err         error             // why it answers to none, where that is known
}

// answers reports whether there is a device.
func (s *surveyed) answers() bool { return s.by != nil || s.engine != nil || s.err != nil }

// surveyor asks devices which of several auths they answer to.
type surveyor struct {
	engine     *client.Client
	candidates []candidate
	params     client.Params
}

func newSurveyor(e *client.Client, list []candidate, timeout time.Duration, retries int) *surveyor {
	return &surveyor{e, list, client.Params{Timeout: setting.Duration{Duration: timeout}, Retries: &retries}}
}

var sysName, sysDescr = snmp.MustParseOID("1.3.6.1.2.1.1.5.0"), snmp.MustParseOID("1.3.6.1.2.1.1.1.0")

// secondAnswer is how long another answer is waited for at least once there is one.
const secondAnswer = 100 * time.Millisecond

// survey asks with all auths at once. Of those that are answered, the first of the candidates counts.
func (s *surveyor) survey(ctx context.Context, address string) surveyed {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found := make([]surveyed, len(s.candidates))
	var asking sync.WaitGroup
	for i := range s.candidates {
		asking.Go(func() {
			if found[i] = s.try(ctx, address, &s.candidates[i]); found[i].by != nil {
				time.AfterFunc(max(secondAnswer, 2*found[i].took), cancel)
			}
		})
	}
	var v3 *client.Discovery
	asking.Go(func() { v3 = s.discover(ctx, address) })
	asking.Wait()
	best := surveyed{address: address}
	for i := range found {
		if found[i].by != nil {
			best = found[i]
			break
		}
		best.err = cmp.Or(best.err, found[i].err)
	}
	best.engine = v3
	return best
}

// try asks with one auth, for one object after the other: some devices answer no request for several, or have only some.
// Whatever they say of an object shows that they answer. The error is one by which the device shows that it is there.
func (s *surveyor) try(ctx context.Context, address string, c *candidate) surveyed {
	found := surveyed{address: address}
	target, err := s.engine.Target(client.Spec{Address: address, Auth: c.auth})
	if err != nil {
		return found
	}
	for _, object := range []struct {
		oid  snmp.OID
		text *string
	}{{sysName, &found.name}, {sysDescr, &found.descr}} {
		start := time.Now()
		_, err := target.Poll(ctx, &client.Plan{Get: []snmp.OID{object.oid}, Alone: true, Params: s.params}, func(v snmp.VarBind) {
			if v.Type == snmp.OctetString {
				*object.text = string(v.Value)
			}
		})
		refused := refusedBy(err)
		if refused != nil {
			found.err = refused
		} else if !silent(err) && found.by == nil {
			found.by, found.took = c, time.Since(start)
		}
		if silent(err) {
			break
		}
	}
	return found
}

// silent reports whether an error is one of the whole target: it answered nothing, or would not answer anything else.
func silent(err error) bool {
	return slices.ContainsFunc(access.Errors(err), (*access.Error).TargetFailed)
}

// refusedBy is the error by which a device shows that it does not like the auth, or nil.
func refusedBy(err error) error {
	for _, e := range access.Errors(err) {
		if slices.Contains(authRefusals, e.Reason) {
			return e
		}
	}
	return nil
}

// authRefusals are what a device says that is there and does not like the auth.
var authRefusals = []access.Reason{access.UnknownUser, access.WrongDigest, access.UnsupportedLevel, access.Decryption, access.Authorization}

func (s *surveyor) discover(ctx context.Context, address string) *client.Discovery {
	target, err := s.engine.Target(client.Spec{Address: address})
	if err != nil {
		return nil
	}
	d, err := target.Discover(ctx, s.params)
	if err != nil || len(d.EngineID) == 0 {
		return nil
	}
	return &d
}

// target is the entry of a device that answers.
func (s *surveyed) target(remark bool) written {
	t := written{address: s.address}
	if name := strings.TrimSpace(s.name); name != "" && name != s.address && usableName(name) {
		t.name = name
	}
	if s.by != nil && s.by.name != poller.DefaultAuth {
		t.auth = s.by.name
	}
	if remark {
		t.remark = oneLine(s.descr)
	}
	return t
}

func usableName(name string) bool {
	s := poller.TargetSettings{Name: name, Address: "localhost"}
	return len(s.Problems()) == 0 && oneLine(name) == name
}

// isAbsent reports that a file is not there.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
