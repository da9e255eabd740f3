package rules

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/poller"
)

// port is a row of ifTable as the device has it.
type port struct {
	oper, admin int
	alias       string
	there       bool
}

// portModel is a model of the notifications of the shipped rule InterfaceDown, under any sequence of events.
type portModel struct {
	rig    *rig
	rng    *rand.Rand
	rows   []port
	wasUp  map[int]bool   // those that were seen up
	raised map[int]string // the alias of those whose alarm is raised
	name   int
}

// shippedInterfaces are the rules of rules/interfaces.yml, InterfaceDown without its `for`.
func shippedInterfaces(t *testing.T) *Set {
	content, err := os.ReadFile("../../rules/interfaces.yml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, strings.Replace(string(content), "    for: 1m\n", "", 1))
}

func (m *portModel) change() {
	for i := range m.rows {
		p := &m.rows[i]
		switch m.rng.IntN(12) {
		case 0, 1:
			p.oper = 1
		case 2, 3:
			p.oper = 2
		case 4:
			p.oper = 5 + m.rng.IntN(3)
		case 5:
			p.admin = 1 + m.rng.IntN(2)
		case 6:
			p.alias = []string{"", "uplink", "access"}[m.rng.IntN(3)]
		case 7:
			p.there = !p.there
		}
	}
}

// poll returns the notifications that a poll must bring.
func (m *portModel) poll() (want []string) {
	rows := []string{"other 1"}
	for i, p := range m.rows {
		if p.there {
			at := fmt.Sprintf(`{ifIndex="%d",ifName="Gi%d"`, i, i)
			if p.alias != "" {
				at += fmt.Sprintf(`,ifAlias="%s"`, p.alias)
			}
			rows = append(rows, fmt.Sprintf("ifOperStatus%s} %d", at, p.oper), fmt.Sprintf("ifAdminStatus%s} %d", at, p.admin))
		}
		if p.there && p.oper == 1 && p.alias != "" {
			m.wasUp[i] = true
		}
		down := p.there && p.oper == 2 && p.admin == 1 && p.alias != "" && m.wasUp[i]
		before, raised := m.raised[i]
		if raised && (!down || before != p.alias) {
			want = append(want, fmt.Sprintf("clear %d %s", i, before))
			delete(m.raised, i)
		}
		if _, raised = m.raised[i]; down && !raised {
			want = append(want, fmt.Sprintf("raise %d %s", i, p.alias))
			m.raised[i] = p.alias
		}
	}
	m.rig.poll(rows...)
	return want
}

// forgotten are the clears of all alarms.
func (m *portModel) forgotten() (want []string) {
	for i, alias := range m.raised {
		want = append(want, fmt.Sprintf("clear %d %s", i, alias))
	}
	clear(m.raised)
	return want
}

// event lets something else than a poll happen.
func (m *portModel) event() (what string, want []string) {
	r := m.rig
	taken := r.taken
	r.now = r.now.Add(time.Second)
	switch m.rng.IntN(7) {
	case 0:
		for range m.rng.IntN(100) {
			r.fail()
		}
		return "no answer", nil
	case 1:
		r.configure()
		return "reload", nil
	case 2:
		r.restart(time.Duration(m.rng.IntN(7200)) * time.Second)
		r.taken = taken
		return "restart", nil
	case 3:
		r.must(r.e.alertStore.markAlive(r.e.now(), r.now))
		r.kill()
		r.must(os.RemoveAll(filepath.Join(r.dir, "rules")))
		r.now = r.now.Add(time.Hour)
		r.run()
		r.taken = taken
		return "restart without samples", nil
	case 4:
		m.name++
		r.targets = []*poller.Target{target(fmt.Sprintf("name%d", m.name))}
		if m.rng.IntN(2) == 0 {
			r.configure()
			return "new name", m.forgotten()
		}
		r.restart(time.Minute)
		r.taken = taken
		return "restart with a new name", m.forgotten()
	case 5:
		all := r.targets
		r.targets = nil
		r.configure()
		r.targets = all
		r.configure()
		clear(m.wasUp)
		return "leaves and comes back", m.forgotten()
	}
	r.kill()
	r.dir = r.TempDir()
	r.run()
	r.taken = 0
	clear(m.wasUp)
	clear(m.raised)
	return "restart without state", nil
}

// A port that is down is sent if it was seen up since the device was first polled, whatever came in between, and others
// are not: unused ones, those of a line card that is added, and all of a device that is new.
func TestOnlyPortsThatWereUpAreSent(t *testing.T) {
	raises, held := 0, 0
	for seed := range uint64(12) {
		m := &portModel{rng: rand.New(rand.NewPCG(seed, 14)), rows: make([]port, 5), wasUp: map[int]bool{}, raised: map[int]string{}}
		for i := range m.rows {
			m.rows[i] = port{oper: 2, admin: 1, alias: "uplink", there: i < 3}
		}
		m.rig = start(t, `{alert: Other, expr: other > 1}`)
		m.rig.set = shippedInterfaces(t)
		m.rig.configure()
		story := ""
		for range 60 {
			what, want := "poll", []string(nil)
			if m.rng.IntN(5) == 0 {
				what, want = m.event()
			} else {
				m.change()
				want = m.poll()
				raises += len(m.raised)
				held += len(m.rig.e.Held())
			}
			story += fmt.Sprintf("%s: %+v\n", what, m.rows)
			got := m.sent()
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %s: sent %q, want %q\n%s", seed, what, got, want, story)
			}
		}
		m.rig.kill()
	}
	if raises < 50 || held < 50 {
		t.Errorf("%d raised, %d held: that proves little", raises, held)
	}
}

// sent returns the notifications about InterfaceDown since the last call.
func (m *portModel) sent() (list []string) {
	waiting, err := m.rig.outbox.Waiting()
	m.rig.must(err)
	var all []string
	for _, e := range waiting[0].Events {
		if e.Alarm.Rule == "InterfaceDown" {
			all = append(all, fmt.Sprintf("%s %s %s", e.Kind, e.Alarm.Labels["ifIndex"], e.Alarm.Labels["ifAlias"]))
		}
	}
	list = all[m.rig.taken:]
	m.rig.taken = len(all)
	slices.Sort(list)
	return list
}
