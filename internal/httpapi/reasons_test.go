package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/agent"
	"trapline/internal/api"
	"trapline/internal/client"
	_ "trapline/internal/gosnmpclient"
	"trapline/internal/peers"
	"trapline/internal/poller"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// A failure is said in the same words in the list, on the target's page and in the log, whose line has 200 characters
// at most.
func TestAReasonReadsTheSameEverywhere(t *testing.T) {
	for _, reason := range access.Reasons {
		for _, oid := range []snmp.OID{nil, snmp.MustParseOID("1.3.9")} {
			if reason == access.Canceled || reason == access.Duplicate {
				continue // of the first no poll is kept; the other is no error of an engine
			}
			e := &access.Error{Op: "walk", Reason: reason, OID: oid, Err: errors.New(strings.Repeat("more than 100000 rows of \"it\" ", 20))}
			if oid != nil {
				e.Last = snmp.MustParseOID("1.3.9.10.1")
			}
			play(t, []*poller.Target{target("core-1.berlin.example.net", "berlin")}, func(r *rig) {
				r.set("core-1.berlin.example.net", &stub{err: e, stats: client.Stats{Packets: 4}})
				time.Sleep(2 * time.Minute)
				list, err := r.api.Fleet.Targets(api.TargetQuery{Text: "reason=" + string(reason)})
				if err != nil || len(list.Targets) != 1 || list.Targets[0].Problem == nil {
					t.Fatalf("%s: %v: %+v", reason, err, list)
				}
				listed := list.Targets[0].Problem
				one, err := r.api.Fleet.Target("core-1.berlin.example.net")
				if err != nil || one.Problems[0].Text != listed.Text || one.Problems[0].Remedy == "" || one.Problem.Text != listed.Text {
					t.Errorf("%s: %v: %+v, %+v", reason, err, one.Problems, listed)
				}
				if (one.State == api.Down) != e.TargetFailed() || (one.State == api.Partial) == e.TargetFailed() {
					t.Errorf("%s of %s: %s", reason, oid, one.State)
				}
				lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
				_, text, _ := strings.Cut(lines[0], ` text="`)
				text = strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(text, `"`), "…"), `\"`, `"`)
				if len(lines) != 1 || text == "" || !strings.HasPrefix(listed.Text, text) || !strings.Contains(lines[0], " reason="+string(reason)+" ") {
					t.Errorf("%s: the log has %q, the page %q", reason, lines, listed.Text)
				}
				const source = " source=poller.go:999"
				if n := len([]rune(lines[0])) + len(source); n > 200 {
					t.Errorf("%s: a line of %d characters: %s", reason, n, lines[0])
				}
			})
		}
	}
}

// trouble is a device with something amiss, and how it is asked.
type trouble struct {
	want   access.Reason
	state  api.State
	text   string // is in the problem's text
	step   string // the one that fails, of a target that is down
	device agent.Faults
	silent bool   // nobody answers at the address
	at     string // instead of a device
	auth   func(*access.Auth)
	snmpd  bool
	change func(*poller.Target)
}

var patience = client.Params{Timeout: setting.Duration{Duration: 300 * time.Millisecond}, Retries: new(int)}

func v3(a *access.Auth) {
	a.Version, a.Username, a.SecurityLevel = 3, "usr-sha-aes", access.AuthPriv
	a.AuthProtocol, a.PrivProtocol, a.Password, a.PrivPassword = "SHA", "AES", peers.AuthPassphrase, peers.PrivPassphrase
}

func with(changes ...func(*access.Auth)) func(*access.Auth) {
	return func(a *access.Auth) {
		for _, change := range changes {
			change(a)
		}
	}
}

var ifInOctets = snmp.MustParseOID("1.3.6.1.2.1.2.2.1.10.3")

const dropsUser = `It answers the discovery of its engine, but not user "usr-sha-aes": the privacy password, the privacy protocol or the context is probably wrong.`

var troubles = map[string]trouble{
	"well":                {state: api.Up},
	"dead":                {want: access.Timeout, state: api.Down, text: "No answer to ", step: "answers", device: agent.Faults{Dead: true}},
	"nothing listens":     {want: access.Refused, state: api.Down, text: "Nothing listens on UDP port ", step: "answers", silent: true},
	"no address":          {want: access.Resolve, state: api.Down, text: "The name nobody.invalid has no address", step: "resolves", at: "nobody.invalid"},
	"no way":              {want: access.Unreachable, state: api.Down, text: "There is no route to ", step: "sent", change: func(t *poller.Target) { t.Spec.Source = netip.MustParseAddrPort("[::1]:0") }},
	"no file":             {want: access.Credentials, state: api.Down, text: "Not asked: auth lab cannot be used", step: "sent", auth: func(a *access.Auth) { a.CommunityFile = "/nowhere/community" }},
	"no user":             {want: access.UnknownUser, state: api.Down, text: `has no user "nobody"`, step: "user", snmpd: true, auth: with(v3, func(a *access.Auth) { a.Username = "nobody" })},
	"well, with a user":   {state: api.Up, snmpd: true, auth: v3},
	"wrong password":      {want: access.WrongDigest, state: api.Down, text: `refuses the password or auth_protocol of user "usr-sha-aes"`, step: "digest", snmpd: true, auth: with(v3, func(a *access.Auth) { a.Password = "not the one" })},
	"wrong priv password": {want: access.Timeout, state: api.Down, text: dropsUser, step: "user", snmpd: true, auth: with(v3, func(a *access.Auth) { a.PrivPassword = "not the one" })},                          // Net-SNMP says nothing
	"wrong priv protocol": {want: access.Timeout, state: api.Down, text: dropsUser, step: "user", snmpd: true, auth: with(v3, func(a *access.Auth) { a.PrivProtocol = "AES256" })},                               // likewise
	"and in gosnmp":       {want: access.Timeout, state: api.Down, text: dropsUser, step: "user", snmpd: true, auth: with(v3, func(a *access.Auth) { a.PrivPassword, a.Engine = "not the one", access.Gosnmp })}, // likewise
	"wrong level":         {want: access.UnsupportedLevel, state: api.Down, text: "security level authPriv", step: "user", snmpd: true, auth: with(v3, func(a *access.Auth) { a.Username = "usr-none-none" })},
	"too low a level":     {want: access.Authorization, state: api.Partial, text: "access control", snmpd: true, auth: with(v3, func(a *access.Auth) { a.SecurityLevel = access.AuthNoPriv })},
	"another engine":      {want: access.UnknownEngine, state: api.Down, step: "engine", snmpd: true, auth: with(v3, func(a *access.Auth) { a.EngineID = "8000000001020304" })},
	"no context":          {want: access.Timeout, state: api.Down, text: dropsUser, step: "user", snmpd: true, auth: v3, change: func(t *poller.Target) { t.Spec.Context = "nowhere" }}, // likewise
	"slow":                {want: access.Deadline, state: api.Partial, text: "The poll did not end within its interval of 1 s; ", device: agent.Faults{PerVarBind: 4 * time.Millisecond}},
	"an error":            {want: access.ErrorStatus, state: api.Partial, text: " is partial after row 2: ", device: agent.Faults{FailFrom: ifInOctets}},
	"a circle":            {want: access.NotIncreasing, state: api.Partial, text: " is partial after row ", device: agent.Faults{LoopAfter: ifInOctets, LoopBack: 1}},
	"many rows":           {want: access.TooMany, state: api.Partial, text: "more than 3 rows", change: func(t *poller.Target) { t.Params.MaxRows = 3 }},
	"garbage":             {want: access.Malformed, state: api.Down, text: "is no answer in SNMP", step: "answers", device: agent.Faults{Garbage: 1}},
	"equal labels":        {want: access.Duplicate, state: api.Partial, text: "has rows with equal labels", change: func(t *poller.Target) { t.Modules = []*collector.Module{equalLabels} }},
}

var equalLabels = collector.Compile("m", &collector.Settings{
	Walk:    []setting.OID{setting.ParseOID("1.3.6.1.2.1.2.2.1.10")},
	Metrics: []collector.MetricSettings{{Name: "ifInOctets", OID: setting.ParseOID("1.3.6.1.2.1.2.2.1.10"), Type: "counter"}},
})

// Reasons are provoked at agents and at snmpd, and page and log agree on them.
func TestPeersReasonsAreProvoked(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	modules := shipped(t, "if_mib")
	var devices []agent.Device
	var names []string
	for name, c := range troubles {
		d := agent.Builtin["switch"](1).Serve(netip.MustParseAddrPort("127.0.61.20:0"))
		d.Faults = c.device
		devices, names = append(devices, d), append(names, name)
	}
	server, err := agent.Listen(devices...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { _ = server.Run(ctx) })
	var (
		log  lockedBuffer
		seen sync.Map // targets by name
	)
	engines := client.New(client.Options{})
	defer engines.Close()
	var targets []*poller.Target
	for i, name := range names {
		targets = append(targets, troubled(t, name, server.Addr(i).String(), snmpd.Address, modules))
	}
	open := func(s client.Spec) (collector.Session, error) { return engines.Target(s) }
	var polled sync.WaitGroup
	polled.Add(len(targets))
	polls := poller.New(poller.Options{PassOptions: poller.PassOptions{Open: open}, Logger: slog.New(slog.NewTextHandler(&log, nil)), Ended: func(r poller.Report) {
		if _, again := seen.LoadOrStore(r.Target.Name, true); !again {
			polled.Done()
		}
	}})
	a := New(Options{Polls: polls, Open: open})
	polls.SetTargets(targets)
	running.Go(func() { _ = polls.Run(ctx) })
	polled.Wait()
	for name, c := range troubles {
		checkTrouble(t, a, name, &c, log.String())
	}
}

func troubled(t *testing.T, name, device, snmpd string, modules []*collector.Module) *poller.Target {
	t.Helper()
	c := troubles[name]
	auth := access.DefaultAuth()
	if c.auth != nil {
		c.auth(&auth)
	}
	one := &poller.Target{Name: name, AuthName: "lab", Interval: time.Hour, Modules: modules, Params: patience, Spec: client.Spec{Address: device, Auth: &auth}}
	switch {
	case c.at != "":
		one.Spec.Address = c.at
	case c.snmpd:
		one.Spec.Address = snmpd
	case c.silent:
		one.Spec.Address = "127.0.61.21:9" // which no socket is given that asks for any port
	}
	if c.want == access.Deadline {
		one.Interval, one.Params.Timeout.Duration = time.Second, 5*time.Second
	}
	if c.change != nil {
		c.change(one)
	}
	return one
}

func checkTrouble(t *testing.T, a *API, name string, c *trouble, log string) {
	t.Helper()
	got, err := a.Fleet.Target(name)
	if err != nil {
		t.Fatal(err)
	}
	if got.State != c.state || c.want != "" && (got.Problem == nil || got.Problem.Reason != string(c.want) || !strings.Contains(got.Problem.Text, c.text)) {
		t.Errorf("%s: %s, %+v; want %s, %s %q", name, got.State, got.Problem, c.state, c.want, c.text)
		return
	}
	for _, s := range got.Ladder {
		if (s.State == "failed") != (s.Name == c.step) {
			t.Errorf("%s: %+v", name, got.Ladder)
		}
	}
	if c.want == "" && (got.EngineID != "") != c.snmpd {
		t.Errorf("%s: engine %q of %d boots", name, got.EngineID, got.Boots)
	}
	if c.want == "" || c.want == access.Duplicate {
		return
	}
	first, _, _ := strings.Cut(got.Problem.Text, ". ")
	for line := range strings.Lines(log) {
		if strings.Contains(line, fmt.Sprintf(" target=%q ", name)) || strings.Contains(line, " target="+name+" ") {
			_, text, _ := strings.Cut(line, ` text="`)
			text, _, _ = strings.Cut(strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(text), `"`), `\"`, `"`), "…")
			if text == "" || !strings.HasPrefix(digits.ReplaceAllString(first, "n"), digits.ReplaceAllString(text, "n")) {
				t.Errorf("%s: log %q, page %q", name, text, first)
			}
			return
		}
	}
	t.Errorf("%s: not in the log", name)
}

// digits match the parts that differ from poll to poll.
var digits = regexp.MustCompile(`[0-9.]+`)

// lockedBuffer is a log that several goroutines write and read.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
