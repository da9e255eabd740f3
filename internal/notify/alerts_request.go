package notify

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox"
	"trapline/internal/senderclock"
)

// The bounds on the content of a request.
const (
	maxAlerts          = 10_000
	maxAlertBytes      = 128 << 10 // of one in JSON
	maxAlertLabels     = 128       // and as many annotations
	maxAlertLabelBytes = 16 << 10  // names and values of all labels: they are the identity of the alarm
)

var errTooManyAlerts = fmt.Errorf("more than %d alerts in a request: send fewer at a time", maxAlerts)

// batch is the content of a request read so far. Alerts are decoded one by one, so that none is in memory twice.
type batch struct {
	api         *AlertsAPI
	peer        string // the address that the request came from
	now         time.Time
	transitions []outbox.Transition
	read        int   // alerts
	refused     int   // of those
	why         error // of the first that was refused
	truncated   int   // that Alertmanager left out
	group       string
}

// alerts reads the body that Prometheus posts.
func (b *batch) alerts(d *json.Decoder) error {
	err := b.list(d, func(text []byte) (outbox.Transition, error) {
		var a alert
		if err := json.Unmarshal(text, &a); err != nil {
			return outbox.Transition{}, plainJSON(err)
		}
		return b.leased(&a)
	})
	if err = errors.Join(err, atEnd(d, err)); err != nil {
		return fmt.Errorf("want a list of alerts, as Prometheus sends them: %w", err)
	}
	return nil
}

// leased is a transition of an alert of Prometheus. The end of one that is active lies ahead by its clock: it is how long
// it counts without being sent again.
func (b *batch) leased(a *alert) (t outbox.Transition, err error) {
	if t.Alarm, err = b.alarm(a); err != nil {
		return t, err
	}
	source, left := b.sourceOf(a), outbox.Lease
	if !a.EndsAt.IsZero() {
		left = b.api.clocks.Remaining(senderclock.Alert{Sender: source, ID: t.Alarm.ID, StartsAt: a.StartsAt, EndsAt: a.EndsAt}, b.now)
	}
	t.Active, t.Lease = left > 0, b.now.Add(left)
	t.Alarm.ID += " " + source
	return t, nil
}

// maxSource is the maximum length of the name of a source, in octets.
const maxSource = 255

// sourceOf returns the Prometheus server that an alert is from. Each server of a pair has a condition of its own: the
// alarm lasts until both have ended theirs, or their leases have.
func (b *batch) sourceOf(a *alert) string {
	if u, err := url.Parse(a.GeneratorURL); err == nil && u.Host != "" && len(u.Host) <= maxSource {
		return u.Host
	}
	return b.peer
}

// webhook reads the body that Alertmanager posts. It has a status for each alert.
func (b *batch) webhook(d *json.Decoder) error {
	version := ""
	err := object(d, func(key string) error {
		switch key {
		case "version":
			return d.Decode(&version)
		case "groupKey":
			return d.Decode(&b.group)
		case "truncatedAlerts":
			return d.Decode(&b.truncated)
		case "alerts":
			return b.list(d, b.stated)
		}
		return d.Decode(&json.RawMessage{})
	})
	if err = errors.Join(err, atEnd(d, err)); err != nil {
		return fmt.Errorf("want a message of Alertmanager's webhook: %w", err)
	}
	if version != "4" {
		return fmt.Errorf("version %q of Alertmanager's webhook: want 4", version)
	}
	return nil
}

// stated is a transition of an alert of Alertmanager.
func (b *batch) stated(text []byte) (t outbox.Transition, err error) {
	var a webhookAlert
	if err := json.Unmarshal(text, &a); err != nil {
		return t, plainJSON(err)
	}
	if a.Status != statusFiring && a.Status != statusResolved {
		return t, refusal{fmt.Errorf("status %q of an alert: want %s or %s", a.Status, statusFiring, statusResolved)}
	}
	t.Active = a.Status == statusFiring
	t.Alarm, err = b.alarm(&a.alert)
	return t, err
}

// refusal is an error in one alert, and no reason to refuse the others.
type refusal struct{ error }

// list reads an array of alerts.
func (b *batch) list(d *json.Decoder, read func([]byte) (outbox.Transition, error)) error {
	if err := delimiter(d, '['); err != nil {
		return err
	}
	var text json.RawMessage
	for d.More() {
		if b.read++; b.read > maxAlerts {
			return errTooManyAlerts
		}
		if err := d.Decode(&text); err != nil {
			return err
		}
		if err := b.add(text, read); err != nil {
			return err
		}
	}
	return delimiter(d, ']')
}

func (b *batch) add(text []byte, read func([]byte) (outbox.Transition, error)) error {
	var t outbox.Transition
	var err error = refusal{fmt.Errorf("an alert of %d octets: %d are the most", len(text), maxAlertBytes)}
	if len(text) <= maxAlertBytes {
		t, err = read(text)
	}
	switch one := (refusal{}); {
	case err == nil:
		b.transitions = append(b.transitions, t)
	case errors.As(err, &one):
		if b.refused++; b.why == nil {
			b.why = err
		}
	default:
		return err
	}
	return nil
}

// alarm returns the alarm of an alert. Annotations that cannot be parsed are left out and logged.
func (b *batch) alarm(a *alert) (alarm.Alarm, error) {
	if err := a.check(); err != nil {
		return alarm.Alarm{}, refusal{err}
	}
	alarm, err := AlarmOf(b.api.Deployment, a.Labels, a.Annotations)
	if alarm.ID == "" {
		return alarm, refusal{err}
	}
	if err != nil {
		b.api.Outbox.Metrics.Misread.Inc()
		b.api.Logger.Warn("annotations of an alert are left out", "alert", alarm.Rule, "err", err)
	}
	alarm.RaisedAt = a.StartsAt
	return alarm, nil
}

func (a *alert) check() error {
	if len(a.Labels) > maxAlertLabels || len(a.Annotations) > maxAlertLabels {
		return fmt.Errorf("alert %.100q has %d labels and %d annotations: %d of each are the most", a.Labels["alertname"], len(a.Labels), len(a.Annotations), maxAlertLabels)
	}
	size := 0
	for name, value := range a.Labels {
		size += len(name) + len(value)
	}
	if size > maxAlertLabelBytes {
		return fmt.Errorf("the labels of alert %.100q are %d octets: %d are the most", a.Labels["alertname"], size, maxAlertLabelBytes)
	}
	return nil
}

// object reads an object, and has field read the value of each key.
func object(d *json.Decoder, field func(key string) error) error {
	if err := delimiter(d, '{'); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if err := field(key.(string)); err != nil {
			return err
		}
	}
	return delimiter(d, '}')
}

func delimiter(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	if err == nil && got != want {
		err = fmt.Errorf("%q where %q is expected", fmt.Sprint(got), want)
	}
	return err
}

// atEnd returns an error if more data follows a value that was read without an error.
func atEnd(d *json.Decoder, err error) error {
	if err != nil {
		return nil
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows behind it")
	}
	return nil
}

// plainJSON returns an error that names the field of the request and the type it must have, not the Go type.
func plainJSON(err error) error {
	typeError := (*json.UnmarshalTypeError)(nil)
	if !errors.As(err, &typeError) || typeError.Field == "" {
		return err
	}
	want := map[reflect.Kind]string{reflect.String: "text", reflect.Map: "an object", reflect.Struct: "an object", reflect.Slice: "a list"}[typeError.Type.Kind()]
	return fmt.Errorf("%s: want %s, but this is of type %s", typeError.Field, cmp.Or(want, typeError.Type.String()), typeError.Value)
}
