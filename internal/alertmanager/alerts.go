package alertmanager

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"trapline/internal/mute"
	"trapline/internal/outbox"
	"trapline/internal/outbox/standing"
)

// The states of an alert.
const active, suppressed = "active", "suppressed"

// alert is an alarm as the API has it.
type alert struct {
	Annotations  map[string]string `json:"annotations"`
	EndsAt       time.Time         `json:"endsAt"`
	Fingerprint  string            `json:"fingerprint"`
	Receivers    []receiver        `json:"receivers"`
	StartsAt     time.Time         `json:"startsAt"`
	Status       alertStatus       `json:"status"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
	Labels       map[string]string `json:"labels"`
}

type receiver struct {
	Name string `json:"name"`
}

type alertStatus struct {
	InhibitedBy []string `json:"inhibitedBy"`
	MutedBy     []string `json:"mutedBy"`
	SilencedBy  []string `json:"silencedBy"`
	State       string   `json:"state"`
}

// alertOf returns an alarm as the API has it. Alertmanager's endsAt of an active alert lies ahead.
func alertOf(s *standing.Standing, l mute.Labels, now time.Time) alert {
	one := alert{
		Annotations: map[string]string{}, Fingerprint: s.Alarm.ID, Receivers: []receiver{}, StartsAt: s.Alarm.RaisedAt, UpdatedAt: now,
		EndsAt: now.Add(outbox.Lease), Labels: l.All(),
		Status: alertStatus{InhibitedBy: []string{}, MutedBy: []string{}, SilencedBy: []string{}, State: active},
	}
	for name, text := range map[string]string{"summary": s.Alarm.Text(), "description": s.Alarm.Description, "value": s.Alarm.Value} {
		if text != "" {
			one.Annotations[name] = text
		}
	}
	for i := range s.Receivers {
		if s.Receivers[i].Progress != standing.NotWanted {
			one.Receivers = append(one.Receivers, receiver{s.Receivers[i].Receiver})
		}
	}
	one.Status.InhibitedBy = append(one.Status.InhibitedBy, s.InhibitedBy...)
	for _, r := range s.Mutes {
		one.Status.State = suppressed
		switch r.Kind {
		case mute.BySilence:
			one.Status.SilencedBy = append(one.Status.SilencedBy, r.Name)
		case mute.ByInhibition: // listed by ID
		default:
			one.Status.MutedBy = append(one.Status.MutedBy, r.Name)
		}
	}
	return one
}

// selection selects alerts by the parameters of a request.
type selection struct {
	wanted   map[string]bool
	filter   mute.Matchers
	receiver *regexp.Regexp  // nil selects all
	matching map[string]bool // the receivers that were looked at
}

// The bounds of what anybody may ask for.
const (
	maxFilter  = 8 << 10 // octets of expressions
	filterTime = 10 * time.Second
)

// filterOf returns the matchers of a request.
func filterOf(r *http.Request) (mute.Matchers, error) {
	texts, size := r.URL.Query()["filter"], 0
	for _, text := range texts {
		size += len(text)
	}
	if size > maxFilter {
		return nil, fmt.Errorf("filter has %d octets, and may have %d", size, maxFilter)
	}
	return mute.ParseAll(texts)
}

// receiverOf returns the expression for names of receivers, nil if there is none.
func receiverOf(r *http.Request) (*regexp.Regexp, error) {
	text := r.URL.Query().Get("receiver")
	switch {
	case text == "":
		return nil, nil
	case len(text) > maxFilter:
		return nil, fmt.Errorf("receiver has %d octets, and may have %d", len(text), maxFilter)
	}
	if err := mute.CheckExpression(text); err != nil {
		return nil, err
	}
	return regexp.Compile("^(?:" + text + ")$")
}

func selectionOf(r *http.Request) (s selection, err error) {
	if s.wanted, err = flags(r, active, "silenced", "inhibited", "unprocessed", "muted"); err != nil {
		return s, err
	}
	if s.filter, err = filterOf(r); err != nil {
		return s, err
	}
	s.matching = map[string]bool{}
	s.receiver, err = receiverOf(r)
	return s, err
}

// sentTo reports whether alerts of a receiver are selected.
func (s *selection) sentTo(r receiver) bool {
	if s.receiver == nil {
		return true
	}
	matches, known := s.matching[r.Name]
	if !known {
		matches = s.receiver.MatchString(r.Name)
		s.matching[r.Name] = matches
	}
	return matches
}

// selects reports whether an alert is selected, but for the filter of labels.
func (s *selection) selects(one *alert) bool {
	st := &one.Status
	switch {
	case !s.wanted[active] && st.State == active,
		!s.wanted["silenced"] && len(st.SilencedBy) > 0,
		!s.wanted["inhibited"] && len(st.InhibitedBy) > 0:
		return false
	}
	return s.receiver == nil || slices.ContainsFunc(one.Receivers, s.sentTo)
}

// selected returns the alerts that a request selects, by fingerprint. It ends with ctx.
func (s *selection) selected(ctx context.Context, o *outbox.Outbox) ([]alert, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, filterTime, fmt.Errorf("the filter takes longer than %v: write a simpler expression", filterTime))
	defer cancel()
	list, now, mutes := []alert{}, time.Now(), o.Mutes()
	for _, standing := range o.Standings(nil) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		l := mutes.Labels(&standing.Alarm)
		if !l.Match(s.filter) {
			continue
		}
		if one := alertOf(&standing, l, now); s.selects(&one) {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, byFingerprint)
	return list, nil
}

func (a *API) alerts(o *outbox.Outbox, w http.ResponseWriter, r *http.Request) {
	_, list, err := a.selected(o, r)
	if err != nil {
		refuse(w, err)
		return
	}
	answerList(w, list)
}

// selected returns the alerts that a request selects, of all members of a cluster.
func (a *API) selected(o *outbox.Outbox, r *http.Request) (s selection, list []alert, err error) {
	if s, err = selectionOf(r); err == nil {
		list, err = s.selected(r.Context(), o)
	}
	if err != nil || a.Others == nil {
		return s, list, err
	}
	var mu sync.Mutex
	a.Others("/api/v2/alerts?"+r.URL.RawQuery, func(text []byte) error {
		var more []alert
		if err := json.Unmarshal(text, &more); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		list = append(list, more...)
		return nil
	})
	slices.SortStableFunc(list, byFingerprint)
	return s, slices.CompactFunc(list, func(x, y alert) bool { return x.Fingerprint == y.Fingerprint }), nil
}

func byFingerprint(x, y alert) int { return cmp.Compare(x.Fingerprint, y.Fingerprint) }

// group is a group of alerts. Each receiver is notified of each alarm by itself: a group has the alerts of a rule.
type group struct {
	Alerts      []alert           `json:"alerts"`
	Labels      map[string]string `json:"labels"`
	RouteLabels map[string]string `json:"routeLabels"`
	Receiver    receiver          `json:"receiver"`
}

// groups answers with the alerts by receiver and rule.
func (a *API) groups(o *outbox.Outbox, w http.ResponseWriter, r *http.Request) {
	s, alerts, err := a.selected(o, r)
	if err != nil {
		refuse(w, err)
		return
	}
	type key struct{ receiver, rule string }
	byKey := map[key]*group{}
	for _, one := range alerts {
		for _, to := range one.Receivers {
			if !s.sentTo(to) {
				continue
			}
			k := key{to.Name, one.Labels["alertname"]}
			if byKey[k] == nil {
				byKey[k] = &group{Labels: map[string]string{"alertname": k.rule}, RouteLabels: map[string]string{}, Receiver: to}
			}
			byKey[k].Alerts = append(byKey[k].Alerts, one)
		}
	}
	list := []*group{}
	for _, k := range slices.SortedFunc(maps.Keys(byKey), func(x, y key) int {
		return cmp.Or(cmp.Compare(x.rule, y.rule), cmp.Compare(x.receiver, y.receiver))
	}) {
		g := byKey[k]
		if s.wanted["muted"] || slices.ContainsFunc(g.Alerts, func(one alert) bool { return one.Status.State == active }) {
			list = append(list, g)
		}
	}
	answerList(w, list)
}

// receivers answers with the receivers.
func (a *API) receivers(o *outbox.Outbox, w http.ResponseWriter, _ *http.Request) {
	states, err := o.Receivers()
	if err != nil {
		a.fail(w, err)
		return
	}
	type named struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	}
	list := []named{}
	for i := range states {
		list = append(list, named{states[i].Name, map[string]string{}})
	}
	answerList(w, list)
}
