package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/api"
	"trapline/internal/app"
	"trapline/internal/client"
	"trapline/internal/httpapi"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/programtest"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/web"
	"trapline/mibs"
)

// failing is a device whose polls fail.
type failing struct{ err error }

func (f failing) Poll(context.Context, *client.Plan, func(snmp.VarBind)) (client.Stats, error) {
	return client.Stats{Packets: 4, Retries: 3}, f.err
}

// failings are polls that fail for every reason: as a whole, in a table from its beginning and after a row, with text that is
// dropped, and of silent devices those that answered a discovery; the details are drawn.
func failings(r *rand.Rand) (list []error) {
	detail := func() error {
		return errors.New(programtest.Odd[r.IntN(len(programtest.Odd))] + " of \"it\" after 3 retries")
	}
	root := snmp.MustParseOID("1.3.9")
	for _, why := range access.Reasons {
		if why == access.Canceled || why == access.Duplicate {
			continue // of the first no poll is kept; the other is no error of an engine
		}
		for _, e := range []access.Error{{}, {OID: root}, {OID: root, Last: snmp.MustParseOID("1.3.9.10.1")}, {OID: root, Dropped: true}, {Discovered: true}} {
			e.Op, e.Reason, e.Err = "walk", why, detail()
			list = append(list, &e)
		}
	}
	return list
}

// failingSite serves a target for each failure, whose first polls have ended.
func failingSite(t *testing.T, list []error) string {
	t.Helper()
	auth := access.DefaultAuth()
	auth.Version, auth.Username, auth.SecurityLevel = 3, "monitor", access.AuthPriv
	module := collector.Compile("m", &collector.Settings{
		Walk:    []setting.OID{setting.ParseOID("1.3.9")},
		Metrics: []collector.MetricSettings{{Name: "answer", OID: setting.ParseOID("1.3.9"), Type: "gauge"}},
	})
	var targets []*poller.Target
	errs := map[string]error{}
	for i, err := range list {
		name := fmt.Sprintf("t-%d", i)
		errs[name] = err
		targets = append(targets, &poller.Target{Name: name, Interval: time.Hour, Spec: client.Spec{Address: name, Auth: &auth}, AuthName: "lab", Modules: []*collector.Module{module}})
	}
	var polled sync.WaitGroup
	polled.Add(len(targets))
	open := func(s client.Spec) (collector.Session, error) { return failing{errs[s.Address]}, nil }
	polls := poller.New(poller.Options{PassOptions: poller.PassOptions{Open: open}, Logger: slog.New(slog.DiscardHandler), Ended: func(poller.Report) { polled.Done() }})
	polls.SetTargets(targets)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = polls.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	polled.Wait()
	answers := httpapi.New(httpapi.Options{Polls: polls, Open: open, Started: time.Now(), Names: func() (*mibs.Tree, error) { return mibs.LoadAll() }})
	mux := http.NewServeMux()
	answers.Register(mux)
	for _, route := range web.New(web.Options{Source: app.PagesOf(answers)}).Routes() {
		if route.Kind == web.Rendered {
			mux.HandleFunc(route.Pattern, route.Serve)
		}
	}
	return serveStub(t, mux)
}

// Whatever the reason, pages and commands have the text and the remedy that the API has.
func TestReasonsReadTheSameEverywhere(t *testing.T) {
	t.Parallel()
	list := failings(rand.New(rand.NewPCG(22, 11)))
	base := failingSite(t, list)
	all := invoke(t, "targets", "--url="+base).out
	page := func(path string) string {
		_, _, text := get(t, base+path)
		return html.UnescapeString(text)
	}
	for i := range list {
		name := fmt.Sprintf("t-%d", i)
		one := dataOf[api.Target](t, base+"/api/v1/targets/"+name)
		if len(one.Problems) == 0 || one.Problem == nil || one.Problem.Text != one.Problems[0].Text {
			t.Errorf("%v: %+v", list[i], one)
			continue
		}
		p := one.Problems[0]
		for where, text := range map[string]string{
			"target": invoke(t, "target", name, "--url="+base).out,
			"why":    invoke(t, "why", name, "-o", "wide", "--url="+base).out,
			"page":   page("/targets/" + name), "page why": page("/targets/" + name + "/why"),
		} {
			if !strings.Contains(text, human.Visible(p.Text)) || !strings.Contains(text, human.Visible(p.Remedy)) {
				t.Errorf("%v: %s has not %q, %q:\n%s", list[i], where, p.Text, p.Remedy, text)
			}
			if where == "target" && strings.Count(text, human.Visible(firstSentence(p.Text))) > 2 { // the problem, and the change of its state
				t.Errorf("%v: %s says it again:\n%s", list[i], where, text)
			}
		}
		if !strings.Contains(all, human.Visible(firstSentence(p.Text))) {
			t.Errorf("%v: targets has not %q:\n%s", list[i], p.Text, all)
		}
	}
}

func firstSentence(text string) string {
	first, _, _ := strings.Cut(text, ". ")
	return strings.TrimSuffix(first, ".")
}
