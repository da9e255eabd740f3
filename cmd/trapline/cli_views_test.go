package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
	"trapline/internal/cli"
)

// date is a time that is printed with its date.
var date = time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)

func TestTargetIsShown(t *testing.T) {
	t.Parallel()
	down := api.Target{TargetSummary: sampleTargets().Targets[0], Auth: "secure", Version: "3", Modules: []string{"system", "if_mib"},
		Identity: api.Identity{SysName: "core-1.example.net", Up: 90_000}, Packets: 1234, Retries: 5,
		Problems: []api.Problem{{Reason: "timeout", Text: "No answer to 4 requests in 9 s.", Remedy: "Ping it."}},
		Ladder:   []api.Step{{Name: "resolves", State: "ok"}, {Name: "answers", State: "failed", Text: "nothing came"}, {Name: "user", State: "unknown"}},
		Tables:   []api.TableName{{Name: "interfaces", Rows: 52}}, Changes: []api.StateChange{{At: date, State: api.Down, Text: "timeout"}, {At: date, State: api.Up}}}
	down.Since = ago(2 * time.Hour)
	value := 9.4e9
	url := serveStub(t, stub{
		"GET /api/v1/targets/core-1": down, "GET /api/v1/targets": sampleTargets(),
		"GET /api/v1/targets/core-1/tables/interfaces": api.Table{Columns: []api.TableColumn{{Name: "interface", Title: "Interface"}, {Name: "in", Title: "In", Unit: "bit/s"}},
			Rows: []api.TableRow{{Cells: []string{"Te1/1/1", "9.4 Gbit/s"}, Values: []*float64{nil, &value}}}},
	})
	checkGolden(t, url, []golden{
		{args: "target core-1", status: cli.ExitFailed, out: `
core-1  down for 2 h
Address    192.0.2.1, SNMP 3, auth secure
Labels     site=berlin
sysName    core-1.example.net
Running    1 d 1 h
Modules    system, if_mib
Last poll  4 min ago, took 9 s, 0 series; every 1 min
Transport  RTT unknown (no answer yet), window 0, 0 % retransmitted in the last poll, 5 of 1,234 packets in all
Alarms     1
Problem    No answer to 4 requests in 9 s.
           Ping it.
  ✓ resolves
  ✗ answers  nothing came
  ? user
Tables     interfaces (52)
Changes    2026-03-04 05:06:07 down timeout
           2026-03-04 05:06:07 up
`[1:]},
		{args: "target core-1 --table=interfaces", out: "INTERFACE          IN\nTe1/1/1    9.4 Gbit/s\n"},
		{args: "target core-1 --table=interfaces -o csv", out: "interface,in\nTe1/1/1,9.4e+09\n"},
		{args: "target core-1 --table=interface", status: cli.ExitUsage, errs: "core-1 has no table \"interface\"; did you mean interfaces?\n"},
		{args: "target croe-1", status: cli.ExitUsage, errs: "no target \"croe-1\" at URL; did you mean core-1?\n"},
		{args: "target zzz", status: cli.ExitUsage, errs: "no target \"zzz\" at URL. trapline targets lists them\n"},
	})
}

// Whoever asks why a target is not polled reads that it is paused.
func TestPausedTargetIsShown(t *testing.T) {
	t.Parallel()
	paused := api.Target{TargetSummary: api.TargetSummary{Name: "core-2", Address: "192.0.2.2", State: api.Waiting, Paused: "maintenance CHG-1", Interval: 60},
		Auth: "public_v2", Version: "2c", Modules: []string{"auto"}}
	url := serveStub(t, stub{
		"GET /api/v1/targets/core-2": paused,
		"GET /api/v1/targets":        api.TargetList{Targets: []api.TargetSummary{paused.TargetSummary}, Matched: 1},
	})
	checkGolden(t, url, []golden{
		{args: "target core-2", out: `
core-2  waiting
Address    192.0.2.2, SNMP 2c, auth public_v2
Modules    auto
Last poll  none yet; every 1 min
Paused     maintenance CHG-1
Transport  RTT unknown (no answer yet), window 0, 0 % retransmitted in the last poll, 0 of 0 packets in all
`[1:]},
		{args: "targets", out: `
STATE    TARGET  ADDRESS    KIND  LAST POLL  TOOK  RTT  LOSS  SERIES  ALARMS  PROBLEM
waiting  core-2  192.0.2.2                               0 %       0          paused: maintenance CHG-1
`[1:]},
	})
}

// Reasons are printed in the words of the API.
func TestWhyIsAnswered(t *testing.T) {
	t.Parallel()
	step := api.Step{Name: "filters pass", State: "failed", Text: "ifAdminStatus = up (snmp.yml:41)"}
	w := api.Why{Target: "core-1", Metric: "ifHCInOctets", Verdict: "It is dropped by a filter.", Reason: step.Text, Remedy: "Remove the filter.", Steps: []api.Step{{Name: "name known", State: "ok", Text: "IF-MIB"}, step}}
	there := api.Why{Target: "core-2", Metric: "up", Verdict: "up of core-2 is there: 1 row.", There: true, Steps: []api.Step{{Name: "served", State: "ok"}}}
	missing := api.Why{Target: "core-3", Verdict: "1 partial table, 1 metric without series.", Missing: []api.Absence{
		{Kind: "partial", Metric: "ifInOctets", Module: "if_mib", Text: "It ends after ifIndex 7.", Remedy: "Leave it out."}, {Kind: "absent", Metric: "sysORID", Module: "system", Text: "The device has none."}}}
	url := serveStub(t, stub{"GET /api/v1/targets/core-1/why": w, "POST /api/v1/targets/core-1/why": w, "GET /api/v1/targets/core-2/why": there, "GET /api/v1/targets/core-3/why": missing})
	text := `
It is dropped by a filter.
  filters pass: ifAdminStatus = up (snmp.yml:41)
  Remove the filter.
`[1:]
	checkGolden(t, url, []golden{
		{args: "why core-1 ifHCInOctets", status: cli.ExitFailed, out: text},
		{args: "why core-1 ifHCInOctets --live", status: cli.ExitFailed, out: text},
		{args: "why core-1 ifHCInOctets -o wide", status: cli.ExitFailed, out: "It is dropped by a filter.\n  ✓ name known  IF-MIB\n  ✗ filters pass  ifAdminStatus = up (snmp.yml:41)\n  Remove the filter.\n"},
		{args: "why core-1 ifHCInOctets -o csv", status: cli.ExitFailed, out: "step,state,text\nname known,ok,IF-MIB\nfilters pass,failed,ifAdminStatus = up (snmp.yml:41)\n"},
		{args: "why core-2 up", out: "up of core-2 is there: 1 row.\n"},
		{args: "why core-3", status: cli.ExitFailed, out: `
1 partial table, 1 metric without series.
KIND     METRIC      MODULE  TEXT
partial  ifInOctets  if_mib  It ends after ifIndex 7.
absent   sysORID     system  The device has none.
`[1:]},
	})
}

func TestAlarmsAndEventsAreListed(t *testing.T) {
	t.Parallel()
	a := api.Alarm{ID: "9f2c41d0aaaabbbb", Rule: "InterfaceDown", Target: "core-1", Resource: `ifName="Gi0/3"`, Severity: "major", State: "raised", Text: "Gi0/3 is down", Value: "2", Since: date,
		Labels: map[string]string{"site": "berlin"}, Notified: []api.Notified{
			{Receiver: "nms-1", State: "acknowledged", Text: "acknowledged 14:02:11 in 34 ms"}, {Receiver: "nms-2", State: "waits", Reason: "unknown_user", Text: "waits, 9 tries, unknown user"}}}
	events := []api.Event{{Seq: 2, At: date, Kind: "acknowledged", Target: "core-1", Rule: "InterfaceDown", Receiver: "nms-1", Millis: 34, Severity: "major"},
		{Seq: 1, At: date, Kind: "raised", Target: "core-1", Rule: "InterfaceDown", Severity: "major", Text: "Gi0/3 is down\x1b[2J"}}
	one := a
	one.Life = events[:1]
	s := stub{"GET /api/v1/alarms": []api.Alarm{a}, "GET /api/v1/alarms/9f2c41d0aaaabbbb": one}
	s["GET /api/v1/history"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("follow") != "" {
			fmt.Fprint(w, `{"seq":1,"at":"2026-03-04T05:06:07Z","kind":"raised","target":"core-1","text":"down"}`+"\n\n")
			return
		}
		stub{"GET /api/v1/history": api.History{Entries: events}}.ServeHTTP(w, r)
	})
	checkGolden(t, serveStub(t, s), []golden{
		{args: "alarms", out: `
SEVERITY  TARGET  RULE           VALUE  SINCE                ID                NOTIFIED                                        WHAT
major     core-1  InterfaceDown      2  2026-03-04 05:06:07  9f2c41d0aaaabbbb  nms-1 acknowledged, nms-2 waits (unknown user)  Gi0/3 is down
`[1:]},
		{args: "alarms show 9f2c", out: `
major  core-1  Gi0/3 is down
State      raised
Rule       InterfaceDown
Resource   ifName="Gi0/3"
Value      2
Since      2026-03-04 05:06:07
Labels     site=berlin
ID         9f2c41d0aaaabbbb
Notified   nms-1 acknowledged 14:02:11 in 34 ms
Notified   nms-2 waits, 9 tries, unknown user
  2026-03-04 05:06:07  acknowledged  major          core-1 InterfaceDown nms-1 34 ms
`[1:]},
		{args: "alarms show 777", status: cli.ExitUsage, errs: "no alarm 777 at URL. trapline alarms lists them\n"},
		{args: "events", out: `
AT                   KIND          SEVERITY  TARGET  RULE           RECEIVER   TOOK  TEXT
2026-03-04 05:06:07  raised        major     core-1  InterfaceDown                   Gi0/3 is down␛[2J
2026-03-04 05:06:07  acknowledged  major     core-1  InterfaceDown  nms-1     34 ms
`[1:]},
		{args: "events -f -o json", out: `{"seq":1,"at":"2026-03-04T05:06:07Z","kind":"raised","target":"core-1","text":"down"}` + "\n"},
		{args: "events --since=tomorrow", status: cli.ExitUsage, errs: "ANY"},
	})
	// Of a cluster: numbers are those of each member.
	members := []api.Event{{Seq: 7, At: date.Add(time.Second), Kind: "cleared", Target: "core-1", Text: "up", Member: "poller-2"}, {Seq: 100, At: date, Kind: "raised", Target: "core-1", Text: "down", Member: "poller-1"}}
	checkGolden(t, serveStub(t, stub{"GET /api/v1/history": api.History{Entries: members}}), []golden{{args: "events", out: `
AT                   KIND     SEVERITY  TARGET  RULE  RECEIVER  TOOK  MEMBER    TEXT
2026-03-04 05:06:07  raised             core-1                        poller-1  down
2026-03-04 05:06:08  cleared            core-1                        poller-2  up
`[1:]}})
	checkGolden(t, serveStub(t, stub{"GET /api/v1/alarms": []api.Alarm{}, "GET /api/v1/history": api.History{}, "GET /api/v1/receivers": []api.Receiver{}}), []golden{
		{args: "alarms", out: "SEVERITY  TARGET  RULE  VALUE  SINCE  ID  NOTIFIED  WHAT\n", errs: "no alarms\n"},
		{args: "alarms -o json", out: "[]\n", errs: "no alarms\n"},
		{args: "alarms severity=majro up", out: "SEVERITY  TARGET  RULE  VALUE  SINCE  ID  NOTIFIED  WHAT\n", errs: "no alarms match \"severity=majro up\"\n"},
		{args: "events core-9", out: "AT  KIND  SEVERITY  TARGET  RULE  RECEIVER  TOOK  TEXT\n", errs: "no events match \"core-9\"\n"},
		{args: "events", out: "AT  KIND  SEVERITY  TARGET  RULE  RECEIVER  TOOK  TEXT\n", errs: "no events\n"},
	})
}

// All active alarms are listed, however many there are. Of cleared ones the API has the latest, and the command says so.
func TestListsOfAlarmsAreCompleteOrSayThatTheyAreNot(t *testing.T) {
	t.Parallel()
	const many = 10_001
	url := serveStub(t, stub{"GET /api/v1/alarms": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list := make([]api.Alarm, many)
		if limit, err := strconv.Atoi(r.FormValue("limit")); err == nil {
			list = list[:min(limit, many)]
		}
		stub{"GET /api/v1/alarms": list}.ServeHTTP(w, r)
	})})
	for _, test := range []struct {
		state string
		lines int
		errs  string
	}{
		{"raised", many, ""}, {"pending", many, ""},
		{"cleared", 10_000, "the latest 10,000 cleared alarms are listed, and there may be earlier ones: name the target or the rule of those that you look for\n"},
	} {
		got := invoke(t, "alarms", "--state="+test.state, "--url="+url)
		if lines := strings.Count(got.out, "\n") - 1; got.status != 0 || lines != test.lines || got.errs != test.errs {
			t.Errorf("%s: status %d, %d alarms, %q", test.state, got.status, lines, got.errs)
		}
	}
}

func TestReceiversAreListed(t *testing.T) {
	t.Parallel()
	list := []api.Receiver{{Name: "nms-1", Address: "192.0.2.9:162", Kind: "v2c inform", State: "works", Today: 12, AnswerTime: 0.034},
		{Name: "nms-2", Address: "192.0.2.10:162", Kind: "v3 inform", State: "fails", Waiting: 14, Oldest: date, Problem: &api.Problem{Reason: "unknown_user", Text: "It has no user monitor.", Remedy: "Add it."},
			CreateUser: "createUser -e 0x80 monitor", Queue: []api.Queued{{Kind: "raise", Since: date, Tries: 9, Reason: "unknown_user", Text: "Gi0/3 is down"}}}}
	url := serveStub(t, stub{"GET /api/v1/receivers": list, "GET /api/v1/receivers/nms-2": list[1], "POST /api/v1/receivers/nms-2/test": api.TestResult{Text: "not acknowledged: no answer", Problem: &api.Problem{Reason: "timeout"}}})
	checkGolden(t, url, []golden{
		{args: "receivers", out: `
STATE  RECEIVER  KIND        ADDRESS         WAITING  OLDEST               GIVEN UP  ACKNOWLEDGED TODAY  ANSWER TIME  PROBLEM
works  nms-1     v2c inform  192.0.2.9:162                                                           12        34 ms
fails  nms-2     v3 inform   192.0.2.10:162       14  2026-03-04 05:06:07                             0               It has no user monitor.
`[1:]},
		{args: "receivers test nms-2", status: cli.ExitFailed, out: "nms-2: not acknowledged: no answer\n"},
		{args: "receivers show nms-3", status: cli.ExitUsage, errs: "no receiver \"nms-3\" at URL; did you mean nms-1?\n"},
	})
	got := invoke(t, "receivers", "show", "nms-2", "--url="+url)
	for _, want := range []string{"nms-2  fails\n", "Problem    It has no user monitor.\n           Add it.\n", "snmptrapd  createUser -e 0x80 monitor\n", "waits  2026-03-04 05:06:07  raise      9  unknown_user  Gi0/3 is down\n"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("no %q in\n%s", want, got.out)
		}
	}
	if got.status != cli.ExitFailed {
		t.Errorf("status %d", got.status)
	}
}

func TestRulesAreTried(t *testing.T) {
	t.Parallel()
	try := api.Try{Text: "It is true now for 1 series.", Total: 1, Matches: []api.TryMatch{{Target: "core-1", Labels: map[string]string{"ifName": "Gi0/3"}, Value: 2, Fires: true, Changes: 3}}}
	checkGolden(t, serveStub(t, stub{"POST /api/v1/rules/try": try}), []golden{{args: "rules try ifOperStatus==2 --for=1m", out: `
It is true now for 1 series.
TARGET  LABELS        VALUE  FIRES    BEGAN
core-1  ifName=Gi0/3      2  yes    3 times
`[1:]}})
	checkGolden(t, serveStub(t, stub{"POST /api/v1/rules/try": stubError{400, "bad_data", "1:4: parse error", ""}}), []golden{{args: "rules try up==", status: cli.ExitUsage, errs: "1:4: parse error\n"}})
}

// Values that move between two scrapes of the first are not compared.
func TestDiffOfExporters(t *testing.T) {
	t.Parallel()
	scrapes := 0
	first := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		scrapes++
		fmt.Fprintf(w, "# TYPE a gauge\na{y=\"2\",x=\"1\"} 1\n# TYPE moves counter\nmoves %d\n# TYPE only gauge\nonly 7\n# TYPE kind gauge\nkind 1\n", scrapes)
	})
	second := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE a gauge\na{x=\"1\",y=\"2\"} 3\n# TYPE moves counter\nmoves 9\n# TYPE kind counter\nkind 1\n# TYPE more gauge\nmore{z=\"1\"} 4\n")
	})
	a, b := serveStub(t, first), serveStub(t, second)
	got := invoke(t, "diff", a+"/metrics", b+"/metrics")
	want := `
WHAT                FIRST   SECOND  SERIES
value                   1        3  a{x="1",y="2"}
type                gauge  counter  kind
only in the first       7           only
only in the second               4  more{z="1"}
`[1:]
	if got.status != cli.ExitFailed || got.out != want || got.errs != "4 series and 4 series: 4 differences\n" {
		t.Errorf("%+v; want\n%s", got, want)
	}
	if got := invoke(t, "diff", b, b); got.status != 0 || got.out != "" {
		t.Errorf("%+v", got)
	}
	if got := invoke(t, "diff", a, "http://127.0.65.1:1/"); got.status != cli.ExitNoServer {
		t.Errorf("%+v", got)
	}
}
