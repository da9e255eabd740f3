package notify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/grouping"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
)

// openWebhook returns a function that sends events as Alertmanager does: one alert in a message, or with group_by those of
// a group. Events without an alarm are skipped.
func openWebhook(r *ReceiverSettings, c *Dependencies) (queue.Deliver, error) {
	client, err := r.HTTPConfig.Client(r.Name, duration(r.Timeout, defaultTimeout))
	if err != nil {
		return nil, fmt.Errorf("http_config: %w", err)
	}
	post := func(ctx context.Context, m *webhookMessage) error { return postWebhook(ctx, client, r, m) }
	send := func(ctx context.Context, e *alarm.Event) error { return post(ctx, webhookOf(r.Name, e)) }
	if len(r.GroupBy) > 0 {
		settings := &groupSettings{r, c.Targets, post}
		grouped := c.Groups.of(settings)
		send = func(ctx context.Context, e *alarm.Event) error {
			if e.Kind == alarm.Test {
				return post(ctx, webhookOf(r.Name, e))
			}
			grouped.use(settings)
			return grouped.add(ctx, e)
		}
	}
	return func(ctx context.Context, e *alarm.Event, _ int32) (originator.Receipt, error) {
		if e.Alarm.ID == "" {
			return originator.Receipt{}, nil
		}
		begin := time.Now()
		if err := send(ctx, e); errors.Is(err, grouping.ErrNotDue) {
			return originator.Receipt{}, queue.ErrWithheld
		} else if err != nil {
			return originator.Receipt{Sent: 1}, err
		}
		return originator.Receipt{Sent: 1, RTT: max(1, time.Since(begin))}, nil
	}, nil
}

func postWebhook(ctx context.Context, client *http.Client, r *ReceiverSettings, m *webhookMessage) error {
	failed := func(reason access.Reason, err error) error {
		return &originator.Error{Receiver: r.Name, Reason: reason, Err: err}
	}
	body, err := json.Marshal(m)
	if err != nil {
		return failed(access.Malformed, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, string(r.URL), bytes.NewReader(body))
	if err != nil {
		return failed(access.Malformed, err)
	}
	request.Header.Set("Content-Type", "application/json")
	var response *http.Response
	err = originator.Permitted(ctx, func() (err error) {
		response, err = client.Do(request)
		return err
	})
	if errors.Is(err, originator.ErrNotPermitted) {
		return failed(access.Canceled, err)
	}
	if err != nil {
		if tried := (*url.Error)(nil); errors.As(err, &tried) {
			err = tried.Err // without the URL, which may hold a secret
		}
		if file := (*fs.PathError)(nil); errors.As(err, &file) { // that http_config names
			return failed(access.Credentials, err)
		}
		return failed(access.SocketReason(err), err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
	switch code := response.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired:
		return failed(access.Credentials, fmt.Errorf("the receiver answers %s", response.Status))
	case code/100 == 4 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests:
		return failed(access.ErrorStatus, fmt.Errorf("the receiver answers %s", response.Status))
	default:
		return failed(access.Refused, fmt.Errorf("the receiver answers %s", response.Status))
	}
}

func alertOf(e *alarm.Event) webhookAlert {
	a := webhookAlert{Status: statusFiring, Fingerprint: e.Alarm.ID, alert: alert{
		Labels: maps.Clone(e.Alarm.Labels), Annotations: annotationsOf(&e.Alarm), StartsAt: e.Alarm.RaisedAt,
	}}
	if a.Labels == nil {
		a.Labels = map[string]string{}
	}
	a.Labels["alertname"], a.Labels["severity"] = e.Alarm.Rule, e.Alarm.Severity.String()
	if e.Alarm.Target != "" {
		a.Labels["target"] = e.Alarm.Target
	}
	a.Annotations["event_id"] = e.ID
	if e.Kind == alarm.Clear {
		a.Status, a.EndsAt = statusResolved, e.At
	}
	return a
}

func webhookOf(receiver string, e *alarm.Event) *webhookMessage {
	a := alertOf(e)
	return &webhookMessage{
		Version: "4", GroupKey: e.Alarm.ID, Status: a.Status, Receiver: receiver, GroupLabels: map[string]string{"alertname": e.Alarm.Rule},
		CommonLabels: a.Labels, CommonAnnotations: a.Annotations, Alerts: []webhookAlert{a},
	}
}

// WebhookGroups keeps the groups of webhooks when the configuration is reloaded: they are to have the alarms that were sent
// before, and to keep their distance, as long as receiver and group_by are the same. The zero value is ready for use.
type WebhookGroups struct {
	mu     sync.Mutex
	byName map[string]*webhookGroups
}

// of returns the groups of a receiver, which begin to use the settings with its first event. w may be nil.
func (w *WebhookGroups) of(s *groupSettings) *webhookGroups {
	if w == nil {
		return newWebhookGroups(s)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byName == nil {
		w.byName = map[string]*webhookGroups{}
	}
	g := w.byName[s.receiver.Name]
	if g != nil {
		if old := g.settings.Load().receiver; old.URL == s.receiver.URL && slices.Equal(old.GroupBy, s.receiver.GroupBy) {
			return g
		}
	}
	g = newWebhookGroups(s)
	w.byName[s.receiver.Name] = g
	return g
}

// groupSettings are what a reload changes of groups.
type groupSettings struct {
	receiver *ReceiverSettings
	targets  TargetLabels
	post     func(context.Context, *webhookMessage) error
}

// webhookGroups sends the alarms of a group in one message: those that changed, and those that the receiver was sent
// before and that are still active.
type webhookGroups struct {
	settings atomic.Pointer[groupSettings]
	groups   grouping.Groups[webhookChange]

	mu     sync.Mutex
	active map[string]map[string]webhookAlert // by group and ID of the alarm, as last sent
}

// webhookChange is an alert that waits for the message of its group.
type webhookChange struct {
	alert webhookAlert
	due   func() bool
}

// The defaults of group_wait and group_interval, which are Alertmanager's.
const defaultGroupWait, defaultGroupInterval = 30 * time.Second, 5 * time.Minute

func newWebhookGroups(s *groupSettings) *webhookGroups {
	g := &webhookGroups{active: map[string]map[string]webhookAlert{}}
	g.use(s)
	g.groups.Send, g.groups.Due = g.send, func(c webhookChange) bool { return c.due() }
	return g
}

// use has the groups use settings from here on.
func (g *webhookGroups) use(s *groupSettings) {
	if g.settings.Swap(s) != s {
		g.groups.Replan(duration(s.receiver.GroupWait, defaultGroupWait), duration(s.receiver.GroupInterval, defaultGroupInterval))
	}
}

func (g *webhookGroups) add(ctx context.Context, e *alarm.Event) error {
	a := alertOf(e)
	return g.groups.Add(ctx, "{}:"+labelset(g.labels(&a)), webhookChange{a, func() bool { return queue.Due(ctx) }})
}

// labels returns the labels of the group of an alert; "..." in group_by means all.
func (g *webhookGroups) labels(a *webhookAlert) map[string]string {
	s := g.settings.Load()
	if slices.Contains(s.receiver.GroupBy, allLabels) {
		return a.Labels
	}
	of := map[string]string{}
	for _, name := range s.receiver.GroupBy {
		value, ok := a.Labels[name]
		if !ok {
			value = s.targets.of(a.Labels["target"])[name]
		}
		of[name] = value
	}
	return of
}

const allLabels = "..."

// labelset returns labels as Alertmanager writes them.
func labelset(labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, fmt.Sprintf("%s=%q", name, labels[name]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// send sends the message of a group with some changes, and keeps the alarms that are active after it.
func (g *webhookGroups) send(group string, changes []webhookChange) (goesOn bool, err error) {
	g.mu.Lock()
	alerts := maps.Clone(g.active[group])
	g.mu.Unlock()
	if alerts == nil {
		alerts = map[string]webhookAlert{}
	}
	for _, c := range changes {
		alerts[c.alert.Fingerprint] = c.alert
	}
	s := g.settings.Load()
	m := g.message(group, slices.SortedFunc(maps.Values(alerts), byStart))
	m.truncate(s.receiver.MaxAlerts, func(a webhookAlert) bool {
		return slices.ContainsFunc(changes, func(c webhookChange) bool { return c.alert.Fingerprint == a.Fingerprint })
	})
	if err := s.post(context.Background(), m); err != nil { // the client bounds its time
		return true, err
	}
	maps.DeleteFunc(alerts, func(_ string, a webhookAlert) bool { return a.Status == statusResolved })
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.active[group] = alerts; len(alerts) == 0 {
		delete(g.active, group)
	}
	return len(alerts) > 0, nil
}

func (g *webhookGroups) message(group string, alerts []webhookAlert) *webhookMessage {
	m := &webhookMessage{
		Version: "4", GroupKey: group, Status: statusResolved, Receiver: g.settings.Load().receiver.Name, GroupLabels: g.labels(&alerts[0]),
		CommonLabels: maps.Clone(alerts[0].Labels), CommonAnnotations: maps.Clone(alerts[0].Annotations), Alerts: alerts,
	}
	for i := range alerts {
		if alerts[i].Status == statusFiring {
			m.Status = statusFiring
		}
		maps.DeleteFunc(m.CommonLabels, func(name, value string) bool { return alerts[i].Labels[name] != value })
		maps.DeleteFunc(m.CommonAnnotations, func(name, value string) bool { return alerts[i].Annotations[name] != value })
	}
	return m
}

// truncate leaves the alerts in a message that matter most: those that changed, of these the firing ones, then the most
// severe, then the latest.
func (m *webhookMessage) truncate(most int, changed func(webhookAlert) bool) {
	if most <= 0 || len(m.Alerts) <= most {
		return
	}
	rank := func(a webhookAlert) (n int) {
		if !changed(a) {
			n += 2
		}
		if a.Status == statusResolved {
			n++
		}
		return n
	}
	severity := func(a webhookAlert) alarm.Severity { return alarm.ParseSeverity(a.Labels["severity"]) }
	m.TruncatedAlerts = len(m.Alerts) - most
	m.Alerts = slices.SortedFunc(slices.Values(m.Alerts), func(a, b webhookAlert) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), severity(a).Compare(severity(b)), b.StartsAt.Compare(a.StartsAt), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})[:most]
	slices.SortFunc(m.Alerts, byStart)
}

func byStart(a, b webhookAlert) int {
	return cmp.Or(a.StartsAt.Compare(b.StartsAt), cmp.Compare(a.Fingerprint, b.Fingerprint))
}
