package notify

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
)

// formatted is a receiver in one of the formats that identifies alarms by the bindings it receives.
type formatted struct {
	recorder   *outboxtest.Receiver
	format     format
	raised     map[string]alarm.Severity // by the instance in the format
	heard      map[string]bool           // event IDs
	misordered int
	clears     int
}

func (f *formatted) route(format string, every bool) *queue.Route {
	settings := &ReceiverSettings{Name: format, Type: "inform", Format: format, Fallback: "disman"}
	shared := &Dependencies{Settings: &Settings{EnterpriseOID: setting.ParseOID(labEnterprise)}, Names: builtIn, Logger: slog.New(slog.DiscardHandler)}
	f.format, f.raised, f.heard = newFormat(settings, shared), map[string]alarm.Severity{}, map[string]bool{}
	r := f.recorder.Route(format)
	r.Key, r.Scheme = newKey(settings, shared)
	r.EveryTransition = every
	return r
}

// take processes the events sent since the previous call.
func (f *formatted) take() {
	events := f.recorder.TakeReceived()
	for i := range events {
		e := &events[i].Event
		d := f.format(e, maxMessageSize)
		if d.notification == nil || f.heard[e.ID] {
			continue
		}
		f.heard[e.ID] = true
		instance := e.Alarm.Variable
		_, knows := f.raised[instance]
		if knows == (e.Kind == alarm.Raise) {
			f.misordered++
		}
		if f.raised[instance] = e.Alarm.Severity; e.Kind == alarm.Clear {
			f.clears++
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
				f := &formatted{recorder: &outboxtest.Receiver{}}
				r := serve(t, t.TempDir(), f.route(format, every))
				defer r.stop()
				tier := func(port int, severity alarm.Severity, active bool) outbox.Transition {
					labels := map[string]string{"alertname": "Load", "ifIndex": fmt.Sprint(port), "target": "dev-1", "severity": severity.String()}
					return outbox.Transition{Active: active, Alarm: alarm.Alarm{
						ID: alarm.ID("", "g/Load "+severity.String(), "dev-1", labels), Rule: "Load", Target: "dev-1", Labels: labels, Severity: severity,
						Variable: fmt.Sprintf("1.3.6.1.2.1.2.2.1.8.%d", port), Notification: "IF-MIB::linkDown", Summary: "port",
					}}
				}
				for i := range changes {
					port, other := i%ports, i/ports%2 == 1
					worse, better := tier(port, alarm.Major, other), tier(port, alarm.Minor, !other)
					pair := []outbox.Transition{better, worse}
					if i%3 == 0 {
						pair = []outbox.Transition{worse, better}
					}
					f.recorder.Set(map[bool]error{true: outboxtest.ErrTimeout}[i%7 == 0], 0) // acknowledgements are lost
					if err := r.outbox.Apply(pair, time.Now()); err != nil {
						t.Fatal(err)
					}
					rest(200 * time.Millisecond)
				}
				f.recorder.Set(nil, 0)
				rest(time.Hour)
				f.take()
				for port := range ports {
					severity, raised := f.raised[fmt.Sprintf("1.3.6.1.2.1.2.2.1.8.%d", port)]
					if !raised || format == "alarm" && severity != alarm.Major {
						t.Errorf("%s: port %d is raised: %v, as %s", format, port, raised, severity)
					}
				}
				if f.misordered+f.clears > 0 || format != "alarm" && len(f.heard) != ports {
					t.Errorf("%s: %d notifications out of order, %d clears, %d in all", format, f.misordered, f.clears, len(f.heard))
				}
				if n := len(r.outbox.Active()); n != ports {
					t.Errorf("%d alarms are active", n)
				}
			})
		}
	}
}

// A reload that changes a receiver's format must send nothing: the receiver has the alarms under any key. Queued events
// must be sent before the clear.
func TestFormatsMayChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{}
		shared := &Dependencies{Settings: &Settings{EnterpriseOID: setting.ParseOID(labEnterprise)}, Names: builtIn, Logger: slog.New(slog.DiscardHandler)}
		route := func(format string) *queue.Route {
			r := l.Route("nms")
			r.Key, r.Scheme = newKey(&ReceiverSettings{Type: "inform", Format: format, Fallback: "disman"}, shared)
			return r
		}
		r := serve(t, dir, route("alarm"))
		defer func() { r.stop() }()
		for i := range 3 {
			a := alarm.Alarm{ID: fmt.Sprint(i), Rule: "Down", Target: "dev", Labels: map[string]string{"ifIndex": fmt.Sprint(i)}, Notification: "IF-MIB::linkDown", Severity: alarm.Major, Variable: fmt.Sprintf("1.3.6.1.2.1.2.2.1.8.%d", i)}
			if i == 2 {
				l.Set(outboxtest.ErrTimeout, 0)
			}
			if err := r.outbox.Apply([]outbox.Transition{{Alarm: a, Active: true}}, time.Now()); err != nil {
				t.Fatal(err)
			}
			rest(time.Minute)
		}
		l.Take()
		for i, format := range []string{"disman", "template", "snmp-notifier", "alarm", "template"} {
			if i%2 == 0 {
				if err := r.outbox.SetRoutes([]*queue.Route{route(format)}, nil, time.Now()); err != nil {
					t.Fatal(err)
				}
			} else {
				r.stop()
				r = serve(t, dir, route(format))
			}
			rest(time.Second)
		}
		if err := r.outbox.Apply([]outbox.Transition{{Alarm: alarm.Alarm{ID: "0"}}, {Alarm: alarm.Alarm{ID: "2"}}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		before := len(l.Received())
		rest(time.Minute)
		l.Set(nil, 0)
		rest(10 * time.Minute)
		var got []string
		for _, e := range l.Received()[before:] {
			text := string(e.Kind) + " " + e.Alarm.Labels["ifIndex"]
			if len(got) == 0 || got[len(got)-1] != text {
				got = append(got, text)
			}
		}
		kinds := map[string]int{}
		for i, text := range got {
			kinds[text] = i + 1
		}
		if kinds["clear 0"] == 0 || kinds["raise 2"] == 0 || kinds["clear 2"] < kinds["raise 2"] || kinds["raise 0"]+kinds["raise 1"]+kinds["clear 1"] > 0 {
			t.Errorf("sent %v", got)
		}
	})
}
