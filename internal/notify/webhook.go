package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
)

// openWebhook returns a function that sends events as Alertmanager does, one alert in a message. Events without an
// alarm are skipped.
func openWebhook(r *ReceiverSettings, _ *Dependencies) (queue.Deliver, error) {
	client, err := r.HTTPConfig.Client(r.Name, duration(r.Timeout, defaultTimeout))
	if err != nil {
		return nil, fmt.Errorf("http_config: %w", err)
	}
	return func(ctx context.Context, e *alarm.Event, _ int32) (originator.Receipt, error) {
		if e.Alarm.ID == "" {
			return originator.Receipt{}, nil
		}
		begin := time.Now()
		err := postWebhook(ctx, client, r, e)
		if err != nil {
			return originator.Receipt{Sent: 1}, err
		}
		return originator.Receipt{Sent: 1, RTT: time.Since(begin)}, nil
	}, nil
}

func postWebhook(ctx context.Context, client *http.Client, r *ReceiverSettings, e *alarm.Event) error {
	failed := func(reason access.Reason, err error) error {
		return &originator.Error{Receiver: r.Name, Reason: reason, Err: err}
	}
	body, err := json.Marshal(webhookOf(r.Name, e))
	if err != nil {
		return failed(access.Malformed, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, string(r.URL), bytes.NewReader(body))
	if err != nil {
		return failed(access.Malformed, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		if tried := (*url.Error)(nil); errors.As(err, &tried) {
			err = tried.Err // without the URL, which may hold a secret
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

func webhookOf(receiver string, e *alarm.Event) *webhookMessage {
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
	return &webhookMessage{
		Version: "4", GroupKey: e.Alarm.ID, Status: a.Status, Receiver: receiver, GroupLabels: map[string]string{"alertname": e.Alarm.Rule},
		CommonLabels: a.Labels, CommonAnnotations: a.Annotations, Alerts: []webhookAlert{a},
	}
}
