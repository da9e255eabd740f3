// Package survey asks a device which of several credentials it answers to.
package survey

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"fmt"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Candidate is an auth that a device may answer to.
type Candidate struct {
	Name    string
	Auth    *access.Auth
	Known   bool // By the configuration
	Builtin bool // in a file without auths
}

// PublicAuth returns the auth with the community public, of version 1 or 2.
func PublicAuth(version access.Version) *access.Auth {
	a := access.DefaultAuth()
	a.Version = version
	return &a
}

// Surveyed is the answer of a device.
type Surveyed struct {
	Address     string
	By          *Candidate // nil: it answers to none
	Name, Descr string
	Took        time.Duration
	Engine      *client.Discovery // of SNMPv3; nil: it does not speak that, or was not asked
	Err         error             // why it answers to none, where that is known
}

// Surveyor asks devices which of several auths they answer to.
type Surveyor struct {
	engine     *client.Client
	Candidates []Candidate
	params     client.Params
}

// NewSurveyor returns a surveyor that tries the candidates with a timeout and so many retries.
func NewSurveyor(e *client.Client, list []Candidate, timeout time.Duration, retries int) *Surveyor {
	return &Surveyor{e, list, client.Params{Timeout: setting.Duration{Duration: timeout}, Retries: &retries}}
}

var sysName, sysDescr = snmp.MustParseOID("1.3.6.1.2.1.1.5.0"), snmp.MustParseOID("1.3.6.1.2.1.1.1.0")

// secondAnswer is how long another answer is waited for at least once there is one.
const secondAnswer = 100 * time.Millisecond

// Survey asks with all auths at once. Of those that are answered, the first of the candidates counts.
func (s *Surveyor) Survey(ctx context.Context, address string) Surveyed {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found := make([]Surveyed, len(s.Candidates))
	var asking sync.WaitGroup
	for i := range s.Candidates {
		asking.Go(func() {
			if found[i] = s.try(ctx, address, &s.Candidates[i]); found[i].By != nil {
				time.AfterFunc(max(secondAnswer, 2*found[i].Took), cancel)
			}
		})
	}
	var v3 *client.Discovery
	asking.Go(func() { v3 = s.discover(ctx, address) })
	asking.Wait()
	best := Surveyed{Address: address}
	for i := range found {
		if found[i].By != nil {
			best = found[i]
			break
		}
		best.Err = cmp.Or(best.Err, found[i].Err)
	}
	best.Engine = v3
	return best
}

// try asks with one auth, for one object after the other: some devices answer no request for several, or have only some.
// Whatever they say of an object shows that they answer. The error is one by which the device shows that it is there.
func (s *Surveyor) try(ctx context.Context, address string, c *Candidate) Surveyed {
	found := Surveyed{Address: address}
	target, err := s.engine.Target(client.Spec{Address: address, Auth: c.Auth})
	if err != nil {
		return found
	}
	for _, object := range []struct {
		oid  snmp.OID
		text *string
	}{{sysName, &found.Name}, {sysDescr, &found.Descr}} {
		start := time.Now()
		_, err := target.Poll(ctx, &client.Plan{Get: []snmp.OID{object.oid}, Alone: true, Params: s.params}, func(v snmp.VarBind) {
			if v.Type == snmp.OctetString {
				*object.text = string(v.Value)
			}
		})
		refused := refusedBy(err)
		if refused != nil {
			found.Err = refused
		} else if !silent(err) && found.By == nil {
			found.By, found.Took = c, time.Since(start)
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

// authRefusals are the reasons by which a device that is there rejects the auth.
var authRefusals = []access.Reason{access.UnknownUser, access.WrongDigest, access.UnsupportedLevel, access.Decryption, access.Authorization}

func (s *Surveyor) discover(ctx context.Context, address string) *client.Discovery {
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

// Describe says as whom a candidate asks, without secrets.
func (c *Candidate) Describe() string {
	version := map[access.Version]string{1: "v1", 2: "v2c", 3: "v3"}[c.Auth.Version]
	switch {
	case c.Auth.Version == 3:
		return fmt.Sprintf("v3 as user %s (auth %s)", c.Auth.Username, c.Name)
	case c.Auth.CommunityFile == "" && c.Auth.Community == "public":
		return version + " with community public"
	}
	return fmt.Sprintf("%s with the community of auth %s", version, c.Name)
}
