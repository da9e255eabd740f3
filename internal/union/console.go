package union

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"trapline/internal/alerting"
	"trapline/internal/api"
	"trapline/internal/cluster/peer"
	"trapline/internal/httpapi"
)

// Console answers for the alarms, rules and receivers of all members. An action on an alarm is one of the member that has it.
// Its methods may be called concurrently.
type Console struct {
	union *Union
	own   *alerting.Console
}

// NewConsole returns the console of a union of which a member has its own.
func NewConsole(u *Union, own *alerting.Console) *Console { return &Console{u, own} }

// OpenAlarms counts the alarms of this member.
func (c *Console) OpenAlarms() *alerting.OpenAlarms { return c.own.OpenAlarms() }

// Alarms returns the alarms that q selects, of all members.
func (c *Console) Alarms(q api.AlarmQuery) ([]api.Alarm, error) {
	all, err := c.own.Alarms(q)
	if err != nil {
		return nil, err
	}
	values := url.Values{"q": {q.Text}, "match[]": q.Match, "state": {q.State}, "group": {q.Group}}
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	more, err := answers(gatherWithin[[]api.Alarm](c.union, waitFor(q.Text, q.Match), list("/api/v1/alarms?"+values.Encode())))
	if err != nil {
		return nil, err
	}
	all = append(all, slices.Concat(more...)...)
	if q.State != cleared {
		all = once(all, func(a *api.Alarm) string { return a.ID })
	}
	return alerting.Arrange(all, &q), nil
}

// cleared is the state of alarms that have ended. One that was raised again has several of them.
const cleared = "cleared"

func alarmPath(id string, more string) string {
	return "/api/v1/alarms/" + url.PathEscape(id) + more
}

// Alarm returns an alarm with its life, of which each member that had it knows a part.
func (c *Console) Alarm(id string) (api.Alarm, error) {
	best, err := c.own.Alarm(id)
	found := err == nil
	if err != nil && !errors.Is(err, api.ErrNotFound) {
		return best, err
	}
	life := best.Life
	for _, p := range gather[api.Alarm](c.union, list(alarmPath(id, ""))) {
		switch {
		case p.err == nil && (!found || later(&p.data, &best)):
			found, best = true, p.data
			life = append(life, p.data.Life...)
		case p.err == nil:
			life = append(life, p.data.Life...)
		case isSilence(p.err) && !found:
			err = p.err
		}
	}
	if !found {
		return best, err
	}
	slices.SortStableFunc(life, func(a, b api.Event) int { return a.At.Compare(b.At) })
	best.Life = life
	return best, nil
}

// later reports whether an answer is about an alarm after another: one that has not ended, or ended later.
func later(a, b *api.Alarm) bool {
	if a.State == cleared && b.State == cleared {
		return a.Cleared.After(b.Cleared)
	}
	return a.State != cleared && b.State == cleared
}

// act has the member act that has what the action is about.
func (c *Console) act(own func() error, request func(peer.Member) *peer.Request) error {
	err := own()
	if !errors.Is(err, api.ErrNotFound) {
		return err
	}
	for _, p := range actAll(c.union, request) {
		if p.err == nil {
			return nil
		}
		if isSilence(p.err) && errors.Is(err, api.ErrNotFound) || !isSilence(p.err) && !errors.Is(p.err, api.ErrNotFound) {
			err = p.err
		}
	}
	return err
}

// Resend notifies the receivers of an active alarm once more.
func (c *Console) Resend(id string) error {
	return c.act(func() error { return c.own.Resend(id) }, posts(alarmPath(id, "/resend"), struct{}{}))
}

// Acknowledge records that a person has acknowledged an active alarm.
func (c *Console) Acknowledge(id string, ack api.Ack) error {
	return c.act(func() error { return c.own.Acknowledge(id, ack) }, posts(alarmPath(id, "/ack"), ack))
}

// Unacknowledge removes the acknowledgement of an alarm.
func (c *Console) Unacknowledge(id string) error {
	return c.act(func() error { return c.own.Unacknowledge(id) }, func(to peer.Member) *peer.Request {
		return &peer.Request{To: to, Method: http.MethodDelete, Path: alarmPath(id, "/ack")}
	})
}

// Clear ends an active alarm that waits for a return.
func (c *Console) Clear(id string, by api.Clear) error {
	return c.act(func() error { return c.own.Clear(id, by) }, posts(alarmPath(id, "/clear"), by))
}

// posts returns a request that has every member act.
func posts(path string, in any) func(peer.Member) *peer.Request {
	return func(to peer.Member) *peer.Request { return post(to, path, in) }
}

// The paths for other members of what has no path of the API.
const (
	rulesPath    = "/rules"
	silencesPath = "/silences"
	matchedPath  = "/silences/matched"
)

// Register adds the paths for other members.
func (c *Console) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+rulesPath, answered(func(*http.Request) ([]api.Rule, error) { return c.own.Rules() }))
	mux.HandleFunc("GET "+outboxPath, answered(func(*http.Request) ([]waiting, error) { return c.bounded() }))
	mux.HandleFunc("GET "+silencesPath, answered(func(r *http.Request) (api.SilenceList, error) {
		return c.own.Silences(api.SilenceQuery{State: r.FormValue("state")})
	}))
	mux.HandleFunc("POST "+silencesPath, answered(func(r *http.Request) (string, error) {
		n, err := newSilence(r)
		if err != nil {
			return "", err
		}
		return c.own.Silence(n)
	}))
	mux.HandleFunc("POST "+matchedPath, answered(func(r *http.Request) ([]api.Alarm, error) {
		n, err := newSilence(r)
		if err != nil {
			return nil, err
		}
		return c.own.Matched(n)
	}))
	mux.HandleFunc("DELETE "+silencesPath+"/{id}", answered(func(r *http.Request) (struct{}, error) {
		return struct{}{}, c.own.Expire(r.PathValue("id"))
	}))
}

func newSilence(r *http.Request) (n api.NewSilence, err error) {
	if err = json.NewDecoder(io.LimitReader(r.Body, maxRefusal)).Decode(&n); err != nil {
		err = api.Errorf(api.ErrBadRequest, "the body: %v", err)
	}
	return n, err
}

// answered answers another member.
func answered[T any](query func(*http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, err := query(r)
		if err != nil {
			httpapi.Refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data}) // the member has gone
	}
}

// Silences returns the silences, and how many alarms of all members each mutes.
func (c *Console) Silences(q api.SilenceQuery) (api.SilenceList, error) {
	all, err := c.own.Silences(q)
	if err != nil {
		return all, err
	}
	parts := gather[api.SilenceList](c.union, list(silencesPath+"?"+url.Values{"state": {q.State}}.Encode()))
	muted := map[string]int{}
	for i := range parts {
		for _, s := range parts[i].data.Silences {
			muted[s.ID] += s.Alarms
		}
	}
	for i := range all.Silences {
		all.Silences[i].Alarms += muted[all.Silences[i].ID]
	}
	return all, nil
}

// Matched returns the active alarms of all members that a silence would mute.
func (c *Console) Matched(n api.NewSilence) ([]api.Alarm, error) {
	n, err := c.ofAlarm(n)
	if err != nil {
		return nil, err
	}
	all, err := c.own.Matched(n)
	if err != nil {
		return nil, err
	}
	more, err := answers(gatherWithin[[]api.Alarm](c.union, searchWait, posts(matchedPath, n)))
	all = once(append(all, slices.Concat(more...)...), func(a *api.Alarm) string { return a.ID })
	return alerting.Arrange(all, &api.AlarmQuery{}), err
}

// ofAlarm has the matchers of its alarm in a silence that is for one, whoever has it.
func (c *Console) ofAlarm(n api.NewSilence) (api.NewSilence, error) {
	if n.Alarm == "" {
		return n, nil
	}
	a, err := c.Alarm(n.Alarm)
	if err == nil && a.State == cleared {
		err = api.Errorf(api.ErrNotFound, "there is no active alarm %q", n.Alarm)
	}
	n.Alarm, n.Matchers = "", alerting.MatchersOf(&a).String()
	return n, err
}

// Silence has the member begin a silence that keeps them for all.
func (c *Console) Silence(n api.NewSilence) (id string, err error) {
	if n, err = c.ofAlarm(n); err != nil {
		return "", err
	}
	return id, c.global(func() (err error) { id, err = c.own.Silence(n); return err }, posts(silencesPath, n), &id)
}

// Expire has it end one.
func (c *Console) Expire(id string) error {
	return c.global(func() error { return c.own.Expire(id) }, func(to peer.Member) *peer.Request {
		return &peer.Request{To: to, Method: http.MethodDelete, Path: silencesPath + "/" + url.PathEscape(id)}
	}, nil)
}

// global has the owner of the shard global act, for what is of no target.
func (c *Console) global(own func() error, request func(peer.Member) *peer.Request, into any) error {
	switch owner := c.union.members.Holder(""); owner.Name {
	case c.union.members.Name():
		return own()
	case "":
		return api.Errorf(api.ErrUnavailable, noGlobal)
	default:
		ctx, cancel := context.WithTimeout(context.Background(), answerWait)
		defer cancel()
		return c.union.ask(ctx, request(owner), into)
	}
}

// Windows returns the first maintenance windows of the configuration.
func (c *Console) Windows(limit int) (api.WindowList, error) { return c.own.Windows(limit) }

// Rules returns the rules, with what fires on all members.
func (c *Console) Rules() ([]api.Rule, error) {
	all, err := c.own.Rules()
	if err != nil {
		return nil, err
	}
	more, err := answers(gather[[]api.Rule](c.union, list(rulesPath)))
	for _, part := range more {
		for i := range part {
			if at := slices.IndexFunc(all, func(r api.Rule) bool { return sameRule(&r, &part[i]) }); at >= 0 {
				addRule(&all[at], &part[i])
			}
		}
	}
	return all, err
}

func sameRule(a, b *api.Rule) bool {
	return a.Name == b.Name && a.Group == b.Group && a.File == b.File && a.Line == b.Line && a.Query == b.Query
}

// ruleStates has in front the states that count for all: an error anywhere is one, and data anywhere are data.
var ruleStates = []string{api.RuleError, api.RuleWorks, api.RuleWaiting, api.RuleNoData}

func addRule(to, part *api.Rule) {
	if n := to.Targets + part.Targets; n > 0 {
		to.TookSeconds = (to.TookSeconds*float64(to.Targets) + part.TookSeconds*float64(part.Targets)) / float64(n)
	}
	to.Targets, to.Firing, to.Pending = to.Targets+part.Targets, to.Firing+part.Firing, to.Pending+part.Pending
	if part.Last.After(to.Last) {
		to.Last = part.Last
	}
	if slices.Index(ruleStates, part.State) < slices.Index(ruleStates, to.State) {
		to.State, to.Text, to.Target, to.Missing = part.State, part.Text, part.Target, part.Missing
	}
}

// Receivers returns the receivers, with what waits for them on all members.
func (c *Console) Receivers() ([]api.Receiver, error) {
	all, err := c.own.Receivers()
	if err != nil {
		return nil, err
	}
	more, err := answers(gather[[]api.Receiver](c.union, list("/api/v1/receivers")))
	for _, part := range more {
		for i := range part {
			if at := slices.IndexFunc(all, func(r api.Receiver) bool { return r.Name == part[i].Name }); at >= 0 {
				addReceiver(&all[at], &part[i])
			}
		}
	}
	return all, err
}

// Receiver returns one receiver, with the first events of its queues.
func (c *Console) Receiver(name string) (api.Receiver, error) {
	all, err := c.own.Receiver(name)
	if err != nil {
		return all, err
	}
	more, err := answers(gather[api.Receiver](c.union, list(receiverPath(name, ""))))
	for i := range more {
		addReceiver(&all, &more[i])
		all.Queue = append(all.Queue, more[i].Queue...)
	}
	return all, err
}

func receiverPath(name, more string) string {
	return "/api/v1/receivers/" + url.PathEscape(name) + more
}

func addReceiver(to, part *api.Receiver) {
	to.Waiting, to.GivenUp, to.Today = to.Waiting+part.Waiting, to.GivenUp+part.GivenUp, to.Today+part.Today
	to.Oldest, to.KeptUntil, to.RetryAt = earlier(to.Oldest, part.Oldest), earlier(to.KeptUntil, part.KeptUntil), earlier(to.RetryAt, part.RetryAt)
	switch {
	case part.State == api.ReceiverFails:
		if to.State != api.ReceiverFails {
			to.State, to.Problem, to.Ladder = part.State, part.Problem, part.Ladder
		}
		to.FailingSince = earlier(to.FailingSince, part.FailingSince)
	case to.State == api.ReceiverWaiting:
		to.State, to.Ladder = part.State, part.Ladder
	}
	if part.LastAck.After(to.LastAck) {
		to.LastAck, to.AnswerTime = part.LastAck, part.AnswerTime
	}
	for _, m := range part.Minutes {
		if at := slices.IndexFunc(to.Minutes, func(n api.DayPoint) bool { return n.At.Equal(m.At) }); at >= 0 {
			to.Minutes[at].Acknowledged += m.Acknowledged
		} else {
			to.Minutes = append(to.Minutes, m)
		}
	}
	slices.SortFunc(to.Minutes, func(a, b api.DayPoint) int { return a.At.Compare(b.At) })
}

// earlier returns the first of two times, either of which may be zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Retry sends the queues of a receiver at once.
func (c *Console) Retry(receiver string) error {
	return c.everywhere(c.own.Retry(receiver), posts(receiverPath(receiver, "/retry"), struct{}{}))
}

// Drop deletes the queues of a receiver.
func (c *Console) Drop(receiver string) error {
	return c.everywhere(c.own.Drop(receiver), posts(receiverPath(receiver, "/drop"), struct{}{}))
}

// everywhere has all members act, after this one has. It is an error if one has not.
func (c *Console) everywhere(err error, request func(peer.Member) *peer.Request) error {
	if err != nil {
		return err
	}
	for _, p := range actAll(c.union, request) {
		err = errors.Join(err, p.err)
	}
	return err
}

// TestReceiver has this member send a receiver a test.
func (c *Console) TestReceiver(ctx context.Context, receiver string) (api.TestResult, error) {
	return c.own.TestReceiver(ctx, receiver)
}
