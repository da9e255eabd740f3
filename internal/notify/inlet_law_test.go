package notify

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// inletModel is what the inlet knows: until when each sender says that there is the alarm. Alertmanager says so until it
// says the contrary.
type inletModel struct {
	*testing.T
	r      *rand.Rand
	served *served
	inlet  *AlertsAPI
	leases map[string]time.Time // of Prometheus servers, by name
	fires  bool                 // by Alertmanager
	left   int                  // alerts that its last message left out
	ends   map[string]time.Time // that servers have sent
}

// active reports whether a sender says that there is the alarm.
func (m *inletModel) active() bool {
	if m.fires {
		return true
	}
	for _, until := range m.leases {
		if until.After(time.Now()) {
			return true
		}
	}
	return false
}

func (m *inletModel) post(path, body string) {
	if code := post(m.T, m.inlet, path, body); code != http.StatusOK {
		m.Errorf("status %d", code)
	}
}

// prometheus sends that the alarm goes on until a time, or has ended at one.
func (m *inletModel) prometheus(server string, endsAt time.Time) {
	m.post("/api/v2/alerts", fmt.Sprintf(`[{"labels":{"alertname":"Down","instance":"a"},"annotations":{"summary":"since %d"},"endsAt":%q,"generatorURL":"http://%s:9090/graph"}]`,
		m.r.IntN(3), endsAt.Format(time.RFC3339Nano), server))
	if m.leases[server] = endsAt; !endsAt.After(time.Now()) {
		delete(m.leases, server)
		m.ends[server] = endsAt
	}
}

// step is one message, or a time without any, or a restart.
func (m *inletModel) step(dir string, route *queue.Route) {
	server := fmt.Sprintf("prom-%d", m.r.IntN(2))
	switch m.r.IntN(12) {
	case 0, 1, 2:
		m.prometheus(server, time.Now().Add(4*time.Minute))
	case 3, 4:
		m.prometheus(server, time.Now().Add(-time.Second))
	case 5, 6:
		if end := m.ends[server]; !end.IsZero() {
			m.prometheus(server, end) // again, as for 15 minutes
		}
	case 7:
		m.fires, m.left = m.r.IntN(2) == 0, m.r.IntN(3)
		status := map[bool]string{true: statusFiring, false: statusResolved}[m.fires]
		m.post("/api/v1/webhook", fmt.Sprintf(`{"version":"4","groupKey":"g","truncatedAlerts":%d,"alerts":[{"status":%q,"labels":{"alertname":"Down","instance":"a"}}]}`, m.left, status))
	case 8:
		m.served.stop()
		m.served = serve(m.T, dir, route)
		m.inlet = inletOf(m.served)
		for server, until := range m.leases { // senders get time to say it again
			if until.After(time.Now()) && until.Before(time.Now().Add(outbox.Lease)) {
				m.leases[server] = time.Now().Add(outbox.Lease)
			}
		}
	case 9:
		rest(5 * time.Minute)
	default:
		rest(time.Duration(m.r.IntN(90)) * time.Second)
	}
}

// Two Prometheus servers and Alertmanager that disagree, repeat old ends, fall silent and come back in any order: there is
// the alarm as long as one of them says so, and the receiver has one raise and one clear for each time. TraplineTruncated
// lasts until a message of the group is whole.
func TestLawOfSenders(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			dir, l := t.TempDir(), &outboxtest.Receiver{}
			route := l.Route("nms")
			m := &inletModel{T: t, r: rand.New(rand.NewPCG(seed, 8)), served: serve(t, dir, route), leases: map[string]time.Time{}, ends: map[string]time.Time{}}
			defer func() { m.served.stop() }()
			m.inlet = inletOf(m.served)
			for n := range 120 {
				m.step(dir, route)
				for before := !m.active(); before != m.active(); {
					before = m.active()
					rest(15 * time.Second) // leases are checked, and events sent
				}
				var rules []string
				for _, a := range m.served.outbox.Active() {
					rules = append(rules, a.Rule)
				}
				standing := slices.Contains(rules, "Down")
				if standing != m.active() || slices.Contains(rules, truncatedAlarm) != (m.left > 0) {
					t.Errorf("seed %d, step %d at %v: active: %q: leases %v, Alertmanager %v, %d left out", seed, n, time.Now(), rules, m.leases, m.fires, m.left)
					return
				}
				var kinds []string
				heard := map[string]bool{}
				for _, e := range l.Received() {
					if !heard[e.ID] && e.Alarm.Rule == "Down" && (e.Kind == alarm.Raise || e.Kind == alarm.Clear) {
						kinds = append(kinds, string(e.Kind))
					}
					heard[e.ID] = true
				}
				got := strings.Join(kinds, " ")
				if want := strings.TrimSpace(strings.Repeat("raise clear ", (len(kinds)+1)/2)); got != want && got+" clear" != want || (len(kinds)%2 == 1) != standing {
					t.Errorf("seed %d, step %d: sent %s while it is active: %v", seed, n, got, standing)
					return
				}
			}
		})
	}
}
