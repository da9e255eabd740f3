package instances

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/fleet"
	"trapline/internal/poller"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// network has devices that answer, or fail for a reason.
type network struct {
	mu    sync.Mutex
	fails map[string]access.Reason // by address
}

type networkSession struct {
	network *network
	address string
}

func (s networkSession) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	time.Sleep(time.Millisecond) // so that no poll has ended while the clock stands
	s.network.mu.Lock()
	reason := s.network.fails[s.address]
	s.network.mu.Unlock()
	if reason != "" {
		return client.Stats{}, &access.Error{Op: "walk", Reason: reason, Err: context.DeadlineExceeded}
	}
	for _, oid := range slices.Concat(p.Get, p.Walk) {
		yield(snmp.VarBind{Name: snmp.AppendArc(slices.Clone(oid), 0), Type: snmp.Integer, Value: []byte{7}})
	}
	return client.Stats{VarBinds: 1}, nil
}

// sdWorld is a poller of targets that change, and /sd over it.
type sdWorld struct {
	*testing.T
	r       *rand.Rand
	n       network
	polls   *poller.Poller
	sd      *Discovery
	targets map[string]*poller.Target
	owners  map[string]string // addresses of the members that poll; nil without a cluster
}

// unkept are the targets of a cluster, which change unseen.
type unkept struct {
	Source
	made uint64
}

func (u *unkept) DevicesVersion() [2]uint64 {
	u.made++
	return [2]uint64{0, u.made}
}

var sdModules = []*collector.Module{sdModule("a"), sdModule("b")}

func sdModule(name string) *collector.Module {
	return collector.Compile(name, &collector.Settings{Walk: []setting.OID{setting.ParseOID("1.3.9")},
		Metrics: []collector.MetricSettings{{Name: "answer_" + name, OID: setting.ParseOID("1.3.9"), Type: "gauge"}}})
}

func (w *sdWorld) one(list ...string) string { return list[w.r.IntN(len(list))] }

// change makes something other, or nothing.
func (w *sdWorld) change() {
	name := fmt.Sprintf("sw-%02d", w.r.IntN(12))
	switch w.r.IntN(5) {
	case 0:
		delete(w.targets, name)
	case 1, 2:
		w.targets[name] = &poller.Target{Name: name, Interval: time.Minute, Spec: client.Spec{Address: "192.0.2." + name[3:]}, AuthName: w.one("public", "secure"),
			Labels: map[string]string{"site": w.one("berlin", "oslo", ""), "role": w.one("core", "edge")}, Modules: sdModules[w.r.IntN(2):], List: w.one("", "inventory")}
	case 3:
		w.n.mu.Lock()
		w.n.fails["192.0.2."+name[3:]] = access.Reason(w.one("", "", string(access.Timeout), string(access.Refused)))
		w.n.mu.Unlock()
	}
	if w.owners != nil && w.r.IntN(2) == 0 {
		w.owners[name] = w.one("poller-1:9116", "poller-2:9116", "[2001:db8::3]:9116", "")
	}
	var all []*poller.Target
	for _, t := range w.targets {
		all = append(all, t)
	}
	w.polls.SetTargets(all)
	time.Sleep(time.Duration(1+w.r.IntN(4)) * time.Minute)
	synctest.Wait()
}

// matcher is a condition on a value of a target.
type matcher struct{ key, operator, value string }

func (w *sdWorld) matcher() matcher {
	m := matcher{key: w.one("site", "role", "up", "state", "target", "auth", "reason", "discovery", "module", "absent"), operator: w.one("=", "!=", "=~", "!~")}
	m.value = w.one(map[string][]string{
		"site": {"berlin", "oslo", ""}, "role": {"core", "edge"}, "up": {"0", "1"}, "state": {"up", "down", "waiting"}, "target": {"sw-01", "sw-02"},
		"auth": {"public", "secure"}, "reason": {string(access.Timeout), string(access.Refused)}, "discovery": {"inventory", ""}, "module": {"a", "b"}, "absent": {"", "x"},
	}[m.key]...)
	if strings.HasSuffix(m.operator, "~") {
		m.value = w.one(m.value, m.value+"|x", ".*", ".+", "(?i)"+strings.ToUpper(m.value))
	}
	return m
}

// holds is the plain form of a matcher.
func (w *sdWorld) holds(m matcher, t *poller.Target) bool {
	detail, _ := w.polls.Detail(t.Name)
	d := detail.Summary
	values := []string{t.Labels[m.key]}
	switch m.key {
	case "up":
		values = []string{map[poller.State]string{poller.Down: "0", poller.Waiting: ""}[d.State]}
		if d.State != poller.Down && d.State != poller.Waiting {
			values = []string{"1"}
		}
	case "state":
		values = []string{d.State.String()}
	case "target":
		values = []string{t.Name}
	case "auth":
		values = []string{t.AuthName}
	case "discovery":
		values = []string{t.List}
	case "module":
		values = t.ModuleNames()
	case "reason":
		values = nil
		if d.Last != nil {
			for _, e := range d.Last.Errors {
				values = append(values, string(e.Reason))
			}
		}
	}
	expression := "^(?:" + m.value + ")$"
	if !strings.HasSuffix(m.operator, "~") {
		expression = "^" + regexp.QuoteMeta(m.value) + "$"
	}
	return slices.ContainsFunc(values, regexp.MustCompile(expression).MatchString) != strings.HasPrefix(m.operator, "!")
}

// query makes up parameters of /sd, and returns them with what a plain filter selects.
func (w *sdWorld) query() (parameters url.Values, selected func(*poller.Target) bool) {
	parameters = url.Values{}
	var plain []func(*poller.Target) bool
	for range w.r.IntN(3) {
		if m := w.matcher(); m.operator == "=" && parameters[m.key] == nil {
			parameters.Add(m.key, m.value)
			plain = append(plain, func(t *poller.Target) bool { return w.holds(m, t) })
		}
	}
	var either [][]matcher
	for range w.r.IntN(3) {
		var list []matcher
		var texts []string
		for range 1 + w.r.IntN(2) {
			m := w.matcher()
			list, texts = append(list, m), append(texts, fmt.Sprintf("%s%s%q", m.key, m.operator, m.value))
		}
		either = append(either, list)
		parameters.Add("match[]", "{"+strings.Join(texts, ",")+"}")
	}
	return parameters, func(t *poller.Target) bool {
		fails := func(m matcher) bool { return !w.holds(m, t) }
		return !slices.ContainsFunc(plain, func(f func(*poller.Target) bool) bool { return !f(t) }) &&
			(len(either) == 0 || slices.ContainsFunc(either, func(l []matcher) bool { return !slices.ContainsFunc(l, fails) }))
	}
}

// question is a query that is asked again and again, with what was answered last.
type question struct {
	parameters url.Values
	selected   func(*poller.Target) bool
	owners     bool // targets are wanted under the addresses of those that poll them
	body, tag  string
}

// ask compares the answer with the plain filter, and its tag with the answer before.
func (w *sdWorld) ask(q *question) {
	answer := askInstances(w.sd, "http://host/sd?"+q.parameters.Encode(), "If-None-Match", q.tag)
	tag, body := answer.Header().Get("ETag"), q.body
	if answer.Code == 200 {
		body = answer.Body.String()
	}
	if (tag == q.tag) != (body == q.body) || (answer.Code == 304) != (tag == q.tag) {
		w.Errorf("%s: status %d, tag %s then %s, the same answer: %v", q.parameters, answer.Code, q.tag, tag, body == q.body)
	}
	q.tag, q.body = tag, body
	var list []struct {
		Targets []string
		Labels  map[string]string
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		w.Fatal(err, answer)
	}
	got, want := []string{}, []string{}
	for _, one := range list {
		name := one.Labels["instance"]
		got = append(got, name)
		host := "host"
		if owner := w.owners[name]; q.owners && owner != "" {
			host = owner
		}
		if !slices.Equal(one.Targets, []string{host}) {
			w.Errorf("%s: %s is at %v, want %s", q.parameters, name, one.Targets, host)
		}
	}
	for name, t := range w.targets {
		if q.selected(t) {
			want = append(want, name)
		}
	}
	if slices.Sort(want); !slices.Equal(got, want) {
		w.Errorf("%s: %v, want %v", q.parameters, got, want)
	}
}

// Whatever changes, /sd has the targets that a plain filter of all has, under the address by which it was asked or, if that is
// wanted and known, under that of the member that polls them. Its ETag changes exactly when the answer does.
func TestLawOfInstances(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			w := &sdWorld{T: t, r: rand.New(rand.NewPCG(seed, 7)), n: network{fails: map[string]access.Reason{}}, targets: map[string]*poller.Target{}}
			open := func(s client.Spec) (collector.Session, error) { return networkSession{&w.n, s.Address}, nil }
			w.polls = poller.New(poller.Options{PassOptions: poller.PassOptions{Open: open}, Logger: slog.New(slog.DiscardHandler)})
			o := Options{Devices: fleet.New(w.polls, open, nil, nil, time.Now()), Targets: func() []*poller.Target { return nil }}
			if seed%2 == 1 {
				o.Devices, o.Owner, w.owners = &unkept{Source: o.Devices}, func(target string) string { return w.owners[target] }, map[string]string{}
			}
			w.sd = New(o)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- w.polls.Run(ctx) }()
			questions := make([]question, maxKept+2)
			for i := range questions {
				q := &questions[i]
				q.parameters, q.selected = w.query()
				if q.owners = w.r.IntN(2) == 0; q.owners {
					q.parameters.Add("address", "owner")
				}
			}
			for range 60 {
				w.change()
				for i := range questions {
					w.ask(&questions[i])
				}
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
