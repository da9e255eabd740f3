package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
	"trapline/internal/cli"
)

func TestTargetsAreListed(t *testing.T) {
	t.Parallel()
	list := sampleTargets()
	url := serveStub(t, stub{"GET /api/v1/targets": list})
	checkGolden(t, url, []golden{
		{args: "targets", out: `
STATE    TARGET  ADDRESS         KIND         LAST POLL   TOOK     RTT    LOSS  SERIES  ALARMS  PROBLEM
down     core-1  192.0.2.1                        4 min    9 s             0 %       0       1  No answer to 4 requests in 9 s.
up       core-2  192.0.2.2:1161  Cisco C9300        3 h  84 ms  3.1 ms  1.25 %  12,431
waiting  ups-1   192.0.2.3                                                 0 %       0
`[1:]},
		{args: "targets -o wide --color=never", out: `
STATE    TARGET  ADDRESS         KIND         LAST POLL   TOOK     RTT    LOSS  SERIES  ALARMS  BASELINE  SINCE  SYSNAME   INTERVAL  WINDOW  OUTCOMES  LABELS                 REASON   PROBLEM
down     core-1  192.0.2.1                        4 min    9 s             0 %       0       1                                1 min       0  uud       site=berlin            timeout  No answer to 4 requests in 9 s.
up       core-2  192.0.2.2:1161  Cisco C9300        3 h  84 ms  3.1 ms  1.25 %  12,431                           core-2⍰␇     1 min    12.5            role=core site=berlin
waiting  ups-1   192.0.2.3                                                 0 %       0                                        1 min       0
`[1:]},
	})
	var data any
	got := invoke(t, "targets", "-o", "json", "--url="+url)
	if err := json.Unmarshal([]byte(got.out), &data); err != nil {
		t.Fatal(err)
	}
	if !equalJSON(t, data, list) || got.status != 0 || strings.ContainsAny(got.out, "\u202e\u0007") {
		t.Errorf("status %d: %s", got.status, got.out)
	}
	for arg, want := range map[string]string{
		"sit=x":  `no target matches "sit=x": no target has a label sit: did you mean site?`,
		"rack=1": `no target matches "rack=1": no target has a label rack: there are address, auth, module, name, profile, reason, role, site, state, target, up, vendor`,
		"site=x": "no target matches \"site=x\"\n", "core-9": "no target matches \"core-9\"\n",
	} {
		if got := invoke(t, "targets", arg, "--url="+serveStub(t, stub{"GET /api/v1/targets": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := list
			if r.FormValue("q") != "" {
				answer = api.TargetList{}
			}
			stub{"GET /api/v1/targets": answer}.ServeHTTP(w, r)
		})})); !strings.Contains(got.errs, want) {
			t.Errorf("%s: %q, want %q", arg, got.errs, want)
		}
	}
	got = invoke(t, "targets", "-o", "csv", "--url="+url)
	lines := strings.Split(got.out, "\n")
	if want := "state,target,address,kind,last_poll,took,rtt,loss,series,alarms,baseline,since,sysname,interval,window,outcomes,labels,reason,problem"; lines[0] != want || len(lines) != 5 {
		t.Errorf("%q", lines)
	}
	if want := list.Targets[0].LastPoll.UTC().Format(time.RFC3339) + ",9,,0,0,1,0,,,60,0,uud,site=berlin,timeout,No answer to 4 requests in 9 s."; !strings.HasSuffix(lines[1], want) {
		t.Errorf("%q does not end in %q", lines[1], want)
	}
	if got := invoke(t, "targets", "--color=always", "--url="+url); !strings.Contains(got.out, "\x1b[31mdown\x1b[0m") {
		t.Errorf("no color although it is wanted: %q", got.out)
	}
}

// equalJSON compares a decoded value with the encoding of another one.
func equalJSON(t *testing.T, got, want any) bool {
	t.Helper()
	a, errA := json.Marshal(got)
	b, errB := json.Marshal(want)
	var generic any
	if errA != nil || errB != nil || json.Unmarshal(b, &generic) != nil {
		t.Fatal(errA, errB)
	}
	b, _ = json.Marshal(generic)
	return string(a) == string(b)
}

// Large lists are asked for page by page, and the server interprets the query.
func TestTargetsOfManyPages(t *testing.T) {
	t.Parallel()
	const total = 2*cli.TargetPage + 1
	var queries []string
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.Query().Get("q")+" "+r.URL.Query().Get("sort")+" "+r.URL.Query().Get("offset"))
		list := api.TargetList{Matched: total}
		for i := len(queries) - 1; i < min(len(queries)*cli.TargetPage, total)-(len(queries)-1)*(cli.TargetPage-1); i++ {
			list.Targets = append(list.Targets, api.TargetSummary{Name: "t"})
		}
		list.Targets = list.Targets[:min(cli.TargetPage, total-(len(queries)-1)*cli.TargetPage)]
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": list})
	})
	got := invoke(t, "targets", "site=berlin", "core", "--down", "--sort=slow", "--url="+serveStub(t, stub{"GET /api/v1/targets": pages}))
	if n := strings.Count(got.out, "\n"); n != total+1 {
		t.Errorf("%d lines", n)
	}
	if want := "site=berlin core state=down -duration 0|site=berlin core state=down -duration 1000|site=berlin core state=down -duration 2000"; strings.Join(queries, "|") != want {
		t.Errorf("%q", queries)
	}
}

func sampleStatus() api.Status {
	return api.Status{
		Version: "0.9.0", Started: ago(75 * time.Hour), Targets: api.TargetCounts{Total: 8, Up: 6, Partial: 1, Down: 1}, Series: api.SeriesCounts{Total: 12431, PerSecond: 207.2},
		Rules: api.RuleCounts{Total: 46, WithoutData: 2, Firing: 1}, Alarms: api.AlarmCounts{Total: 3, BySeverity: map[string]int{"minor": 2, "major": 1}},
		Receivers: api.ReceiverCounts{Total: 2, Failing: 1, Waiting: 14}, Polls: api.PollNumbers{AnsweredRatio: 0.998, MedianSeconds: 0.084, Percentile99: 1.21, RetransmittedRatio: 0.001},
	}
}

func TestStatusSaysWhatNeedsAttention(t *testing.T) {
	t.Parallel()
	s := sampleStatus()
	head := `
Trapline 0.9.0, running 3 d 3 h, at URL
Targets    8: 6 up, 1 partial, 1 down
Series     12,431, 207/s
Rules      46: 2 without data, 1 firing
Alarms     3: 1 major, 2 minor
Receivers  2: 1 failing, 14 notifications wait
Polls      99.8 % answered in the last hour; median 84 ms, 99 % within 1.2 s; 0.1 % retransmitted
`[1:]
	checkGolden(t, serveStub(t, stub{"GET /api/v1/status": s}), []golden{
		{args: "status", out: head + "\nNothing needs attention.\n"},
		{args: "status -o csv", out: "needs_attention,since,what,query,path\n"},
	})
	s.Attention = []api.Attention{{Kind: "down", Text: "6 targets of site berlin stopped answering within 9 s.", Query: "state=down site=berlin"}}
	s.Config.Refused = time.Date(2026, 11, 20, 14, 0, 0, 0, time.Local)
	s.Config.Errors = []api.ConfigError{{File: "snmp.yml", Line: 7, Text: "unknown key"}}
	checkGolden(t, serveStub(t, stub{"GET /api/v1/status": s}), []golden{
		{args: "status", status: 1, out: head + `
Config     the reload of 2026-11-20 14:00:00 was refused, the configuration before it runs
           snmp.yml:7: unknown key

NEEDS ATTENTION  SINCE  WHAT
down                    6 targets of site berlin stopped answering within 9 s.
`[1:]},
		{args: "status -o csv", status: 1, out: "needs_attention,since,what,query,path\ndown,,6 targets of site berlin stopped answering within 9 s.,state=down site=berlin,\n"},
	})
}

// Errors name the place and the remedy, with the exit statuses that scripts go by.
func TestErrorsOfServers(t *testing.T) {
	t.Parallel()
	none := "no server at URL: connection refused. Start it (trapline serve, trapline demo), or say where it is (--url, TRAPLINE_URL)\n"
	checkGolden(t, "http://127.0.65.1:1", []golden{{args: "status", status: cli.ExitNoServer, errs: none}, {args: "targets", status: cli.ExitNoServer, errs: none}})
	checkGolden(t, serveStub(t, http.NotFoundHandler()), []golden{
		{args: "status", status: cli.ExitNoServer, errs: "URL answers 404 Not Found to /api/v1/status: this is no Trapline, or an older one. Is --url right?\n"}})
	locked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "s3cr&t" {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		stub{"GET /api/v1/status": sampleStatus(), "GET /api/v1/targets": stubError{400, "bad_data", `no sort key "x"`, "write name"}}.ServeHTTP(w, r)
	})
	url := serveStub(t, locked)
	checkGolden(t, url, []golden{{args: "status", status: cli.ExitUsage, errs: "URL wants a login: write --url=https://USER:PASSWORD@" + strings.TrimPrefix(url, "http://") + ", or --http.config.file\n"}})
	with := strings.Replace(url, "://", "://me:s3cr%26t@", 1)
	if got := invoke(t, "status", "--url="+with); got.status != 0 || strings.Contains(got.out+got.errs, "s3cr") {
		t.Errorf("%+v", got)
	}
	if got := invoke(t, "targets", "--url="+with); got.status != cli.ExitUsage || got.errs != "no sort key \"x\". Write name\n" {
		t.Errorf("%+v", got)
	}
	if got := invoke(t, "status", "--url=http://me:s3cr%26t@127.0.65.1:1"); got.status != cli.ExitNoServer || strings.Contains(got.errs, "s3cr") || !strings.Contains(got.errs, "me:xxxxx@127.0.65.1") {
		t.Errorf("%+v", got)
	}
}

// A matcher with the quotation marks of a shell in it selects nothing: the command says how to write it.
func TestMatchersInTheQuotesOfAShell(t *testing.T) {
	t.Parallel()
	url := serveStub(t, stub{"GET /api/v1/targets": api.TargetList{}, "GET /api/v1/alarms": []api.Alarm{}})
	for _, command := range []string{"targets", "alarms"} {
		for matcher, want := range map[string]string{
			"site=~'x.*'": `write 'site=~"x.*"'`, "site!='x y'": `write 'site!="x y"'`, `site=~"x.*"`: "", "it's=x": "", "site='x": "",
		} {
			got := invoke(t, command, matcher, "--url="+url)
			if hint := strings.Contains(got.errs, "quotation marks"); hint != (want != "") || !strings.Contains(got.errs, want) || !strings.Contains(got.errs, "match") {
				t.Errorf("%s %s: %s", command, matcher, got.errs)
			}
		}
		if got := invoke(t, command, "--json", "--url="+url); !json.Valid([]byte(got.out)) || got.status != 0 {
			t.Errorf("%s --json: %+v", command, got)
		}
	}
}
