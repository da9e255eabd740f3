package notify

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/setting"
)

// formatted is a receiver in one of the formats that identifies alarms by the bindings it receives.
type formatted struct {
	*listener
	format format
	raised map[string]Severity // by the instance in the format
	heard  map[string]bool     // event IDs
	wrong  int
}

func (f *formatted) route(format string, every bool) *Route {
	settings := &ReceiverSettings{Name: format, Type: "inform", Format: format, Fallback: "disman"}
	shared := &Shared{Settings: &Settings{EnterpriseOID: setting.ParseOID(labEnterprise)}, Names: builtIn, Logger: slog.New(slog.DiscardHandler)}
	f.format, f.raised, f.heard = newFormat(settings, shared), map[string]Severity{}, map[string]bool{}
	r := f.listener.route(format)
	r.Key, r.Scheme = newKey(settings, shared)
	r.EveryTransition = every
	return r
}

// take processes the events sent since the previous call.
func (f *formatted) take() {
	events := f.told()
	f.mu.Lock()
	f.events = nil
	f.mu.Unlock()
	for i := range events {
		e := &events[i].Event
		d := f.format(e, mostOctets)
		if d.Notification == nil || f.heard[e.ID] {
			continue
		}
		f.heard[e.ID] = true
		instance := e.Alarm.Variable
		_, knows := f.raised[instance]
		if knows == (e.Kind == Raise) {
			f.wrong++
		}
		if f.raised[instance] = e.Alarm.Severity; e.Kind == Clear {
			delete(f.raised, instance)
		}
	}
}

// Two rules of one alert and one notification, at two severities: a port that goes from one to the other is one alarm
// that changes. The last notification of each port is the true one, and none says that it is up.
func TestTwoTiersAreOneAlarm(t *testing.T) {
	const ports, changes = 10, 1000
	for _, format := range []string{"disman", "template", "alarm"} {
		for _, every := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				f := &formatted{listener: &listener{}}
				r := run(t, t.TempDir(), f.route(format, every))
				defer r.stop()
				tier := func(port int, severity Severity, active bool) Transition {
					labels := map[string]string{"alertname": "Load", "ifIndex": fmt.Sprint(port), "target": "dev-1", "severity": severity.String()}
					return Transition{Active: active, Alarm: Alarm{
						ID: AlarmID("", "g/Load "+severity.String(), "dev-1", labels), Rule: "Load", Target: "dev-1", Labels: labels, Severity: severity,
						Variable: fmt.Sprintf("1.3.6.1.2.1.2.2.1.8.%d", port), Notification: "IF-MIB::linkDown", Summary: "port",
					}}
				}
				for i := range changes {
					port, other := i%ports, i/ports%2 == 1
					worse, better := tier(port, Major, other), tier(port, Minor, !other)
					pair := []Transition{better, worse}
					if i%3 == 0 {
						pair = []Transition{worse, better}
					}
					f.set(map[bool]error{true: errNobody}[i%7 == 0], 0) // acknowledgements are lost
					if err := r.Apply(pair, time.Now()); err != nil {
						t.Fatal(err)
					}
					settle(200 * time.Millisecond)
				}
				f.set(nil, 0)
				settle(time.Hour)
				f.take()
				for port := range ports {
					severity, raised := f.raised[fmt.Sprintf("1.3.6.1.2.1.2.2.1.8.%d", port)]
					if !raised || format == "alarm" && severity != Major {
						t.Errorf("%s: port %d is raised: %v, as %s", format, port, raised, severity)
					}
				}
				if f.wrong > 0 || format != "alarm" && len(f.heard) != ports {
					t.Errorf("%s: %d notifications out of order, %d in all", format, f.wrong, len(f.heard))
				}
				if n := len(r.Active()); n != ports {
					t.Errorf("%d alarms are active", n)
				}
			})
		}
	}
}
