package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trapline/internal/api"
	"trapline/internal/programtest"
)

// ward is a server with a few devices whose gauges a test turns, and a model of which alarms are open.
type ward struct {
	*testing.T
	base    string
	devices map[string]*gauges
	values  map[string][]int64
	posted  map[string]bool // alarms of the inlet
	open    map[string]bool // rule target row, and whether it is of a baseline
}

const gaugesOfEach = 4

// startWard serves three devices, some of whose gauges are high from the start.
func startWard(t *testing.T, rng *rand.Rand, stateDir, receivers string) *ward {
	w := &ward{T: t, devices: map[string]*gauges{}, values: map[string][]int64{}, posted: map[string]bool{}, open: map[string]bool{}}
	text := strings.Replace(programtest.Notifying(t, stateDir, receivers), "modules: {", fmt.Sprintf("modules: {gauges: {get: [%[1]s.1, %[1]s.2, %[1]s.3, %[1]s.4], metrics: [{name: g, oid: %[1]s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ", gaugeObject), 1)
	if stateDir == "" {
		text = strings.Replace(text, "state_dir: \n", "", 1)
	}
	text += withRules(t, `{alert: High, expr: g > 50, labels: {severity: major}, annotations: {baseline: "true"}},
{alert: Very, expr: g > 80, labels: {severity: minor}}`) + "targets:\n"
	for i := range 3 {
		name := fmt.Sprintf("device-%d", i)
		w.devices[name], w.values[name] = startGauges(t, gaugesOfEach), make([]int64, gaugesOfEach)
		w.turn(rng, name)
		w.set(name, i, 100) // so that it is seen that there was a first poll
		for row, value := range w.values[name] {
			w.note("High", name, fmt.Sprint(row+1), value > 50, true)
			w.note("Very", name, fmt.Sprint(row+1), value > 80, false)
		}
		text += fmt.Sprintf("- {name: %s, address: %q, modules: [gauges], interval: 1s, timeout: 900ms}\n", name, w.devices[name].LocalAddr())
	}
	w.base = startServer(t, text)
	return w
}

func (w *ward) set(name string, row int, value int64) {
	w.devices[name].set(row, value)
	w.values[name][row] = value
}

func (w *ward) turn(rng *rand.Rand, name string) {
	for row := range gaugesOfEach {
		if rng.IntN(2) == 0 {
			w.set(name, row, int64(rng.IntN(3))*45)
		}
	}
}

// note has an alarm open or not. One that is open stays of the baseline if it was.
func (w *ward) note(rule, target, row string, high, baseline bool) {
	switch {
	case !high:
		delete(w.open, alarmKey(rule, target, row, true))
		delete(w.open, alarmKey(rule, target, row, false))
	case !w.open[alarmKey(rule, target, row, true)]:
		w.open[alarmKey(rule, target, row, baseline)] = true
	}
}

func alarmKey(rule, target, row string, baseline bool) string {
	return fmt.Sprintf("%s %s %s %t", rule, target, row, baseline)
}

// step changes some gauges, and an alarm of the inlet.
func (w *ward) step(rng *rand.Rand, inlet bool) {
	for _, name := range slices.Sorted(maps.Keys(w.devices)) {
		w.turn(rng, name)
		for row, value := range w.values[name] {
			w.note("High", name, fmt.Sprint(row+1), value > 50, false)
			w.note("Very", name, fmt.Sprint(row+1), value > 80, false)
		}
	}
	if name := fmt.Sprint("Posted", rng.IntN(3)); inlet {
		w.posted[name] = !w.posted[name]
		insist(w.T, w.base+"/api/v1/webhook", alert(w.T, name, w.posted[name], nil))
		w.note(name, "", "", w.posted[name], false)
	}
}

// await waits until the alarms are listed that are to be.
func (w *ward) await() (list []api.Alarm) {
	w.Helper()
	want := slices.Sorted(maps.Keys(w.open))
	awaitThat(w, w.base+"/api/v1/alarms", func(text string) error {
		var answer struct{ Data []api.Alarm }
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			return err
		}
		var got []string
		list = answer.Data
		for _, a := range list {
			got = append(got, alarmKey(a.Rule, a.Target, a.Labels["i"], a.Baseline))
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Errorf("open are %q, want %q", got, want)
		}
		return nil
	})
	return list
}

// figures are the numbers that an expression finds in a text.
func figures(text, expression string) string {
	var found []string
	for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return strings.Join(found, " ")
}

// openCount is how many alarms are open, and how many of them are of a baseline.
type openCount struct{ open, baseline int }

// countOpen counts the alarms of a target, or with "" all of them.
func countOpen(list []api.Alarm, target string) (c openCount) {
	for i := range list {
		if target == "" || list[i].Target == target {
			c.open++
			if list[i].Baseline {
				c.baseline++
			}
		}
	}
	return c
}

func (w *ward) data(path string, into any) {
	w.Helper()
	if _, _, text := get(w, w.base+path); json.Unmarshal([]byte(text), &struct{ Data any }{into}) != nil {
		w.Errorf("%s answers %s", path, text)
	}
}

// column is a column of a CSV file.
func (w *ward) column(text, title string) (cells []string) {
	w.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		w.Fatalf("%v: %s", err, text)
	}
	i := slices.Index(rows[0], title)
	for _, row := range rows[1:] {
		cells = append(cells, row[i])
	}
	return cells
}

// wantAll compares the counts of all alarms.
func (w *ward) wantAll(list []api.Alarm, outbox bool) {
	w.Helper()
	all := countOpen(list, "")
	want := func(where string, got, want any) {
		w.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			w.Errorf("%s: %v, want %v", where, got, want)
		}
	}
	var status api.Status
	w.data("/api/v1/status", &status)
	sum := status.Alarms.Baseline
	for _, n := range status.Alarms.BySeverity {
		sum += n
	}
	want("status", []int{status.Alarms.Total, status.Alarms.Baseline, sum}, []int{all.open, all.baseline, all.open})
	var narrowed []api.Alarm
	w.data("/api/v1/alarms?q=baseline=true", &narrowed)
	want("baseline=true", len(narrowed), all.baseline)
	w.data("/api/v1/alarms?q=baseline=false", &narrowed)
	want("baseline=false", len(narrowed), all.open-all.baseline)
	_, _, text := get(w, w.base+"/api/v1/alarms?format=csv")
	want("CSV", len(w.column(text, "id")), all.open)
	want("CSV, baseline", strings.Count(strings.Join(w.column(text, "baseline"), " "), "true"), all.baseline)
	_, _, text = get(w, w.base+"/api/v1/alerts")
	firing := all.open
	for _, posted := range w.posted {
		if posted {
			firing--
		}
	}
	want("alerts", strings.Count(text, `"state":"firing"`), firing)
	if _, _, text = get(w, w.base+"/metrics"); outbox {
		want("metrics", figures(text, `\ntrapline_alarms_active (\d+)`), all.open-all.baseline)
	}

	const chip = ` <span class="n[^"]*">(\d+)</span>`
	_, _, page := get(w, w.base+"/alarms")
	want("page of alarms", figures(page, ">Open"+chip), all.open)
	want("page of alarms, rows", strings.Count(page, `<tr id="a-`), all.open)
	want("page of alarms, not sent", strings.Count(page, "not sent: so since it was first polled"), all.baseline)
	want("page of alarms, navigation", figures(page, `href="/alarms"[^>]*>Alarms\s*<span[^>]*>(\d+)<`), all.open)
	if all.baseline > 0 {
		want("page of alarms, baseline", figures(page, ">Baseline"+chip), all.baseline)
	}
	_, _, page = get(w, w.base+"/alarms?state=baseline")
	want("page of the baseline, rows", strings.Count(page, `<tr id="a-`), all.baseline)
	_, _, page = get(w, w.base+"/")
	want("overview", figures(page, `<span class="k">Alarms</span><b[^>]*>(\d+)</b>`), all.open)

	want("trapline status", figures(invoke(w, "status", "--url="+w.base).out, `(?m)^Alarms +(\d+)`), all.open)
	want("trapline alarms", len(w.column(invoke(w, "alarms", "-o", "csv", "--url="+w.base).out, "id")), all.open)
	want("trapline alarms baseline=true", len(w.column(invoke(w, "alarms", "-o", "csv", "--url="+w.base, "baseline=true").out, "id")), all.baseline)
}

// wantEach compares the counts of the alarms of each target.
func (w *ward) wantEach(list []api.Alarm) {
	w.Helper()
	var targets api.TargetList
	w.data("/api/v1/targets?sort=name", &targets)
	_, _, page := get(w, w.base+"/targets?sort=name")
	_, _, text := get(w, w.base+"/api/v1/targets?sort=name&format=csv")
	printed := invoke(w, "targets", "-o", "csv", "--url="+w.base).out
	order := w.column(printed, "target")
	for i, name := range slices.Sorted(maps.Keys(w.devices)) {
		of, at := countOpen(list, name), slices.Index(order, name)
		var one api.Target
		w.data("/api/v1/targets/"+name, &one)
		var narrowed []api.Alarm
		w.data("/api/v1/alarms?q=target="+name, &narrowed)
		_, _, own := get(w, w.base+"/targets/"+name)
		row := figures(page, `(?s)<tr id="t-`+name+`">(.*?)</tr>`)
		heading := figures(own, `<h2>Open alarms <span class="n[^"]*">(\d+)`)
		printedOne := invoke(w, "target", name, "--url="+w.base).out
		got := map[string]string{
			"targets":        fmt.Sprint(targets.Targets[i].Alarms, targets.Targets[i].Baseline),
			"target":         fmt.Sprint(one.Alarms, one.Baseline),
			"alarms":         fmt.Sprint(len(narrowed), countOpen(narrowed, name).baseline),
			"CSV":            w.column(text, "alarms")[i] + " " + w.column(text, "baseline")[i],
			"page":           orZero(figures(row, `data-l="alarms">(?:<span[^>]*>|<a[^>]*>)(\d+)`)) + " " + orZero(figures(row, `>(\d+) baseline<`)),
			"page of one":    orZero(heading) + " " + orZero(figures(own, `</span> <span class="n">(\d+) baseline</span></h2>`)),
			"command":        w.column(printed, "alarms")[at] + " " + w.column(printed, "baseline")[at],
			"command, one":   orZero(figures(printedOne, `(?m)^Alarms +(\d+)`)) + " " + orZero(figures(printedOne, `(?m)^Alarms +\d+: (\d+) baseline`)),
			"rows of a page": fmt.Sprint(strings.Count(own, `<b><a href="/alarms/`), strings.Count(own, "not sent: so since")),
		}
		for where, text := range got {
			if want := fmt.Sprint(of.open, of.baseline); text != want {
				w.Errorf("%s, %s: %q, want %q", name, where, text, want)
			}
		}
	}
}

func orZero(text string) string {
	if text == "" {
		return "0"
	}
	return text
}

// How many alarms are open is the same wherever it is said: in the API, on the pages, on the command line, in metrics;
// of all targets and of each; with a state directory and without one.
func TestCountsOfAlarmsAgree(t *testing.T) {
	for name, stateDir := range map[string]string{"stored": t.TempDir(), "in memory": ""} {
		t.Run(name, func(t *testing.T) {
			if stateDir == "" {
				blocked := filepath.Join(t.TempDir(), "file")
				writeFile(t, filepath.Dir(blocked), "file", "")
				t.Setenv("STATE_DIRECTORY", blocked)
			}
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 0))
			w := startWard(t, rng, stateDir, "  []\n")
			for range 4 {
				list := w.await()
				w.wantAll(list, stateDir != "")
				w.wantEach(list)
				w.step(rng, stateDir != "")
			}
		})
	}
}
