package union_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/client"
	"trapline/internal/cluster/peer"
	"trapline/internal/fleet"
	"trapline/internal/httpapi"
	"trapline/internal/poller"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/union"
	"trapline/mibs"
)

// site is a cluster of members in one process, inside of a synctest bubble.
type site struct {
	t       *testing.T
	targets []*poller.Target
	members []*member

	mu     sync.Mutex
	owner  map[string]*member // by target; nil: nobody
	silent map[string]func(ctx context.Context) (*http.Response, error)
	asked  int
	asking func() // as a member is asked

	missing []string // why lists of alarms are not complete

	refuses atomic.Bool // the receiver slow acknowledges nothing
}

// member is a process with its own targets, and the whole API of it.
type member struct {
	site    *site
	name    string
	polls   *poller.Poller
	own     *httpapi.API
	all     *httpapi.API
	fleet   *union.Fleet
	private http.Handler // for other members
	public  http.Handler
}

func (m *member) Name() string { return m.name }

func (m *member) Holder(target string) peer.Member { return m.place(target) }

func (m *member) Absent() []string   { return nil }
func (m *member) Concerns() []string { return nil }
func (m *member) Missing() []string  { return m.site.missing }

func (m *member) Peers() (list []peer.Member) {
	for _, o := range m.site.members {
		if o != m {
			list = append(list, peer.Member{Name: o.name, URL: o.name})
		}
	}
	return list
}

func (m *member) place(name string) peer.Member {
	m.site.mu.Lock()
	defer m.site.mu.Unlock()
	if o := m.site.owner[name]; o != nil {
		return peer.Member{Name: o.name, URL: o.name}
	}
	return peer.Member{}
}

func (m *member) Target(name string) (*poller.Target, peer.Member) {
	for _, t := range m.site.targets {
		if t.Name == name {
			return t, m.place(name)
		}
	}
	return nil, peer.Member{}
}

func (m *member) Targets() []*poller.Target { return m.site.targets }

func (m *member) Elsewhere() map[*poller.Target]peer.Member {
	others := map[*poller.Target]peer.Member{}
	for _, t := range m.site.targets {
		if owner := m.place(t.Name); owner.Name != m.name {
			others[t] = owner
		}
	}
	return others
}

func (m *member) Open(ctx context.Context, q *peer.Request) (*http.Response, error) {
	m.site.mu.Lock()
	m.site.asked++
	silent, asking := m.site.silent[q.To.Name], m.site.asking
	m.site.mu.Unlock()
	if asking != nil {
		asking()
	}
	if silent != nil {
		return silent(ctx)
	}
	method := q.Method
	if method == "" {
		method = http.MethodGet
	}
	if strings.Contains(q.Path, "follow=1") {
		return m.site.stream(ctx, q)
	}
	r := httptest.NewRequestWithContext(ctx, method, q.Path, bytes.NewReader(q.Body))
	maps.Copy(r.Header, q.Header)
	w := httptest.NewRecorder()
	for _, o := range m.site.members {
		if o.name == q.To.Name {
			o.private.ServeHTTP(w, r)
		}
	}
	return w.Result(), ctx.Err()
}

// device answers polls by its address: what it has, and how long it takes.
type device struct{ address string }

func (d device) Poll(_ context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	random := rand.New(rand.NewPCG(uint64(len(d.address)), uint64(d.address[len(d.address)-1])))
	time.Sleep(time.Duration(1+random.IntN(20)) * time.Millisecond)
	stats := client.Stats{Packets: 10, Retries: random.IntN(4), VarBinds: 1, Path: client.Path{RTT: time.Duration(random.IntN(5)) * time.Millisecond, Window: 16}}
	if random.IntN(5) == 0 {
		return stats, &access.Error{Op: "walk", Reason: access.Timeout, Err: errors.New("request timeout (after 3 retries)")}
	}
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.9.0"), Type: snmp.Integer, Value: []byte{7}})
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.1.5.0"), Type: snmp.OctetString, Value: []byte("sys-" + d.address)})
	return stats, nil
}

var settings = &collector.Settings{
	Walk:    []setting.OID{setting.ParseOID("1.3.9")},
	Metrics: []collector.MetricSettings{{Name: "answer", OID: setting.ParseOID("1.3.9"), Type: "gauge"}},
}

var module = collector.Compile("m", settings)

var builtin, builtinError = mibs.Load(nil) // outside of all bubbles

func objectNames() (*mibs.Tree, error) { return builtin, builtinError }

func modules() (map[string]catalog.KnownModule, error) {
	return map[string]catalog.KnownModule{"m": catalog.Compiled(settings, ""), "unused": catalog.Compiled(settings, "")}, nil
}

// play runs a test over members that have polled their shares of n targets.
func play(t *testing.T, n int, seed uint64, during func(*testing.T, *site, *rand.Rand)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 7))
		s := &site{t: t, owner: map[string]*member{}, silent: map[string]func(context.Context) (*http.Response, error){}}
		for i := range n {
			name := fmt.Sprintf("sw-%03d", i)
			s.targets = append(s.targets, &poller.Target{Name: name, Interval: time.Minute, Spec: client.Spec{Address: name}, AuthName: "public_v2",
				Labels: map[string]string{"site": []string{"berlin", "lyon", "oslo"}[random.IntN(3)]}, Modules: []*collector.Module{module}})
		}
		ctx, cancel := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		for i := range 3 {
			m := &member{site: s, name: fmt.Sprintf("poller-%d", i+1)}
			m.polls = poller.New(poller.Options{PassOptions: poller.PassOptions{KeepIndexes: true, Open: func(c client.Spec) (collector.Session, error) { return device{c.Address}, nil }},
				Logger: slog.New(slog.DiscardHandler), Identify: true})
			m.own = httpapi.New(httpapi.Options{Polls: m.polls, Modules: modules, Names: objectNames, Version: "1.0.0", Started: time.Now(), Guard: httpapi.Guard{Mode: httpapi.ActionsOn}})
			u := union.New(m)
			m.fleet = union.NewFleet(u, m.own.Own.Fleet)
			m.all = m.own.ForAll(union.NewProcess(m.fleet), m.fleet, m.own.Console, union.NewExplainer(m.fleet, m.own.Explainer))
			private, public := http.NewServeMux(), http.NewServeMux()
			m.own.RegisterForMembers(private)
			m.fleet.Register(private)
			m.all.Register(public)
			m.private, m.public = private, public
			s.members = append(s.members, m)
		}
		for _, target := range s.targets {
			s.owner[target.Name] = s.members[random.IntN(3)]
		}
		for _, m := range s.members {
			m.polls.SetTargets(slices.DeleteFunc(slices.Clone(s.targets), func(t *poller.Target) bool { return s.owner[t.Name] != m }))
			ended.Go(func() {
				if err := m.polls.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(70 * time.Second)
		during(t, s, random)
		cancel()
		ended.Wait()
	})
}

// get asks a member as anybody may, and returns the whole answer.
func (m *member) get(path string) string {
	w := httptest.NewRecorder()
	m.public.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return fmt.Sprint(w.Code, " ", w.Body)
}

var (
	queries = []string{"", "site=berlin", "state=down", "state!=up", "state=unknown", "sw-01", "site=~\"b.*|o.*\" state=up", "sys-sw-00", "module=m", "reason=timeout", "nosuch"}
	sorts   = []string{"", "name", "-name", "state", "duration", "-duration", "rtt", "-rtt", "loss", "-loss", "age", "-age", "series", "-alarms"}
)

// The answer of each member is the union of the owners' answers, in the order of one process.
func TestListsAreUnions(t *testing.T) {
	for seed := range uint64(4) {
		play(t, 40, seed, func(t *testing.T, s *site, random *rand.Rand) {
			for range 60 {
				q := api.TargetQuery{Text: queries[random.IntN(len(queries))], Sort: sorts[random.IntN(len(sorts))], Limit: random.IntN(60), Offset: random.IntN(3) * random.IntN(30)}
				want := s.merged(q)
				for _, m := range s.members {
					got, err := m.fleet.Targets(q)
					if err != nil {
						t.Fatalf("%+v: %v", q, err)
					}
					if text, wanted := fmt.Sprint(names(got)), fmt.Sprint(names(want)); text != wanted || got.Counts != want.Counts || got.Matched != want.Matched {
						t.Fatalf("%s, %+v:\n%s\nwant\n%s\n%+v %d, want %+v %d", m.name, q, text, wanted, got.Counts, got.Matched, want.Counts, want.Matched)
					}
				}
			}
			for _, path := range []string{"/api/v1/targets?limit=1000", "/api/v1/targets?format=csv&sort=loss", "/api/v1/targets?q=site%3D~%22(%22", "/api/v1/targets?sort=nosuch"} {
				s.alike(path)
			}
			for _, target := range s.targets {
				for _, path := range []string{"", "/tables/scalars", "/tables/nosuch", "/why", "/why?metric=answer"} {
					s.alike("/api/v1/targets/" + target.Name + path)
				}
			}
			s.alike("/api/v1/targets/sw-00")
			s.costs()
		})
	}
}

// costs compares the costs of modules, whose sums are those of the members.
func (s *site) costs() {
	s.t.Helper()
	var want api.Module
	polls := 0
	for _, m := range s.members {
		u := m.own.Own.Fleet.Usages()["m"]
		polls += u.Polls
		want.Targets, want.Packets, want.Rows = want.Targets+u.Targets, want.Packets+u.Packets, want.Rows+u.Rows
	}
	for _, m := range s.members {
		list, matched, err := m.all.Catalog.Modules(api.ModuleQuery{Limit: 1})
		if err != nil || matched != 2 || list[0].Name != "m" || list[0].Targets != len(s.targets) || list[0].Targets != want.Targets ||
			list[0].Packets != want.Packets/float64(polls) || list[0].Rows != want.Rows/float64(polls) {
			s.t.Errorf("%s: %+v of %d, %v, want %+v in %d polls", m.name, list, matched, err, want, polls)
		}
	}
	s.alike("/api/v1/modules/m")
}

// alike asks all members, whose answers are the same.
func (s *site) alike(path string) {
	s.t.Helper()
	first := s.members[0].get(path)
	for _, m := range s.members[1:] {
		if got := m.get(path); got != first {
			s.t.Errorf("%s: %s answers\n%s\n%s\n%s", path, m.name, got, s.members[0].name, first)
		}
	}
}

func names(l api.TargetList) (names []string) {
	for _, t := range l.Targets {
		names = append(names, t.Name)
	}
	return names
}

// merged is the answer of one process that has all targets, made of the answers of the owners.
func (s *site) merged(q api.TargetQuery) (all api.TargetList) {
	for _, m := range s.members {
		part, err := m.own.Fleet.Targets(api.TargetQuery{Text: q.Text, Sort: q.Sort, Limit: 1000})
		if err != nil {
			s.t.Fatal(err)
		}
		all.Targets = append(all.Targets, part.Targets...)
		all.Matched += part.Matched
		to, from := reflect.ValueOf(&all.Counts).Elem(), reflect.ValueOf(part.Counts)
		for i := range to.NumField() {
			to.Field(i).SetInt(to.Field(i).Int() + from.Field(i).Int())
		}
	}
	if err := fleet.SortAnswers(all.Targets, q.Sort); err != nil {
		s.t.Fatal(err)
	}
	limit := q.Limit
	if limit == 0 {
		limit = fleet.DefaultLimit
	}
	all.Targets = all.Targets[min(q.Offset, len(all.Targets)):]
	all.Targets = all.Targets[:min(limit, len(all.Targets))]
	return all
}

// A part of a list stands as in the list of its member alone.
func TestSortAnswersIsTheOrderOfOneProcess(t *testing.T) {
	play(t, 60, 1, func(t *testing.T, s *site, _ *rand.Rand) {
		for _, sort := range sorts {
			for _, m := range s.members {
				list, err := m.own.Fleet.Targets(api.TargetQuery{Sort: sort, Limit: 1000})
				if err != nil {
					t.Fatal(err)
				}
				before := fmt.Sprint(names(list))
				if err := fleet.SortAnswers(list.Targets, sort); err != nil {
					t.Fatal(err)
				}
				if after := fmt.Sprint(names(list)); after != before && sort != "-name" {
					t.Errorf("sort %q:\n%s\n%s", sort, before, after)
				}
			}
		}
	})
}

var brackets = bytes.Repeat([]byte{'['}, 1<<16)

// endless is a body without an end.
type endless struct{ read *int }

func (e endless) Read(b []byte) (int, error) {
	n := copy(b, brackets)
	*e.read += n
	return n, nil
}

func (endless) Close() error { return nil }

// A member that is silent, or answers with rubbish, costs a bounded wait and bounded octets. It is named, and its targets are
// unknown.
func TestSilentMembers(t *testing.T) {
	read := 0
	hang := func(ctx context.Context) (*http.Response, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	body := func(status int, text string) func(context.Context) (*http.Response, error) {
		return func(context.Context) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text))}, nil
		}
	}
	for name, silent := range map[string]func(context.Context) (*http.Response, error){
		"hangs": hang,
		"refused": func(context.Context) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: "http://poller-2:1", Err: errors.New("connection refused")}
		},
		"endless": func(context.Context) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: endless{&read}}, nil
		},
		"no JSON":               body(http.StatusOK, "<html>"),
		"success, another type": body(http.StatusOK, `{"status":"success","data":{"targets":3}}`),
		"status":                body(http.StatusBadGateway, "bad gateway"),
		"null":                  body(http.StatusOK, "null"),
		"success, no data":      body(http.StatusOK, `{"status":"success"}`),
		"half of it":            body(http.StatusOK, `{"status":"success","data":{"targets":[`),
		"error, no end": func(context.Context) (*http.Response, error) {
			return &http.Response{StatusCode: 500, Body: endless{&read}}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, 30, 3, func(t *testing.T, s *site, _ *rand.Rand) {
				s.silent["poller-2"] = silent
				m := s.members[0]
				begun := time.Now()
				read = 0
				list, err := m.fleet.Targets(api.TargetQuery{Limit: 1000})
				if took := time.Since(begun); err != nil || took > time.Second {
					t.Fatalf("%v, after %v", err, took)
				}
				if read > 70<<20 {
					t.Errorf("%d octets were read", read)
				}
				unknown := 0
				for _, one := range list.Targets {
					of := s.owner[one.Name].name == "poller-2"
					if (one.State == api.Unknown) != of {
						t.Errorf("%s of %s is %s", one.Name, s.owner[one.Name].name, one.State)
					}
					if of {
						unknown++
						if !strings.Contains(one.Problem.Text, "member poller-2 of the cluster does not answer") || strings.Contains(one.Problem.Text, "://") {
							t.Error(one.Problem.Text)
						}
					}
				}
				if len(list.Targets) != 30 || list.Matched != 30 || list.Counts.Unknown != unknown || unknown == 0 || list.Counts.Total != 30 {
					t.Errorf("%d targets, %+v", len(list.Targets), list.Counts)
				}
				var answer struct{ Warnings []string }
				if err := json.Unmarshal([]byte(m.get("/api/v1/targets")[4:]), &answer); err != nil || len(answer.Warnings) != 1 || !strings.Contains(answer.Warnings[0], "poller-2") {
					t.Errorf("warnings: %q %v", answer.Warnings, err)
				}
				begun = time.Now()
				for range 20 {
					_, _ = m.fleet.Targets(api.TargetQuery{})
				}
				if took := time.Since(begun); took > 0 {
					t.Errorf("20 more lists: %v", took)
				}
				for _, target := range s.targets {
					if s.owner[target.Name].name == "poller-2" {
						one, err := m.fleet.Target(target.Name)
						if err != nil || one.State != api.Unknown || one.Labels["site"] != target.Labels["site"] {
							t.Errorf("%s: %v %v", target.Name, one.State, err)
						}
						if err := m.fleet.Poll(t.Context(), target.Name); !errors.Is(err, api.ErrUnavailable) && !strings.HasPrefix(name, "success") {
							t.Errorf("poll: %v", err)
						}
						break
					}
				}
				status := m.all.Status()
				if status.Targets.Total != 30 || status.Targets.Unknown != unknown || len(status.Cluster.Silent) != 1 || status.Attention[0].Kind != "member" {
					t.Errorf("status: %+v %+v", status.Targets, status.Cluster)
				}
				delete(s.silent, "poller-2")
				time.Sleep(4 * time.Second)
				if list, err := m.fleet.Targets(api.TargetQuery{}); err != nil || list.Counts.Unknown != 0 || len(m.all.Warnings()) != 0 {
					t.Errorf("once it answers: %+v %v %q", list.Counts, err, m.all.Warnings())
				}
				s.missing = []string{"no member has the alarms of 2 targets"}
				if status := m.all.Status(); !slices.Equal(m.all.Warnings(), s.missing) || len(status.Cluster.Silent) > 0 {
					t.Errorf("warnings %q, silent %q", m.all.Warnings(), status.Cluster.Silent)
				}
			})
		})
	}
}

// Service discovery has the same of a target whoever is asked, and while the target moves: neither labels change nor is a target
// left out.
func TestDevicesDoNotChangeWithTheOwner(t *testing.T) {
	play(t, 30, 5, func(t *testing.T, s *site, random *rand.Rand) {
		everywhere := func(query url.Values) string {
			var first string
			for i, m := range s.members {
				list, err := m.fleet.Devices(query)
				if err != nil {
					t.Fatal(err)
				}
				var text strings.Builder
				for _, d := range list {
					fmt.Fprintf(&text, "%s %q %q %q\n", d.Target.Name, d.Profile, d.Vendor, d.SysName)
				}
				if i == 0 {
					first = text.String()
				} else if text.String() != first {
					t.Errorf("%v: %s has\n%s, another one\n%s", query, m.name, text.String(), first)
				}
			}
			return first
		}
		list := []url.Values{{}, {"site": {"berlin", "oslo"}}, {"match[]": {`{site=~"l.*"}`, `{name="sw-001"}`}}}
		var before []string
		for _, q := range list {
			before = append(before, everywhere(q))
		}
		everywhere(url.Values{"up": {"1"}})
		everywhere(url.Values{"state": {"down"}})
		if strings.Count(before[0], "sys-sw") < 10 {
			t.Fatal(before[0])
		}
		var moving sync.Mutex
		move := func() { // some to nobody, and nobody has polled them yet
			moving.Lock()
			defer moving.Unlock()
			shares := map[*member][]*poller.Target{}
			s.mu.Lock()
			for _, target := range s.targets {
				if random.IntN(4) == 0 {
					s.owner[target.Name] = append(s.members, nil)[random.IntN(4)]
				}
				owner := s.owner[target.Name]
				shares[owner] = append(shares[owner], target)
			}
			s.mu.Unlock()
			for _, m := range s.members {
				m.polls.SetTargets(shares[m])
			}
		}
		for range 6 {
			move()
			if random.IntN(2) == 0 {
				s.silent["poller-3"] = func(context.Context) (*http.Response, error) { return nil, errors.New("refused") }
			} else {
				delete(s.silent, "poller-3")
			}
			for _, meanwhile := range []func(){nil, move} {
				s.asking = meanwhile
				for i, q := range list {
					if after := everywhere(q); after != before[i] {
						t.Fatalf("%v: after a move\n%s, before\n%s", q, after, before[i])
					}
				}
			}
			s.asking = nil
		}
	})
}
