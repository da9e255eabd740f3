// Package scan looks for devices in networks: it sweeps them, logs in without being locked out, and knows a device by its
// evidence, whatever its addresses.
package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"trapline/internal/client"
	"trapline/internal/setting"
	"trapline/internal/sweep"
)

// Options say where and how to look.
type Options struct {
	Range       *sweep.Range
	Of          string // text of the networks: a state of others is not gone on with
	Candidates  []Candidate
	Rate        int                 // datagrams a second; 0 means DefaultRate
	SubnetRate  int                 // into a network of 24 bits; 0 means DefaultSubnetRate
	AliveOnly   bool                // communities only to devices that answer the engine discovery, and to those that are alive
	Alive       map[netip.Addr]bool // addresses that others have seen
	MaxFailures int                 // failed logins to a device in a day; 0 means DefaultMaxFailures
	Prefer      []netip.Prefix      // networks to poll devices in
	Port        uint16              // 0 means 161
	Timeout     time.Duration       // of an answer; 0 means DefaultTimeout
	Retries     int                 // more requests that carry no secret
	Taken       map[netip.Addr]bool // addresses of targets, which are not asked
	File        string              // state; empty for none
	Others      []string            // patterns of the files of other scans, whose failed logins count, too
	Resume      bool                // go on with a sweep that was interrupted
	Discover    bool                // ask for engines although no candidate is of SNMPv3
	AskSilent   bool                // ask silent addresses with communities although that was done within a day
	Listed      bool                // the range is addresses that others have named, and each time another one: see listed.go
	Partial     bool                // of those: it has new addresses alone, and devices that it does not have are not missed
	Usable      func(string) bool   // whether a name may be a target's; nil: any
	Logger      *slog.Logger        // nil logs nothing
	Now         func() time.Time    // nil means time.Now
	Spacing     time.Duration       // between failed logins; 0 means DefaultSpacing
}

// Defaults of Options.
const (
	DefaultRate        = 1000
	DefaultSubnetRate  = 50
	DefaultMaxFailures = 2
	DefaultTimeout     = time.Second
	DefaultSpacing     = 2 * time.Second
	// MissedSweeps is how many whole sweeps a device may be silent before it is gone.
	MissedSweeps = 3
)

// Device is a device that accepts a login.
type Device struct {
	ID        int // stays, as the name does, when the address is another
	Name      string
	Address   netip.Addr   // to poll it at
	Port      uint16       // 0: that of the scan
	Addresses []netip.Addr // where it answers
	Auth      string       // that it accepts
	Facts     Facts        // as it has at Address
	Took      time.Duration
	Missed    int // whole sweeps in which it did not answer
}

// Progress is how far a sweep is.
type Progress struct {
	Done, Total int // addresses, over all questions
	Range       int // addresses
	Found, New  int // addresses that accept a login
	Pass        string
}

// Scan is a sweep, and all that is known from those before.
type Scan struct {
	o      Options
	bounds Bounds
	state  *state
	others *others
	logger *slog.Logger

	credentials []*credential
	order       *sweep.Order
	asked       []*question // passes of communities of this sweep
	pacer       *sweep.Pacer
	engine      *client.Client
	sweeper     *sweep.Sweeper
	logins      chan struct{} // places of logins that are under way
	working     *workers

	mu       sync.Mutex // before that of the state
	progress Progress
	devices  map[deviceKey][]*device
	at       map[netip.Addr]*device       // by address, of this sweep
	accepts  map[netip.Addr]bool          // a login in this sweep
	sent     int                          // position behind the last address that was asked in this pass
	refused  map[netip.Addr]bool          // nobody listens there
	claimed  map[netip.Addr][]*credential // of devices that say to have an address
	doubts   []Doubt
	left     int // devices, or addresses of one that has too many, that are left alone
}

// Open reads the state of a scan. Close it.
func Open(o Options) (*Scan, error) {
	o.Rate, o.SubnetRate = cmp.Or(o.Rate, DefaultRate), cmp.Or(o.SubnetRate, DefaultSubnetRate)
	o.MaxFailures, o.Timeout = cmp.Or(o.MaxFailures, DefaultMaxFailures), cmp.Or(o.Timeout, DefaultTimeout)
	o.Port, o.Spacing = cmp.Or(o.Port, 161), cmp.Or(o.Spacing, DefaultSpacing)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	st, err := openState(o.File)
	if err != nil {
		return nil, err
	}
	s := &Scan{o: o, bounds: Bounds{o.MaxFailures, o.Spacing}, state: st, logger: o.Logger}
	if err := s.readCredentials(); err != nil {
		s.Close()
		return nil, err
	}
	if s.others, err = openOthers(&o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// readCredentials reads the candidates. One whose secret cannot be read is left out, unless none is left.
func (s *Scan) readCredentials() error {
	var failed error
	for _, c := range s.o.Candidates {
		made, err := newCredential(c, s.state.header.Salt)
		if err != nil {
			failed = errors.Join(failed, err)
			s.logger.Error("an auth cannot be used", "auth", c.Name, "err", err)
			continue
		}
		s.credentials = append(s.credentials, made)
		s.o.Of += " " + made.digest
	}
	if len(s.credentials) == 0 {
		return cmp.Or(failed, errors.New("there is no auth to ask with"))
	}
	return nil
}

// Close ends the scan. It is not used while Run does.
func (s *Scan) Close() {
	s.state.close()
	s.others.close()
}

// Ended returns when the last whole sweep ended, zero if none did.
func (s *Scan) Ended() time.Time { return s.state.header.Ended }

// Interrupted reports whether a sweep of the same networks did not end.
func (s *Scan) Interrupted() bool { return s.state.header.Seed != 0 && s.state.header.Of == s.o.Of }

// Changed reports whether the last sweep was of other networks, or with other credentials.
func (s *Scan) Changed() bool { return s.state.header.Of != "" && s.state.header.Of != s.o.Of }

// Progress returns how far the sweep is.
func (s *Scan) Progress() Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress
}

// LeftAlone returns how many devices were not asked with all auths, so that they lock nobody out.
func (s *Scan) LeftAlone() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

// Doubts returns evidence that different devices share.
func (s *Scan) Doubts() []Doubt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doubts
}

// maxFound bounds the addresses that answer: more are as silent.
const maxFound = 200_000

// maxLogins is how many devices are asked at once, each for one thing at a time.
const maxLogins = 128

// Run sweeps the networks once. If ctx is canceled, it returns its error, and whatever was found by then is kept. It ends
// when the state cannot be written: a login that is not noted might be tried again and again.
func (s *Scan) Run(ctx context.Context) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s.state.broken = stop
	if err := s.others.alone(ctx, s.begin); err != nil {
		return err
	}
	defer func() {
		if failed := s.state.failure(); failed != nil {
			err = fmt.Errorf("the state of the scan cannot be written: %w", failed)
			return
		}
		err = errors.Join(err, s.state.sync())
	}()
	s.engine = client.New(client.Options{Logger: slog.New(slog.DiscardHandler)})
	defer func() { _ = s.engine.Close() }()
	s.sweeper = sweep.New(s.o.Port, s.pacer)
	defer s.sweeper.Close()
	ending, cancel := context.WithCancel(context.WithoutCancel(ctx)) // after the answers that an interrupted sweep waits for
	defer cancel()
	go s.syncEachSecond(ending)
	go s.beat(ending)

	s.askKnown(ctx)
	s.resumeDevices(ctx)
	plan := s.plan()
	first, from := s.state.lastPosition()
	s.mu.Lock()
	s.progress.Total = len(plan) * s.o.Range.Size()
	s.progress.Range = s.o.Range.Size()
	s.progress.Done = min(first, len(plan)) * s.o.Range.Size()
	s.mu.Unlock()
	for n := first; n < len(plan) && ctx.Err() == nil; n++ {
		err = s.space(ctx, plan, n)
		if err == nil {
			err = s.pass(ctx, &plan[n], n, from)
		}
		if err != nil {
			break
		}
		from = 0
	}
	s.finish(ctx)
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return err
	}
	return s.end(plan)
}

// finish waits for what is under way, and takes late answers until it ends. After an interruption it waits for the answers
// to the last communities: addresses that were sent one are not sent it again.
func (s *Scan) finish(ctx context.Context) {
	s.working.Wait()
	if ctx.Err() != nil && s.state.failure() == nil {
		s.sweeper.Drain(s.o.Timeout)
	}
	s.sweeper.Stop()
	s.working.Wait()
}

// begin goes on with a sweep, or starts one.
func (s *Scan) begin() {
	now := s.o.Now()
	s.state.notAfter(now)
	s.forgetOpen(now)
	if s.o.Listed || !s.o.Resume || !s.Interrupted() {
		s.state.setHeader(func(h *header) { h.Seed, h.Of, h.Begun = rand.Uint64()|1, s.o.Of, now })
		_ = s.state.setPosition(0, 0) // whose failure ends the sweep
	}
	s.order = s.o.Range.Shuffled(s.state.header.Seed)
	s.pacer = sweep.NewPacer(s.Rate())
	s.logins, s.working = make(chan struct{}, maxLogins), newWorkers()
	s.devices, s.at, s.refused = map[deviceKey][]*device{}, map[netip.Addr]*device{}, map[netip.Addr]bool{}
	s.accepts, s.asked, s.claimed = map[netip.Addr]bool{}, nil, map[netip.Addr][]*credential{}
	s.progress, s.left, s.doubts = Progress{}, 0, nil
}

func (s *Scan) syncEachSecond(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := s.state.sync()
			if err == nil && s.state.grown() {
				err = s.state.compact()
			}
			if err != nil {
				s.logger.Error("the state of a scan cannot be written", "file", s.o.File, "err", err)
				return
			}
		}
	}
}

// patience is how many times as long as for a probe an answer is waited for from a device that has answered in this sweep: a
// login that is sent again is one more, and a device that is missed is not polled until the next sweep. Of one that
// is known from sweeps before, an answer is waited for twice.
const patience, knownPatience = 4, 2

// maxUnsent is how often a device that has answered is asked for its engine before it is taken for silent.
const maxUnsent = 2

// patient are the parameters of requests to a device that has answered in this sweep.
func (s *Scan) patient(retries int) client.Params {
	return client.Params{Timeout: setting.Duration{Duration: patience * s.o.Timeout}, Retries: &retries}
}

// target returns an address as the client asks it.
func (s *Scan) target(a netip.Addr, c *credential) (*client.Target, error) {
	return s.engine.Target(client.Spec{Address: netip.AddrPortFrom(a, s.o.Port).String(), Auth: c.Auth})
}

// Rate returns how many datagrams a second are sent.
func (s *Scan) Rate() int { return min(s.o.Rate, s.o.SubnetRate*s.o.Range.Blocks()) }

// Untried returns the names of communities that silent addresses are not sent, because more than MaxFailures might lock
// a device.
func (s *Scan) Untried() (names []string) {
	asked := map[*credential]bool{}
	for _, q := range s.plan() {
		asked[q.community] = true
	}
	for _, c := range s.credentials {
		if !c.v3() && !asked[c] && (!s.o.AliveOnly || len(s.o.Alive) > 0) {
			names = append(names, c.Name)
		}
	}
	return names
}

// Engines returns the addresses that answered the engine discovery of the last sweep, and accept no candidate.
func (s *Scan) Engines() (list []Record) {
	for _, r := range s.records() {
		if r.Auth == "" && r.Engine != "" && !r.Heard.Before(s.state.header.Begun) {
			list = append(list, r)
		}
	}
	return list
}
