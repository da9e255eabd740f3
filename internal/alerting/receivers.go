package alerting

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/ledger"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/standing"
	"trapline/internal/reason"
)

var errNoReceivers = api.WithHint(api.Errorf(api.ErrUnavailable, "there are no receivers"), "write receivers into the configuration, and reload it: curl -X POST http://localhost:9116/-/reload, or SIGHUP")

// receiverError is an error of the outbox as one of a query.
func receiverError(err error) error {
	if errors.Is(err, outbox.ErrNoReceiver) || errors.Is(err, outbox.ErrNoAlarm) || errors.Is(err, outbox.ErrNotAcknowledged) {
		return api.Errorf(api.ErrNotFound, "%w", err)
	}
	return movedError(err)
}

// movedError is the error of a change whose shard another member of the cluster has by now, or that has no answer: it may be tried
// again.
func movedError(err error) error {
	if lost := (*ledger.Lost)(nil); errors.As(err, &lost) || errors.Is(err, outbox.ErrInDoubt) {
		return api.WithHint(api.Errorf(api.ErrUnavailable, "%w", err), "Try again")
	}
	return err
}

// Receivers returns the receivers with their states, in the order of the configuration.
func (c *Console) Receivers() ([]api.Receiver, error) {
	list := []api.Receiver{}
	if c.outbox() == nil {
		return list, nil
	}
	states, err := c.outbox().Receivers()
	for i := range states {
		list = append(list, receiverAnswer(&states[i]))
	}
	return list, err
}

// Waiting returns the events of each receiver that wait or were given up, in the order of the configuration.
func (c *Console) Waiting() ([]standing.Waiting, error) {
	if c.outbox() == nil {
		return nil, errNoReceivers
	}
	return c.outbox().Waiting()
}

// maxQueued is how many events of a receiver are listed.
const maxQueued = 100

// Receiver returns one receiver, with the first events of its queue and the last that were given up.
func (c *Console) Receiver(name string) (api.Receiver, error) {
	list, err := c.Receivers()
	if err != nil {
		return api.Receiver{}, err
	}
	i := slices.IndexFunc(list, func(r api.Receiver) bool { return r.Name == name })
	if i < 0 {
		return api.Receiver{}, api.Errorf(api.ErrNotFound, "there is no receiver %q", name)
	}
	r := list[i]
	queue, err := c.outbox().Queue(name, maxQueued)
	if err != nil {
		return r, receiverError(err)
	}
	dead, err := c.outbox().DeadLetters(name)
	if err != nil {
		return r, err
	}
	r.Queue = []api.Queued{}
	for i := range queue {
		one := queued(&queue[i].Event)
		one.Tries, one.Reason = queue[i].Tries, reasonWord(queue[i].Err)
		r.Queue = append(r.Queue, one)
	}
	for _, d := range dead[max(0, len(dead)-maxQueued):] {
		one := queued(&d.Event)
		one.GivenUp, one.Reason = true, d.Why
		r.Queue = append(r.Queue, one)
	}
	return r, nil
}

func queued(e *alarm.Event) api.Queued {
	q := api.Queued{Event: e.ID, Kind: string(e.Kind), Alarm: e.Alarm.ID, Rule: e.Alarm.Rule, Target: e.Alarm.Target, Text: e.Alarm.Text(), Since: e.At}
	if e.Alarm.ID != "" {
		q.Severity = e.Alarm.Severity.String()
	}
	return q
}

func reasonWord(err error) string {
	if reason := standing.Reason(err); reason != "" || err == nil {
		return string(reason)
	}
	return err.Error()
}

func receiverAnswer(s *standing.ReceiverState) api.Receiver {
	r := api.Receiver{
		Name: s.Name, Address: s.Address, Kind: receiverKind(&s.About), Group: s.Group, State: api.ReceiverWorks, Waiting: s.Waiting, Oldest: s.Oldest,
		GivenUp: s.GivenUp, Today: s.Today, AnswerTime: s.AnswerTime.Seconds(), RetryAt: s.RetryAt, LastAck: s.LastAck,
		Ladder: receiverLadder(s), CreateUser: s.CreateUser,
	}
	switch {
	case s.Failing:
		r.State, r.FailingSince, r.Problem = api.ReceiverFails, s.Since, receiverProblem(s)
	case s.LastAck.IsZero():
		r.State = api.ReceiverWaiting
	}
	if !s.Oldest.IsZero() && s.MaxAge > 0 {
		r.KeptUntil = s.Oldest.Add(s.MaxAge)
	}
	for _, m := range s.Minutes {
		r.Minutes = append(r.Minutes, api.DayPoint(m))
	}
	return r
}

// receiverKind says how a receiver is notified: v3 inform, format disman.
func receiverKind(a *queue.About) string {
	if a.Version == "" {
		return a.Type
	}
	return fmt.Sprintf("v%s %s, format %s", a.Version, a.Type, a.Format)
}

// receiverProblem is why a receiver fails, in words.
func receiverProblem(s *standing.ReceiverState) *api.Problem {
	f := reason.Facts{Reason: standing.Reason(s.Err), Address: s.Address, Auth: s.Auth, User: s.User, Requests: s.Tries, Webhook: s.Type == "webhook"}
	f.Host, f.Port = hostPort(&s.About)
	if s.Err != nil {
		f.Detail = detailOf(s.Err)
	}
	w := reason.OfReceiver(&f)
	return &api.Problem{Reason: string(w.Reason), Text: w.Text, Remedy: w.Remedy}
}

// detailOf returns the text of an error without the name of its receiver.
func detailOf(err error) string {
	if e := (*originator.Error)(nil); errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// notAcknowledged says of an error that nothing was acknowledged, once.
func notAcknowledged(detail string) string {
	const says = "not acknowledged: "
	return says + strings.TrimPrefix(detail, says)
}

// hostPort is where notifications go.
func hostPort(a *queue.About) (host, port string) {
	if a.Type == "webhook" {
		u, err := url.Parse(a.Address)
		if err != nil {
			return a.Address, ""
		}
		if port = u.Port(); port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		return u.Hostname(), port
	}
	address, err := access.ParseReceiver(a.Address)
	if err != nil {
		return a.Address, ""
	}
	host, port, _ = net.SplitHostPort(address.HostPort())
	return host, port
}

// testProblem is why a test failed, in words.
func (c *Console) testProblem(receiver string, tries int, err error) *api.Problem {
	states, _ := c.outbox().Receivers() // the error is about given up ones
	for i := range states {
		if s := &states[i]; s.Name == receiver {
			s.Err, s.Tries = err, tries
			return receiverProblem(s)
		}
	}
	return &api.Problem{Reason: string(standing.Reason(err)), Text: detailOf(err)}
}

// Retry sends the queue of a receiver at once, including notifications that were given up.
func (c *Console) Retry(receiver string) error {
	if c.outbox() == nil {
		return errNoReceivers
	}
	return receiverError(c.outbox().Retry(receiver, time.Now()))
}

// Drop deletes the queue of a receiver and its dead letters.
func (c *Console) Drop(receiver string) error {
	if c.outbox() == nil {
		return errNoReceivers
	}
	return receiverError(c.outbox().DropQueue(receiver, time.Now()))
}

// TestReceiver sends a test to a receiver and returns the outcome.
func (c *Console) TestReceiver(ctx context.Context, receiver string) (api.TestResult, error) {
	if c.outbox() == nil {
		return api.TestResult{}, errNoReceivers
	}
	receipt, err := c.outbox().Test(ctx, receiver)
	switch {
	case errors.Is(err, outbox.ErrNoReceiver):
		return api.TestResult{}, receiverError(err)
	case err != nil:
		return api.TestResult{Tries: receipt.Sent, Problem: c.testProblem(receiver, receipt.Sent, err), Text: notAcknowledged(detailOf(err))}, nil
	case receipt.Sent == 0:
		return api.TestResult{Text: "nothing was sent: the receiver's format has no test"}, nil
	case receipt.RTT == 0:
		return api.TestResult{Sent: true, Tries: receipt.Sent, Text: "sent; a trap is never acknowledged"}, nil
	}
	return api.TestResult{
		Sent: true, Acknowledged: true, Tries: receipt.Sent, Seconds: receipt.RTT.Seconds(), Text: "acknowledged in " + human.Duration(receipt.RTT),
	}, nil
}
