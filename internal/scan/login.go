package scan

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// deviceKey is the part of an engine discovery that identifies a device, with its start in units of drift.
type deviceKey struct {
	engine string
	boots  int32
	start  int64
}

func keyOf(engine string, boots int32, booted time.Time) deviceKey {
	return deviceKey{engine, boots, booted.Unix() / int64(drift/time.Second)}
}

// deviceLocked returns the device of an engine that is known in this sweep, nil if none is.
func (s *Scan) deviceLocked(key deviceKey, booted time.Time) *device {
	for _, off := range []int64{-1, 0, 1} {
		for _, d := range s.devices[deviceKey{key.engine, key.boots, key.start + off}] {
			if near(d.booted, booted) {
				return d
			}
		}
	}
	return nil
}

// maxMembers bounds the addresses of one device that are asked. One that has more answers for whole networks.
const maxMembers = 256

// device is the addresses that are taken for one device while it is logged in to: a lock-out is of the device. Guarded by
// the mutex of Scan.
type device struct {
	engine  string // empty if it is not known
	boots   int32
	booted  time.Time
	members []netip.Addr
	waiting []netip.Addr // which are yet to be asked
	working bool
	worked  *credential  // nil: none yet
	known   bool         // worked did so before this process
	resumed bool         // worked did so in this sweep, before an interruption
	again   []netip.Addr // addresses of a known device that are waiting for the second time
	guard   Guard
	alone   bool // it was left alone
}

// join adds an address whose engine answered, and has it asked.
func (s *Scan) join(ctx context.Context, a netip.Addr, engine string, boots int32, booted time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at[a] != nil || len(s.at) >= maxFound {
		return
	}
	key := keyOf(engine, boots, booted)
	d := s.deviceLocked(key, booted)
	if d == nil {
		d = &device{engine: engine, boots: boots, booted: booted}
		s.devices[key] = append(s.devices[key], d)
	}
	var joined Record
	s.state.update(a, func(r *Record) {
		if d.resumed {
			r.Guard.AcceptedElsewhere(d.worked.digest)
		}
		d.guard.merge(&r.Guard)
		for _, q := range s.asked {
			if !s.o.Listed && s.sentLocked(q, a) { // the guard of a listed one has it
				d.guard.Late(q.community.digest, s.o.Now())
			}
		}
		r.Engine, r.Boots, r.Booted, r.Heard, r.Guard = engine, boots, booted, s.o.Now(), d.guard.clone()
		joined = *r
	})
	s.addLocked(ctx, d, &joined, a)
	if len(d.guard.Failed) > 0 {
		s.saveLocked(d)
	}
}

// addLocked has an address asked, behind others of its device.
func (s *Scan) addLocked(ctx context.Context, d *device, r *Record, a netip.Addr) {
	s.at[a] = d
	if len(d.members) == maxMembers {
		s.left++
		return
	}
	d.members = append(d.members, a)
	d.waiting = append(d.waiting, a)
	d.guard.merge(&r.Guard)
	if !d.working {
		d.working = true
		s.working.Go(func() { s.work(ctx, d) })
	}
}

// askKnown asks all addresses that accepted a login before this sweep, with that alone.
func (s *Scan) askKnown(ctx context.Context) {
	devices := map[int]*device{}
	for _, r := range s.records() {
		c := s.credentialOf(&r)
		if c != nil {
			s.claim(Observation{r.Address, &r.Facts}, c)
		}
		outside, asked := s.o.Taken[r.Address] || !s.o.Range.Contains(r.Address), !r.Asked.Before(s.state.header.Begun)
		if c == nil || outside && !s.o.Listed {
			continue
		}
		resumed := !r.Seen.Before(s.state.header.Begun)
		if resumed {
			r.Guard.AcceptedElsewhere(c.digest)
		}
		s.mu.Lock()
		d := devices[r.Device]
		if d == nil {
			d = &device{engine: r.Engine, boots: r.Boots, booted: r.Booted, worked: c, known: true, resumed: resumed}
			if r.Device != 0 {
				devices[r.Device] = d
			}
			if r.Engine != "" {
				key := keyOf(r.Engine, r.Boots, r.Booted)
				s.devices[key] = append(s.devices[key], d)
			}
		}
		switch {
		case !outside && !asked && resumed: // an interruption came before its facts
			if len(d.members) < maxMembers {
				d.members = append(d.members, r.Address)
				d.guard.merge(&r.Guard)
			}
			s.at[r.Address], s.accepts[r.Address] = d, true
			s.progress.Found++
			s.read(ctx, r.Address, c)
		case !outside && !asked:
			s.addLocked(ctx, d, &r, r.Address)
		case len(d.members) < maxMembers: // it has the credential for other addresses of its device
			d.members = append(d.members, r.Address)
			d.guard.merge(&r.Guard)
		}
		s.mu.Unlock()
	}
}

// credentialOf returns the credential that an address accepted, nil if that is not among the candidates.
func (s *Scan) credentialOf(r *Record) *credential {
	for _, c := range s.credentials {
		if r.Auth != "" && c.digest == r.Digest {
			return c
		}
	}
	return nil
}

func (s *Scan) records() (list []Record) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	for _, r := range s.state.sorted() {
		list = append(list, *r)
	}
	return list
}

// work asks the addresses of a device, one after the other.
func (s *Scan) work(ctx context.Context, d *device) {
	for s.enter(ctx) {
		s.mu.Lock()
		if len(d.waiting) == 0 {
			d.working = false
			s.mu.Unlock()
			s.leave()
			return
		}
		a := d.waiting[0]
		d.waiting = d.waiting[1:]
		s.mu.Unlock()
		if s.login(ctx, d, a) && ctx.Err() == nil {
			s.state.update(a, func(r *Record) { r.Asked = s.o.Now() })
		}
		s.leave()
	}
}

// login looks for the credential that an address accepts. A request that came to nothing may have been lost: it is sent
// once more when all others were refused. Done is false if the address is asked again later.
func (s *Scan) login(ctx context.Context, d *device, a netip.Addr) (done bool) {
	var silent []*credential
	for _, c := range s.choice(d) {
		s.mu.Lock()
		late, unanswered := s.accepts[a], d.guard.Unanswered(c.digest, s.state.header.Begun)
		s.mu.Unlock()
		if late { // by an answer to a community that came meanwhile
			return false
		}
		if unanswered && !d.known { // before an interruption
			silent = append(silent, c)
			continue
		}
		switch s.try(ctx, d, a, c, d.known) {
		case loginAccepted:
			s.readDevice(ctx, a, c)
			return true
		case loginSilent:
			if silent = append(silent, c); s.later(d, a) {
				return false
			}
		case loginEnds:
			return true
		}
	}
	for _, c := range silent {
		switch s.try(ctx, d, a, c, true) {
		case loginAccepted:
			s.readDevice(ctx, a, c)
			return true
		case loginEnds:
			return true
		}
	}
	return true
}

// later has the other addresses of a known device asked before one that is silent is asked again: what one accepts is no
// failed login at another.
func (s *Scan) later(d *device, a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !d.known || len(d.waiting) == 0 || slices.Contains(d.again, a) {
		return false
	}
	d.again = append(d.again, a)
	d.waiting = append(d.waiting, a)
	return true
}

// choice returns the credentials to try: the one that worked alone, else the one whose outcome an interruption has hidden,
// the users of SNMPv3, then the communities.
func (s *Scan) choice(d *device) []*credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.worked != nil {
		return []*credential{d.worked}
	}
	list := slices.Clone(s.credentials)
	slices.SortStableFunc(list, func(a, b *credential) int { return int(b.principal.Version) - int(a.principal.Version) })
	if i := slices.IndexFunc(list, func(c *credential) bool { return c.digest == d.guard.Open }); i > 0 { // another login would take its place
		open := list[i]
		list = slices.Insert(slices.Delete(list, i, i+1), 0, open)
	}
	return slices.CompactFunc(list, sameLogin)
}

// outcome is the result of a login.
type outcome int

const (
	loginAccepted outcome = iota
	loginNone             // the device knows no such user, or the credential may not be tried
	loginRefused
	loginSilent
	loginUnsent // the engine, which has answered before, did not answer
	loginEnds   // the device is to be left alone
)

// try logs in once, if the guard lets it.
func (s *Scan) try(ctx context.Context, d *device, a netip.Addr, c *credential, again bool) outcome {
	if !s.allowed(ctx, d, c, again) {
		return loginNone
	}
	if ctx.Err() != nil {
		return s.note(d, loginEnds) // nothing was sent
	}
	t, err := s.target(a, c)
	if err != nil {
		return s.note(d, loginNone)
	}
	o, there := s.send(ctx, t, c, d.known)
	switch {
	case o == loginUnsent:
		o = loginEnds
	case (o == loginSilent || o == loginEnds) && ctx.Err() != nil:
		if !c.v3() { // whose login may not have been sent: it stays under way
			s.note(d, loginSilent)
		}
		return loginEnds
	case o == loginAccepted:
		s.accepted(a, c) // before the guard forgets the logins that failed: a restart would send them again
		s.mu.Lock()
		d.worked = c // it is asked so at its other addresses
		s.mu.Unlock()
	}
	if o != loginSilent || d.known {
		return s.note(d, o)
	}
	if there || s.answers(ctx, t) {
		return s.note(d, loginSilent)
	}
	s.note(d, loginSilent)
	s.lock(d, a)
	return loginEnds
}

// send sends a login, and again as long as there was no answer to the engine discovery that comes before it. After an
// interruption its answer is waited for as long as for that of a probe: it would count as failed.
func (s *Scan) send(ctx context.Context, t *client.Target, c *credential, known bool) (o outcome, there bool) {
	interrupted := ctx
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(interrupted, func() { time.AfterFunc(s.o.Timeout, end) })()
	params := s.patient(0)
	if known { // which may be gone
		params.Timeout.Duration = knownPatience * s.o.Timeout
	}
	for range maxUnsent {
		_, err := t.Poll(ctx, &client.Plan{Get: []snmp.OID{sysObjectID}, Alone: true, Params: params}, func(snmp.VarBind) {})
		if o, there = judge(err, c.v3()); o != loginUnsent || interrupted.Err() != nil {
			break
		}
	}
	return o, there
}

// allowed waits until a login may be tried, and notes that it is.
func (s *Scan) allowed(ctx context.Context, d *device, c *credential, again bool) bool {
	for paced := false; ctx.Err() == nil; {
		var wait time.Duration
		var ok, begun bool
		err := s.others.alone(ctx, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			wait, ok = s.mayTryLocked(d, c, again)
			if begun = ok && wait == 0 && paced; begun {
				d.guard.Begin(c.digest, s.o.Now())
				s.saveLocked(d)
			}
		})
		switch {
		case err != nil:
			return false
		case begun:
			return true
		case !ok:
			s.leaveAlone(d)
			return false
		case wait > 0:
			s.leave()
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			s.logins <- struct{}{}
		default:
			paced = s.pacer.Wait(ctx, 2) == nil
		}
	}
	return false
}

func (s *Scan) leaveAlone(d *device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !d.alone {
		d.alone = true
		s.left++
	}
}

// outcomeTime is how often it is looked whether the login of another scan, which is under way, has failed.
const outcomeTime = 50 * time.Millisecond

// mayTryLocked reports whether a login may be tried, by all scans' count, and after which wait. It is called by alone.
func (s *Scan) mayTryLocked(d *device, c *credential, again bool) (wait time.Duration, ok bool) {
	now := s.o.Now()
	since := now.Add(-2 * patience * s.o.Timeout)
	d.guard.forget(now)
	for _, underWay := range []bool{true, false} {
		all := d.guard.clone()
		s.others.add(&all, d, since, underWay)
		if wait, ok = all.MayTry(c.digest, &s.bounds, again, now); ok {
			if !underWay { // but for one, which may succeed
				wait = max(wait, outcomeTime)
			}
			break
		}
	}
	return wait, ok
}

// note notes the outcome of a login.
func (s *Scan) note(d *device, o outcome) outcome {
	now := s.o.Now()
	s.mu.Lock()
	switch o {
	case loginAccepted:
		d.guard.Accepted()
	case loginNone:
		d.guard.NoLogin(now)
	case loginEnds:
		d.guard.Undone()
	case loginRefused:
		d.guard.Refused(now)
	case loginSilent:
		d.guard.Silent(now)
	}
	s.mu.Unlock()
	s.save(d)
	return o
}

// lock leaves a device alone that is silent to all.
func (s *Scan) lock(d *device, a netip.Addr) {
	s.mu.Lock()
	d.guard.Locked(s.o.Now())
	until := d.guard.Until
	s.mu.Unlock()
	s.save(d)
	s.logger.Warn("a device that answered is silent: it is left alone, as it may block logins", "address", a, "until", until)
}

// save writes the guard of a device.
func (s *Scan) save(d *device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saveLocked(d)
}

func (s *Scan) saveLocked(d *device) { s.state.setGuard(d.members, &d.guard) }

// answers reports whether an engine answers at all.
func (s *Scan) answers(ctx context.Context, t *client.Target) bool {
	_, err := t.Discover(ctx, s.patient(1))
	return err == nil || ctx.Err() != nil
}

// judge returns the outcome of a login, and whether the engine is known to be there.
func judge(err error, v3 bool) (o outcome, there bool) {
	for _, e := range access.Errors(err) {
		switch e.Reason {
		case access.UnknownUser, access.UnsupportedLevel, access.Credentials, access.Internal:
			return loginNone, true
		case access.WrongDigest, access.Decryption:
			return loginRefused, true
		case access.Refused, access.Unreachable, access.Resolve, access.Canceled:
			return loginEnds, false
		case access.Timeout:
			if v3 && !e.Discovered {
				return loginUnsent, false
			}
			return loginSilent, v3
		case access.Malformed, access.UnknownEngine, access.NotInTimeWindow, access.Late: // an answer to another request
			return loginSilent, true
		case access.ErrorStatus, access.Authorization, access.UnknownContext, access.EmptyAnswer, access.NotIncreasing, access.TooMany, access.Deadline, access.Duplicate:
			// whoever answers so has let us in
		}
	}
	return loginAccepted, true
}

// accepted notes an address that accepts a login, and reports whether that is new to this sweep.
func (s *Scan) accepted(a netip.Addr, c *credential) bool {
	s.mu.Lock()
	again := s.accepts[a]
	s.accepts[a] = true
	s.mu.Unlock()
	if again {
		return false
	}
	now := s.o.Now()
	fresh := false
	s.state.update(a, func(r *Record) {
		fresh = r.Seen.IsZero()
		r.Auth, r.Digest, r.Seen, r.Missed = c.Name, c.digest, now, 0
	})
	s.mu.Lock()
	s.progress.Found++
	if fresh {
		s.progress.New++
	}
	s.mu.Unlock()
	return true
}

// readDevice reads the facts of a device at an address that accepts a login.
func (s *Scan) readDevice(ctx context.Context, a netip.Addr, c *credential) {
	t, err := s.target(a, c)
	if err != nil || s.pacer.Wait(ctx, 8) != nil {
		return
	}
	start := time.Now()
	_, _ = t.Poll(ctx, &client.Plan{Get: []snmp.OID{sysUpTime}, Alone: true, Params: s.patient(s.o.Retries)}, func(snmp.VarBind) {})
	took := time.Since(start)
	facts := readFacts(ctx, t, s.patient(max(1, s.o.Retries)), s.o.Now)
	if ctx.Err() != nil {
		return
	}
	s.state.update(a, func(r *Record) {
		if r.Device != 0 && !candidates(&facts, &r.Facts) && len(facts.evidence()) > 0 {
			r.Device, r.Name = 0, "" // another device has the address
		}
		r.Facts, r.Took, r.Asked = facts, took, s.o.Now()
	})
	s.claim(Observation{a, &facts}, c)
}
