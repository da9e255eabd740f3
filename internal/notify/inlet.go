package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// Inlet takes alerts from Prometheus and Alertmanager, and shows what became of them. It answers 200 once they are on the disk, and
// nothing that was sent again makes a second alarm.
type Inlet struct {
	Outbox     *Outbox
	Deployment string
	Logger     *slog.Logger
}

// alert is one alert as Prometheus sends it.
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

// mostBody bounds what is read of a request.
const mostBody = 32 << 20

// Register adds the inlet's paths.
func (i *Inlet) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v2/alerts", func(w http.ResponseWriter, r *http.Request) { i.take(w, r, i.alerts) })
	mux.HandleFunc("POST /api/v1/webhook", func(w http.ResponseWriter, r *http.Request) { i.take(w, r, i.webhook) })
	mux.HandleFunc("GET /api/v1/alarms", i.alarms)
	mux.HandleFunc("GET /api/v1/outbox", i.outbox)
	mux.HandleFunc("POST /api/v1/outbox/{receiver}/retry", manage(i.Outbox.Retry))
	mux.HandleFunc("POST /api/v1/outbox/{receiver}/drop", manage(i.Outbox.Drop))
}

// take reads transitions from a request and commits them. A request that cannot be understood will not
// be understood the next time either; one that could not be stored is worth another try.
func (i *Inlet) take(w http.ResponseWriter, r *http.Request, read func([]byte, time.Time) ([]Transition, error)) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		code := http.StatusBadRequest
		if errors.As(err, new(*http.MaxBytesError)) {
			code = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), code)
		return
	}
	now := time.Now()
	transitions, err := read(body, now)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := i.Outbox.Apply(transitions, now); err != nil {
		i.Logger.Error("alerts were not taken", "err", err)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

// alerts reads what Prometheus posts. The end of an alert that is active lies ahead: it is how long it
// counts without being sent again.
func (i *Inlet) alerts(body []byte, now time.Time) (list []Transition, err error) {
	var alerts []alert
	if err := json.Unmarshal(body, &alerts); err != nil {
		return nil, fmt.Errorf("want a list of alerts, as Prometheus sends them: %w", err)
	}
	for _, a := range alerts {
		t := Transition{Lease: a.EndsAt, Active: true}
		switch {
		case a.EndsAt.IsZero():
			t.Lease = now.Add(Lease)
		case !a.EndsAt.After(now):
			t.Active = false
		}
		if t.Alarm, err = i.alarm(&a); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// webhook reads what Alertmanager posts. It says of each alert when it is over.
func (i *Inlet) webhook(body []byte, _ time.Time) (list []Transition, err error) {
	var m webhookMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("want a message of Alertmanager's webhook: %w", err)
	}
	if m.Version != "4" {
		return nil, fmt.Errorf("version %q of Alertmanager's webhook: want 4", m.Version)
	}
	for _, a := range m.Alerts {
		if a.Status != statusFiring && a.Status != statusResolved {
			return nil, fmt.Errorf("status %q of an alert: want %s or %s", a.Status, statusFiring, statusResolved)
		}
		t := Transition{Active: a.Status == statusFiring}
		if t.Alarm, err = i.alarm(&a.alert); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// alarm makes an alarm of an alert. What is wrong with its annotations costs it those, and no more.
func (i *Inlet) alarm(a *alert) (Alarm, error) {
	alarm, err := AlarmOf(i.Deployment, a.Labels, a.Annotations)
	if alarm.ID == "" {
		return alarm, err
	}
	if err != nil {
		i.Outbox.metrics.misread.Inc()
		i.Logger.Warn("annotations of an alert are left out", "alert", alarm.Rule, "err", err)
	}
	alarm.RaisedAt = a.StartsAt
	return alarm, nil
}

// alarms gives the active ones, for receivers that missed something.
func (i *Inlet) alarms(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"alarms": slices.Clip(i.Outbox.Active())})
}
