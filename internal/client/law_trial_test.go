package client_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

const (
	lawPasses   = 20
	lawInterval = time.Minute
	lawDeadline = 2 * time.Hour // an agent that returns one binding at a time is slow
)

// lawTrial is twenty passes with one subject over one device, to which something happens in between.
type lawTrial struct {
	r       *rand.Rand
	subject *lawSubject
	agent   *lawAgent
	network *lawNetwork
	engine  *client.Client
	others  []*client.Client // of other members of a cluster, which polled the device before
	old     [][]byte         // measurements of then

	got, want   *poller.Target // by the engine, and by the strict walk
	concurrency int

	original, all []lawObject // of the device, sorted; columns that it hides included
	hidden        map[string]bool
	uptime        uint64
	booted        time.Time

	oracle *poller.Pass // of the objects as they are
	sum    uint64
	steps  int // of the strict walk, the most so far: rows that went were asked for once more
	log    []string
}

// newLawTrial draws a device's ways, and those of the network to it.
func newLawTrial(r *rand.Rand, subject *lawSubject, objects []lawObject) (*lawTrial, error) {
	agent := &lawAgent{version: snmp.V2c, room: 60 + r.IntN(1413), objects: nil}
	w := &lawTrial{r: r, subject: subject, agent: agent, original: objects, all: objects, hidden: map[string]bool{}, concurrency: 1 + r.IntN(3)}
	w.network = &lawNetwork{agent: agent, r: rand.New(rand.NewPCG(r.Uint64(), 1)), latency: time.Duration(1+r.IntN(50)) * time.Millisecond}
	if r.IntN(2) == 0 {
		agent.room = 60 + r.IntN(340)
	}
	agent.full = []fullness{cuts, cuts, cuts, tooBig, isSilent}[r.IntN(5)]
	agent.misnames = r.IntN(4) == 0
	if r.IntN(4) == 0 {
		agent.bindings = 1 + r.IntN(100)
	}
	if r.IntN(4) == 0 {
		agent.repetitions = 1 + r.IntN(20)
	}
	retries := 3
	if agent.full == isSilent {
		retries = 12
	}
	if r.IntN(3) == 0 {
		n := w.network
		n.loss, n.twice, n.jitter = r.Float64()*0.1, r.Float64()*0.2, time.Duration(r.IntN(30))*time.Millisecond
		retries = 12
	}
	params := client.Params{Retries: &retries, Timeout: setting.Duration{Duration: time.Second}, MaxWindow: []int{0, 0, 1, 2, 64}[r.IntN(5)]}
	if r.IntN(2) == 0 {
		params.MaxRepetitions = &[]uint32{0, 1, 5, 25, 100}[r.IntN(5)]
	}
	spec := client.Spec{Address: lawPeer.String(), Auth: w.drawAuth()}
	w.log = append(w.log, fmt.Sprintf("version %d, room %d, full %d, bindings %d, repetitions %d, loss %.2f, retries %d, window %d, max_repetitions %v",
		spec.Auth.Version, agent.room, agent.full, agent.bindings, agent.repetitions, w.network.loss, retries, params.MaxWindow, value(params.MaxRepetitions)))
	var err error
	if w.got, err = subject.target(spec, params); err != nil {
		return nil, err
	}
	w.want, err = subject.target(spec, params)
	w.begin()
	return w, err
}

func value(p *uint32) int {
	if p == nil {
		return -1
	}
	return int(*p)
}

var lawEngineID = []byte("\x80\x00\x00\x00\x04law")

// lawUsers are those of SNMPv3, by security level.
var lawUsers = []*snmp.User{
	{Name: "law"},
	{Name: "law", Auth: snmp.SHA, AuthKey: snmp.Passphrase("passphrase of law")},
	{Name: "law", Auth: snmp.SHA256, AuthKey: snmp.Passphrase("passphrase of law"), Priv: snmp.AES, PrivKey: snmp.Passphrase("another passphrase")},
}

func (w *lawTrial) drawAuth() *access.Auth {
	switch w.r.IntN(5) {
	case 0:
		w.agent.version = snmp.V1
	case 1:
		w.agent.version = snmp.V3
		w.agent.boots, w.agent.shy = int32(1+w.r.IntN(5)), w.r.IntN(3) == 0
	}
	return w.agent.auth(w.r.IntN(len(lawUsers)))
}

// auth returns the credentials for the agent; in SNMPv3 at one of the levels of lawUsers.
func (a *lawAgent) auth(level int) *access.Auth {
	auth := access.DefaultAuth()
	switch a.version {
	case snmp.V1:
		auth.Version = 1
	case snmp.V3:
		user := lawUsers[level]
		auth.Version, auth.Username, auth.SecurityLevel = 3, user.Name, access.SecurityLevels[level]
		auth.AuthProtocol, auth.PrivProtocol = []string{"MD5", "SHA", "SHA256"}[level], "AES"
		auth.Password, auth.PrivPassword = "passphrase of law", "another passphrase"
		a.security, _ = user.Localize(lawEngineID)
		a.nobody, _ = (&snmp.User{}).Localize(lawEngineID)
	}
	return &auth
}

// begin turns the device on. It may lack any columns.
func (w *lawTrial) begin() {
	w.uptime, w.booted = 1e6+uint64(w.r.IntN(1e9)), time.Now()
	w.agent.started = time.Now()
	if share := w.r.IntN(4); share > 0 {
		for _, c := range w.subject.columns {
			if w.r.IntN(4) < share {
				w.hidden[string(c)] = true
			}
		}
	}
	w.show()
	w.engine = w.network.start()
}

// show makes the agent's objects those of the device that it does not hide.
func (w *lawTrial) show() {
	var list []lawObject
	for _, o := range w.all {
		if len(w.hidden) > 0 {
			if p, ok := w.subject.placeOf(o.name); ok && w.hidden[string(p.column)] {
				continue
			}
		}
		if bytes.Equal(o.name, lawUpTime) {
			o = newLawObject(snmp.VarBind{Name: lawUpTime, Type: snmp.TimeTicks, Value: snmp.AppendUint(nil, w.ticks())})
		}
		list = append(list, o)
	}
	w.agent.mu.Lock()
	defer w.agent.mu.Unlock()
	w.agent.objects = w.agent.visible(list)
	w.oracle = nil
}

func (w *lawTrial) ticks() uint64 {
	return (w.uptime + uint64(time.Since(w.booted)/(10*time.Millisecond))) & (1<<32 - 1)
}

// pass runs a poll with the engine and compares the result with a strict walk.
func (w *lawTrial) pass() error {
	if w.oracle == nil {
		s := &strictWalk{agent: w.agent}
		w.oracle = w.run(context.Background(), w.want, s)
		w.steps = max(w.steps, s.steps)
		if w.oracle.Err != nil {
			return fmt.Errorf("the strict walk: %w", w.oracle.Err)
		}
		w.sum, _ = digest(ofModules(w.oracle))
	}
	x, err := w.engine.Target(w.got.Spec)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lawDeadline)
	defer cancel()
	before, _ := w.agent.asked()
	start := time.Now()
	pass := w.run(ctx, w.got, x)
	requests, faults := w.agent.asked()
	requests -= before
	switch {
	case len(faults) > 0:
		return fmt.Errorf("%s", faults[0])
	case pass.Err != nil:
		return fmt.Errorf("after %s and %d requests: %w", time.Since(start), requests, pass.Err)
	case !pass.Up:
		return fmt.Errorf("not up")
	case requests > w.mostRequests():
		return fmt.Errorf("%d requests where the strict walk takes %d", requests, w.steps)
	}
	if sum, _ := digest(ofModules(pass)); sum != w.sum {
		return fmt.Errorf("%s", unlike(ofModules(pass), ofModules(w.oracle)))
	}
	return nil
}

// ofModules returns the series of the modules of a poll, without those about the poll.
func ofModules(p *poller.Pass) []*series.Set {
	if last := len(p.Sets) - 1; last >= 0 && len(p.Sets[last].Columns) > 0 && strings.HasPrefix(p.Sets[last].Columns[0].Desc.Name, "snmp_scrape_") {
		return p.Sets[:last]
	}
	return p.Sets
}

func (w *lawTrial) run(ctx context.Context, t *poller.Target, s collector.Session) *poller.Pass {
	o := poller.PassOptions{ModuleConcurrency: w.concurrency, Open: func(client.Spec) (collector.Session, error) { return s, nil }}
	return o.Run(ctx, t, false)
}

// mostRequests bounds the requests of a pass by those of the strict walk.
func (w *lawTrial) mostRequests() int {
	most := 10*w.steps + 100
	if w.network.loss > 0 || w.agent.full == isSilent {
		most *= 3
	}
	return most
}

// judge makes all passes, and reports the first that is not as it must be.
func (w *lawTrial) judge() error {
	defer func() {
		for _, e := range append(w.others, w.engine) {
			_ = e.Close()
		}
	}()
	for n := range lawPasses {
		if n > 0 {
			w.between(n)
		}
		if w.agent.trace != nil {
			w.agent.trace("pass %d", n+1)
		}
		if err := w.pass(); err != nil {
			return fmt.Errorf("pass %d: %w\n%s", n+1, err, bytes.Join(texts(w.log), []byte("\n")))
		}
	}
	return nil
}

func texts(log []string) (list [][]byte) {
	for _, s := range log {
		list = append(list, []byte(s))
	}
	return slices.Clip(list)
}
