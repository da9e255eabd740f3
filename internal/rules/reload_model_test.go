package rules

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/poller"
	"trapline/internal/series"
)

// plainRule is a rule about temperatures as the model has it.
type plainRule struct {
	above                int
	hold, keep           time.Duration
	severity, team, text string
}

func randomRule(r *rand.Rand) plainRule {
	p := plainRule{}
	for part := range 6 {
		p.change(r, part)
	}
	return p
}

// change changes a part of the rule.
func (p *plainRule) change(r *rand.Rand, part int) {
	durations := []time.Duration{0, 30 * time.Second, 90 * time.Second, 5 * time.Minute}
	one := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	switch part {
	case 0:
		p.above = 30 + 20*r.IntN(3)
	case 1:
		p.hold = durations[r.IntN(len(durations))]
	case 2:
		p.keep = durations[r.IntN(len(durations))]
	case 3:
		p.severity = one("minor", "major", "critical")
	case 4:
		p.team = one("", "net", "cooling")
	case 5:
		p.text = one("warm", "hot", "too hot")
	}
}

func (p *plainRule) yaml(name string) string {
	return fmt.Sprintf("{alert: %s, expr: temperature > %d, for: %s, keep_firing_for: %s, labels: {severity: %s, team: '%s'}, annotations: {summary: %s}}",
		name, p.above, p.hold, p.keep, p.severity, p.team, p.text)
}

// plainAlert is an alert as the model has it.
type plainAlert struct {
	active, kept time.Time // kept: since when its condition is not true, zero while it is
	firing       bool
	labels       string // of the rule and the target
	said         string // what receivers know, "" if they do not
}

// plainKey names an alert: whatever a reload changes, it is the same one as long as these are.
type plainKey struct{ rule, target, row string }

// reloadModel says which alerts there are, whatever is reloaded.
type reloadModel struct {
	*rig
	random *rand.Rand
	rules  map[string]plainRule
	sites  map[string]string // labels of targets
	last   map[string]time.Time
	alerts map[plainKey]*plainAlert
	events []string // that receivers have to be sent
	story  []string
	values map[string][]string // rows of targets, as they were last
}

// step is a poll of a target as the model has it.
func (m *reloadModel) step(t *poller.Target, values map[string]int) {
	at := m.now
	if gap := at.Sub(m.last[t.Name]); gap > 2*t.Interval && !m.last[t.Name].IsZero() {
		m.pause(t.Name, gap-t.Interval)
	}
	m.last[t.Name] = at
	for name, rule := range m.rules {
		for _, row := range []string{"1", "2", "3"} {
			v, there := values[row]
			key := plainKey{name, t.Name, row}
			m.judge(key, &rule, there && v > rule.above)
		}
	}
}

// pause leaves a time without polls out of `for` and keep_firing_for.
func (m *reloadModel) pause(target string, d time.Duration) {
	for key, a := range m.alerts {
		if key.target != target {
			continue
		}
		if !a.firing {
			a.active = a.active.Add(d)
		}
		if !a.kept.IsZero() {
			a.kept = a.kept.Add(d)
		}
	}
}

func (m *reloadModel) judge(key plainKey, rule *plainRule, found bool) {
	a := m.alerts[key]
	switch {
	case found && a == nil:
		a = &plainAlert{active: m.now}
		m.alerts[key] = a
		fallthrough
	case found:
		a.kept, a.labels = time.Time{}, rule.team+"/"+m.sites[key.target]
		a.firing = a.firing || m.now.Sub(a.active) >= rule.hold
	case a == nil:
		return
	default:
		if a.kept.IsZero() {
			a.kept = m.now
		}
		if !a.firing || m.now.Sub(a.kept) >= rule.keep {
			m.over(key, "")
			return
		}
	}
	said := rule.severity + " " + rule.text
	if !found && !strings.HasPrefix(a.labels, rule.team+"/") { // the text is of the labels that it has
		_, text, _ := strings.Cut(a.said, " ")
		said = rule.severity + " " + text
	}
	if a.firing && a.said != said {
		kind := "change"
		if a.said == "" {
			kind = "raise"
		}
		a.said = said
		m.events = append(m.events, fmt.Sprintf("%s %s %s", kind, key, said))
	}
}

// over ends an alert.
func (m *reloadModel) over(key plainKey, reason string) {
	if m.alerts[key].said != "" {
		m.events = append(m.events, strings.TrimSpace(fmt.Sprintf("clear %s %s", key, reason)))
	}
	delete(m.alerts, key)
}

// drop ends the alerts of a rule or a target.
func (m *reloadModel) drop(reason string, is func(plainKey) bool) {
	for key := range m.alerts {
		if is(key) {
			m.over(key, reason)
		}
	}
}

// sent are the events that receivers were sent since the last call, in any order.
func (m *reloadModel) sent() (list []string) {
	waiting, err := m.outbox.Waiting()
	m.must(err)
	for _, e := range waiting[0].Events[m.taken:] {
		key := plainKey{e.Alarm.Rule, e.Alarm.Target, e.Alarm.Labels["i"]}
		text := fmt.Sprintf("%s %s", e.Kind, key)
		if e.Kind == "clear" && e.Alarm.Reason != "" && e.Alarm.Reason != "the row is gone" {
			text += " " + e.Alarm.Reason
		}
		if e.Kind != "clear" {
			text += fmt.Sprintf(" %s %s", e.Alarm.Severity, e.Alarm.Summary)
		}
		list = append(list, text)
	}
	m.taken = len(waiting[0].Events)
	slices.Sort(list)
	return list
}

// check compares the events, and the alerts of a target that was polled, with those of the model.
func (m *reloadModel) check(t *poller.Target) {
	m.Helper()
	slices.Sort(m.events)
	if got := m.sent(); !slices.Equal(got, m.events) {
		m.failed("sent %q, want %q", got, m.events)
	}
	m.events = nil
	if t == nil {
		return
	}
	var got, want []string
	for _, b := range m.e.device(t.Name).instances {
		for _, one := range b.persisted {
			key := plainKey{b.rule.Alert, t.Name, one.Labels.Get("i")}
			got = append(got, shownAlert(key, one.Firing, one.ActiveAt, one.KeepFiringSince, one.Labels.Get("team")+"/"+one.Labels.Get("site")))
		}
	}
	for key, a := range m.alerts {
		if key.target == t.Name {
			want = append(want, shownAlert(key, a.firing, a.active, a.kept, a.labels))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		m.failed("alerts\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func shownAlert(key plainKey, firing bool, active, kept time.Time, labels string) string {
	if firing {
		return fmt.Sprintf("%s firing, kept %s, %s", key, kept.Format(time.TimeOnly), labels)
	}
	return fmt.Sprintf("%s pending since %s, %s", key, active.Format(time.TimeOnly), labels)
}

func (m *reloadModel) failed(format string, args ...any) {
	m.Helper()
	m.Fatalf("%s\n%s", strings.Join(m.story[max(0, len(m.story)-25):], "\n"), fmt.Sprintf(format, args...))
}

func (m *reloadModel) note(format string, args ...any) {
	m.story = append(m.story, m.now.Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
}

// reload takes the rules and the targets over.
func (m *reloadModel) reload() {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(m.rules)) {
		rule := m.rules[name]
		texts = append(texts, rule.yaml(name))
	}
	m.use(strings.Join(texts, ",\n"))
	m.configure()
}

// target makes a target anew, as a reload does.
func (m *reloadModel) target(name string, interval time.Duration) *poller.Target {
	t := target(name)
	t.Interval = interval
	if site := m.sites[name]; site != "" {
		t.Labels = map[string]string{"site": site}
		t.Rendered = series.AppendLabel(t.Rendered, 0, "site", []byte(site))
	}
	return t
}

// change changes something of the configuration, or nothing.
func (m *reloadModel) change() {
	r := m.random
	name := string("ABC"[r.IntN(3)])
	switch r.IntN(8) {
	case 0, 1, 2: // a part of a rule
		rule, there := m.rules[name]
		if !there {
			rule = randomRule(r)
		}
		part := r.IntN(6)
		rule.change(r, part)
		m.rules[name] = rule
		m.note("reload %s", rule.yaml(name))
	case 3:
		if r.IntN(4) > 0 {
			m.note("the same again")
			break
		}
		m.note("without %s", name)
		delete(m.rules, name)
		m.drop("the rule is gone", func(k plainKey) bool { return k.rule == name })
	case 4, 5:
		m.changeTarget()
		if r.IntN(2) == 0 { // of lists: the rules are not read
			m.configure()
			return
		}
	case 6:
		m.restarted()
		return
	}
	m.reload()
}

// changeTarget drops a target, adds it, or changes its interval or label.
func (m *reloadModel) changeTarget() {
	r := m.random
	name := fmt.Sprint("sw", 1+r.IntN(3))
	i := slices.IndexFunc(m.targets, func(t *poller.Target) bool { return t.Name == name })
	intervals := []time.Duration{20 * time.Second, pollTime, 2 * time.Minute}
	switch {
	case i >= 0 && r.IntN(4) == 0 && len(m.targets) > 1:
		m.note("without %s", name)
		m.targets = slices.Delete(slices.Clone(m.targets), i, i+1)
		delete(m.last, name)
		m.drop("the target is gone", func(k plainKey) bool { return k.target == name })
		return
	case r.IntN(2) == 0:
		m.sites[name] = []string{"", "berlin", "bonn"}[r.IntN(3)]
	}
	t := m.target(name, intervals[r.IntN(len(intervals))])
	m.note("%s each %s, site %q", name, t.Interval, m.sites[name])
	if m.targets = slices.Clone(m.targets); i >= 0 {
		m.targets[i] = t
	} else {
		m.targets = append(m.targets, t)
	}
}

// restarted is a crash, for a while.
func (m *reloadModel) restarted() {
	down := []time.Duration{time.Second, time.Minute, time.Hour}[m.random.IntN(3)]
	m.note("down for %s", down)
	for name := range m.last {
		m.last[name] = m.now
	}
	m.restart(down)
}

// polled polls a target.
func (m *reloadModel) polled() {
	r := m.random
	t := m.targets[r.IntN(len(m.targets))]
	if r.IntN(8) == 0 {
		m.note("%s does not answer", t.Name)
		m.pollOf(t, silent)
		m.check(nil)
		return
	}
	values := map[string]int{}
	var rows []string
	if r.IntN(3) > 0 {
		rows = m.values[t.Name]
	}
	if rows == nil {
		for _, row := range []string{"1", "2", "3"} {
			if r.IntN(8) > 0 {
				rows = append(rows, fmt.Sprintf(`temperature{i="%s"} %d`, row, 20+20*r.IntN(4)))
			}
		}
		m.values[t.Name] = rows
	}
	for _, row := range rows {
		var i string
		var v int
		_, err := fmt.Sscanf(row, "temperature{i=%q} %d", &i, &v)
		m.must(err)
		values[i] = v
	}
	m.note("%s: %s", t.Name, strings.Join(rows, ", "))
	m.step(t, values)
	m.pollOf(t, nil, rows...)
	m.check(t)
}

// Whatever is reloaded, alerts are those that a plain model has: reloads that change nothing, or other rules or targets,
// change no answer. One that changes a rule, or labels or the interval of a target, begins no `for` anew, drops no pending
// alert, and neither clears nor raises what goes on.
func TestLawOfReloads(t *testing.T) {
	seeds := uint64(12)
	if os.Getenv("TRAPLINE_SOAK") != "" {
		seeds = 2000
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 17))
		m := &reloadModel{random: random, rules: map[string]plainRule{"A": randomRule(random), "B": randomRule(random)}, sites: map[string]string{},
			last: map[string]time.Time{}, alerts: map[plainKey]*plainAlert{}, values: map[string][]string{}}
		rule := m.rules["A"]
		m.rig = start(t, rule.yaml("A"), "sw1", "sw2")
		m.note("seed %d", seed)
		m.reload()
		for range 150 {
			m.now = m.now.Add(time.Duration(1+random.IntN(25)) * time.Second)
			if random.IntN(3) == 0 {
				m.change()
				m.check(nil)
			} else {
				m.polled()
			}
		}
		m.kill()
	}
}

// A rule that comes to look at several targets, or at one, has the alerts that it had, and `for` goes on: also in a process
// that began long ago, after another one.
func TestForGoesOnInOtherKindsOfRules(t *testing.T) {
	one, all := "temperature > 40", "temperature > 40 and on () absent(none)"
	for _, exprs := range [][]string{{one, all, one}, {all, one, all}} {
		r := start(t, fmt.Sprintf("{alert: Hot, expr: %s, for: 3m}", exprs[0]))
		r.restart(time.Minute)
		for range 20 {
			r.cool()
		}
		r.take()
		for i, expr := range exprs {
			r.use(fmt.Sprintf("{alert: Hot, expr: %s, for: 3m}", expr))
			r.configure()
			r.warm()
			r.warm()
			if r.warm(); i < 2 {
				r.want("before 3 minutes, "+expr, "")
			}
		}
		r.want("after 4 minutes, "+exprs[2], "raise Hot i=1")
		r.kill()
	}
}

// An alert whose labels a reload changes keeps its ID. One that begins with the labels that it had has another one.
func TestLabelsThatMove(t *testing.T) {
	r := start(t, `{alert: Hot, expr: temperature > 40, labels: {i: a}}`)
	active := func(want int) map[string]bool {
		t.Helper()
		ids := map[string]bool{}
		for _, b := range r.e.device("sw1").instances {
			for _, one := range b.persisted {
				ids[one.ID] = true
			}
		}
		if len(ids) != want {
			t.Errorf("%d alerts, want %d", len(ids), want)
		}
		return ids
	}
	r.poll(`temperature{i="1"} 50`)
	before := active(1)
	r.use(`{alert: Hot, expr: temperature > 40, labels: {i: '{{ if eq $labels.i "1" }}b{{ else }}a{{ end }}'}}`)
	r.configure()
	r.poll(`temperature{i="1"} 50`)
	if after := active(1); !maps.Equal(after, before) {
		t.Errorf("%v, before %v", after, before)
	}
	r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 50`)
	active(2)
	r.restart(time.Minute)
	r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 50`, `temperature{i="3"} 5`)
	active(2)
	r.poll(`temperature{i="2"} 50`)
	active(1)
}

// A rule that comes to look at what the process before has stored finds the rows that there are, and no others.
func TestRulesThatComeBack(t *testing.T) {
	const rule = `{alert: Hot, expr: temperature > 40}`
	r := start(t, rule)
	r.poll(`temperature{i="1"} 20`, `temperature{i="2"} 50`)
	r.want("hot", "raise Hot i=2")
	r.use(`{alert: Other, expr: humidity > 40}`)
	r.restart(time.Second)
	r.poll(`temperature{i="1"} 20`, `temperature{i="2"} 50`)
	r.want("no rule looks at it", "clear Hot i=2 (the rule is gone)")
	r.use(rule)
	r.configure()
	r.poll(`temperature{i="1"} 50`)
	r.want("one row", "raise Hot i=1")
}
